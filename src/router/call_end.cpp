#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "providers/provider.hpp"
#include "router/call.hpp"

/// How a call ends: with its answer, with the right error, or on the model it falls back to.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

std::chrono::nanoseconds CallState::backoff(int failures) {
  const RetryPolicy& policy = service().retry;
  const double most = std::chrono::duration<double>(policy.max_backoff).count();
  double pause = std::chrono::duration<double>(policy.backoff).count();
  for (int i = 1; i < failures && pause < most; ++i) pause *= 2;
  pause = std::min(pause, most);
  const double share = std::clamp(policy.jitter, 0.0, 1.0);
  const double random = static_cast<double>(runtime_.random() >> 11U) * 0x1.0p-53;
  pause *= 1 - share * random;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(pause));
}

// The next model that the config names for this case. The fallbacks of a fallback are not followed.
bool CallState::fall_back(FallbackCase reason) {
  if (delivered_ || reason == FallbackCase::none) return false;
  const auto& all = snapshot_->config.fallbacks;
  auto it = all.find(std::string(options_.model));
  if (it == all.end()) it = all.find("*");
  if (it == all.end()) return false;
  const FallbackConfig& config = it->second;
  const std::vector<std::string>& models = reason == FallbackCase::context_length   ? config.context_length
                                           : reason == FallbackCase::content_filter ? config.content_filter
                                                                                    : config.any;
  for (const std::string& model : models) {
    if (std::find(fallbacks_used_.begin(), fallbacks_used_.end(), model) != fallbacks_used_.end()) continue;
    fallbacks_used_.push_back(model);
    Result<std::vector<Stop>> stops = plan(model);
    if (!stops) continue;
    stops_ = *std::move(stops);
    tried_.clear();
    met_ = {};
    budget_start_ = attempts_.size();
    next();
    return true;
  }
  return false;
}

Error CallState::error_of(const Failure& failure) const {
  Error error{.kind = failure.error_kind(),
              .message = failure.message,
              .status = failure.status,
              .code = failure.code,
              .provider = service().config.provider,
              .service = service().config.id,
              .credential = attempts_.back().credential,
              .request_id = failure.request_id,
              .retry_after = failure.retry_after};
  if (error.message.empty()) {
    error.message = failure.status ? fmt::format("status {} without a message", *failure.status)
                                   : std::string(to_string(failure.failure));
  }
  return error;
}

void CallState::fail_with_last(std::optional<Unavailable> why) {
  if (!why) {
    if (last_ && !delivered_ && fall_back(consequence(last_->failure).fallback)) return;
    return fail(last_error_.value_or(
        Error{.kind = ErrorKind::not_found, .message = "no service of the config can take this call"}));
  }
  std::optional<std::chrono::milliseconds> retry_after;
  if (why->at) {
    retry_after =
        std::chrono::ceil<std::chrono::milliseconds>(std::max(*why->at - runtime_.now(), std::chrono::nanoseconds{0}));
  }
  // The provider's own words say it best where they say the same, or led to the rest that is in the way now.
  if (last_error_ && (last_error_->kind == why->kind || why->kind == ErrorKind::overloaded)) {
    if (retry_after) last_error_->retry_after = retry_after;
    return fail(*last_error_);
  }
  Error error{.kind = why->kind, .message = std::move(why->reason), .retry_after = retry_after};
  if (last_error_) {
    error.message += "; the last attempt: " + last_error_->message;
    error.status = last_error_->status;
    error.code = last_error_->code;
    error.provider = last_error_->provider;
    error.service = last_error_->service;
    error.credential = last_error_->credential;
    error.request_id = last_error_->request_id;
  }
  fail(std::move(error));
}

void CallState::fail(Error error) {
  // The running attempt ends with the call: its place in the windows stays spent, and nobody is blamed.
  if (lease_) {
    const bool sent = attempt_ && attempt_->sent();
    if (std::exchange(fetching_token_, false)) core_->tokens().done(lease_.id(), std::nullopt, runtime_.now());
    Outcome outcome = Outcome::cancelled(sent);
    outcome.usage = builder_.usage();
    if (outcome.usage.empty() && sent) {
      outcome.usage = {.prompt_tokens = estimate_.prompt,
                       .completion_tokens = builder_.estimated_completion_tokens(),
                       .estimated = true};
    }
    charge(outcome);
    Attempt& record = attempts_.back();
    record.elapsed = since_begin() - record.started;
    record.error = error.kind;
    record.failure = to_string(FailureClass::cancelled);
    record.message = error.message;
    if (attempt_ && attempt_->head().status != 0) record.status = attempt_->head().status;
    attempt_.reset();
    core_->health().end(service().config.id, stops_[current_].candidate.model, ServiceHealth::End::neutral,
                        std::nullopt, runtime_.now());
    core_->pool().report(std::move(lease_), outcome, runtime_.now());
  }
  error.partial_text = builder_.text();
  error.attempts = std::move(attempts_);
  finish(std::move(error));
}

void CallState::succeed() {
  ChatResponse response = builder_.take();
  const ServiceEntry& entry = service();
  if (response.model.empty()) response.model = stops_[current_].candidate.model;
  response.provider = entry.config.provider;
  response.service = entry.config.id;
  response.credential = std::move(answered_by_);
  response.request_id = std::string(request_id(attempt_->head()));
  response.raw = std::move(attempt_->raw());
  response.warnings = std::move(warnings_);
  response.elapsed = since_begin();
  response.cost = spent_;
  attempt_.reset();
  if (held_start_) {
    const ChatEvent start = *std::exchange(held_start_, std::nullopt);
    deliver(start);
  }
  if (stopping_) return;
  response.attempts = std::move(attempts_);
  finish(std::move(response));
}

void CallState::finish(Result<ChatResponse> reply) {
  finished_ = true;
  if (deadline_timer_ != 0) runtime_.cancel(std::exchange(deadline_timer_, 0));
  if (pause_timer_ != 0) runtime_.cancel(std::exchange(pause_timer_, 0));
  if (ticket_ != 0) core_->leave_line(std::exchange(ticket_, 0));
  const bool good = reply.has_value();
  const auto self = shared_from_this();  // ended() lets go of the last owner
  // The sink goes with its call: whoever waits there must not keep the call alive, nor the call him.
  const std::shared_ptr<CallSink> sink = std::move(sink_);
  core_->ended(*this, good);
  sink->on_done(std::move(reply));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
