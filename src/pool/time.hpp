#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <keywheel/credential_pool.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

using Nanos = std::chrono::nanoseconds;

/// Stands for "not by itself".
inline constexpr TimePoint kNever = TimePoint::max();

/// `t + by` without overflow, whatever a provider states.
[[nodiscard]] constexpr TimePoint later(TimePoint t, Nanos by) noexcept {
  if (by.count() <= 0) return t;
  return t > kNever - by ? kNever : t + by;
}

/// Milliseconds to nanoseconds without overflow; at most a year and a day.
[[nodiscard]] constexpr Nanos bounded(std::chrono::milliseconds ms) noexcept {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 366);
  return std::clamp(ms, std::chrono::milliseconds(0), kLongest);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
