#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Draws one of n leaves, each as often as its weight says; a changed weight costs log n, and so does a draw.
class Lottery {
 public:
  explicit Lottery(std::size_t leaves) : sums_(2 * std::bit_ceil(leaves < 2 ? std::size_t{2} : leaves)) {}

  void set(std::uint32_t leaf, double weight) noexcept {
    std::size_t i = sums_.size() / 2 + leaf;
    if (sums_[i] == weight) return;
    sums_[i] = weight;
    // Added up anew instead of corrected, so that rounding leaves nothing behind.
    while ((i /= 2) != 0) sums_[i] = sums_[2 * i] + sums_[2 * i + 1];
  }

  [[nodiscard]] double weight(std::uint32_t leaf) const noexcept { return sums_[sums_.size() / 2 + leaf]; }
  /// Of all weights.
  [[nodiscard]] double total() const noexcept { return sums_[1]; }

  /// Whose part of the total `at` falls into. There is one: the total is not 0.
  [[nodiscard]] std::uint32_t draw(double at) const noexcept {
    std::size_t i = 1;
    while (i < sums_.size() / 2) {
      i *= 2;
      if (at < sums_[i] || sums_[i + 1] == 0) continue;
      at -= sums_[i];
      ++i;
    }
    return static_cast<std::uint32_t>(i - sums_.size() / 2);
  }

 private:
  std::vector<double> sums_;  ///< [1] is the total, [i] that of [2i] and [2i+1]; the leaves are the second half
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
