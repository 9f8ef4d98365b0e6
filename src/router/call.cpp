#include "router/call.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "router/scrub.hpp"
#include "wipe.hpp"

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
    if (self->attempt_) self->attempt_->pause();
  });
}

void CallState::resume() {
  runtime_.post([self = shared_from_this()] {
    if (self->attempt_) self->attempt_->resume();
  });
}

void CallState::begin() {
  if (finished_) return;
  begun_ = runtime_.now();
  snapshot_ = core_->snapshot();
  options_ = operation_->options();
  const auto total = options_.deadline.count() > 0 ? options_.deadline : snapshot_->config.timeouts.total;
  if (total.count() > 0) {
    deadline_ = begun_ + total;
    deadline_timer_ = runtime_.at(*deadline_, [this] {
      deadline_timer_ = 0;
      // A running attempt holds the same deadline, and knows better what it was waiting for.
      if (finished_ || attempt_) return;
      Error error{.kind = ErrorKind::timeout, .message = "the call's deadline passed while it waited"};
      if (last_error_) error.message += "; the last attempt: " + last_error_->message;
      fail(std::move(error));
    });
  }
  try {
    estimate_ = operation_->estimate({snapshot_->config.count_tokens, options_.model});
  } catch (const std::exception& thrown) {
    return fail(
        {.kind = ErrorKind::config, .message = fmt::format("RouterConfig::count_tokens threw: {}", thrown.what())});
  }
  Result<std::vector<Stop>> stops = plan(options_.model);
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

void CallState::next() {
  if (finished_) return;
  if (static_cast<int>(attempts_.size() - budget_start_) >= budget()) return fail_with_last(std::nullopt);

  const TimePoint now = runtime_.now();
  if (deadline_ && now >= *deadline_ && last_) return fail_with_last(std::nullopt);
  std::vector<std::size_t> allowed;
  std::optional<TimePoint> earliest;
  bool too_dear = false;
  for (std::size_t i = 0; i < stops_.size(); ++i) {
    if (stops_[i].out) continue;
    if (!affordable(stops_[i])) {
      too_dear = true;
      continue;
    }
    const auto verdict =
        core_->health().ask(snapshot_->services[stops_[i].candidate.service].config.id, stops_[i].candidate.model, now);
    if (verdict.allowed) {
      allowed.push_back(i);
    } else if (verdict.at && (!earliest || *verdict.at < *earliest)) {
      earliest = verdict.at;
    }
  }
  if (!allowed.empty()) {
    // A service that has failed this call waits behind those that have not.
    std::stable_sort(allowed.begin(), allowed.end(),
                     [this](std::size_t a, std::size_t b) { return stops_[a].failures < stops_[b].failures; });
    asked_ = std::move(allowed);
    return ask_for_credential();
  }
  if (!earliest) return too_dear ? fail_for_cost() : fail_with_last(std::nullopt);
  const auto rest = *earliest - now;
  if (rest <= snapshot_->config.retry.max_backoff && (!deadline_ || *earliest < *deadline_))
    return pause_then_next(rest);
  if (fall_back(FallbackCase::any)) return;
  fail_with_last(Unavailable{.at = earliest,
                             .kind = ErrorKind::overloaded,
                             .reason = "every service for this model rests after failures (circuit breaker)"});
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
    if (auto* grant = std::get_if<Grant>(&answer)) return granted(std::move(grant->lease), grant->demand);
  }
  LineAnswer answer = core_->enter_line(waiter(&barred_, std::nullopt), shared_from_this());
  if (auto* grant = std::get_if<Grant>(&answer)) return granted(std::move(grant->lease), grant->demand);
  if (auto* queued = std::get_if<Queued>(&answer)) {
    ticket_ = queued->ticket;
    return;
  }
  refused(std::move(std::get<Unavailable>(answer)));
}

bool CallState::ask_for_same_credential() {
  const std::string id = std::exchange(only_, {});
  const std::vector<std::size_t> all = std::exchange(asked_, {current_});
  std::vector<std::string> others;
  for (const CredentialConfig& credential : service().config.credentials) {
    if (credential.id != id) others.push_back(credential.id);
  }
  LineAnswer answer = core_->enter_line(waiter(&others, std::chrono::milliseconds{0}), shared_from_this());
  if (auto* grant = std::get_if<Grant>(&answer)) {
    granted(std::move(grant->lease), grant->demand);
    return true;
  }
  asked_ = all;
  return false;
}

Waiter CallState::waiter(const std::vector<std::string>* exclude,
                         std::optional<std::chrono::milliseconds> max_wait) const {
  Waiter waiter;
  waiter.tenant = options_.tenant;
  waiter.deadline = deadline_;
  waiter.max_wait = max_wait;
  for (const std::size_t i : asked_) {
    waiter.demands.push_back({.service = snapshot_->services[stops_[i].candidate.service].config.id,
                              .model = stops_[i].candidate.model,
                              .prompt_tokens = estimate_.prompt,
                              .completion_tokens = ceiling_at(snapshot_->services[stops_[i].candidate.service].config),
                              .cost = most_cost(stops_[i]),
                              .session = options_.session,
                              .region = options_.region,
                              .rotation = options_.rotation,
                              .exclude = exclude});
  }
  return waiter;
}

void CallState::refused(Unavailable why) {
  ticket_ = 0;
  if (finished_) return;
  if (fall_back(FallbackCase::any)) return;
  fail_with_last(std::move(why));
}

void CallState::granted(Lease lease, std::size_t demand) {
  ticket_ = 0;
  if (finished_) return;  // the lease's destructor gives the place back
  current_ = asked_[demand];
  if (!core_->health().begin(service().config.id, stops_[current_].candidate.model, runtime_.now())) {
    core_->pool().report(std::move(lease), Outcome::cancelled(false), runtime_.now());
    return next();
  }
  lease_ = std::move(lease);
  attempts_.push_back({.service = service().config.id,
                       .credential = lease_.id(),
                       .provider = service().config.provider,
                       .model = stops_[current_].candidate.model,
                       .reason = lease_.reason(),
                       .started = since_begin()});
  builder_.clear();
  held_start_.reset();
  warnings_.clear();
  with_token();
}

Target CallState::target(std::string_view token) {
  const std::string& own = lease_.credential().base_url;
  return {.service = service().config,
          .credential = lease_.credential(),
          .base_url = own.empty() ? std::string_view(service().base_url) : std::string_view(own),
          .model = stops_[current_].candidate.model,
          .stream = options_.stream,
          .now = service_time(),
          .nonce = runtime_.random(),
          .token = token,
          .on_unsupported = options_.on_unsupported,
          .warnings = &warnings_};
}

WallTime CallState::service_time() const { return runtime_.wall_time() + core_->clocks().of(service().config.id); }

void CallState::with_token() {
  Result<std::optional<HttpRequest>> wanted = service().transport->token_request(target({}));
  if (!wanted) return fail_before_sending(std::move(wanted).error());
  if (!*wanted) return send({});
  Secret token;
  const auto answer = core_->tokens().ask(lease_.id(), runtime_.now(), token, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->runtime_.post([self] {
      if (!self->finished_ && self->lease_ && !self->attempt_) self->with_token();
    });
  });
  switch (answer) {
    case TokenCache::Answer::token:
      return send(std::move(token));
    case TokenCache::Answer::wait:
      return;
    case TokenCache::Answer::fetch:
      return fetch_token(**std::move(wanted));
  }
}

void CallState::fetch_token(HttpRequest request) {
  class TokenDecoder final : public Decoder {
   public:
    explicit TokenDecoder(std::string& body) : body_(body) {}
    std::optional<Failure> feed(std::string_view bytes, EventSink&) override {
      constexpr std::size_t kMost = 64U << 10U;
      if (body_.size() + bytes.size() > kMost) {
        return Failure{
            .failure = FailureClass::server, .scope = Scope::service, .message = "the token's answer is too long"};
      }
      body_ += bytes;
      return std::nullopt;
    }
    std::optional<Failure> finish(EventSink&) override { return std::nullopt; }
    std::uint64_t progress() const noexcept override { return body_.size(); }

   private:
    std::string& body_;
  };
  fetching_token_ = true;
  token_body_.clear();
  const ServiceEntry& entry = service();
  attempt_ = std::make_unique<UpstreamAttempt>(
      runtime_,
      AttemptPlan{.request = std::move(request),
                  .options = {.allow_insecure = entry.config.allow_insecure,
                              .proxy = &entry.proxy,
                              .tls = &entry.tls,
                              .bounds = &snapshot_->config.bounds,
                              .user_agent = snapshot_->user_agent},
                  .timeouts = entry.timeouts,
                  .deadline = deadline_,
                  .bounds = &snapshot_->config.bounds,
                  .decoder = [this](const HttpHead&) { return std::make_unique<TokenDecoder>(token_body_); },
                  .classify =
                      [this](const HttpHead& head, std::string_view body) {
                        return service().transport->classify(head, body, service_time());
                      }},
      *this);
  attempt_->start();
}

void CallState::send(Secret token) {
  token_ = std::move(token);
  const ServiceEntry& entry = service();
  Result<HttpRequest> request = operation_->encode(*entry.transport, target(token_.reveal()));
  if (!request) return fail_before_sending(std::move(request).error());
  attempt_ = std::make_unique<UpstreamAttempt>(
      runtime_,
      AttemptPlan{.request = *std::move(request),
                  .options = {.stream = options_.stream,
                              .allow_insecure = entry.config.allow_insecure,
                              .proxy = &entry.proxy,
                              .tls = &entry.tls,
                              .bounds = &snapshot_->config.bounds,
                              .user_agent = snapshot_->user_agent},
                  .timeouts = entry.timeouts,
                  .deadline = deadline_,
                  .bounds = &snapshot_->config.bounds,
                  .decoder =
                      [this](const HttpHead& head) {
                        learn(head);
                        return operation_->decoder(*service().transport, head, target(token_.reveal()),
                                                   snapshot_->config.bounds);
                      },
                  .classify =
                      [this](const HttpHead& head, std::string_view body) {
                        learn(head);
                        return service().transport->classify(head, body, service_time());
                      },
                  .keep_raw = options_.keep_raw},
      *this);
  attempt_->start();
}

void CallState::fail_before_sending(Error error) {
  settle(Failure{.failure = error.kind == ErrorKind::unsupported       ? FailureClass::unsupported
                            : error.kind == ErrorKind::invalid_request ? FailureClass::request
                                                                       : FailureClass::config,
                 .scope = Scope::call,
                 .kind = error.kind,
                 .message = std::move(error.message),
                 .code = std::move(error.code)});
}

void CallState::on_attempt_sent() {
  if (!fetching_token_) {
    core_->pool().sent(lease_, runtime_.now());
    core_->attempted();
  }
}

void CallState::on_attempt_event(const ChatEvent& event) {
  if (finished_ || stopping_) return;
  builder_.event(event);
  if (!sink_->wants_events()) return;
  // An attempt that fails right after its first words about itself may still be replaced by another.
  if (event.type == ChatEvent::Type::start) {
    held_start_ = event.copy();
    return;
  }
  if (held_start_ && !delivered_) {
    const ChatEvent start = *std::exchange(held_start_, std::nullopt);
    deliver(start);
  }
  deliver(event);
}

void CallState::deliver(const ChatEvent& event) {
  if (stopping_) return;
  delivered_ = true;
  const bool stop = sink_->on_event(event) == Flow::stop;
  // The callback may have destroyed the Router: then nothing that is still in this piece of the stream counts.
  if (stop || core_->closed()) {
    stopping_ = true;
    runtime_.post([self = shared_from_this(), stop] {
      self->cancel_now(stop ? "stopped by the event callback" : "the Router was destroyed");
    });
  }
}

void CallState::on_attempt_extra(std::string_view name, std::string_view json) {
  if (!finished_ && !stopping_) builder_.extra(name, json);
}

void CallState::on_attempt_end(std::optional<Failure> failure) {
  if (finished_ || stopping_) return;
  if (failure && consequence(failure->failure).repair == Repair::clock)
    core_->clocks().learn(service().config.id, attempt_->head().find("date"), runtime_.wall_time());
  if (!std::exchange(fetching_token_, false)) return settle(std::move(failure));

  attempt_.reset();
  std::optional<Error> bad;
  std::optional<Token> token;
  if (!failure) {
    Result<Token> read = service().transport->read_token(token_body_, target({}));
    wipe(token_body_);
    if (read) {
      token = *std::move(read);
    } else {
      bad = std::move(read).error();
      failure = Failure{.failure = bad->kind == ErrorKind::authentication ? FailureClass::auth : FailureClass::server,
                        .scope = bad->kind == ErrorKind::authentication ? Scope::key : Scope::service,
                        .kind = bad->kind,
                        .message = std::move(bad->message),
                        .code = std::move(bad->code)};
    }
  }
  core_->tokens().done(lease_.id(), std::move(token), runtime_.now());
  if (failure) {
    failure->message = "fetching a token: " + failure->message;
    return settle(std::move(failure));
  }
  with_token();
}

// Tells the pool, the service's health and the record of attempts; then goes on.
void CallState::settle(std::optional<Failure> failure) {
  const TimePoint now = runtime_.now();
  const bool sent = attempt_ && attempt_->sent();
  Stop& stop = stops_[current_];

  std::optional<std::chrono::nanoseconds> latency;
  if (attempt_ && attempt_->first_event_at() && attempt_->sent_at()) {
    latency = *attempt_->first_event_at() - *attempt_->sent_at();
  }
  Outcome outcome{.failure = failure, .latency = latency.value_or(std::chrono::nanoseconds{0}), .sent = sent};
  outcome.usage = builder_.usage();
  if (failure && outcome.usage.empty() && builder_.started()) {
    // Cut off: what was sent and received so far will have been charged.
    outcome.usage = {.prompt_tokens = estimate_.prompt,
                     .completion_tokens = builder_.estimated_completion_tokens(),
                     .estimated = true};
  }
  charge(outcome);

  Attempt& record = attempts_.back();
  record.elapsed = since_begin() - record.started;
  if (failure) {
    scrub(failure->message, lease_.credential());
    outcome.failure = failure;
    record.status = failure->status;
    record.error = failure->error_kind();
    record.failure = to_string(failure->failure);
    record.message = failure->message;
    if (failure->failure == FailureClass::token) core_->tokens().drop(lease_.id(), token_);
  } else {
    record.status = attempt_ ? std::optional(attempt_->head().status) : std::nullopt;
  }

  using End = ServiceHealth::End;
  End health = End::good;
  if (failure && failure->failure == FailureClass::cancelled) health = End::neutral;
  if (failure && consequence(failure->failure).service == ServiceEffect::count)
    health = std::exchange(stop.blamed, true) ? End::neutral : End::failed;
  core_->health().end(service().config.id, stop.candidate.model, health, latency, now);

  if (!failure) {
    Lease lease = std::move(lease_);
    answered_by_ = lease.id();
    core_->pool().report(std::move(lease), outcome, now);
    return succeed();
  }
  const std::string id = lease_.id();
  attempt_.reset();
  // Several outcomes together may say more than this one does.
  const Verdict verdict = core_->pool().report(std::move(lease_), outcome, now);
  if (verdict.failure && *verdict.failure != failure->failure) {
    failure->failure = *verdict.failure;
    failure->kind.reset();
    record.failure = to_string(failure->failure);
    record.error = failure->error_kind();
    failure->message +=
        fmt::format(" (three accounts of \"{}\" were rejected alike: check its base_url)", service().config.id);
  }
  last_ = failure;
  last_error_ = error_of(*failure);
  if (!contains(tried_, id)) tried_.push_back(id);
  decide(*failure);
}

// Acts on the table's row; what a row means is said there.
void CallState::decide(const Failure& failure) {
  // What was shown cannot be taken back; and what a provider says of its own answer outweighs its class.
  if (delivered_ || failure.should_retry == false) return fail_with_last(std::nullopt);

  const bool asked_to_retry = failure.should_retry == true && consequence(failure.failure).next == NextStep::stop;
  const Consequence& then = consequence(asked_to_retry ? FailureClass::server : failure.failure);
  Stop& stop = stops_[current_];
  int& met = (then.per_service ? stop.met : met_)[static_cast<std::size_t>(then.failure)];
  ++met;
  const int tries =
      then.tries == kTriesOfPolicy ? std::max(1, service().retry.max_attempts_per_service) - 1 : then.tries;
  const bool unlimited = then.tries == 0;
  const bool again = (unlimited || met <= tries) && !(then.maybe_billed && !service().retry.retry_after_send);

  if (then.service == ServiceEffect::rest_model || then.service == ServiceEffect::rest_host)
    rest_service(failure, then);
  const std::string& id = attempts_.back().credential;
  switch (then.next) {
    case NextStep::stop:
      return fail_with_last(std::nullopt);
    case NextStep::same_key:
      if (again) {
        only_ = id;
      } else {
        barred_.push_back(id);
      }
      return next();
    case NextStep::next_key:
    case NextStep::next_account:
      if (then.credential == CredentialEffect::set_aside || then.credential == CredentialEffect::disable ||
          failure.failure == FailureClass::too_big) {
        barred_.push_back(id);
      }
      if (!again && failure.failure == FailureClass::rate) return pause_then_next(backoff(met - tries));
      if (!again && !then.per_service) return fail_with_last(std::nullopt);
      if (!again) stop.out = true;
      break;
    case NextStep::next_service:
      if (then.service == ServiceEffect::none) stop.out = true;
      break;
  }
  if (then.service == ServiceEffect::count) ++stop.failures;
  const bool elsewhere =
      std::any_of(stops_.begin(), stops_.end(), [](const Stop& s) { return !s.out && s.failures == 0; });
  if (then.backoff && !elsewhere && !stop.out) return pause_then_next(backoff(met));
  next();
}

void CallState::rest_service(const Failure& failure, const Consequence& then) {
  Stop& stop = stops_[current_];
  ++stop.failures;
  const auto rest = failure.retry_after ? std::chrono::nanoseconds(*failure.retry_after) : backoff(stop.failures);
  const std::string_view model = then.service == ServiceEffect::rest_model && failure.scope != Scope::service
                                     ? std::string_view(stop.candidate.model)
                                     : std::string_view{};
  core_->health().rest(service().config.id, model, runtime_.now() + rest);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
