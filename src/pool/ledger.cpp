#include "pool/ledger.hpp"

#include <algorithm>
#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

Block wait_of(const Gauge& gauge, std::int64_t amount, TimePoint now, Calendar& calendar) {
  const bool requests = gauge.counts == Counted::requests;
  Block block{.why = requests ? Block::Why::requests : Block::Why::tokens};
  block.limit = gauge.name();
  block.value = gauge.known_limit();
  if (gauge.total) block.why = Block::Why::spent;
  if (amount > gauge.limit) {
    block.why = Block::Why::too_big;
    block.at = kNever;
    return block;
  }
  if (gauge.shared) {
    gauge.shared->wait(gauge, amount, now, calendar, block);
    return block;
  }
  block.at = gauge.room_at(amount, now, calendar);
  // A request needs one place, whatever its size. Where no token is left, the smallest request waits as well.
  if (requests) {
    block.everyone = block.at;
  } else if ((gauge.counts == Counted::tokens || gauge.counts == Counted::all_tokens) && gauge.room() <= 0) {
    block.everyone = gauge.room_at(1, now, calendar);
  }
  return block;
}

}  // namespace

void Block::add(const Block& other) noexcept {
  if (!other) return;
  const TimePoint nobody_before = std::max(everyone, other.everyone);
  const bool event = needs_event || other.needs_event;
  if (!*this || other.why == Why::too_big || (why != Why::too_big && other.at > at)) *this = other;
  everyone = nobody_before;
  needs_event = event;
}

void Ledger::configure(std::span<const Limits> sets, const ProviderRules& rules, std::uint64_t since) {
  std::vector<Gauge> wanted;
  concurrency_ = 0;
  timeout_ = sets.empty() ? Nanos(std::chrono::seconds(30)) : Nanos(0);
  for (const Limits& limits : sets) {
    for (Gauge& gauge : gauges_of(limits, rules)) {
      const auto same =
          std::find_if(wanted.begin(), wanted.end(), [&](const Gauge& each) { return each.same_as(gauge); });
      if (same == wanted.end()) {
        wanted.push_back(std::move(gauge));
        continue;
      }
      same->limit = std::min(same->limit, gauge.limit);
      same->guard = std::max(same->guard, gauge.guard);
      same->soft = same->soft && gauge.soft;
    }
    if (limits.concurrency > 0) {
      concurrency_ = concurrency_ == 0 ? limits.concurrency : std::min(concurrency_, limits.concurrency);
    }
    timeout_ = std::max(timeout_, Nanos(bounded(limits.timeout)));
  }
  place_ = 1 / static_cast<double>(std::max(concurrency_, 1));
  for (Gauge& gauge : wanted) {
    const auto same =
        std::find_if(gauges_.begin(), gauges_.end(), [&](const Gauge& old) { return old.same_as(gauge); });
    if (same != gauges_.end()) {
      Gauge kept = std::move(*same);
      kept.limit = gauge.limit;
      kept.guard = gauge.guard;
      kept.soft = gauge.soft;
      gauge = std::move(kept);
    } else {
      gauge.since = since;
    }
    gauge.measure();
  }
  for (Gauge& old : gauges_) {
    if (old.learned) wanted.push_back(std::move(old));
  }
  gauges_ = std::move(wanted);
}

bool Ledger::has_new(std::uint64_t since) const noexcept {
  return std::any_of(gauges_.begin(), gauges_.end(), [since](const Gauge& gauge) {
    return gauge.since == since && gauge.span == Span::sliding && !gauge.learned;
  });
}

void Ledger::recall(std::uint64_t since, TimePoint at, std::int64_t requests, std::int64_t tokens) {
  for (Gauge& gauge : gauges_) {
    if (gauge.since != since || gauge.span != Span::sliding || gauge.learned) continue;
    // Input and output were not told apart; all of it counts for either.
    gauge.log.add(at, gauge.counts == Counted::requests ? requests : tokens);
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
    const std::int64_t amount = gauge.needed(amount_of(gauge.counts, charge));
    if (amount == 0 || amount <= (gauge.shared ? gauge.shared->room(gauge, now) : gauge.room())) continue;
    if (gauge.learned && (gauge.learned->stale(now) || (in_flight == 0 && now >= gauge.learned->probe_at()))) continue;
    good = false;
    block.add(wait_of(gauge, amount, now, calendar));
  }
  return good;
}

bool Ledger::surely_admits(const Charge& charge, int in_flight, TimePoint now, Calendar& calendar) noexcept {
  // Of what is shared, others have a say.
  if (permits_ || (concurrency_ != 0 && in_flight >= concurrency_)) return false;
  for (Gauge& gauge : gauges_) {
    gauge.turn(now, calendar);
    if (gauge.shared || amount_of(gauge.counts, charge) > gauge.room()) return false;
  }
  return true;
}

void Ledger::reserve(std::uint64_t lease, const Charge& charge, TimePoint now) noexcept {
  for (Gauge& gauge : gauges_) {
    gauge.pending += amount_of(gauge.counts, charge);
    if (gauge.shared) gauge.shared->reserve(gauge, amount_of(gauge.counts, charge));
    if (gauge.learned && now >= gauge.learned->probe_at() && gauge.room() < 0) gauge.learned->probe(lease, now);
  }
}

bool Ledger::holds(std::uint64_t lease, const Charge& charge, int in_flight, TimePoint at, Calendar& calendar) {
  if (permits_ && !permits_->holds(in_flight, at)) return false;
  for (Gauge& gauge : gauges_) {
    if (!gauge.shared || lease < gauge.since) continue;
    const std::int64_t amount = gauge.needed(amount_of(gauge.counts, charge));
    gauge.turn(at, calendar);
    if (amount != 0 && !gauge.shared->holds(gauge, amount, at)) return false;
  }
  return true;
}

void Ledger::send(std::uint64_t lease, const Charge& charge, TimePoint at, Calendar& calendar) {
  for (Gauge& gauge : gauges_) {
    if (lease < gauge.since) continue;
    const std::int64_t amount = amount_of(gauge.counts, charge);
    gauge.pending -= amount;
    gauge.send(amount, at, calendar);
    if (gauge.shared) gauge.shared->send(gauge, amount, at);
  }
}

void Ledger::give_back(std::uint64_t lease, const Charge& charge) noexcept {
  for (Gauge& gauge : gauges_) {
    if (lease < gauge.since) continue;
    gauge.pending -= amount_of(gauge.counts, charge);
    if (gauge.shared) gauge.shared->give_back(gauge, amount_of(gauge.counts, charge));
  }
}

bool Ledger::settle(std::uint64_t lease, const Charge& reserved, const Charge& actual, TimePoint sent, TimePoint now,
                    Calendar& calendar) noexcept {
  bool room = false;
  for (Gauge& gauge : gauges_) {
    if (lease < gauge.since || gauge.counts == Counted::requests) continue;
    const std::int64_t delta = amount_of(gauge.counts, actual) - amount_of(gauge.counts, reserved);
    if (delta == 0) continue;
    room = room || delta < 0;
    gauge.adjust(delta, sent, now, calendar);
    if (gauge.shared) gauge.shared->settle(gauge, delta, sent, now);
  }
  return room;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
