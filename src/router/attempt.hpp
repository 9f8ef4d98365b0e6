#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <keywheel/failure.hpp>
#include <keywheel/transport.hpp>

#include "router/runtime.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Takes what happens to one attempt. Called on the loop, never from inside UpstreamAttempt's constructor or start().
/// The attempt may be destroyed in on_attempt_sent and on_attempt_end, and in no other of these.
class AttemptListener {
 public:
  virtual ~AttemptListener() = default;
  /// The request is about to be written. It is not where the attempt is destroyed in here.
  virtual void on_attempt_sent() = 0;
  virtual void on_attempt_event(const ChatEvent& event) = 0;
  virtual void on_attempt_extra(std::string_view name, std::string_view json) = 0;
  /// Last, exactly once, unless the attempt is destroyed before. Nothing: it succeeded.
  virtual void on_attempt_end(std::optional<Failure> failure) = 0;
};

/// What an attempt needs. Whatever is pointed to outlives it.
struct AttemptPlan {
  HttpRequest request{};
  ExchangeOptions options{};
  Timeouts timeouts{};
  std::optional<TimePoint> deadline{};  ///< of the call: no attempt goes on beyond it
  const Bounds* bounds = nullptr;
  std::function<std::unique_ptr<Decoder>(const HttpHead&)> decoder{};
  std::function<Failure(const HttpHead&, std::string_view)> classify{};
  bool keep_raw = false;
};

/// One request to a provider and the reading of its answer, with the timeouts that a user sets. Lives on one loop.
class UpstreamAttempt final : private ExchangeListener, private EventSink {
 public:
  UpstreamAttempt(Runtime& runtime, AttemptPlan plan, AttemptListener& listener);
  ~UpstreamAttempt() override;
  UpstreamAttempt(const UpstreamAttempt&) = delete;
  UpstreamAttempt& operator=(const UpstreamAttempt&) = delete;

  void start();
  /// The reader is slow: take no more from the network, and let the idle clock stand.
  void pause();
  void resume();

  [[nodiscard]] bool sent() const noexcept { return sent_at_.has_value(); }
  [[nodiscard]] const HttpHead& head() const noexcept { return head_; }
  [[nodiscard]] std::optional<TimePoint> first_event_at() const noexcept { return first_event_at_; }
  [[nodiscard]] std::optional<TimePoint> sent_at() const noexcept { return sent_at_; }
  [[nodiscard]] std::string& raw() noexcept { return raw_; }
  /// The transport would have sent it a second time by itself.
  [[nodiscard]] bool resend_stopped() const noexcept { return resend_stopped_; }

 private:
  void on_sent() override;
  void on_head(HttpHead head) override;
  void on_body(std::string_view bytes) override;
  void on_end(ExchangeEnd end) override;
  void event(const ChatEvent& event) override;
  void extra(std::string_view name, std::string_view json) override;

  void arm();
  void on_timer();
  void end(std::optional<Failure> failure);
  [[nodiscard]] bool accepted() const noexcept { return head_.status >= 200 && head_.status < 300; }
  [[nodiscard]] Failure timed_out(FailureClass failure, std::chrono::milliseconds after, const char* what) const;
  [[nodiscard]] Failure rejected() const;
  [[nodiscard]] Failure broken(ExchangeEnd end) const;

  Runtime& runtime_;
  AttemptPlan plan_;
  AttemptListener& listener_;
  std::unique_ptr<Exchange> exchange_{};
  std::unique_ptr<Decoder> decoder_{};
  HttpHead head_{};
  std::string error_body_{};
  std::string raw_{};
  TimePoint begun_{};
  TimePoint heard_{};  ///< last data
  std::optional<TimePoint> sent_at_{};
  std::optional<TimePoint> first_event_at_{};
  std::optional<TimePoint> complete_at_{};
  std::uint64_t progress_ = 0;
  TimerId timer_ = 0;
  TimePoint timer_at_{};
  bool paused_ = false;
  bool ended_ = false;
  bool resend_stopped_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
