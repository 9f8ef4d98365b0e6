#include <map>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "support/verdict_transport.hpp"

/// Which service of several goes first.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

struct TwoServices : VerdictRouter {
  explicit TwoServices(Rotation balance, SimProvider::Travel travel = {})
      : VerdictRouter({"sk-a-one"}, std::move(travel)) {
    add("other", {"sk-b-one"});
    config.balance = balance;
  }
  std::map<std::string, int> tally(int calls) {
    std::map<std::string, int> counts;
    for (int i = 0; i < calls; ++i) {
      const auto reply = chat();
      ++counts[reply ? reply->service : "none"];
    }
    return counts;
  }
};

}  // namespace

TEST_CASE("least used among services: by what is left of their quota, not by what they have served",
          "[router][balance]") {
  TwoServices sim(Rotation::least_used);
  sim.config.services[0].limits.rpm = 100;
  sim.config.services[1].limits.rpm = 300;
  auto counts = sim.tally(200);
  CHECK(counts["main"] >= 45);
  CHECK(counts["main"] <= 55);
}

TEST_CASE("lowest cost: the cheaper service first, the other while it is out", "[router][balance]") {
  TwoServices sim(Rotation::lowest_cost);
  sim.config.services[0].prices["test-model"] = {.input = 3, .output = 15};
  sim.config.services[1].prices["*"] = {.input = 1, .output = 4};
  CHECK(sim.tally(5)["other"] == 5);
  sim.provider.script("sk-b-one", verdict(FailureClass::rate, Scope::key, 60s, 429));
  CHECK(sim.tally(3)["main"] == 3);

  SECTION("one without a price goes last; of equals, either") {
    TwoServices unknown(Rotation::lowest_cost);
    unknown.config.services[1].prices["test-model"] = {.input = 100};
    CHECK(unknown.tally(5)["other"] == 5);
    TwoServices equal(Rotation::lowest_cost);
    CHECK(equal.tally(40).size() == 2);
  }
  SECTION("but priorities come before") {
    TwoServices prior(Rotation::lowest_cost);
    prior.config.services[0].prices["test-model"] = {.input = 3};
    prior.config.services[1].prices["test-model"] = {.input = 1};
    prior.config.services[1].priority = 1;
    CHECK(prior.tally(3)["main"] == 3);
  }
}

TEST_CASE("lowest latency among services: the quicker, after each has been tried", "[router][balance]") {
  TwoServices sim(Rotation::lowest_latency);
  sim.provider.script("sk-a-one", {.delay = 800ms});
  sim.provider.script("sk-b-one", {.delay = 50ms});
  auto counts = sim.tally(20);
  CHECK(counts["main"] >= 1);
  CHECK(counts["main"] <= 4);
}

TEST_CASE("among services, a weight of a thousandth is honoured", "[router][balance]") {
  TwoServices sim(Rotation::random);
  sim.config.services[1].weight = 0.001;
  auto counts = sim.tally(3000);
  CHECK(counts["other"] <= 12);
  CHECK(counts["main"] >= 2988);
}
