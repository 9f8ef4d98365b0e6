#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How many calls may hedge: each call that could adds its share, each hedge takes a whole. So never more than the
/// share of the calls hedge, and never many at once after a quiet time. Any thread.
class HedgeBudget {
 public:
  void earn(double share) noexcept {
    const std::lock_guard lock(mutex_);
    saved_ = std::min(saved_ + static_cast<std::int64_t>(std::clamp(share, 0.0, 1.0) * kWhole), kMost);
  }
  [[nodiscard]] bool take() noexcept {
    const std::lock_guard lock(mutex_);
    if (saved_ < kWhole) return false;
    saved_ -= kWhole;
    return true;
  }
  void give_back() noexcept {
    const std::lock_guard lock(mutex_);
    saved_ = std::min(saved_ + kWhole, kMost);
  }

 private:
  // Whole numbers: twenty times 0.05 must be a whole.
  static constexpr std::int64_t kWhole = 1'000'000;
  static constexpr std::int64_t kMost = 10 * kWhole;
  std::mutex mutex_{};
  std::int64_t saved_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
