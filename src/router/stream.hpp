#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include <keywheel/router.hpp>

#include "router/call.hpp"
#include "router/event_queue.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Holds a call's events for a reader on another thread, and holds the call back where the reader is slow.
class StreamSink final : public CallSink {
 public:
  StreamSink(Runtime& runtime, std::size_t most) : runtime_(runtime), throttle_(most) {}

  void follow(std::weak_ptr<CallState> call) { throttle_.follow(std::move(call)); }
  [[nodiscard]] bool wants_events() const noexcept override { return true; }
  Flow on_event(const ChatEvent& event) override;
  void on_done(Result<ChatResponse> reply) override;

  /// The next event, waiting for it; null at the end. By the reader.
  [[nodiscard]] const ChatEvent* next();
  /// After the end, once.
  [[nodiscard]] Result<ChatResponse> take();
  /// Waits for the end without reading. The call must have been cancelled, or come to its end soon.
  void wait_for_end();
  void cancel();

 private:
  Runtime& runtime_;
  Gate gate_{};
  EventQueue queue_{};
  Throttle throttle_;
  std::mutex mutex_{};
  std::optional<Result<ChatResponse>> reply_{};
};

/// A pull stream: the sink and the reader's place in it.
class StreamState {
 public:
  /// `borrowed`: the request belongs to the caller, so that the end must be waited for.
  StreamState(std::shared_ptr<RouterCore> core, std::unique_ptr<Operation> operation, bool borrowed);
  ~StreamState();
  StreamState(const StreamState&) = delete;
  StreamState& operator=(const StreamState&) = delete;

  [[nodiscard]] const ChatEvent* current() const noexcept { return current_; }
  void advance();
  [[nodiscard]] Result<ChatResponse> result();
  void cancel() {
    if (sink_) sink_->cancel();
  }

 private:
  std::shared_ptr<RouterCore> core_;
  std::shared_ptr<StreamSink> sink_{};
  const ChatEvent* current_ = nullptr;
  bool begun_ = false;
  bool ended_ = false;
  const bool borrowed_;
  std::optional<Result<ChatResponse>> result_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
