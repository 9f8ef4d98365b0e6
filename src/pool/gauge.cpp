#include "pool/gauge.hpp"

#include <algorithm>

#include "pool/projection.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Sent so close to the end of a day or month that it may arrive in the next.
bool late(TimePoint sent, const CalendarPeriod& period, Nanos guard) noexcept { return period.ends - sent <= guard; }

const char* name_of_total(Counted counts) noexcept {
  if (counts == Counted::requests) return "max_requests";
  return counts == Counted::cost ? "max_cost" : "max_tokens";
}

}  // namespace

CalendarPeriod period_of(Span span, TimePoint at, Calendar& calendar) noexcept {
  const Calendar::Day& day = calendar.day(at);
  switch (span) {
    case Span::day:
      return {day.number, day.ends};
    case Span::month:
      return {day.month, day.month_ends};
    case Span::sliding:
    case Span::life:
      break;
  }
  return {};
}

double Gauge::foreseen(std::int64_t amount, TimePoint now, Calendar& calendar) noexcept {
  turn(now, calendar);
  if (learned && learned->stale(now)) return 1;
  const double left = static_cast<double>(room() - amount);
  const double share = learned ? left / static_cast<double>(known_limit()) : left * one;
  if (span != Span::day && span != Span::month) return share;
  const Nanos length = std::chrono::hours(span == Span::day ? 24 : 30 * 24);
  return projected(share, period_of(span, now, calendar).ends - now, length);
}

void Gauge::turn_page(TimePoint now, Calendar& calendar) noexcept {
  if (span != Span::sliding && span != Span::life) {
    const std::int64_t current = period_of(span, now, calendar).number;
    if (current != period) {
      used = current == period + 1 ? carried : 0;
      carried = 0;
      period = current;
    }
  }
  if (learned) {
    external = learned->external(now, {.sent = own(), .after = log.sum_after(learned->sent()), .period = period});
    // The first of a window passes, however large.
    if (learned->found() != 0 && own() + pending > 0) external = std::max(external, limit - learned->found());
  }
}

void Gauge::enter(std::int64_t amount, TimePoint at, Calendar& calendar) {
  // Sent in the same moment as the request that was answered, it is later than what that answer says.
  const bool same_moment = learned && learned->refills() && at == learned->sent();
  if (span == Span::sliding || learned) log.add(same_moment ? at + Nanos(1) : at, amount);
  if (span == Span::sliding) return;
  turn(at, calendar);
  used += amount;
  if (span != Span::life && late(at, period_of(span, at, calendar), guard)) carried += amount;
}

void Gauge::correct(std::int64_t delta, TimePoint sent, TimePoint now, Calendar& calendar) noexcept {
  if (learned) log.adjust(sent, delta, now);
  if (span != Span::life) {
    const CalendarPeriod sent_in = period_of(span, sent, calendar);
    const bool carries = late(sent, sent_in, guard);
    turn(now, calendar);
    if (sent_in.number == period && carries) carried += delta;
    if (sent_in.number != period && !(carries && sent_in.number + 1 == period)) return;
  }
  used += delta;
}

TimePoint Gauge::room_at(std::int64_t amount, TimePoint now, Calendar& calendar) const noexcept {
  if (span == Span::life) return kNever;
  const std::int64_t lacking = amount - room();
  TimePoint at = kNever;
  if (span == Span::sliding) {
    at = log.freed(lacking);
    // What is lent but not yet sent will count from its sending, which is not before now.
    const bool ours_alone = external == 0 || (learned && learned->found() != 0 && external == limit - learned->found());
    if (at == kNever && ours_alone) at = later(now, log.length());
  } else {
    at = period_of(span, now, calendar).ends;
  }
  if (!learned) return at;
  if (learned->refills()) {
    at = learned->refilled(limit - pending - amount, log.sum_after(learned->sent()), now);
  } else if (const TimePoint gone = learned->forgets(now); gone != kNever) {
    // Others' part goes at once; then there is room, or some of ours must go as well.
    const TimePoint freed = lacking > external ? log.freed(lacking - external) : now;
    at = std::min(at, std::max(gone, freed == kNever ? later(now, log.length()) : freed));
  }
  if (learned->found() != 0) {
    const std::int64_t own_lacking = amount + pending + own() - learned->found();
    const TimePoint freed = own_lacking > 0 ? log.freed(own_lacking) : now;
    const TimePoint all = pending > 0 ? kNever : log.freed(own());
    at = std::max(at, std::min({freed, all, later(now, log.length())}));
  }
  at = std::min({at, learned->expires(), std::max(learned->probe_at(), now)});
  return std::max(at, later(now, std::chrono::milliseconds(1)));
}

const char* Gauge::name() const noexcept {
  if (total) return name_of_total(counts);
  const bool minute = window == std::chrono::minutes(1);
  switch (counts) {
    case Counted::requests:
      if (span == Span::day) return "rpd";
      if (span == Span::month) return "requests a month";
      if (window == std::chrono::hours(1)) return "requests an hour";
      return minute ? "rpm" : soft && !learned ? "rpm, in short" : "qps";
    case Counted::input:
      return span == Span::day ? "input tokens a day" : minute ? "itpm" : "itpm, in short";
    case Counted::output:
      return span == Span::day ? "output tokens a day" : minute ? "otpm" : "otpm, in short";
    case Counted::tokens:
    case Counted::all_tokens:
    case Counted::cost:
      break;
  }
  if (span == Span::day) return "tpd";
  if (span == Span::month) return "tokens a month";
  if (window == std::chrono::hours(1)) return "tokens an hour";
  return minute ? "tpm" : "tpm, in short";
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
