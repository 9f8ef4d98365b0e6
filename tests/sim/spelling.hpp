#pragma once

#include <optional>
#include <string>
#include <vector>

#include <keywheel/transport.hpp>

#include "sim/record.hpp"
#include "support/sim_runtime.hpp"

/// How each vendor says what the simulated provider has to say.

namespace keywheel::sim {

/// How one limit stands, for the headers.
struct Standing {
  Measure measure = Measure::requests;
  std::int64_t limit = 0;
  std::int64_t remaining = 0;
  Nanos reset{0};
};

enum class Refusal : std::uint8_t { rate, day, dead, broken, full };

[[nodiscard]] std::vector<HttpHeader> quota_headers(Vendor vendor, const std::vector<Standing>& standings,
                                                    WallTime wall);

/// A refusal's status, headers and body.
[[nodiscard]] testing::SimAnswer refusal(Vendor vendor, Refusal why, int status, std::optional<Nanos> retry_after);

/// An answer of one word, or a stream of some; `took` goes by from its head to its end.
[[nodiscard]] testing::SimAnswer answer(Vendor vendor, const CallSpec& call, Nanos took);

}  // namespace keywheel::sim
