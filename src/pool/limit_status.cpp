#include <string>
#include <string_view>

#include "pool/level_name.hpp"

/// How every limit of a level stands.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

void add_limits(std::vector<LimitStatus>& to, Ledger& ledger, const Level& level, std::string_view group, int in_flight,
                TimePoint now) {
  const std::string whose(name_of(level.kind));
  for (Gauge& gauge : ledger.gauges()) {
    gauge.turn(now, *level.calendar);
    if (gauge.learned && (gauge.learned->stale(now) || gauge.known_limit() == kUnlimited)) continue;
    to.push_back({.name = gauge.name(),
                  .level = whose,
                  .group = std::string(group),
                  .limit = gauge.known_limit(),
                  .used = gauge.known_limit() < gauge.limit ? gauge.pending + gauge.own() : gauge.spent(),
                  .learned = gauge.learned != nullptr});
  }
  if (!ledger.has_concurrency()) return;
  to.push_back({.name = "concurrency",
                .level = whose,
                .group = std::string(group),
                .limit = ledger.concurrency(),
                .used = in_flight});
}

}  // namespace

void add_limits(std::vector<LimitStatus>& to, Level& level, TimePoint now) {
  add_limits(to, level.ledger, level, {}, level.in_flight, now);
  for (const auto& each : level.scoped) add_limits(to, each->ledger, level, each->name, each->in_flight, now);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
