#pragma once

#include <string>
#include <vector>

#include "sim/run.hpp"

namespace keywheel::sim {

/// The head of the table, and one line a run.
[[nodiscard]] std::string table_head();
[[nodiscard]] std::string table_line(const Scenario& scenario, const Outcome& outcome);

/// What went wrong, and the command that shows it again; empty where nothing did.
[[nodiscard]] std::string complaint(const Scenario& scenario, const Outcome& outcome, const std::string& replay);

}  // namespace keywheel::sim
