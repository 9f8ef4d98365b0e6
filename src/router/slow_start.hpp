#pragma once

#include <algorithm>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Lets traffic come back little by little: each answer makes place for one attempt more, so that what is in flight
/// doubles from answer to answer; each failure halves it.
class SlowStart {
 public:
  void begin(int places) noexcept { places_ = std::max(places, 1); }
  [[nodiscard]] bool full(int in_flight) const noexcept { return places_ != 0 && in_flight >= places_; }
  void answered() noexcept {
    if (places_ != 0 && ++places_ > kEnough) places_ = 0;
  }
  void failed() noexcept {
    if (places_ != 0) places_ = std::max(places_ / 2, 1);
  }

 private:
  static constexpr int kEnough = 64;  ///< whoever bears so many bears what comes
  int places_ = 0;                    ///< 0: as many as come
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
