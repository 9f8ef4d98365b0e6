#pragma once

#include <chrono>
#include <cstdint>

#include <keywheel/quota.hpp>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What the store's clock shows when ours shows something, and how well that is known.
///
/// Each request tells: the store looked at its clock between our sending and our receiving. The difference lies in what
/// all of these leave, widened by what two clocks may drift apart. Where nothing is left, one of them was set.
class ClockOffset {
 public:
  /// False: a clock jumped. What was known is forgotten then.
  bool sample(TimePoint sent, TimePoint received, StoreTime shown) noexcept;

  [[nodiscard]] bool known() const noexcept { return known_; }
  /// Half of what is not known.
  [[nodiscard]] Nanos error(TimePoint now) const noexcept { return (high_ - low_) / 2 + drift(now); }

  /// Our time of the store's time, no earlier than it is.
  [[nodiscard]] TimePoint latest(StoreTime at, TimePoint now) const noexcept {
    return TimePoint(Nanos(at) - low_ + drift(now));
  }
  /// No later than it is.
  [[nodiscard]] TimePoint earliest(StoreTime at, TimePoint now) const noexcept {
    return TimePoint(Nanos(at) - high_ - drift(now));
  }
  /// The store's time of ours, no earlier than it is.
  [[nodiscard]] StoreTime store_time(TimePoint at, TimePoint now) const noexcept {
    return std::chrono::ceil<StoreTime>(at.time_since_epoch() + high_ + drift(now));
  }

 private:
  [[nodiscard]] Nanos drift(TimePoint now) const noexcept;

  bool known_ = false;
  TimePoint at_{};
  Nanos low_{0};   ///< the store's clock is ahead of ours by at least this,
  Nanos high_{0};  ///< and at most this
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
