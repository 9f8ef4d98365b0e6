#include "router/attempt.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "providers/provider.hpp"
#include "providers/text.hpp"
#include "router/names.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// The bodies of errors are short; what is longer is a page that says no more.
constexpr std::size_t kErrorBody = 256U << 10U;
// How long an answer that has said its last word may keep its connection open before it is dropped.
constexpr std::chrono::milliseconds kLinger{500};

}  // namespace

UpstreamAttempt::UpstreamAttempt(Runtime& runtime, AttemptPlan plan, AttemptListener& listener)
    : runtime_(runtime), plan_(std::move(plan)), listener_(listener) {}

UpstreamAttempt::~UpstreamAttempt() {
  if (timer_ != 0) runtime_.cancel(timer_);
}

void UpstreamAttempt::start() {
  begun_ = runtime_.now();
  exchange_ = runtime_.exchange(std::move(plan_.request), plan_.options, *this);
  arm();
}

void UpstreamAttempt::pause() {
  if (paused_ || ended_ || !exchange_) return;
  paused_ = true;
  exchange_->pause();
}

void UpstreamAttempt::resume() {
  if (!paused_ || ended_ || !exchange_) return;
  paused_ = false;
  heard_ = runtime_.now();
  exchange_->resume();
  if (!ended_) arm();
}

void UpstreamAttempt::on_sent() {
  sent_at_ = runtime_.now();
  heard_ = *sent_at_;
  arm();
  listener_.on_attempt_sent();
}

void UpstreamAttempt::on_head(HttpHead head) {
  head_ = std::move(head);
  if (!accepted()) return;
  decoder_ = plan_.decoder(head_);
  if (!plan_.options.stream) return;
  // Many streams may be open for long, and of a head these two are all that is asked for later.
  const std::string_view id = request_id(head_);
  std::erase_if(head_.headers, [&](const HttpHeader& header) {
    return header.value.data() != id.data() && !equal_ignoring_case(header.name, "date");
  });
  head_.headers.shrink_to_fit();
}

void UpstreamAttempt::on_body(std::string_view bytes) {
  if (ended_) return;
  if (!decoder_) {
    error_body_.append(bytes.substr(0, kErrorBody - std::min(kErrorBody, error_body_.size())));
    return;
  }
  if (plan_.keep_raw) raw_.append(bytes);
  std::optional<Failure> failure = decoder_->feed(bytes, *this);
  if (failure) return end(std::move(failure));
  if (const std::uint64_t progress = decoder_->progress(); progress != progress_) {
    const bool first = progress_ == 0;
    progress_ = progress;
    heard_ = runtime_.now();
    if (first) arm();  // from here on the idle clock counts, which may be the shorter one
  }
  if (!complete_at_ && decoder_->complete()) {
    complete_at_ = runtime_.now();
    arm();
  }
}

void UpstreamAttempt::on_end(ExchangeEnd ended) {
  if (ended_) return;
  resend_stopped_ = ended.resend_stopped;
  if (decoder_ && (ended.kind == ExchangeEnd::Kind::complete || complete_at_)) {
    return end(decoder_->finish(*this));
  }
  // An error's status says enough even where its body was cut off.
  if (head_.status != 0 && !decoder_) return end(rejected());
  end(broken(std::move(ended)));
}

void UpstreamAttempt::event(const ChatEvent& event) {
  if (ended_) return;
  if (!first_event_at_) first_event_at_ = runtime_.now();
  listener_.on_attempt_event(event);
}

void UpstreamAttempt::extra(std::string_view name, std::string_view json) {
  if (!ended_) listener_.on_attempt_extra(name, json);
}

// One timer serves all clocks. It is set for the earliest, and only looked at when it goes off: data that keeps coming
// moves a number, not a timer.
void UpstreamAttempt::arm() {
  TimePoint next = TimePoint::max();
  const auto bound = [&next](TimePoint from, std::chrono::milliseconds length) {
    if (length.count() > 0) next = std::min(next, from + length);
  };
  const Timeouts& t = plan_.timeouts;
  if (complete_at_) {
    bound(*complete_at_, kLinger);
  } else if (!sent_at_) {
    bound(begun_, t.connect);
  } else if (progress_ == 0) {
    bound(*sent_at_, t.first_byte);
  } else if (!paused_) {
    bound(heard_, t.idle);
  }
  bound(begun_, t.attempt);
  if (plan_.deadline) next = std::min(next, *plan_.deadline);
  if (next == TimePoint::max() || (timer_ != 0 && timer_at_ <= next)) return;
  if (timer_ != 0) runtime_.cancel(timer_);
  timer_at_ = next;
  timer_ = runtime_.at(next, [this] { on_timer(); });
}

void UpstreamAttempt::on_timer() {
  timer_ = 0;
  const TimePoint now = runtime_.now();
  const Timeouts& t = plan_.timeouts;
  const auto passed = [now](TimePoint from, std::chrono::milliseconds length) {
    return length.count() > 0 && now >= from + length;
  };
  if (complete_at_ && passed(*complete_at_, kLinger)) {
    exchange_.reset();
    return on_end({});
  }
  if (plan_.deadline && now >= *plan_.deadline) {
    return end(timed_out(sent_at_ ? FailureClass::timeout : FailureClass::connect_timeout,
                         std::chrono::duration_cast<std::chrono::milliseconds>(now - begun_),
                         "the call's deadline passed"));
  }
  if (passed(begun_, t.attempt)) {
    return end(timed_out(sent_at_ ? FailureClass::timeout : FailureClass::connect_timeout, t.attempt,
                         "no whole answer (timeouts.attempt)"));
  }
  if (!sent_at_ && passed(begun_, t.connect)) {
    return end(timed_out(FailureClass::connect_timeout, t.connect, "no connection (timeouts.connect)"));
  }
  if (sent_at_ && progress_ == 0 && !complete_at_ && passed(*sent_at_, t.first_byte)) {
    return end(timed_out(FailureClass::timeout, t.first_byte, "no first data (timeouts.first_byte)"));
  }
  if (progress_ != 0 && !paused_ && !complete_at_ && passed(heard_, t.idle)) {
    return end(timed_out(FailureClass::timeout, t.idle, "no further data (timeouts.idle)"));
  }
  arm();
}

void UpstreamAttempt::end(std::optional<Failure> failure) {
  ended_ = true;
  exchange_.reset();
  if (timer_ != 0) runtime_.cancel(std::exchange(timer_, 0));
  listener_.on_attempt_end(std::move(failure));
}

Failure UpstreamAttempt::timed_out(FailureClass failure, std::chrono::milliseconds after, const char* what) const {
  return {.failure = failure,
          .scope = Scope::service_model,
          .kind = ErrorKind::timeout,
          .message = fmt::format("{} within {} ms", what, after.count()),
          .status = head_.status != 0 ? std::optional(head_.status) : std::nullopt,
          .request_id = std::string(request_id(head_))};
}

Failure UpstreamAttempt::rejected() const {
  if (head_.status >= 300 && head_.status < 400) {
    return {.failure = FailureClass::config,
            .scope = Scope::service,
            .kind = ErrorKind::config,
            .message =
                fmt::format("the service redirects (status {}); keywheel follows no redirect, since it would carry the "
                            "key along. Set base_url to where it leads: {}",
                            head_.status, printable_url(head_.find("location"))),
            .status = head_.status};
  }
  Failure failure = plan_.classify(head_, error_body_);
  if (!failure.status) failure.status = head_.status;
  if (failure.request_id.empty()) failure.request_id = std::string(request_id(head_));
  return failure;
}

Failure UpstreamAttempt::broken(ExchangeEnd ended) const {
  Failure failure{.failure = FailureClass::connection,
                  .scope = Scope::service,
                  .kind = ErrorKind::connection,
                  .message = std::move(ended.message),
                  .status = head_.status != 0 ? std::optional(head_.status) : std::nullopt,
                  .request_id = std::string(request_id(head_))};
  switch (ended.kind) {
    case ExchangeEnd::Kind::complete:
      failure.failure = FailureClass::server;
      failure.kind = ErrorKind::protocol;
      failure.message = "the answer ended before its head";
      break;
    case ExchangeEnd::Kind::too_large:
      failure.failure = FailureClass::server;
      failure.kind = ErrorKind::protocol;
      break;
    case ExchangeEnd::Kind::refused:
      failure.failure = FailureClass::config;
      failure.kind = ErrorKind::config;
      break;
    case ExchangeEnd::Kind::exhausted:
      failure.scope = Scope::host;
      break;
    case ExchangeEnd::Kind::unreachable:
    case ExchangeEnd::Kind::lost:
      break;
  }
  return failure;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
