#include <utility>

#include "router/call.hpp"
#include "router/scrub.hpp"
#include "wipe.hpp"

/// The request of an attempt, and the token that some need first.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

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

}  // namespace

Target CallState::target(Leg& leg, std::string_view token) {
  const std::string& own = leg.lease.credential().base_url;
  const ServiceEntry& entry = service(leg.stop);
  return {.service = entry.config,
          .credential = leg.lease.credential(),
          .base_url = own.empty() ? std::string_view(entry.base_url) : std::string_view(own),
          .model = model(leg.stop),
          .stream = options_.stream,
          .now = service_time(leg.stop),
          .nonce = runtime_.random(),
          .token = token,
          .on_unsupported = options_.on_unsupported,
          .warnings = &leg.warnings,
          .resume = resuming_};
}

WallTime CallState::service_time(std::size_t stop) const {
  return runtime_.wall_time() + core_->clocks().of(service(stop).config.id);
}

void CallState::with_token(Leg& leg) {
  Result<std::optional<HttpRequest>> wanted = service(leg.stop).transport->token_request(target(leg, {}));
  if (!wanted) return fail_before_sending(leg, std::move(wanted).error());
  if (!*wanted) return send(leg, {});
  Secret token;
  const auto answer =
      core_->tokens().ask(leg.lease.id(), runtime_.now(), token,
                          [weak = weak_from_this(), number = leg.number](const std::optional<Failure>& failure) {
                            const auto self = weak.lock();
                            if (!self) return;
                            self->runtime_.post([self, number, failure] {
                              if (self->finished_) return;
                              for (const auto* each : {&self->leg_, &self->hedge_}) {
                                if (*each && (*each)->number == number && !(*each)->attempt)
                                  return self->woken(**each, failure);
                              }
                            });
                          });
  switch (answer) {
    case TokenCache::Answer::token:
      return send(leg, std::move(token));
    case TokenCache::Answer::wait:
      return;
    case TokenCache::Answer::fetch:
      return fetch_token(leg, **std::move(wanted));
  }
}

/// The fetch that a leg waited for has ended.
void CallState::woken(Leg& leg, const std::optional<Failure>& failure) {
  if (!failure) return with_token(leg);
  // One failed fetch is one observation, and the call that made it has told the service's health of it.
  stops_[leg.stop].blamed = true;
  settle(leg, failure);
}

void CallState::fetch_token(Leg& leg, HttpRequest request) {
  leg.fetching_token = true;
  leg.token_body.clear();
  const ServiceEntry& entry = service(leg.stop);
  leg.attempt = std::make_unique<UpstreamAttempt>(
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
                  .decoder = [&leg](const HttpHead&) { return std::make_unique<TokenDecoder>(leg.token_body); },
                  .classify =
                      [this, &leg](const HttpHead& head, std::string_view body) {
                        return service(leg.stop).transport->classify(head, body, service_time(leg.stop));
                      }},
      leg);
  leg.attempt->start();
}

void CallState::token_came(Leg& leg, std::optional<Failure> failure) {
  leg.fetching_token = false;
  leg.attempt.reset();
  std::optional<Token> token;
  if (!failure) {
    Result<Token> read = service(leg.stop).transport->read_token(leg.token_body, target(leg, {}));
    wipe(leg.token_body);
    if (read) {
      token = *std::move(read);
    } else {
      Error bad = std::move(read).error();
      failure = Failure{.failure = bad.kind == ErrorKind::authentication ? FailureClass::auth : FailureClass::server,
                        .scope = bad.kind == ErrorKind::authentication ? Scope::key : Scope::service,
                        .kind = bad.kind,
                        .message = std::move(bad.message),
                        .code = std::move(bad.code)};
    }
  }
  if (failure) scrub(failure->message, leg.lease.credential());
  tell(&Observer::on_token_fetched,
       TokenFetched{.call = number_,
                    .service = leg.record.service,
                    .credential = leg.record.credential,
                    .lifetime = token ? token->lifetime : std::chrono::seconds(0),
                    .error = failure ? std::string_view(failure->message) : std::string_view()});
  if (failure) failure->message = "fetching a token: " + failure->message;
  core_->tokens().done(leg.lease.id(), std::move(token), runtime_.now(), failure);
  if (failure) return settle(leg, std::move(failure));
  with_token(leg);
}

void CallState::send(Leg& leg, Secret token) {
  leg.token = std::move(token);
  const ServiceEntry& entry = service(leg.stop);
  Result<HttpRequest> request = operation_->encode(*entry.transport, target(leg, leg.token.reveal()));
  if (!request) return fail_before_sending(leg, std::move(request).error());
  leg.attempt = std::make_unique<UpstreamAttempt>(
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
                      [this, &leg](const HttpHead& head) {
                        learn(leg, head);
                        return operation_->decoder(*service(leg.stop).transport, head, target(leg, leg.token.reveal()),
                                                   snapshot_->config.bounds);
                      },
                  .classify =
                      [this, &leg](const HttpHead& head, std::string_view body) {
                        learn(leg, head);
                        return service(leg.stop).transport->classify(head, body, service_time(leg.stop));
                      },
                  .keep_raw = options_.keep_raw},
      leg);
  leg.attempt->start();
  if (paused_) leg.attempt->pause();
  arm_hedge(leg);
}

void CallState::fail_before_sending(Leg& leg, Error error) {
  settle(leg, Failure{.failure = error.kind == ErrorKind::unsupported       ? FailureClass::unsupported
                                 : error.kind == ErrorKind::invalid_request ? FailureClass::request
                                                                            : FailureClass::config,
                      .scope = Scope::call,
                      .kind = error.kind,
                      .message = std::move(error.message),
                      .code = std::move(error.code)});
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
