#include "pool/ledger.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// A window is held longer by what the network jitters, but never by so much that it costs more than a twentieth.
Nanos guard_of(const Limits& limits, Nanos window) noexcept { return std::min(bounded(limits.guard), window / 20); }

Gauge sliding(Measure measure, std::int64_t limit, Nanos window, const Limits& limits) {
  Gauge gauge{.measure = measure, .span = Span::sliding, .limit = limit, .window = window};
  gauge.guard = guard_of(limits, window);
  return gauge;
}

std::vector<Gauge> gauges_of(const Limits& limits) {
  using std::chrono::minutes;
  using std::chrono::seconds;
  std::vector<Gauge> gauges;
  if (limits.qps > 0) {
    // floor(q) in any second bounds any ten seconds by 10 floor(q) <= floor(10 q), so one window says it all.
    constexpr double kRounding = 1e-9;
    if (limits.qps + kRounding >= 1) {
      const double whole = std::min(std::floor(limits.qps + kRounding), 1e15);
      gauges.push_back(sliding(Measure::requests, static_cast<std::int64_t>(whole), seconds(1), limits));
    } else {
      const double apart = std::min(std::ceil(1e9 / limits.qps - kRounding), 3e16);
      gauges.push_back(sliding(Measure::requests, 1, Nanos(static_cast<std::int64_t>(apart)), limits));
    }
  }
  const auto add_sliding = [&](Measure measure, std::int64_t limit, Nanos window) {
    if (limit > 0) gauges.push_back(sliding(measure, limit, window, limits));
  };
  const auto add = [&](Measure measure, Span span, std::int64_t limit) {
    if (limit <= 0) return;
    Gauge gauge{.measure = measure, .span = span, .limit = limit};
    if (span == Span::day) gauge.guard = guard_of(limits, std::chrono::hours(24));
    gauges.push_back(std::move(gauge));
  };
  add_sliding(Measure::requests, limits.rpm, minutes(1));
  add_sliding(Measure::tokens, limits.tpm, minutes(1));
  add_sliding(Measure::input, limits.itpm, minutes(1));
  add_sliding(Measure::output, limits.otpm, minutes(1));
  add(Measure::requests, Span::day, limits.rpd);
  add(Measure::tokens, Span::day, limits.tpd);
  add(Measure::requests, Span::life, limits.max_requests);
  add(Measure::tokens, Span::life, limits.max_tokens);
  return gauges;
}

const char* name_of(const Gauge& gauge) noexcept {
  const bool requests = gauge.measure == Measure::requests;
  switch (gauge.span) {
    case Span::day:
      return requests ? "rpd" : "tpd";
    case Span::life:
      return requests ? "max_requests" : "max_tokens";
    case Span::sliding:
      break;
  }
  if (requests) return gauge.window == std::chrono::minutes(1) ? "rpm" : "qps";
  return gauge.measure == Measure::tokens ? "tpm" : gauge.measure == Measure::input ? "itpm" : "otpm";
}

/// When `amount` will have room, which it has not now.
TimePoint room_at(const Gauge& gauge, std::int64_t amount, TimePoint now, Calendar& calendar) noexcept {
  if (gauge.span == Span::day) return calendar.day(now).ends;
  if (gauge.span == Span::life) return kNever;
  const TimePoint freed = gauge.log.freed(amount - gauge.room());
  // What is lent but not yet sent will count from its sending, which is not before now.
  return freed != kNever ? freed : later(now, gauge.log.length());
}

Block wait_of(const Gauge& gauge, std::int64_t amount, TimePoint now, Calendar& calendar) noexcept {
  const bool requests = gauge.measure == Measure::requests;
  Block block{.why = requests ? Block::Why::requests : Block::Why::tokens};
  block.limit = name_of(gauge);
  block.value = gauge.limit;
  if (gauge.span == Span::life) block.why = Block::Why::spent;
  if (amount > gauge.limit) {
    block.why = Block::Why::too_big;
    block.at = kNever;
    return block;
  }
  if (gauge.shared) {
    gauge.shared->wait(gauge, amount, now, calendar, block);
    return block;
  }
  block.at = room_at(gauge, amount, now, calendar);
  // A request needs one place, whatever its size. Where no token is left, the smallest request waits as well.
  if (requests) {
    block.everyone = block.at;
  } else if (gauge.measure == Measure::tokens && gauge.room() <= 0) {
    block.everyone = room_at(gauge, 1, now, calendar);
  }
  return block;
}

/// Sent so close to the end of a day that it may arrive on the next.
bool late(TimePoint sent, Nanos guard, Calendar& calendar) noexcept { return calendar.day(sent).ends - sent <= guard; }

}  // namespace

void Gauge::turn(TimePoint now, Calendar& calendar) noexcept {
  if (span == Span::sliding) {
    log.expire(now);
  } else if (span == Span::day) {
    const std::int64_t today = calendar.day(now).number;
    if (today == day) return;
    used = today == day + 1 ? carried : 0;
    carried = 0;
    day = today;
  }
}

void Block::add(const Block& other) noexcept {
  if (!other) return;
  const TimePoint nobody_before = std::max(everyone, other.everyone);
  const bool event = needs_event || other.needs_event;
  if (!*this || other.why == Why::too_big || (why != Why::too_big && other.at > at)) *this = other;
  everyone = nobody_before;
  needs_event = event;
}

void Ledger::configure(const Limits& limits, std::uint64_t since) {
  std::vector<Gauge> wanted = gauges_of(limits);
  for (Gauge& gauge : wanted) {
    const auto same = std::find_if(gauges_.begin(), gauges_.end(), [&](const Gauge& old) {
      return old.measure == gauge.measure && old.span == gauge.span && old.window == gauge.window;
    });
    if (same != gauges_.end()) {
      Gauge kept = std::move(*same);
      kept.limit = gauge.limit;
      kept.guard = gauge.guard;
      gauge = std::move(kept);
    } else {
      gauge.since = since;
    }
    if (gauge.span == Span::sliding) gauge.log.resize(gauge.window + gauge.guard, gauge.limit);
  }
  gauges_ = std::move(wanted);
  concurrency_ = std::max(limits.concurrency, 0);
  timeout_ = bounded(limits.timeout);
}

bool Ledger::has_new(std::uint64_t since) const noexcept {
  return std::any_of(gauges_.begin(), gauges_.end(),
                     [since](const Gauge& gauge) { return gauge.since == since && gauge.span == Span::sliding; });
}

void Ledger::recall(std::uint64_t since, TimePoint at, std::int64_t requests, std::int64_t tokens) {
  for (Gauge& gauge : gauges_) {
    if (gauge.since != since || gauge.span != Span::sliding) continue;
    // Input and output were not told apart; all of it counts for either.
    gauge.log.add(at, gauge.measure == Measure::requests ? requests : tokens);
  }
}

bool Ledger::admits(const Charge& charge, int in_flight, TimePoint now, Calendar& calendar, Block& block) {
  bool good = true;
  if (concurrency_ != 0 && in_flight >= (permits_ ? permits_->ask(concurrency_, in_flight, now) : concurrency_)) {
    good = false;
    Block full{.why = Block::Why::concurrency, .at = now, .everyone = kNever, .needs_event = true};
    full.limit = "concurrency";
    full.value = concurrency_;
    block.add(full);
  }
  for (Gauge& gauge : gauges_) {
    gauge.turn(now, calendar);
    const std::int64_t amount = amount_of(gauge.measure, charge);
    if (amount == 0 || amount <= (gauge.shared ? gauge.shared->room(gauge, now) : gauge.room())) continue;
    good = false;
    block.add(wait_of(gauge, amount, now, calendar));
  }
  return good;
}

void Ledger::reserve(const Charge& charge) noexcept {
  for (Gauge& gauge : gauges_) {
    const std::int64_t amount = amount_of(gauge.measure, charge);
    gauge.pending += amount;
    if (gauge.shared) gauge.shared->reserve(gauge, amount);
  }
}

void Ledger::send(std::uint64_t lease, const Charge& charge, TimePoint at, Calendar& calendar) {
  for (Gauge& gauge : gauges_) {
    if (lease < gauge.since) continue;
    const std::int64_t amount = amount_of(gauge.measure, charge);
    gauge.pending -= amount;
    if (gauge.shared) gauge.shared->send(gauge, amount, at);
    if (gauge.span == Span::sliding) {
      gauge.log.add(at, amount);
      continue;
    }
    gauge.turn(at, calendar);
    gauge.used += amount;
    if (gauge.span == Span::day && late(at, gauge.guard, calendar)) gauge.carried += amount;
  }
}

void Ledger::give_back(std::uint64_t lease, const Charge& charge) noexcept {
  for (Gauge& gauge : gauges_) {
    if (lease < gauge.since) continue;
    gauge.pending -= amount_of(gauge.measure, charge);
    if (gauge.shared) gauge.shared->give_back(gauge, amount_of(gauge.measure, charge));
  }
}

bool Ledger::settle(std::uint64_t lease, const Charge& reserved, const Charge& actual, TimePoint sent, TimePoint now,
                    Calendar& calendar) noexcept {
  bool room = false;
  for (Gauge& gauge : gauges_) {
    if (lease < gauge.since || gauge.measure == Measure::requests) continue;
    const std::int64_t delta = amount_of(gauge.measure, actual) - amount_of(gauge.measure, reserved);
    if (delta == 0) continue;
    room = room || delta < 0;
    if (gauge.shared) gauge.shared->settle(gauge, delta, sent, now);
    if (gauge.span == Span::sliding) {
      gauge.log.adjust(sent, delta, now);
      continue;
    }
    if (gauge.span == Span::day) {
      const bool carries = late(sent, gauge.guard, calendar);
      const std::int64_t sent_on = calendar.day(sent).number;
      gauge.turn(now, calendar);
      if (sent_on == gauge.day && carries) gauge.carried += delta;
      if (sent_on != gauge.day && !(carries && sent_on + 1 == gauge.day)) continue;
    }
    gauge.used += delta;
  }
  return room;
}

double Ledger::headroom(const Charge& charge, int in_flight, TimePoint now, Calendar& calendar) noexcept {
  double least = 1;
  if (concurrency_ != 0) {
    least = static_cast<double>(concurrency_ - in_flight - 1) / static_cast<double>(concurrency_);
  }
  for (Gauge& gauge : gauges_) {
    gauge.turn(now, calendar);
    const double left = static_cast<double>(gauge.room() - amount_of(gauge.measure, charge));
    least = std::min(least, left / static_cast<double>(gauge.limit));
  }
  return least;
}

Limits tighter(const Limits& a, const Limits& b) noexcept {
  const auto least = [](auto x, auto y) { return x <= 0 ? y : y <= 0 ? x : std::min(x, y); };
  Limits both;
  both.qps = least(a.qps, b.qps);
  both.rpm = least(a.rpm, b.rpm);
  both.rpd = least(a.rpd, b.rpd);
  both.tpm = least(a.tpm, b.tpm);
  both.itpm = least(a.itpm, b.itpm);
  both.otpm = least(a.otpm, b.otpm);
  both.tpd = least(a.tpd, b.tpd);
  both.concurrency = least(a.concurrency, b.concurrency);
  both.max_requests = least(a.max_requests, b.max_requests);
  both.max_tokens = least(a.max_tokens, b.max_tokens);
  both.timeout = std::max(a.timeout, b.timeout);
  both.guard = std::max(a.guard, b.guard);
  return both;
}

bool has_any(const Limits& limits) noexcept {
  return limits.qps > 0 || limits.rpm > 0 || limits.rpd > 0 || limits.tpm > 0 || limits.itpm > 0 || limits.otpm > 0 ||
         limits.tpd > 0 || limits.concurrency > 0 || limits.max_requests > 0 || limits.max_tokens > 0;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
