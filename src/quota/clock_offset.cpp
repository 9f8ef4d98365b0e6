#include "quota/clock_offset.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Parts of a million by which two clocks may drift apart while both are being slewed: NTP allows 500 each.
constexpr std::int64_t kDrift = 1000;
/// The store's clock shows whole microseconds.
constexpr Nanos kTick = std::chrono::microseconds(1);

}  // namespace

Nanos ClockOffset::drift(TimePoint now) const noexcept {
  return now > at_ ? Nanos((now - at_).count() / 1'000'000 * kDrift) + Nanos(1000) : Nanos(0);
}

bool ClockOffset::sample(TimePoint sent, TimePoint received, StoreTime shown) noexcept {
  const Nanos low = Nanos(shown) - received.time_since_epoch();
  const Nanos high = Nanos(shown) + kTick - sent.time_since_epoch();
  const bool first = !known_;
  const Nanos grown = drift(received);
  if (!first && (low > high_ + grown || high < low_ - grown)) {
    *this = {};
    return false;
  }
  low_ = first ? low : std::max(low, low_ - grown);
  high_ = first ? high : std::min(high, high_ + grown);
  at_ = received;
  known_ = true;
  return true;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
