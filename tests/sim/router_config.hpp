#pragma once

#include <keywheel/config.hpp>

#include "sim/record.hpp"

namespace keywheel::sim {

/// What the Router is told of a world: what is stated, and nothing of what is true.
[[nodiscard]] RouterConfig router_config(const World& world);

}  // namespace keywheel::sim
