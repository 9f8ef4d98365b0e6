#include "router/call.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "router/scrub.hpp"
#include "router/usage_sum.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

CallState::CallState(std::shared_ptr<RouterCore> core, Runtime& runtime, std::unique_ptr<Operation> operation,
                     std::shared_ptr<CallSink> sink)
    : core_(std::move(core)), runtime_(runtime), operation_(std::move(operation)), sink_(std::move(sink)) {}

CallState::~CallState() = default;

void CallState::cancel() noexcept {
  runtime_.post([self = shared_from_this()] { self->cancel_now("cancelled by the caller"); });
}

void CallState::pause() {
  runtime_.post([self = shared_from_this()] {
    self->paused_ = true;
    for (const auto* leg : {&self->leg_, &self->hedge_}) {
      if (*leg && (*leg)->attempt) (*leg)->attempt->pause();
    }
  });
}

void CallState::resume() {
  runtime_.post([self = shared_from_this()] {
    self->paused_ = false;
    for (const auto* leg : {&self->leg_, &self->hedge_}) {
      if (*leg && (*leg)->attempt) (*leg)->attempt->resume();
    }
  });
}

void CallState::begin() {
  if (finished_) return;
  begun_ = runtime_.now();
  snapshot_ = core_->snapshot();
  options_ = operation_->options();
  number_ = core_->number_call();
  tell(&Observer::on_call_begun, CallBegun{.call = number_,
                                           .operation = options_.operation,
                                           .model = options_.model,
                                           .tenant = options_.tenant,
                                           .session = options_.session,
                                           .stream = options_.stream});
  may_hedge_ = options_.hedgeable && options_.hedge.value_or(snapshot_->config.hedge.enabled);
  if (may_hedge_) core_->hedges().earn(snapshot_->config.hedge.max_share);
  const auto total = options_.deadline.count() > 0 ? options_.deadline : snapshot_->config.timeouts.total;
  if (total.count() > 0) {
    deadline_ = begun_ + total;
    deadline_timer_ = runtime_.at(*deadline_, [this] {
      deadline_timer_ = 0;
      // A running attempt holds the same deadline, and knows better what it was waiting for.
      if (finished_ || (leg_ && leg_->attempt) || (hedge_ && hedge_->attempt)) return;
      Error error{.kind = ErrorKind::timeout, .message = "the call's deadline passed while it waited"};
      if (last_error_) error.message += "; the last attempt: " + last_error_->message;
      fail(std::move(error));
    });
  }
  model_ = options_.model;
  if (!estimate()) return;
  Result<std::vector<Stop>> stops = plan(model_);
  if (!stops) return fail(std::move(stops).error());
  stops_ = *std::move(stops);
  next();
}

void CallState::cancel_now(std::string why) {
  if (finished_) return;
  fail({.kind = ErrorKind::cancelled, .message = std::move(why)});
}

std::chrono::microseconds CallState::since_begin() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(runtime_.now() - begun_);
}

int CallState::budget() const {
  if (options_.max_attempts && *options_.max_attempts > 0) return *options_.max_attempts;
  int configured = 0;
  std::size_t useful = 2;
  for (const Stop& stop : stops_) {
    const ServiceEntry& entry = snapshot_->services[stop.candidate.service];
    configured = std::max(configured, entry.retry.max_attempts);
    useful +=
        entry.config.credentials.size() + static_cast<std::size_t>(std::max(0, entry.retry.max_attempts_per_service));
  }
  constexpr std::size_t kMost = 64;
  return configured > 0 ? configured : static_cast<int>(std::min(useful, kMost));
}

int CallState::made() const noexcept {
  return static_cast<int>(attempts_.size() - uncounted_) + (leg_ ? 1 : 0) + (hedge_ ? 1 : 0);
}

void CallState::next() {
  if (finished_) return;
  if (made() >= budget()) return fail_with_last(std::nullopt);

  if (deadline_ && runtime_.now() >= *deadline_ && last_) return fail_with_last(std::nullopt);
  asked_.clear();
  bool too_dear = false;
  for (std::size_t i = 0; i < stops_.size(); ++i) {
    if (stops_[i].out) continue;
    if (affordable(i)) {
      asked_.push_back(i);
    } else {
      too_dear = true;
    }
  }
  if (asked_.empty()) return too_dear ? fail_for_cost() : fail_with_last(std::nullopt);
  // A service that has failed this call waits behind those that have not.
  std::stable_sort(asked_.begin(), asked_.end(),
                   [this](std::size_t a, std::size_t b) { return stops_[a].failures < stops_[b].failures; });
  ask_for_credential();
}

void CallState::pause_then_next(std::chrono::nanoseconds pause) {
  if (pause.count() <= 0) return next();
  // An attempt that the deadline cannot hold is not begun.
  if (deadline_ && runtime_.now() + pause >= *deadline_) return fail_with_last(std::nullopt);
  pause_timer_ = runtime_.at(runtime_.now() + pause, [this] {
    pause_timer_ = 0;
    next();
  });
}

// First a credential this call has not tried, if one has room now; else the best of all, waiting for it if need be.
void CallState::ask_for_credential() {
  if (!only_.empty() && ask_for_same_credential()) return;
  if (!tried_.empty()) {
    LineAnswer answer = core_->enter_line(waiter(&tried_, std::chrono::milliseconds{0}), shared_from_this());
    if (auto* grant = std::get_if<Grant>(&answer)) return granted(std::move(*grant));
  }
  LineAnswer answer = core_->enter_line(waiter(&barred_, std::nullopt), shared_from_this());
  if (auto* grant = std::get_if<Grant>(&answer)) return granted(std::move(*grant));
  if (const auto* queued = std::get_if<Queued>(&answer)) return begin_wait(queued->ticket);
  refused(std::move(std::get<Unavailable>(answer)));
}

bool CallState::ask_for_same_credential() {
  const std::string id = std::exchange(only_, {});
  const std::vector<std::size_t> all = std::exchange(asked_, {last_stop_});
  std::vector<std::string> others;
  for (const CredentialConfig& credential : service(last_stop_).config.credentials) {
    if (credential.id != id) others.push_back(credential.id);
  }
  LineAnswer answer = core_->enter_line(waiter(&others, std::chrono::milliseconds{0}), shared_from_this());
  if (auto* grant = std::get_if<Grant>(&answer)) {
    granted(std::move(*grant));
    return true;
  }
  asked_ = all;
  return false;
}

Demand CallState::demand(std::size_t stop, const std::vector<std::string>* exclude) const {
  return {.service = service(stop).config.id,
          .model = model(stop),
          .prompt_tokens = estimate_.prompt,
          .completion_tokens = ceiling_at(service(stop).config),
          .cost = most_cost(stop),
          .session = options_.session,
          .region = options_.region,
          .rotation = options_.rotation,
          .exclude = exclude};
}

Waiter CallState::waiter(const std::vector<std::string>* exclude,
                         std::optional<std::chrono::milliseconds> max_wait) const {
  Waiter waiter;
  waiter.tenant = options_.tenant;
  waiter.deadline = deadline_;
  waiter.max_wait = max_wait;
  for (const std::size_t i : asked_) waiter.demands.push_back(demand(i, exclude));
  return waiter;
}

void CallState::begin_wait(std::uint64_t ticket) {
  ticket_ = ticket;
  waiting_since_ = runtime_.now();
  tell(&Observer::on_wait_begun, WaitBegun{.call = number_, .tenant = options_.tenant});
}

void CallState::end_wait(bool granted, std::string_view reason) {
  if (std::exchange(ticket_, 0) == 0) return;
  tell(&Observer::on_wait_ended,
       WaitEnded{.call = number_,
                 .waited = std::chrono::duration_cast<std::chrono::microseconds>(runtime_.now() - waiting_since_),
                 .granted = granted,
                 .reason = reason});
}

void CallState::refused(Unavailable why) {
  if (finished_) return;
  end_wait(false, why.reason);
  if (fall_back(FallbackCase::any)) return;
  fail_with_last(std::move(why));
}

void CallState::granted(Grant grant) {
  if (finished_) return;  // the grant's destructor gives its places back
  end_wait(true, {});
  const std::size_t stop = asked_[grant.demand];
  leg_ = make_leg(stop, std::move(grant));
  begin(*leg_);
}

void CallState::begin(Leg& leg) {
  if (leg.visit.trial()) {
    tell(&Observer::on_breaker_changed,
         BreakerChanged{.service = leg.record.service, .model = leg.record.model, .open = true, .trial = true});
  }
  tell(&Observer::on_attempt_started, AttemptStarted{number_, leg.record});
  with_token(leg);
}

std::unique_ptr<Leg> CallState::make_leg(std::size_t stop, Grant grant) {
  std::vector<PassedOver> services_before = std::move(grant.passed_over);
  auto leg = std::make_unique<Leg>(*this, ++legs_made_, stop, std::move(grant));
  leg->begun = runtime_.now();
  leg->record = {.service = service(stop).config.id,
                 .credential = leg->lease.id(),
                 .provider = service(stop).config.provider,
                 .model = model(stop),
                 .reason = leg->lease.reason(),
                 .passed_over = passed_over(stop, *leg, std::move(services_before)),
                 .resumed = resuming_,
                 .started = since_begin()};
  if (!resuming_) return leg;
  leg->seam.emplace(whole_.text(), resumption(stop));
  leg->builder = std::move(whole_);
  leg->builder.go_on();
  return leg;
}

/// What an attempt used, as far as is known, for the pool.
Outcome CallState::outcome_of(const Leg& leg, const std::optional<Failure>& failure) const {
  const bool cancelled = failure && failure->failure == FailureClass::cancelled;
  Outcome outcome{.failure = failure, .sent = leg.sent()};
  if (!cancelled && leg.attempt && leg.attempt->first_event_at() && leg.attempt->sent_at())
    outcome.latency = *leg.attempt->first_event_at() - *leg.attempt->sent_at();
  outcome.usage = leg.builder.usage();
  if (failure && (cancelled ? outcome.sent : leg.builder.started())) {
    // Cut off: what was sent and received so far will have been charged. A count that came before the end counts less
    // than that, and of an answer that comes whole nobody knows how much had been written.
    Usage& usage = outcome.usage;
    if (!usage.prompt_tokens) usage.prompt_tokens = estimate_.prompt;
    if (leg.builder.started()) {
      usage.completion_tokens =
          std::max(usage.completion_tokens.value_or(0), leg.builder.estimated_completion_tokens());
    }
    usage.estimated = true;
  }
  return outcome;
}

/// Its part of the answer, and its record, outlive an attempt.
void CallState::keep(Leg& leg, const Usage& used) {
  leg.record.elapsed = since_begin() - leg.record.started;
  std::optional<std::chrono::microseconds> first_event;
  if (leg.spoke_at) first_event = std::chrono::duration_cast<std::chrono::microseconds>(*leg.spoke_at - leg.begun);
  tell(&Observer::on_attempt_ended, AttemptEnded{.call = number_,
                                                 .operation = options_.operation,
                                                 .attempt = leg.record,
                                                 .usage = used,
                                                 .first_event = first_event});
  attempts_.push_back(std::move(leg.record));
}

/// Ends an attempt's place in the call; if another runs beside it, that one is the only one now.
void CallState::let_go(const Leg& leg) {
  last_stop_ = leg.stop;
  disarm_hedge();
  if (leg_.get() == &leg) leg_ = std::move(hedge_);
  hedge_.reset();
}

// Tells the pool, the service's health and the record of attempts; then goes on.
void CallState::settle(Leg& leg, std::optional<Failure> failure) {
  const TimePoint now = runtime_.now();
  const std::size_t at = leg.stop;
  Stop& stop = stops_[at];
  if (failure) {
    scrub(failure->message, leg.lease.credential());
    convict(leg, *failure);
  }
  Outcome outcome = outcome_of(leg, failure);
  charge(leg, outcome);
  Attempt& record = leg.record;
  if (failure) {
    record.status = failure->status;
    record.error = failure->error_kind();
    record.failure = to_string(failure->failure);
    record.message = failure->message;
    if (failure->failure == FailureClass::token) core_->tokens().drop(leg.lease.id(), leg.token);
  } else {
    record.status = leg.attempt ? std::optional(leg.attempt->head().status) : std::nullopt;
  }

  using End = ServiceHealth::End;
  End health = End::good;
  if (failure && failure->failure == FailureClass::cancelled) health = End::neutral;
  const ServiceEffect effect = failure ? consequence(failure->failure).service : ServiceEffect::none;
  if (failure && rests_service(consequence(failure->failure), failure->scope, stop.candidate.model))
    health = End::neutral;
  if (effect == ServiceEffect::count) health = std::exchange(stop.blamed, true) ? End::neutral : End::failed;
  const std::optional<std::chrono::nanoseconds> latency =
      outcome.latency.count() > 0 ? std::optional(outcome.latency) : std::nullopt;
  end_visit(leg, health, latency);

  if (!failure) {
    core_->pool().report(std::move(leg.lease), outcome, now);
    drop_other(leg);
    keep(leg, outcome.usage);
    return succeed(leg);
  }
  leg.attempt.reset();
  // Several outcomes together may say more than this one does.
  const Verdict verdict = core_->pool().report(std::move(leg.lease), outcome, now);
  if (verdict.failure && *verdict.failure != failure->failure) {
    failure->failure = *verdict.failure;
    failure->kind.reset();
    record.failure = to_string(failure->failure);
    record.error = failure->error_kind();
    failure->message +=
        fmt::format(" (three accounts of \"{}\" were rejected alike: check its base_url)", service(at).config.id);
  }
  if (!contains(tried_, record.credential)) tried_.push_back(record.credential);
  keep(leg, outcome.usage);
  if (!hedge_) {
    // What had been shown stays, and what was charged for it.
    whole_ = std::move(leg.builder);
    if (delivered_) add_usage(used_, outcome.usage);
    // What went on for a while is not what failed before.
    if (delivered_ && leg.spoke_at) {
      stop.met = {};
      met_ = {};
    }
  }
  let_go(leg);
  last_ = failure;
  last_error_ = error_of(at, *failure);
  decide(at, *failure);
}

void CallState::end_visit(Leg& leg, ServiceHealth::End how, std::optional<std::chrono::nanoseconds> latency) {
  const std::optional<bool> changed = leg.visit.end(how, latency, runtime_.now());
  if (!changed) return;
  tell(&Observer::on_breaker_changed,
       BreakerChanged{.service = service(leg.stop).config.id, .model = model(leg.stop), .open = *changed});
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
