#include "sim/run.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "router/core.hpp"
#include "sim/audit.hpp"
#include "sim/callers.hpp"
#include "sim/providers.hpp"
#include "sim/record.hpp"
#include "sim/router_config.hpp"

namespace keywheel::sim {
namespace {

/// Long enough for what is under way to end, and for every window of a minute to empty.
constexpr std::chrono::minutes kQuiet{40};

/// Tells the audit of every state that a credential comes into: most rests are over long before somebody looks.
class Watcher final : public Observer {
 public:
  Watcher(Audit& audit, const testing::SimRuntime& runtime) : audit_(audit), runtime_(runtime) {}
  void on_credential_changed(const CredentialChanged& event) override {
    audit_.changed(event.credential, event.state, event.reason, runtime_.now());
  }

 private:
  Audit& audit_;
  const testing::SimRuntime& runtime_;
};

void check_targets(const Scenario& scenario, Outcome& outcome) {
  const Targets& targets = scenario.targets;
  const auto miss = [&](std::string what) { outcome.missed.push_back(std::move(what)); };
  if (targets.refused && outcome.refused() > *targets.refused) {
    miss(fmt::format("{:.3f} % of what was sent got a 429; at most {:.3f} % may", 100 * outcome.refused(),
                     100 * *targets.refused));
  }
  if (const double each =
          static_cast<double>(outcome.tally.refused) / std::max(1.0, static_cast<double>(outcome.tally.answered));
      targets.refused_per_answer && each >= *targets.refused_per_answer) {
    miss(fmt::format("{:.3f} 429s an answer; fewer than {:.3f} may be", each, *targets.refused_per_answer));
  }
  if (targets.used && outcome.used() < *targets.used) {
    miss(fmt::format("{:.2f} % of what is allowed was used; at least {:.2f} % must be", 100 * outcome.used(),
                     100 * *targets.used));
  }
  if (targets.fair) {
    double shares = 0;
    for (const TenantSpec& tenant : scenario.load.tenants) shares += tenant.share;
    for (std::size_t i = 0; i < scenario.load.tenants.size(); ++i) {
      const TenantSpec& tenant = scenario.load.tenants[i];
      const double due = std::min(tenant.share / shares * static_cast<double>(outcome.tally.answered),
                                  tenant.part * static_cast<double>(outcome.tally.offered));
      const double got = static_cast<double>(outcome.tally.by_tenant[i]) / due;
      if (got < *targets.fair) miss(fmt::format("tenant {} got {:.1f} % of its share", tenant.name, 100 * got));
    }
  }
}

}  // namespace

Outcome run(const Scenario& scenario, std::uint64_t seed) {
  const auto began = std::chrono::steady_clock::now();
  const std::chrono::sys_time<std::chrono::milliseconds> midnight(std::chrono::hours(24) * 20'000);
  testing::SimRuntime::Options options{.seed = seed};
  options.wall_start = midnight + std::chrono::floor<std::chrono::milliseconds>(seconds_of(scenario.starts_at * 3600));

  Outcome outcome{.seed = seed, .allowed = allowed(scenario)};
  World world = make_world(scenario, seed);
  const Nanos length = seconds_of(scenario.hours * 3600);
  outcome.tally.start = options.start;
  outcome.tally.length = length;
  Audit audit(world, options.wall_start, options.start);
  Providers providers(world, audit, outcome.tally, options.start, options.wall_start);
  auto runtime = std::make_shared<testing::SimRuntime>(providers, options);
  {
    RouterConfig config = router_config(world);
    config.observer = std::make_shared<Watcher>(audit, *runtime);
    auto core = detail::RouterCore::create(std::move(config),
                                           {{.runtime = runtime,
                                             .stop =
                                                 [runtime] {
                                                   runtime->run_until_idle();
                                                   runtime->end();
                                                 }}},
                                           seed)
                    .value();
    Router router = detail::RouterAccess::make(std::move(core));
    Callers callers(world, audit, outcome.tally, *runtime, router);
    const TimePoint end = options.start + length;
    constexpr std::chrono::minutes kLook{10};
    for (TimePoint now = options.start; now < end;) {
      now = std::min<TimePoint>(now + kLook, end);
      callers.call_until(now);
      audit.look(router.stats(), now);
    }
    runtime->run_until(end + kQuiet);
    audit.finish(router.stats(), runtime->now());
    if (runtime->exchanges() != 0) outcome.missed.push_back("requests were under way at the end");
  }
  outcome.violations = audit.violations();
  outcome.violations_in_all = audit.violations_in_all();
  outcome.digest = audit.digest();
  std::vector<float>& waits = outcome.tally.waits;
  if (!waits.empty()) {
    const auto middle = waits.begin() + static_cast<std::ptrdiff_t>(waits.size() / 2);
    std::nth_element(waits.begin(), middle, waits.end());
    outcome.median_wait = static_cast<double>(*middle);
    outcome.longest_wait = static_cast<double>(*std::max_element(waits.begin(), waits.end()));
    waits = {};
  }
  check_targets(scenario, outcome);
  outcome.took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return outcome;
}

}  // namespace keywheel::sim
