#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <keywheel/credential_pool.hpp>

namespace keywheel::testing {

/// Finds the most that any window of a length holds, by trying every start that matters.
class WindowChecker {
 public:
  void add(TimePoint at, std::int64_t amount) { sent_.push_back({at, amount}); }

  /// Most within any half-open window of `length`.
  [[nodiscard]] std::int64_t most(std::chrono::nanoseconds length) const {
    std::int64_t most = 0;
    std::int64_t sum = 0;
    std::size_t begin = 0;
    for (const auto& [at, amount] : sent_) {
      sum += amount;
      while (at - sent_[begin].at >= length) sum -= sent_[begin++].amount;
      most = std::max(most, sum);
    }
    return most;
  }
  [[nodiscard]] std::int64_t total() const {
    std::int64_t sum = 0;
    for (const auto& each : sent_) sum += each.amount;
    return sum;
  }

 private:
  struct Sent {
    TimePoint at;
    std::int64_t amount;
  };
  std::vector<Sent> sent_{};
};

}  // namespace keywheel::testing
