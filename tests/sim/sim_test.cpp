#include <cstdint>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "sim/audit.hpp"
#include "sim/report.hpp"
#include "sim/run.hpp"
#include "sim/scenario.hpp"
#include "sim/true_limit.hpp"

using namespace keywheel;
using namespace keywheel::sim;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint at(std::chrono::nanoseconds time) { return TimePoint(1h + time); }

}  // namespace

TEST_CASE("the short form of a scenario keeps every promise", "[sim]") {
  const std::string_view name =
      GENERATE(as<std::string_view>{}, "stated", "bursty", "diurnal", "tenants", "headers", "headers-groq",
               "headers-models", "headers-late", "headers-partial", "headers-wrong", "burn-10", "burn-30", "one-org",
               "one-org-named", "tokens-ahead", "tokens-used", "tokens-brief", "budgets", "outages", "patience");
  DYNAMIC_SECTION(name) {
    // Long enough for what must never happen; what must happen on the average is for the full form.
    const Scenario scenario = make_scenario(name, 0.1, 0.2);
    const sim::Outcome outcome = run(scenario, 1);
    INFO(table_head() << table_line(scenario, outcome));
    INFO(complaint(scenario, outcome, "keywheel-sim --size 0.1 --hours 0.2 --scenario " + scenario.name));
    CHECK(outcome.violations_in_all == 0);
    if (scenario.targets.refused == 0.0) CHECK(outcome.tally.refused == 0);
    CHECK(outcome.tally.answered > 30);
  }
}

TEST_CASE("a seed does the same again, and another one does not", "[sim]") {
  const Scenario scenario = make_scenario("outages", 0.1, 1);
  const std::uint64_t first = run(scenario, 5).digest;
  CHECK(run(scenario, 5).digest == first);
  CHECK(run(scenario, 6).digest != first);
}

TEST_CASE("a window watch finds what is over in any window", "[sim]") {
  WindowWatch watch(3, 1s);
  CHECK(watch.add(at(0ms), 1) == 1);
  CHECK(watch.add(at(900ms), 1) == 2);
  CHECK(watch.add(at(999ms), 1) == 3);
  CHECK(watch.add(at(1000ms), 1) == 3);
  CHECK(watch.add(at(1001ms), 1) == 4);
}

TEST_CASE("a true limit that slides frees what it held a window ago", "[sim]") {
  TrueLimit limit({.kind = WindowKind::sliding, .limit = 2, .window = 10s}, 0ns);
  limit.charge(1, at(0s));
  limit.charge(1, at(4s));
  CHECK_FALSE(limit.admits(1, at(9s)));
  CHECK(limit.until_room(1, at(9s)) == 1s);
  CHECK(limit.until_full(at(9s)) == 5s);
  CHECK(limit.admits(1, at(10s)));
  CHECK_FALSE(limit.admits(2, at(10s)));
}

TEST_CASE("a fixed window is full again when it turns", "[sim]") {
  // Windows begin at 3 s, 13 s, …: an hour is a whole number of them.
  TrueLimit limit({.kind = WindowKind::fixed, .limit = 2, .window = 10s}, 7s);
  limit.charge(2, at(12s));
  CHECK(limit.remaining(at(12s)) == 0);
  CHECK(limit.until_room(1, at(12s)) == 1s);
  CHECK(limit.remaining(at(13s)) == 2);
}

TEST_CASE("a bucket fills all the time and not beyond its size", "[sim]") {
  TrueLimit limit({.kind = WindowKind::bucket, .limit = 4, .window = 8s}, 0ns);
  limit.charge(4, at(0s));
  CHECK(limit.remaining(at(1999ms)) == 0);
  CHECK(limit.remaining(at(2s)) == 1);
  CHECK(limit.until_room(2, at(3s)) == 1s);
  CHECK(limit.until_full(at(3s)) == 5s);
  CHECK(limit.remaining(at(100s)) == 4);
}

TEST_CASE("there is no scenario of another name", "[sim]") {
  CHECK_THROWS_AS(make_scenario("nope"), std::invalid_argument);
}
