#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "pool/ledger.hpp"

/// How a ledger takes over what a provider states.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kMostLearned = 8;
constexpr Nanos kDay = hours(24);
constexpr Nanos kMonth = hours(28 * 24);
/// How far back a day's gauge knows when it counted what.
constexpr Nanos kRecent = minutes(10);
/// Sleepers are not woken for less.
constexpr Nanos kWorthTelling = milliseconds(1);
/// The rest of a reset that is rounded down to nothing.
constexpr Nanos kRounded = seconds(1);

Span span_of(Nanos window) noexcept {
  return window == kDay ? Span::day : window >= kMonth ? Span::month : Span::sliding;
}

/// A window that is not stated. OpenAI's lowest tiers count requests by the day under the same name: a bucket's reset
/// betrays its window.
Nanos unstated_window(const StatedLimit& stated, const ProviderRules& rules, std::int64_t configured_rpm) noexcept {
  if (stated.measure != Measure::requests) return rules.token_window;
  if (stated.limit && rules.request_burst > seconds(0) && configured_rpm > 0) {
    // Azure names the limit of its short window at times: 20 for 120 a minute.
    const std::int64_t a_minute = *stated.limit * (seconds(60) / rules.request_burst);
    if (std::abs(a_minute - configured_rpm) < seconds(60) / rules.request_burst) return rules.request_burst;
  }
  if (rules.refills && stated.limit && stated.remaining && stated.reset && *stated.remaining < *stated.limit) {
    const double used =
        static_cast<double>(*stated.limit) - static_cast<double>(std::max<std::int64_t>(*stated.remaining, 0));
    const double window = static_cast<double>(stated.reset->count()) * static_cast<double>(*stated.limit) / used;
    if (window > static_cast<double>(milliseconds(hours(1)).count())) return kDay;
    if (stated.reset->count() > 0) return minutes(1);
  }
  return rules.request_window;
}

}  // namespace

std::int64_t Ledger::configured_rpm() const noexcept {
  for (const Gauge& gauge : gauges_) {
    if (!gauge.learned && gauge.counts == Counted::requests && gauge.window == minutes(1)) return gauge.limit;
  }
  return 0;
}

bool Ledger::has_pace() const noexcept {
  return std::any_of(gauges_.begin(), gauges_.end(),
                     [](const Gauge& gauge) { return !gauge.learned && gauge.span == Span::sliding; });
}

Gauge* Ledger::learned_gauge(StatedLimit& stated, const Source& source, bool& fresh) {
  fresh = false;
  if (stated.limit && *stated.limit <= 0) return nullptr;  // -1 and 0 stand for "none" and "not known"
  if (stated.remaining && *stated.remaining < 0) stated.remaining.reset();
  if (!stated.limit && !stated.remaining) return nullptr;
  Nanos window = stated.window.count() > 0 ? std::max<Nanos>(bounded(stated.window), seconds(1))
                                           : unstated_window(stated, *source.rules, source.configured_rpm);
  Gauge wanted{.counts = counted(stated.measure), .span = span_of(window), .soft = true};
  if (wanted.span == Span::month) window = hours(31 * 24);
  wanted.window = window;
  wanted.learned = std::make_unique<Learned>(source.rules->refills, source.at);

  const auto known =
      std::find_if(gauges_.begin(), gauges_.end(), [&](const Gauge& each) { return each.same_as(wanted); });
  const bool unlimited =
      (stated.limit && *stated.limit >= kUnlimited) || (stated.remaining && *stated.remaining >= kUnlimited);
  if (unlimited) {
    if (known != gauges_.end()) gauges_.erase(known);
    return nullptr;
  }
  if (known != gauges_.end()) return &*known;
  const auto learned =
      std::count_if(gauges_.begin(), gauges_.end(), [](const Gauge& each) { return each.learned != nullptr; });
  if (static_cast<std::size_t>(learned) >= kMostLearned) return nullptr;
  wanted.guard = guard_of(std::chrono::duration_cast<milliseconds>(source.guard), window);
  fresh = true;
  wanted.limit = kUnlimited;  // until learn() has looked
  wanted.log.resize(wanted.span == Span::sliding ? window + wanted.guard : kRecent,
                    stated.limit.value_or(stated.remaining.value_or(0)));
  gauges_.push_back(std::move(wanted));
  return &gauges_.back();
}

Gauge* Ledger::gauge_of_refusals(const Source& source) {
  if (std::any_of(gauges_.begin(), gauges_.end(), [](const Gauge& gauge) { return gauge.learned != nullptr; })) {
    return nullptr;
  }
  Gauge gauge{.counts = Counted::requests, .soft = true, .limit = kUnlimited, .window = minutes(1)};
  gauge.learned = std::make_unique<Learned>(false, source.at);
  gauge.guard = guard_of(std::chrono::duration_cast<milliseconds>(source.guard), gauge.window);
  gauge.measure();
  gauges_.push_back(std::move(gauge));
  return &gauges_.back();
}

void Ledger::adopt(Gauge& gauge, const Charge& charge, bool sent, TimePoint at, Calendar& calendar) {
  const std::int64_t amount = amount_of(gauge.counts, charge);
  if (sent) {
    gauge.send(amount, at, calendar);
  } else {
    gauge.pending += amount;
  }
}

/// Better than before: room has come, or will come sooner than those who sleep until it does were told.
bool Ledger::learn(Gauge& gauge, const StatedLimit& stated, const Source& source, TimePoint now, Calendar& calendar) {
  struct Outlook {
    std::int64_t room = 0;
    TimePoint at{};
  };
  const auto outlook = [&] {
    gauge.turn(now, calendar);
    const std::int64_t room = gauge.room();
    return Outlook{.room = room, .at = room < 1 ? gauge.room_at(1, now, calendar) : now};
  };
  const Outlook before = outlook();
  if (!take(gauge, stated, source, now, calendar)) return false;
  const Outlook after = outlook();
  return after.room > before.room || (before.at != kNever && later(after.at, kWorthTelling) < before.at) ||
         (before.at == kNever && after.at != kNever);
}

/// False: it is no news.
bool Ledger::take(Gauge& gauge, const StatedLimit& stated, const Source& source, TimePoint now, Calendar& calendar) {
  Learned& learned = *gauge.learned;
  const Nanos jitter = std::max(source.guard, gauge.guard);
  const double unit =
      gauge.counts == Counted::requests || gauge.log.entries() == 0
          ? 1
          : std::max(static_cast<double>(gauge.log.sum()) / static_cast<double>(gauge.log.entries()), 1.0);
  const auto flying = static_cast<std::int64_t>(unit * std::max(source.in_flight - 1, 0));
  if (!learned.is_news(source.lease, source.sent)) {
    if (!stated.remaining || learned.sent() - source.sent > jitter) return false;
    learned.take_late(std::max<std::int64_t>(gauge.limit - *stated.remaining, 0), flying, now);
    return true;
  }
  const std::int64_t own = std::max<std::int64_t>(gauge.own() - gauge.log.sum_after(source.sent), 0);
  Learned::Statement statement{.lease = source.lease, .sent = source.sent, .at = source.at, .own = own};
  statement.own_since = gauge.log.sum_after(learned.sent()) - gauge.log.sum_after(source.sent);
  statement.unit = unit;
  statement.jitter = jitter;
  const std::int64_t lately = gauge.log.sum_after(source.sent - jitter) - gauge.log.sum_after(source.sent);
  const auto itself = static_cast<std::int64_t>(unit);
  statement.overtaken = std::clamp<std::int64_t>(lately - itself, 0, flying);
  statement.has_remaining = stated.remaining.has_value();
  // Without a stated limit, what is left and what we know of make one.
  std::int64_t limit = gauge.limit;
  if (stated.limit) {
    limit = *stated.limit;
  } else if (gauge.limit == kUnlimited || *stated.remaining + own > gauge.limit) {
    limit = std::max<std::int64_t>(*stated.remaining + own, 1);
  }
  statement.limit = limit;
  statement.window = gauge.window;
  if (stated.remaining) statement.used = limit - std::min(*stated.remaining, limit);
  statement.calendar = gauge.span != Span::sliding;
  const CalendarPeriod period = period_of(gauge.span, source.at, calendar);
  statement.period = period.number;
  statement.turns = later(source.at, gauge.window + gauge.guard);
  if (statement.calendar && !source.rules->refills) statement.turns = std::min(statement.turns, period.ends);
  if (stated.reset) {
    const Nanos reset = bounded(*stated.reset);
    if (reset <= gauge.window) {
      const TimePoint began = source.at + reset - gauge.window;
      statement.own_in_fixed = gauge.log.sum_after(began) - gauge.log.sum_after(source.sent);
    }
    statement.full = later(source.at, std::clamp(reset, kRounded, std::max(gauge.window, kRounded)));
  }
  learned.take(statement);
  gauge.limit = limit;
  gauge.measure();
  return true;
}

void Ledger::forget_learned() noexcept {
  std::erase_if(gauges_, [](const Gauge& gauge) { return gauge.learned != nullptr; });
}

bool Ledger::served(std::uint64_t lease, TimePoint now) noexcept {
  bool room = false;
  for (Gauge& gauge : gauges_) {
    if (!gauge.learned || !gauge.learned->served(lease, gauge.limit, gauge.window, now)) continue;
    gauge.measure();
    room = true;
  }
  return room;
}

bool Ledger::used_up(const Charge& charge) const noexcept {
  return std::any_of(gauges_.begin(), gauges_.end(), [&](const Gauge& gauge) {
    return gauge.learned && gauge.learned->used_up(gauge.needed(amount_of(gauge.counts, charge)));
  });
}

void Ledger::refused() noexcept {
  for (Gauge& gauge : gauges_) {
    if (gauge.learned) gauge.learned->refused();
  }
}

std::vector<const Gauge*> Ledger::refused_all_the_same(const Charge& charge, bool crowd, TimePoint now,
                                                       Calendar& calendar) {
  std::vector<const Gauge*> lower;
  for (Gauge& gauge : gauges_) {
    if (!gauge.learned || gauge.span != Span::sliding) continue;
    gauge.turn(now, calendar);
    const std::int64_t before = gauge.known_limit();
    gauge.learned->refused_all_the_same(amount_of(gauge.counts, charge), gauge.own(), crowd, gauge.window, now);
    gauge.measure();
    if (gauge.known_limit() < before) lower.push_back(&gauge);
  }
  return lower;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
