#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include <keywheel/router.hpp>

#include "router/event_queue.hpp"
#include "router/operation.hpp"
#include "router/sink.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Hands a call's events and end to callbacks on its loop.
class CallbackSink final : public CallSink {
 public:
  CallbackSink(EventCallback on_event, DoneCallback on_done)
      : on_event_(std::move(on_event)), on_done_(std::move(on_done)) {}

  [[nodiscard]] bool wants_events() const noexcept override { return static_cast<bool>(on_event_); }
  Flow on_event(const ChatEvent& event) override;
  void on_done(Result<ChatResponse> reply) override;

 private:
  EventCallback on_event_;
  DoneCallback on_done_;
  std::optional<std::string> thrown_{};
};

/// Hands them to callbacks on the user's executor, in their order and one at a time, whatever threads that has.
class ExecutorSink final : public CallSink, public std::enable_shared_from_this<ExecutorSink> {
 public:
  ExecutorSink(Executor executor, EventCallback on_event, DoneCallback on_done, std::size_t most)
      : executor_(std::move(executor)), on_event_(std::move(on_event)), on_done_(std::move(on_done)), throttle_(most) {}

  void follow(std::weak_ptr<CallState> call) { throttle_.follow(std::move(call)); }
  [[nodiscard]] bool wants_events() const noexcept override { return static_cast<bool>(on_event_); }
  Flow on_event(const ChatEvent& event) override;
  void on_done(Result<ChatResponse> reply) override;

 private:
  void schedule();
  void drain();
  void stop();

  const Executor executor_;
  EventCallback on_event_;
  DoneCallback on_done_;
  EventQueue queue_{};
  Throttle throttle_;
  std::mutex mutex_{};
  bool scheduled_ = false;
  bool stopped_ = false;
  std::optional<std::string> thrown_{};
  std::optional<Result<ChatResponse>> reply_{};
};

/// Begins a call whose events (where `on_event` is set) and end go to callbacks: on the Router's executor, or on the
/// loop.
std::shared_ptr<CallState> begin(RouterCore& core, std::unique_ptr<Operation> operation, EventCallback on_event,
                                 DoneCallback on_done);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
