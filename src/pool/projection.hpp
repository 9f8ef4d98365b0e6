#pragma once

#include <algorithm>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Which share of a quota will be left when its period ends, if it goes on being used at the pace so far; below 0 where
/// it would not last. `left` is the share left now. The first twentieth of a period is too short to know a pace by.
[[nodiscard]] inline double projected(double left, Nanos until_end, Nanos period) noexcept {
  const Nanos passed = std::max(period - until_end, period / 20);
  return left - (1 - left) * (static_cast<double>(until_end.count()) / static_cast<double>(passed.count()));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
