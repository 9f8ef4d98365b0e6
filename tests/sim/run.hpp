#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/scenario.hpp"
#include "sim/tally.hpp"

namespace keywheel::sim {

/// What came of one seed of a scenario.
struct Outcome {
  std::uint64_t seed = 1;
  Tally tally{};
  Allowed allowed{};
  std::vector<std::string> violations{};  ///< the first of them
  std::uint64_t violations_in_all = 0;
  std::vector<std::string> missed{};  ///< targets
  std::uint64_t digest = 0;           ///< of all that happened: the same for the same seed
  double median_wait = 0;             ///< seconds from the start of a call to its being sent off, of those that were
  double longest_wait = 0;
  double took = 0;  ///< seconds of real time

  [[nodiscard]] bool good() const noexcept { return violations_in_all == 0 && missed.empty(); }
  /// Of what is allowed, as the scarcer of requests and tokens has it.
  [[nodiscard]] double used() const noexcept {
    const double by_requests = allowed.requests > 0 ? static_cast<double>(tally.served) / allowed.requests : 0;
    const double by_tokens = allowed.tokens > 0 ? static_cast<double>(tally.tokens) / allowed.tokens : 0;
    return std::max(by_requests, by_tokens);
  }
  [[nodiscard]] double refused() const noexcept {
    return tally.sent == 0 ? 0 : static_cast<double>(tally.refused) / static_cast<double>(tally.sent);
  }
};

/// Runs the whole Router through the scenario under virtual time.
[[nodiscard]] Outcome run(const Scenario& scenario, std::uint64_t seed);

}  // namespace keywheel::sim
