#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <keywheel/version.hpp>

/// What a provider says of its limits: in the headers of every answer, or in the body of a refusal.

KEYWHEEL_BEGIN_NAMESPACE

/// What a limit counts.
enum class Measure : std::uint8_t {
  requests,
  tokens,  ///< input and output
  input,   ///< tokens of input
  output,  ///< tokens of output
};

/// One limit, as far as it was stated.
struct StatedLimit {
  Measure measure = Measure::requests;
  std::chrono::milliseconds window{0};  ///< its length; 0: not stated; 24 h: a day of the provider's time zone
  std::optional<std::int64_t> limit{};
  std::optional<std::int64_t> remaining{};           ///< what is in flight may be missing from it
  std::optional<std::chrono::milliseconds> reset{};  ///< from now, until all of it is free again (never: until the
                                                     ///< next request may go)
};

/// What one answer says.
struct StatedQuota {
  std::vector<StatedLimit> limits{};
  std::string organization{};  ///< the provider's id of the account that was charged; empty: not stated
  std::string project{};       ///< likewise of the project or workspace
  bool over_limit = false;     ///< served, but beyond what was promised (Fireworks: x-ratelimit-over-limit)

  [[nodiscard]] bool empty() const noexcept {
    return limits.empty() && organization.empty() && project.empty() && !over_limit;
  }
};

KEYWHEEL_END_NAMESPACE
