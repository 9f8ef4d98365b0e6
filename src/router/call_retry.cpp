#include <algorithm>
#include <chrono>

#include "pool/time.hpp"
#include "router/call.hpp"

/// What a call does after an attempt has failed: the table's row, applied.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void CallState::decide(std::size_t stop, const Failure& failure) {
  const Move move = judge(stop, failure);
  if (leg_) return;  // the attempt beside it goes on
  if (delivered_) {
    // What was shown cannot be taken back.
    if (move.stop || !can_resume(failure)) return fail_with_last(std::nullopt);
    if (!prepare_resume(failure)) return;
  }
  if (move.stop) return fail_with_last(std::nullopt);
  pause_then_next(move.pause);
}

// Acts on the table's row; what a row means is said there.
CallState::Move CallState::judge(std::size_t at, const Failure& failure) {
  // What a provider says of its own answer outweighs its class.
  if (failure.should_retry == false) return {.stop = true};

  const bool asked_to_retry = failure.should_retry == true && consequence(failure.failure).next == NextStep::stop;
  const Consequence& then = consequence(asked_to_retry ? FailureClass::server : failure.failure);
  Stop& stop = stops_[at];
  const RetryPolicy& policy = service(at).retry;
  int& met = (then.per_service ? stop.met : met_)[static_cast<std::size_t>(then.failure)];
  ++met;
  const int tries = then.tries == kTriesOfPolicy ? std::max(1, policy.max_attempts_per_service) - 1 : then.tries;
  const bool unlimited = then.tries == 0;
  const bool again = (unlimited || met <= tries) && !(then.maybe_billed && !policy.retry_after_send);

  const bool rests = rests_service(then, failure.scope, stop.candidate.model);
  if (rests) rest_service(stop, failure, then);
  const std::string& id = attempts_.back().credential;
  switch (then.next) {
    case NextStep::stop:
      return {.stop = true};
    case NextStep::same_key:
      if (again) {
        only_ = id;
      } else if (then.repair == Repair::token) {
        barred_.push_back(id);  // another key has another token
      } else {
        stop.out = true;
      }
      return {};
    case NextStep::next_account:
      avoid_account(at, id);
      [[fallthrough]];
    case NextStep::next_key:
      if (rests) {
        // No key would fare better.
        if (then.credential != CredentialEffect::rest) stop.out = true;
        return {};
      }
      if (then.credential == CredentialEffect::set_aside || then.credential == CredentialEffect::disable ||
          failure.failure == FailureClass::too_big) {
        barred_.push_back(id);
      }
      if (!again && failure.failure == FailureClass::rate) return {.pause = backoff(policy, met - tries)};
      if (!again && !then.per_service) return {.stop = true};
      if (!again) stop.out = true;
      break;
    case NextStep::next_service:
      if (then.service == ServiceEffect::none) stop.out = true;
      break;
  }
  if (then.service == ServiceEffect::count) ++stop.failures;
  const bool elsewhere =
      std::any_of(stops_.begin(), stops_.end(), [](const Stop& s) { return !s.out && s.failures == 0; });
  if (then.backoff && !elsewhere && !stop.out) return {.pause = backoff(policy, met)};
  return {};
}

void CallState::rest_service(Stop& stop, const Failure& failure, const Consequence& then) {
  const ServiceEntry& entry = snapshot_->services[stop.candidate.service];
  ++stop.failures;
  const bool is_full = then.service == ServiceEffect::rest_model;
  const RetryPolicy& policy = entry.retry;
  // Who is full now may have room in a moment; who will not have us, hardly.
  const ServiceHealth::RestLength length{
      .stated = failure.retry_after,
      .first = is_full ? backoff(policy, 1) : std::chrono::nanoseconds(bounded(policy.cooldown)),
      .most = bounded(is_full ? policy.max_backoff : policy.max_cooldown),
      .why = failure.error_kind()};
  const bool of_model = failure.scope == Scope::service_model || (is_full && failure.scope != Scope::service);
  const std::string_view model = of_model ? std::string_view(stop.candidate.model) : std::string_view{};
  const TimePoint now = runtime_.now();
  const TimePoint until = core_->health().rest(entry.config.id, model, length, now);
  tell(&Observer::on_service_rested,
       ServiceRested{.service = entry.config.id,
                     .model = model,
                     .reason = failure.message,
                     .available_in = std::chrono::ceil<std::chrono::milliseconds>(until - now)});
}

std::chrono::nanoseconds CallState::backoff(const RetryPolicy& policy, int failures) {
  const double most = std::chrono::duration<double>(policy.max_backoff).count();
  double pause = std::chrono::duration<double>(policy.backoff).count();
  for (int i = 1; i < failures && pause < most; ++i) pause *= 2;
  pause = std::min(pause, most);
  const double share = std::clamp(policy.jitter, 0.0, 1.0);
  const double random = static_cast<double>(runtime_.random() >> 11U) * 0x1.0p-53;
  pause *= 1 - share * random;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(pause));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
