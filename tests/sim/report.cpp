#include "sim/report.hpp"

#include <keywheel/error.hpp>

#include <fmt/format.h>

namespace keywheel::sim {

std::string table_head() {
  return fmt::format("{:<14} {:>4} {:>9} {:>9} {:>9} {:>9} {:>7} {:>8} {:>7} {:>7} {:>8} {:>6} {:>6}  {}\n", "scenario",
                     "seed", "offered", "answered", "away", "sent", "429s", "429s %", "faults", "used %", "wait s",
                     "max s", "took s", "");
}

std::string table_line(const Scenario& scenario, const Outcome& outcome) {
  const Tally& tally = outcome.tally;
  const auto away = tally.failed[static_cast<std::size_t>(ErrorKind::rate_limited)] +
                    tally.failed[static_cast<std::size_t>(ErrorKind::quota_exhausted)];
  return fmt::format(
      "{:<14} {:>4} {:>9} {:>9} {:>9} {:>9} {:>7} {:>8.3f} {:>7} {:>7.2f} {:>8.2f} {:>6.1f} {:>6.1f}  {}\n",
      scenario.name, outcome.seed, tally.offered, tally.answered, away, tally.sent, tally.refused,
      100 * outcome.refused(), tally.faults, 100 * outcome.used(), outcome.median_wait, outcome.longest_wait,
      outcome.took, outcome.good() ? "good" : "BAD");
}

std::string complaint(const Scenario& scenario, const Outcome& outcome, const std::string& replay) {
  if (outcome.good()) return {};
  std::string text = fmt::format("{}, seed {}: {} violations, {} targets missed. Again: {}\n", scenario.name,
                                 outcome.seed, outcome.violations_in_all, outcome.missed.size(), replay);
  for (const std::string& each : outcome.missed) text += fmt::format("  missed: {}\n", each);
  for (const std::string& each : outcome.violations) text += fmt::format("  {}\n", each);
  if (outcome.violations_in_all > outcome.violations.size()) {
    text += fmt::format("  … and {} more\n", outcome.violations_in_all - outcome.violations.size());
  }
  return text;
}

}  // namespace keywheel::sim
