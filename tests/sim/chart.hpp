#pragma once

#include <string>

#include "sim/run.hpp"

namespace keywheel::sim {

/// An SVG picture of a run: calls offered, requests sent, what is allowed, 429s and calls turned away, over time.
[[nodiscard]] std::string chart(const Scenario& scenario, const Outcome& outcome);

}  // namespace keywheel::sim
