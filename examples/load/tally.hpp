#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <keywheel/keywheel.hpp>

/// Exact percentiles (nearest rank) of some times, in milliseconds.
struct Percentiles {
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double max = 0;
};

/// Nothing when there are no times.
[[nodiscard]] std::optional<Percentiles> percentiles(std::vector<double> times);

/// What the calls came to. Any thread.
class Tally {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Tally(std::uint64_t requests);

  /// A call ended. `first` is the time of its first event.
  void add(const keywheel::Result<keywheel::ChatResponse>& reply, Clock::time_point began,
           std::optional<Clock::time_point> first);

  struct Counts {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::map<keywheel::ErrorKind, std::uint64_t> errors{};
    std::vector<double> latency_ms{};  ///< of calls that succeeded
    std::vector<double> ttft_ms{};

    [[nodiscard]] std::uint64_t ended() const noexcept { return succeeded + failed; }
  };
  [[nodiscard]] Counts counts() const;

  /// Waits until so many calls have ended, at most for `patience`. How many have.
  std::uint64_t wait_for(std::uint64_t ended, std::chrono::nanoseconds patience) const;

 private:
  mutable std::mutex mutex_{};
  mutable std::condition_variable changed_{};
  Counts counts_{};
};
