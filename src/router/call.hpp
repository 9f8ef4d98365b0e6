#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/attempt.hpp"
#include "router/core.hpp"
#include "router/response_builder.hpp"
#include "router/retry_table.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// One call: its candidates, its attempts, its end. Lives on one loop; only cancel(), pause() and resume() may be
/// called from elsewhere.
class CallState final : public std::enable_shared_from_this<CallState>, public AttemptListener {
 public:
  CallState(std::shared_ptr<RouterCore> core, Runtime& runtime, std::unique_ptr<Operation> operation,
            std::shared_ptr<CallSink> sink);
  ~CallState() override;

  // Any thread.
  void cancel() noexcept;
  void pause();
  void resume();
  [[nodiscard]] Runtime& runtime() const noexcept { return runtime_; }

  // On the loop.
  void begin();
  void cancel_now(std::string why);
  void granted(Lease lease, std::size_t demand);
  void refused(Unavailable why);

 private:
  /// A service of the plan, and what this call has met there.
  struct Stop {
    Candidate candidate{};
    int failures = 0;     ///< of the service itself
    bool blamed = false;  ///< the breaker has heard of this call's failure here
    bool out = false;     ///< of no more use to this call
    std::array<int, kFailureClasses> met{};
  };

  void on_attempt_sent() override;
  void on_attempt_event(const ChatEvent& event) override;
  void on_attempt_extra(std::string_view name, std::string_view json) override;
  void on_attempt_end(std::optional<Failure> failure) override;

  // The plan (call_plan.cpp).
  [[nodiscard]] Result<std::vector<Stop>> plan(std::string_view model);
  void order(std::vector<Stop>& stops);

  // The loop over attempts.
  void next();
  void pause_then_next(std::chrono::nanoseconds pause);
  void ask_for_credential();
  [[nodiscard]] bool ask_for_same_credential();
  [[nodiscard]] Waiter waiter(const std::vector<std::string>* exclude,
                              std::optional<std::chrono::milliseconds> max_wait) const;
  void with_token();
  void send(Secret token);
  void fetch_token(HttpRequest request);
  void fail_before_sending(Error error);
  void settle(std::optional<Failure> failure);

  // Quotas and cost (call_cost.cpp).
  [[nodiscard]] std::int64_t ceiling_at(const ServiceConfig& config) const;
  [[nodiscard]] double most_cost(const Stop& stop) const;
  [[nodiscard]] bool affordable(const Stop& stop) const;
  void fail_for_cost();
  void charge(Outcome& outcome);
  void learn(const HttpHead& head);

  void decide(const Failure& failure);
  void rest_service(const Failure& failure, const Consequence& then);
  [[nodiscard]] bool fall_back(FallbackCase reason);
  [[nodiscard]] std::chrono::nanoseconds backoff(int failures);
  [[nodiscard]] int budget() const;

  void succeed();
  void fail(Error error);
  void fail_with_last(std::optional<Unavailable> why);
  void finish(Result<ChatResponse> reply);
  void deliver(const ChatEvent& event);
  [[nodiscard]] Error error_of(const Failure& failure) const;
  [[nodiscard]] Target target(std::string_view token);
  /// The wall clock as the service has it, as far as is known.
  [[nodiscard]] WallTime service_time() const;
  [[nodiscard]] const ServiceEntry& service() const { return snapshot_->services[stops_[current_].candidate.service]; }
  [[nodiscard]] std::chrono::microseconds since_begin() const;

  const std::shared_ptr<RouterCore> core_;
  Runtime& runtime_;
  std::unique_ptr<Operation> operation_;
  std::shared_ptr<CallSink> sink_;
  std::shared_ptr<const Snapshot> snapshot_{};
  CallOptions options_{};
  Estimate estimate_{};
  TimePoint begun_{};
  std::optional<TimePoint> deadline_{};
  TimerId deadline_timer_ = 0;
  TimerId pause_timer_ = 0;

  std::vector<Stop> stops_{};
  std::vector<std::string> fallbacks_used_{};
  std::vector<std::size_t> asked_{};  ///< stops of the demands that are in the line
  std::uint64_t ticket_ = 0;
  std::size_t current_ = 0;  ///< stop of the running attempt
  Lease lease_{};
  std::unique_ptr<UpstreamAttempt> attempt_{};
  bool fetching_token_ = false;
  Secret token_{};
  std::string token_body_{};
  std::string answered_by_{};          ///< credential
  std::vector<std::string> tried_{};   ///< credentials: others are preferred
  std::vector<std::string> barred_{};  ///< credentials that this call must not use again
  std::vector<Attempt> attempts_{};
  std::optional<Failure> last_{};
  std::optional<Error> last_error_{};
  std::array<int, kFailureClasses> met_{};  ///< failures of this call, by class
  std::string only_{};                      ///< the next attempt uses this credential again
  std::optional<double> spent_{};           ///< cost of the attempts so far, where prices are given
  std::size_t budget_start_ = 0;            ///< attempts of earlier models do not count against a fallback

  ResponseBuilder builder_{};
  std::vector<std::string> warnings_{};
  std::optional<ChatEvent> held_start_{};  ///< shown with the first event that says something
  bool delivered_ = false;
  bool stopping_ = false;
  bool finished_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
