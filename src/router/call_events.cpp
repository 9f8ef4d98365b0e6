#include <utility>

#include <fmt/format.h>

#include "pool/pool_state.hpp"
#include "router/call.hpp"
#include "router/usage_sum.hpp"

/// What happens to a call's attempts, and what of it the caller is shown.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void CallState::on_sent(Leg& leg) {
  if (leg.fetching_token) {
    core_->attempted();
    return PoolAccess::count_request(core_->pool(), leg.lease, runtime_.now());
  }
  if (!PoolAccess::send(core_->pool(), leg.lease, runtime_.now())) return too_late(leg);
  core_->attempted();
}

/// A place that it was lent lapsed while its request was on the way to the socket (a connection that took long, a
/// process that stood still). It is not sent, nobody is to blame, and the call asks for another.
void CallState::too_late(Leg& leg) {
  constexpr int kMostLate = 16;
  leg.attempt.reset();
  leg.record.error = ErrorKind::cancelled;
  leg.record.failure = to_string(FailureClass::cancelled);
  leg.record.message = "not sent: its place in a limit shared with other processes had lapsed";
  end_visit(leg, ServiceHealth::End::neutral, std::nullopt);
  core_->pool().report(std::move(leg.lease), Outcome::cancelled(false), runtime_.now());
  keep(leg, {});
  ++uncounted_;
  if (!hedge_) whole_ = std::move(leg.builder);
  const std::string where = service(leg.stop).config.id;
  let_go(leg);
  if (leg_) return;  // the attempt beside it goes on
  if (++late_ < kMostLate) return next();
  fail(
      {.kind = ErrorKind::rate_limited,
       .message = fmt::format("{} times a place in a limit shared with other processes lapsed before the request could "
                              "be written: connecting takes longer than a place lasts while the quota store is slow "
                              "or away",
                              late_),
       .service = where});
}

void CallState::on_event(Leg& leg, const ChatEvent& event) {
  if (finished_ || stopping_) return;
  if (!leg.seam || event.type == ChatEvent::Type::start || event.type == ChatEvent::Type::usage) {
    return take(leg, event);
  }
  ChatEvent text = event;
  if (event.type == ChatEvent::Type::text) {
    text.delta = leg.seam->pass(event.delta);
    if (!text.delta.empty()) take(leg, text);
    return;
  }
  text = {.type = ChatEvent::Type::text, .delta = leg.seam->rest()};
  if (!text.delta.empty()) take(leg, text);
  take(leg, event);
}

void CallState::take(Leg& leg, const ChatEvent& event) {
  if (stopping_) return;
  leg.builder.event(event);
  // An attempt that fails right after its first words about itself may still be replaced by another.
  const bool about_itself = event.type == ChatEvent::Type::start || event.type == ChatEvent::Type::usage;
  const bool first = !about_itself && !leg.spoke_at;
  if (first) {
    leg.spoke_at = runtime_.now();
    if (!first_event_at_) first_event_at_ = leg.spoke_at;
    if (may_hedge_)
      core_->first_events().add(service(leg.stop).config.id, model(leg.stop), options_.stream,
                                *leg.spoke_at - leg.begun);
  }
  if (!sink_->wants_events()) return;
  if (first) {
    drop_other(leg);
    show_held(leg);
  } else if (!leg.spoke_at) {
    (event.type == ChatEvent::Type::start ? leg.start : leg.usage) = event.copy();
    return;
  }
  if (event.type == ChatEvent::Type::start) return;
  if (event.type == ChatEvent::Type::usage && !used_.empty()) {
    ChatEvent sum = event;
    sum.usage = used_;
    add_usage(sum.usage, event.usage);
    return deliver(sum);
  }
  deliver(event);
}

void CallState::show_held(Leg& leg) {
  std::optional<ChatEvent> start = std::exchange(leg.start, std::nullopt);
  const std::optional<ChatEvent> usage = std::exchange(leg.usage, std::nullopt);
  if (resuming_) {
    core_->resumed();
    tell(&Observer::on_resumed, ResumedStream{number_, leg.record, broken_->message});
    start = ChatEvent{.type = ChatEvent::Type::resumed, .delta = broken_->message};
  }
  if (start) deliver(*start);
  if (usage) take(leg, *usage);
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

void CallState::on_extra(Leg& leg, std::string_view name, std::string_view json) {
  if (!finished_ && !stopping_) leg.builder.extra(name, json);
}

void CallState::on_end(Leg& leg, std::optional<Failure> failure) {
  if (finished_ || stopping_) return;
  if (leg.attempt->resend_stopped()) core_->resend_stopped();
  if (failure && consequence(failure->failure).repair == Repair::clock)
    core_->clocks().learn(leg.record.service, leg.attempt->head().find("date"), runtime_.wall_time());
  if (leg.fetching_token) return token_came(leg, std::move(failure));
  if (leg.seam) {
    const ChatEvent text{.type = ChatEvent::Type::text, .delta = leg.seam->rest()};
    if (!text.delta.empty()) take(leg, text);
    if (stopping_) return;
  }
  settle(leg, std::move(failure));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
