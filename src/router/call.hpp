#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/core.hpp"
#include "router/leg.hpp"
#include "router/response_builder.hpp"
#include "router/retry_table.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// One call: its candidates, its attempts, its end. Lives on one loop; only cancel(), pause() and resume() may be
/// called from elsewhere.
class CallState final : public std::enable_shared_from_this<CallState> {
 public:
  CallState(std::shared_ptr<RouterCore> core, Runtime& runtime, std::unique_ptr<Operation> operation,
            std::shared_ptr<CallSink> sink);
  ~CallState();
  CallState(const CallState&) = delete;
  CallState& operator=(const CallState&) = delete;

  // Any thread.
  void cancel() noexcept;
  void pause();
  void resume();
  [[nodiscard]] Runtime& runtime() const noexcept { return runtime_; }

  // On the loop.
  void begin();
  void cancel_now(std::string why);
  void granted(Grant grant);
  void refused(Unavailable why);

 private:
  friend class Leg;

  /// A service of the plan, and what this call has met there.
  struct Stop {
    Candidate candidate{};
    int failures = 0;     ///< of the service itself
    bool blamed = false;  ///< the breaker has heard of this call's failure here
    bool out = false;     ///< of no more use to this call
    std::array<int, kFailureClasses> met{};
  };

  /// An error of which nobody knows yet whose it is.
  struct Suspicion {
    std::string account{};
    std::optional<int> status{};
    std::string code{};
  };

  /// What a failure leads to.
  struct Move {
    bool stop = false;
    std::chrono::nanoseconds pause{0};
  };

  // What happens to an attempt (call_events.cpp).
  void on_sent(Leg& leg);
  void too_late(Leg& leg);
  void on_event(Leg& leg, const ChatEvent& event);
  void on_extra(Leg& leg, std::string_view name, std::string_view json);
  void on_end(Leg& leg, std::optional<Failure> failure);
  void take(Leg& leg, const ChatEvent& event);
  void show_held(Leg& leg);
  void deliver(const ChatEvent& event);

  // The plan (call_plan.cpp).
  [[nodiscard]] Result<std::vector<Stop>> plan(std::string_view model);
  void order(std::vector<Stop>& stops);
  [[nodiscard]] double likely_price(const ServiceConfig& config, const std::string& model) const;
  [[nodiscard]] std::vector<PassedOver> passed_over(std::size_t stop, const Leg& leg,
                                                    std::vector<PassedOver> services) const;

  // The loop over attempts (call.cpp).
  void next();
  void pause_then_next(std::chrono::nanoseconds pause);
  void ask_for_credential();
  void begin_wait(std::uint64_t ticket);
  void end_wait(bool granted, std::string_view reason);
  [[nodiscard]] bool ask_for_same_credential();
  [[nodiscard]] Demand demand(std::size_t stop, const std::vector<std::string>* exclude) const;
  [[nodiscard]] Waiter waiter(const std::vector<std::string>* exclude,
                              std::optional<std::chrono::milliseconds> max_wait) const;
  [[nodiscard]] std::unique_ptr<Leg> make_leg(std::size_t stop, Grant grant);
  void begin(Leg& leg);
  void settle(Leg& leg, std::optional<Failure> failure);
  void let_go(const Leg& leg);
  [[nodiscard]] Outcome outcome_of(const Leg& leg, const std::optional<Failure>& failure) const;
  void keep(Leg& leg, const Usage& used);
  void end_visit(Leg& leg, ServiceHealth::End how, std::optional<std::chrono::nanoseconds> latency);
  [[nodiscard]] int budget() const;
  [[nodiscard]] int made() const noexcept;

  // After a failure (call_retry.cpp).
  void decide(std::size_t stop, const Failure& failure);
  [[nodiscard]] Move judge(std::size_t stop, const Failure& failure);
  void rest_service(Stop& stop, const Failure& failure, const Consequence& then);
  [[nodiscard]] std::chrono::nanoseconds backoff(const RetryPolicy& policy, int failures);

  // Whose failure it is (call_blame.cpp).
  [[nodiscard]] std::string account_of(std::size_t stop, std::string_view id) const;
  void convict(const Leg& leg, Failure& failure);
  void avoid_account(std::size_t stop, const std::string& id);

  // The request of an attempt (call_send.cpp).
  [[nodiscard]] Target target(Leg& leg, std::string_view token);
  /// The wall clock as the service has it, as far as is known.
  [[nodiscard]] WallTime service_time(std::size_t stop) const;
  void with_token(Leg& leg);
  void woken(Leg& leg, const std::optional<Failure>& failure);
  void send(Leg& leg, Secret token);
  void fetch_token(Leg& leg, HttpRequest request);
  void token_came(Leg& leg, std::optional<Failure> failure);
  void fail_before_sending(Leg& leg, Error error);

  // A second attempt beside a slow one (call_hedge.cpp).
  void arm_hedge(const Leg& leg);
  void hedge();
  [[nodiscard]] std::optional<Grant> credential_for_hedge(std::vector<std::size_t>& stops) const;
  ResponseBuilder drop(std::unique_ptr<Leg>& which, ErrorKind kind, std::string_view message);
  void drop_other(const Leg& winner);
  void disarm_hedge();

  // A broken stream, gone on with (call_resume.cpp).
  [[nodiscard]] bool can_resume(const Failure& failure) const;
  [[nodiscard]] bool prepare_resume(const Failure& failure);
  [[nodiscard]] Resumption resumption(std::size_t stop) const;

  // Quotas and cost (call_cost.cpp).
  [[nodiscard]] bool estimate();
  [[nodiscard]] std::int64_t ceiling_at(const ServiceConfig& config) const;
  [[nodiscard]] double most_cost(std::size_t stop) const;
  /// `beside`: what an attempt under way may cost.
  [[nodiscard]] bool affordable(std::size_t stop, double beside = 0) const;
  void fail_for_cost();
  void charge(const Leg& leg, Outcome& outcome);
  void learn(const Leg& leg, const HttpHead& head);

  // The end (call_end.cpp).
  [[nodiscard]] bool fall_back(FallbackCase reason);
  [[nodiscard]] std::vector<std::string> fallback_models(FallbackCase reason) const;
  void succeed(Leg& leg);
  void fail(Error error);
  void fail_with_last(std::optional<Unavailable> why);
  void finish(Result<ChatResponse> reply);
  [[nodiscard]] Error error_of(std::size_t stop, const Failure& failure) const;

  [[nodiscard]] const ServiceEntry& service(std::size_t stop) const {
    return snapshot_->services[stops_[stop].candidate.service];
  }
  [[nodiscard]] const std::string& model(std::size_t stop) const { return stops_[stop].candidate.model; }
  [[nodiscard]] std::chrono::microseconds since_begin() const;
  template <class Event>
  void tell(void (Observer::*what)(const Event&), const Event& event) const {
    if (snapshot_ && snapshot_->notifier) snapshot_->notifier->tell(what, event);
  }

  const std::shared_ptr<RouterCore> core_;
  Runtime& runtime_;
  std::unique_ptr<Operation> operation_;
  std::shared_ptr<CallSink> sink_;
  std::shared_ptr<const Snapshot> snapshot_{};
  CallOptions options_{};
  Estimate estimate_{};
  std::uint64_t number_ = 0;  ///< for the Observer
  TimePoint begun_{};
  std::optional<TimePoint> deadline_{};
  std::optional<TimePoint> first_event_at_{};
  TimerId deadline_timer_ = 0;
  TimerId pause_timer_ = 0;

  std::vector<Stop> stops_{};
  std::string model_{};                      ///< that the call is after now: as asked for, or a fallback
  std::vector<std::string> models_tried_{};  ///< before it
  std::vector<std::size_t> asked_{};         ///< stops of the demands that the line was asked for
  std::uint64_t ticket_ = 0;                 ///< in the line
  TimePoint waiting_since_{};
  std::unique_ptr<Leg> leg_{};    ///< the attempt under way
  std::unique_ptr<Leg> hedge_{};  ///< the one beside it; never alone
  std::uint64_t legs_made_ = 0;
  std::size_t last_stop_ = 0;          ///< of the attempt that ended last
  std::vector<std::string> tried_{};   ///< credentials: others are preferred
  std::vector<std::string> barred_{};  ///< credentials that this call must not use again
  std::vector<Attempt> attempts_{};    ///< in the order in which they ended
  std::optional<Failure> last_{};
  std::optional<Error> last_error_{};
  std::array<int, kFailureClasses> met_{};  ///< failures of this call, by class
  std::optional<Suspicion> suspicion_{};    ///< of the failure before
  std::string only_{};                      ///< the next attempt uses this credential again
  std::optional<double> spent_{};           ///< cost of the attempts so far, where prices are given
  std::size_t uncounted_ = 0;               ///< attempts of an earlier model, and those that came too late to be sent
  int late_ = 0;                            ///< attempts that came too late

  TimerId hedge_timer_ = 0;
  bool may_hedge_ = false;
  bool hedged_ = false;

  ResponseBuilder whole_{};  ///< what attempts that have ended gave of the answer
  Usage used_{};             ///< by the attempts that gave it, this one's aside
  bool resuming_ = false;
  std::size_t resumed_at_ = 0;     ///< bytes of text that had been shown then
  std::optional<Error> broken_{};  ///< why the stream broke

  bool delivered_ = false;
  bool paused_ = false;
  bool stopping_ = false;
  bool finished_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
