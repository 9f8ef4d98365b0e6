#include "pool/learned.hpp"

#include <algorithm>
#include <cmath>

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

double part(TimePoint now, TimePoint from, TimePoint to) noexcept {
  if (now >= to) return 0;
  return static_cast<double>((to - now).count()) / std::max(1.0, static_cast<double>((to - from).count()));
}

}  // namespace

void Learned::weigh(const Statement& s) noexcept {
  constexpr Nanos kRounding = milliseconds(1500);  // resets are rounded, by some to the second
  constexpr Nanos kTelling = seconds(4);           // below, a rounded reset fits anything
  if (s.full == kNever || s.limit <= 0) return;
  // A bucket is full again after the part of its window that is used.
  const double expected =
      static_cast<double>(s.window.count()) * static_cast<double>(s.used) / static_cast<double>(s.limit);
  if (s.used > 0 && expected >= static_cast<double>(kTelling.count())) {
    const double off = std::abs(static_cast<double>((s.full - s.at).count()) - expected);
    const double allowed = std::max(static_cast<double>(kRounding.count()), 0.05 * expected);
    bucket_ = off <= allowed ? std::min(bucket_ + 1, kSure) : 0;
  }
  // A fixed window ends at one time, whenever one asks; then at the next.
  const Nanos moved = s.full > end_ ? s.full - end_ : end_ - s.full;
  if (moved <= kRounding) {
    if (s.at - end_since_ >= kTelling) fixed_ = kSure;
    return;
  }
  if (s.at < end_ - kRounding) fixed_ = 0;
  end_ = s.full;
  end_since_ = s.at;
}

void Learned::take(const Statement& statement) noexcept {
  lease_ = statement.lease;
  sent_ = statement.sent;
  const Nanos believed = std::clamp(statement.window * kBelievedWindows, kLeastBelieved, kMostBelieved);
  expires_ = later(statement.at, believed);
  if (!statement.has_remaining) {
    last_.limit = statement.limit;
    return;
  }
  weigh(statement);
  last_ = statement;
  full_ = std::min(statement.full, statement.turns);
  others_ = std::max<std::int64_t>(statement.used - (fixed() ? statement.own_in_fixed : statement.own), 0);
  if (others_ > 0) burnt_at_ = statement.at;
  if (fixed()) {
    // The first moments of a window tell little of a pace.
    const Nanos elapsed = statement.window - (full_ - statement.at);
    if (elapsed >= statement.window / 10) {
      pace_ = static_cast<double>(others_) / static_cast<double>(elapsed.count());
    }
  }
  if (statement.used < statement.limit || statement.window <= kFirstProbe || refills()) {
    probe_at_ = kNever;
    probe_pause_ = Nanos(0);
  } else if (probe_at_ == kNever) {
    probe_pause_ = kFirstProbe;
    probe_at_ = later(statement.at, probe_pause_);
  }
}

std::int64_t Learned::margin(TimePoint now) const noexcept {
  if (burnt_at_ == TimePoint::min() || last_.calendar || now >= later(burnt_at_, last_.window)) return 0;
  return last_.limit / 100;
}

/// Where we have reached our part of a fixed window, no answer tells how others go on; at their pace, as far as is
/// known.
std::int64_t Learned::in_fixed(TimePoint now) const noexcept {
  if (burnt_at_ == TimePoint::min() || now >= later(burnt_at_, last_.window * 2)) return 0;
  const bool same = now < full_;
  const Nanos since = same ? now - last_.at : (now - full_) % last_.window;
  const double more = pace_ * static_cast<double>(std::max(since, Nanos(0)).count());
  return (same ? others_ : 0) + static_cast<std::int64_t>(std::ceil(more)) + margin(now);
}

std::int64_t Learned::external(TimePoint now, const Own& own) const noexcept {
  if (doubted_) return 0;
  if (refills()) {
    const double left = std::ceil(static_cast<double>(last_.used) * part(now, last_.at, full_));
    const std::int64_t beyond = static_cast<std::int64_t>(left) + own.after - own.sent;
    return last_.calendar ? beyond : std::max<std::int64_t>(beyond, 0) + margin(now);
  }
  if (fixed() && !last_.calendar) return in_fixed(now);
  const bool over = now >= full_ || (last_.calendar && own.period != last_.period);
  return over ? 0 : others_ + margin(now);
}

TimePoint Learned::shrinks(std::int64_t amount, TimePoint now) const noexcept {
  if (!refills()) {
    const std::int64_t others = fixed() && !last_.calendar ? in_fixed(now) : others_ + margin(now);
    return amount <= others && now < full_ ? full_ : kNever;
  }
  if (now >= full_) return kNever;
  const double whole = static_cast<double>((full_ - last_.at).count());
  const double wait = whole * static_cast<double>(amount) / std::max(1.0, static_cast<double>(last_.used));
  // Rounded up, so that there is room by then.
  return std::min(full_, later(now, Nanos(static_cast<std::int64_t>(std::min(wait, 1e17))) + milliseconds(1)));
}

void Learned::probe(std::uint64_t lease, TimePoint now) noexcept {
  probe_ = lease;
  probe_pause_ = std::min(probe_pause_ * 2, kLongestProbePause);
  probe_at_ = later(now, probe_pause_);
}

void Learned::served(std::uint64_t lease) noexcept {
  if (probe_ == 0 || probe_ != lease) return;
  doubted_ = true;
  probe_at_ = kNever;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
