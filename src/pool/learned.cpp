#include "pool/learned.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// What was heard of a limit is believed for so many of its windows, within these bounds.
constexpr int kBelievedWindows = 10;
constexpr Nanos kLeastBelieved = minutes(10);
constexpr Nanos kMostBelieved = hours(25);
constexpr Nanos kFirstProbe = minutes(1);
constexpr Nanos kLongestProbePause = hours(1);

/// Others leave at least so much of what a bucket refills.
constexpr double kMostOfRefill = 0.9;

/// Below, a rounded reset tells nothing of a bucket.
constexpr Nanos kTelling = seconds(4);

double count(Nanos span) noexcept { return static_cast<double>(span.count()); }

}  // namespace

void Learned::weigh(const Statement& s) noexcept {
  constexpr Nanos kRounding = milliseconds(1500);  // resets are rounded, by some to the second
  constexpr double kNearlyAll = 0.85;
  if (s.full == kNever || s.limit <= 0) return;
  // A bucket is full again after the part of its window that is used.
  const double expected =
      static_cast<double>(s.window.count()) * static_cast<double>(s.used) / static_cast<double>(s.limit);
  // Any window that is nearly used up is full again after nearly all of it.
  const bool telling = expected >= count(kTelling) && expected <= kNearlyAll * count(s.window);
  if (telling) {
    // A part of a unit that is used counts as one, so a reset may be sooner by so much.
    const double early = expected - count(s.full - s.at);
    const double rounding = std::max(count(kRounding), 0.05 * expected);
    const double unit = count(s.window) / static_cast<double>(s.limit);
    const double chance = (2 * rounding + unit) / count(s.window);
    const bool fits = early >= -rounding && early <= rounding + unit;
    bucket_ = fits ? std::min(bucket_ - std::log2(std::min(chance, 1.0)), kSureBits) : 0;
  }
  // A fixed window ends at one time, whenever one asks; then at the next.
  const Nanos moved = s.full > end_ ? s.full - end_ : end_ - s.full;
  if (moved <= kRounding) {
    if (s.at - end_since_ >= kTelling) fixed_ = true;
    return;
  }
  if (s.at < end_ - kRounding) fixed_ = false;
  end_ = s.full;
  end_since_ = s.at;
}

void Learned::take(const Statement& statement) noexcept {
  lease_ = statement.lease;
  const TimePoint before = std::exchange(sent_, statement.sent);
  const Nanos believed = std::clamp(statement.window * kBelievedWindows, kLeastBelieved, kMostBelieved);
  expires_ = later(statement.at, believed);
  if (!statement.has_remaining) {
    last_.limit = statement.limit;
    return;
  }
  weigh(statement);
  watch_others(statement);
  last_ = statement;
  // Of requests sent shortly one after the other, the later may have been counted first.
  const bool close = statement.sent - before <= statement.jitter;
  held_ = std::max(static_cast<double>(statement.used), close ? held_at_least(statement.at) : 0);
  held_at_ = statement.at;
  overtaken_ = statement.overtaken;
  // As stated, where a rounded reset tells it.
  const Nanos to_full = statement.full == kNever ? Nanos(0) : statement.full - statement.at;
  refill_ = statement.used > 0 && to_full >= kTelling
                ? static_cast<double>(statement.used) / count(to_full)
                : static_cast<double>(statement.limit) / count(std::max(statement.window, Nanos(1)));
  full_ = std::min(statement.full, statement.turns);
  others_ = std::max<std::int64_t>(statement.used - (fixed() ? statement.own_in_fixed : statement.own), 0);
  if (statement.used < statement.limit || statement.window <= kFirstProbe || refills()) {
    probe_at_ = kNever;
    probe_pause_ = Nanos(0);
  } else if (probe_at_ == kNever) {
    probe_pause_ = kFirstProbe;
    probe_at_ = later(statement.at, probe_pause_);
  }
}

void Learned::take_late(std::int64_t used, std::int64_t flying, TimePoint now) noexcept {
  if (!refills() || last_.limit == 0) return;
  held_ = std::max(held_at_least(now), static_cast<double>(used));
  held_at_ = now;
  overtaken_ = std::min(overtaken_, flying);
}

void Learned::watch_others(const Statement& s) noexcept {
  if (s.calendar) return;
  const auto used = static_cast<double>(s.used);
  const Nanos elapsed = s.sent - last_.sent;
  const bool first = !last_.has_remaining || last_.limit == 0;
  if (refills()) {
    if (first) return;
    const double kept = static_cast<double>(last_.used) - refill_ * count(elapsed);
    burn_.add(used - std::max(kept, 0.0) - static_cast<double>(s.own_since), elapsed, s.window);
  } else if (!fixed()) {
    burn_ = {};
    burn_.add(std::max(used - static_cast<double>(s.own), 0.0), s.window, s.window);
  } else if (!first && s.at < full_) {
    burn_.add(used - static_cast<double>(last_.used + s.own_since), elapsed, s.window);
  } else if (s.full != kNever) {
    burn_.add(used - static_cast<double>(s.own_in_fixed), s.window - (s.full - s.at), s.window);
  }
}

std::int64_t Learned::margin(TimePoint now) const noexcept {
  if (last_.calendar || now >= foreseen_until() || burn_.pace(last_.window) <= 0) return 0;
  const Nanos since = std::clamp(now - sent_, Nanos(0), last_.window);
  const auto beyond = std::llround(burn_.beyond_mean(last_.window, since, last_.unit));
  return std::min(std::max<std::int64_t>(beyond, last_.limit / 100), last_.limit / 2);
}

double Learned::held_at_least(TimePoint now) const noexcept {
  return std::max(held_ - refill_ * count(now - held_at_), 0.0);
}

double Learned::in_bucket(TimePoint now) const noexcept {
  if (now >= foreseen_until() && !last_.calendar) return 0;
  const double others = last_.calendar ? 0 : std::min(burn_.pace(last_.window), kMostOfRefill * refill_);
  const double held = held_ + static_cast<double>(overtaken_);
  return std::max(held - (refill_ - others) * count(now - held_at_), 0.0);
}

/// Where we have reached our part of a fixed window, no answer tells how others go on; at their pace, as far as is
/// known.
std::int64_t Learned::in_fixed(TimePoint now) const noexcept {
  if (now >= foreseen_until()) return 0;
  const bool same = now < full_;
  const Nanos since = same ? now - last_.at : (now - full_) % last_.window;
  const double more = burn_.pace(last_.window) * count(std::max(since, Nanos(0)));
  return (same ? others_ : 0) + static_cast<std::int64_t>(std::ceil(more)) + margin(now);
}

std::int64_t Learned::external(TimePoint now, const Own& own) const noexcept {
  if (doubted_) return 0;
  if (refills()) {
    const auto left = static_cast<std::int64_t>(std::ceil(in_bucket(now)));
    const std::int64_t beyond = left + own.after + margin(now) - own.sent;
    return beyond;
  }
  if (fixed() && !last_.calendar) return in_fixed(now);
  const bool over = now >= full_ || (last_.calendar && own.period != last_.period);
  return over ? 0 : others_ + margin(now);
}

TimePoint Learned::refilled(std::int64_t most, std::int64_t after, TimePoint now) const noexcept {
  const auto bound = static_cast<double>(most - after - margin(now));
  const double left = in_bucket(now);
  if (doubted_ || left <= bound) return now;
  const TimePoint latest = last_.calendar ? kNever : foreseen_until();
  if (bound < 0) return latest;
  const double fall = (left - in_bucket(now + milliseconds(1))) / count(milliseconds(1));
  const double wait = (left - bound) / std::max(fall, 1e-17);
  return std::min(latest, later(now, Nanos(static_cast<std::int64_t>(std::min(wait, 1e17)) + 1)));
}

TimePoint Learned::forgets(TimePoint now) const noexcept {
  if (!fixed() || last_.calendar) return others_ + margin(now) > 0 && now < full_ ? full_ : kNever;
  if (in_fixed(now) == 0) return kNever;
  const TimePoint turn = now < full_ ? full_ : now + (last_.window - (now - full_) % last_.window);
  return std::min(turn, foreseen_until());
}

void Learned::probe(std::uint64_t lease, TimePoint now) noexcept {
  probe_ = lease;
  probe_pause_ = std::min(probe_pause_ * 2, kLongestProbePause);
  probe_at_ = later(now, probe_pause_);
}

void Learned::refused_all_the_same(std::int64_t amount, std::int64_t own, bool crowd, Nanos window, TimePoint now) {
  found_.refused(amount, own, crowd, window, now);
  expires_ = std::max(expires_, later(now, kMostBelieved));
}

bool Learned::served(std::uint64_t lease, std::int64_t limit, Nanos window, TimePoint now) noexcept {
  const bool raised = found_.served(limit, window, now);
  if (probe_ == 0 || probe_ != lease) return raised;
  doubted_ = true;
  probe_at_ = kNever;
  return true;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
