#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>

namespace keywheel::sim {

/// Random numbers that are the same everywhere for the same seed.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : state_(seed) {}

  /// Dice of its own for a part of the simulation, so that what one part draws changes nothing for the others.
  [[nodiscard]] Dice fork(std::uint64_t part) const noexcept {
    Dice other(state_ ^ (part * 0xD1342543DE82EF95U));
    (void)other.next();
    return other;
  }

  [[nodiscard]] std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  /// Above 0, below 1.
  [[nodiscard]] double unit() noexcept { return (static_cast<double>(next() >> 11U) + 0.5) * 0x1.0p-53; }
  [[nodiscard]] bool chance(double p) noexcept { return p > 0 && unit() < p; }
  [[nodiscard]] std::int64_t between(std::int64_t least, std::int64_t most) noexcept {
    return least + static_cast<std::int64_t>(unit() * static_cast<double>(most - least + 1));
  }
  [[nodiscard]] double exponential(double mean) noexcept { return -std::log(unit()) * mean; }
  /// `sigma` is the spread of the logarithm.
  [[nodiscard]] double lognormal(double median, double sigma) noexcept {
    constexpr double kTwoPi = 6.283185307179586;
    const double normal = std::sqrt(-2 * std::log(unit())) * std::cos(kTwoPi * unit());
    return median * std::exp(sigma * normal);
  }

 private:
  std::uint64_t state_;
};

[[nodiscard]] inline std::chrono::nanoseconds seconds_of(double seconds) noexcept {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace keywheel::sim
