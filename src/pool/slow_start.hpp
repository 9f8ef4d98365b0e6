#pragma once

#include <algorithm>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Lets traffic come back little by little: each answer makes place for one attempt more, so that what is in flight
/// doubles from answer to answer; each failure halves it.
class SlowStart {
 public:
  void begin(int places) noexcept { places_ = std::max(places, 1); }
  [[nodiscard]] bool full(int in_flight) const noexcept { return places_ != 0 && in_flight >= places_; }
  [[nodiscard]] int places() const noexcept { return places_; }  ///< 0: as many as come
  void answered() noexcept {
    if (places_ != 0 && ++places_ > kEnough) places_ = 0;
  }
  void failed() noexcept {
    if (places_ != 0) places_ = std::max(places_ / 2, 1);
  }

 private:
  static constexpr int kEnough = 64;  ///< whoever bears so many bears what comes
  int places_ = 0;
};

/// What keeps the traffic of one account from growing faster than its provider allows after it was idle.
struct Growth {
  bool limited = false;  ///< the provider limits it
  SlowStart ramp{};
  TimePoint active_at = TimePoint::min();  ///< when an attempt began or ended last

  /// An attempt begins, beside so many.
  void begin(int in_flight, TimePoint now) noexcept {
    constexpr std::chrono::seconds kIdle{60};
    constexpr int kPlaces = 16;
    if (in_flight == 0 && now >= later(active_at, kIdle)) ramp.begin(kPlaces);
    active_at = now;
  }
  void end(bool answered, bool refused, TimePoint now) noexcept {
    if (answered) ramp.answered();
    if (refused) ramp.failed();
    active_at = now;
  }
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
