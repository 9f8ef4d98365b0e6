#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <keywheel/credential_pool.hpp>

namespace keywheel::sim {

/// What happened within one stretch of time.
struct Bucket {
  std::uint64_t offered = 0;
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;      ///< 429s
  std::uint64_t turned_away = 0;  ///< calls that found no room in time
};

/// The figures of a run.
struct Tally {
  static constexpr std::size_t kBuckets = 144;

  TimePoint start{};
  std::chrono::nanoseconds length{1};
  std::vector<Bucket> buckets = std::vector<Bucket>(kBuckets);

  std::uint64_t offered = 0;
  std::uint64_t answered = 0;
  std::uint64_t given_up = 0;
  std::array<std::uint64_t, 32> failed{};  ///< by ErrorKind
  std::uint64_t sent = 0;
  std::uint64_t served = 0;
  std::uint64_t refused = 0;  ///< 429s
  std::uint64_t faults = 0;   ///< 5xx, lost connections
  std::int64_t tokens = 0;    ///< as the provider charged them
  double cost = 0;
  std::vector<std::uint64_t> by_tenant{};  ///< answered
  std::vector<float> waits{};              ///< seconds from a call's start to each sending

  [[nodiscard]] Bucket& at(TimePoint now) noexcept {
    const auto i = static_cast<std::size_t>((now - start) * static_cast<std::int64_t>(kBuckets) / length);
    return buckets[i < kBuckets ? i : kBuckets - 1];
  }
};

}  // namespace keywheel::sim
