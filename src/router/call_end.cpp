#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "providers/provider.hpp"
#include "router/call.hpp"
#include "router/usage_sum.hpp"

/// How a call ends: with its answer, with the right error, or on the model it falls back to.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Another name for the same services and models.
template <class Stops>
bool same_candidates(const Stops& a, const Stops& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const auto& one) {
           return std::any_of(b.begin(), b.end(), [&](const auto& other) {
             return one.candidate.service == other.candidate.service && one.candidate.model == other.candidate.model;
           });
         });
}

std::string_view name_of(FallbackCase reason) noexcept {
  switch (reason) {
    case FallbackCase::context_length:
      return "context_length";
    case FallbackCase::content_filter:
      return "content_filter";
    case FallbackCase::any:
    case FallbackCase::none:
      break;
  }
  return "any";
}

}  // namespace

/// What the config names for this case, in the order in which it is tried: for the model that was asked for, then for
/// those that the call went on to.
std::vector<std::string> CallState::fallback_models(FallbackCase reason) const {
  std::vector<std::string> all;
  const auto add = [&](const std::string& model) {
    const auto& configs = snapshot_->config.fallbacks;
    auto it = configs.find(model);
    if (it == configs.end()) it = configs.find("*");
    if (it == configs.end()) return;
    const std::vector<std::string>& models = reason == FallbackCase::context_length   ? it->second.context_length
                                             : reason == FallbackCase::content_filter ? it->second.content_filter
                                                                                      : it->second.any;
    all.insert(all.end(), models.begin(), models.end());
  };
  for (const std::string& model : models_tried_) add(model);
  add(model_);
  return all;
}

// The next model that the config names for this case. It has the rest of the call's time, and what is known of the
// services' own failures; a credential that failed for another model may serve this one.
bool CallState::fall_back(FallbackCase reason) {
  if (delivered_ || reason == FallbackCase::none) return false;
  if (deadline_ && runtime_.now() >= *deadline_) return false;
  for (const std::string& model : fallback_models(reason)) {
    const bool known =
        model == model_ || std::find(models_tried_.begin(), models_tried_.end(), model) != models_tried_.end();
    if (known) continue;
    Result<std::vector<Stop>> stops = plan(model);
    if (!stops || same_candidates(*stops, stops_)) {
      models_tried_.push_back(model);
      continue;
    }
    models_tried_.push_back(std::exchange(model_, model));
    for (Stop& stop : *stops) {
      for (const Stop& before : stops_) {
        if (before.candidate.service == stop.candidate.service)
          stop.failures = std::max(stop.failures, before.failures);
      }
    }
    tell(&Observer::on_fell_back,
         FellBack{.call = number_, .from = models_tried_.back(), .to = model_, .reason = name_of(reason)});
    stops_ = *std::move(stops);
    tried_.clear();
    barred_.clear();
    only_.clear();
    met_ = {};
    uncounted_ = attempts_.size();
    next();
    return true;
  }
  return false;
}

Error CallState::error_of(std::size_t stop, const Failure& failure) const {
  Error error{.kind = failure.error_kind(),
              .message = failure.message,
              .status = failure.status,
              .code = failure.code,
              .provider = service(stop).config.provider,
              .service = service(stop).config.id,
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
  if (resuming_ && whole_.text().size() == resumed_at_) {
    // Why the stream broke is the matter; that going on with it failed, too, comes second.
    Error error = *broken_;
    const std::string later = why ? why->reason : last_error_->message;
    if (later != error.message) error.message += "; going on with it failed: " + later;
    return fail(std::move(error));
  }
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
  if (hedge_) drop(hedge_, error.kind, error.message);
  if (leg_) whole_ = drop(leg_, error.kind, error.message);
  error.partial_text = whole_.text();
  error.attempts = std::move(attempts_);
  finish(std::move(error));
}

void CallState::succeed(Leg& leg) {
  if (!leg.spoke_at && sink_->wants_events()) show_held(leg);
  if (stopping_) return;
  ChatResponse response = leg.builder.take();
  if (!used_.empty()) {
    add_usage(used_, response.usage);
    response.usage = used_;
  }
  const ServiceEntry& entry = service(leg.stop);
  if (response.model.empty()) response.model = model(leg.stop);
  response.provider = entry.config.provider;
  response.service = entry.config.id;
  response.credential = attempts_.back().credential;
  response.request_id = std::string(request_id(leg.attempt->head()));
  response.raw = std::move(leg.attempt->raw());
  response.warnings = std::move(leg.warnings);
  response.elapsed = since_begin();
  response.cost = spent_;
  let_go(leg);
  response.attempts = std::move(attempts_);
  finish(std::move(response));
}

void CallState::finish(Result<ChatResponse> reply) {
  finished_ = true;
  if (deadline_timer_ != 0) runtime_.cancel(std::exchange(deadline_timer_, 0));
  if (pause_timer_ != 0) runtime_.cancel(std::exchange(pause_timer_, 0));
  disarm_hedge();
  if (ticket_ != 0) {
    core_->leave_line(ticket_);
    end_wait(false, "the call ended");
  }
  const bool good = reply.has_value();
  if (number_ != 0) {
    std::optional<std::chrono::microseconds> first_event;
    if (first_event_at_) first_event = std::chrono::duration_cast<std::chrono::microseconds>(*first_event_at_ - begun_);
    tell(&Observer::on_call_ended, CallEnded{.call = number_,
                                             .operation = options_.operation,
                                             .model = options_.model,
                                             .stream = options_.stream,
                                             .response = good ? &*reply : nullptr,
                                             .error = good ? nullptr : &reply.error(),
                                             .elapsed = since_begin(),
                                             .first_event = first_event});
  }
  const auto self = shared_from_this();  // ended() lets go of the last owner
  // The sink goes with its call: whoever waits there must not keep the call alive, nor the call him.
  const std::shared_ptr<CallSink> sink = std::move(sink_);
  core_->ended(*this, good);
  sink->on_done(std::move(reply));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
