#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How fast others use a limit, as far as what a provider states tells: a mean of what they used between statements,
/// in which the past fades.
class BurnRate {
 public:
  /// Others used `amount` within `span`. Less than nothing where an earlier statement was rounded up. What lies
  /// `memory` back counts by 1/e.
  void add(double amount, Nanos span, Nanos memory) noexcept {
    const auto length = static_cast<double>(std::max(span, Nanos(1)).count());
    const auto fade = static_cast<double>(std::max(memory, Nanos(1)).count());
    const double keep = std::exp(-length / fade);
    amount_ = amount_ * keep + amount;
    // From the first, a statement counts among as much time without any: one request in a moment is no pace.
    time_ = (time_ == 0 ? fade / 2 : time_) * keep + length;
  }

  /// Units a nanosecond; 0 where what was seen is less than one unit in `window`, and may be rounding.
  [[nodiscard]] double pace(Nanos window) const noexcept {
    const double pace = time_ > 0 ? std::max(amount_, 0.0) / time_ : 0;
    return pace * static_cast<double>(window.count()) >= 1 ? pace : 0;
  }

  /// What they may have used beyond the mean in so long, in requests of `unit`: exceeded once in a hundred times or
  /// less, where these come independently of one another.
  [[nodiscard]] double beyond_mean(Nanos window, Nanos span, double unit) const noexcept {
    constexpr double kDeviations = 2.6;
    return kDeviations * std::sqrt(unit * pace(window) * static_cast<double>(span.count()));
  }

 private:
  double amount_ = 0;
  double time_ = 0;  ///< nanoseconds
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
