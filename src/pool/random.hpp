#pragma once

#include <cstdint>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Mixes 64 bits so that each bit of the result hangs on all (splitmix64, Steele, Lea and Flood 2014).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// FNV-1a, mixed. The same on every machine, so that a session keeps its key across processes.
[[nodiscard]] constexpr std::uint64_t stable_hash(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return mix(hash);
}

/// Uniform in (0, 1).
[[nodiscard]] constexpr double unit(std::uint64_t bits) noexcept {
  return (static_cast<double>(bits >> 11U) + 0.5) * 0x1.0p-53;
}

/// splitmix64 as a generator.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
  [[nodiscard]] std::uint64_t next() noexcept {
    const std::uint64_t value = mix(state_);
    state_ += 0x9e3779b97f4a7c15U;
    return value;
  }
  /// Uniform in (0, 1).
  [[nodiscard]] double uniform() noexcept { return unit(next()); }
  /// Below `n`, which is neither 0 nor above 2^32. A multiplication takes less time than a division.
  [[nodiscard]] std::uint64_t below(std::uint64_t n) noexcept { return ((next() >> 32U) * n) >> 32U; }

 private:
  std::uint64_t state_;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
