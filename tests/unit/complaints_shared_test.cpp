#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "pool/random.hpp"
#include "unit/shared_pools.hpp"

/// As complaints_cooldown_test.cpp: limits and rests that several processes share, and that outlive them.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

TEST_CASE("a rest survives the process that found it", "[complaints][13]") {
  SharedStore store;
  TimePoint now(1000s);
  {
    Node node(store, "before", {}, now, StoreLoss::share, 2);
    REQUIRE(node.call_soon(now));
    REQUIRE(node.call(now, PoolFixture::failed(FailureClass::quota, Scope::key, 5h, 402)));
    REQUIRE(node.call(now, PoolFixture::failed(FailureClass::auth, Scope::key, {}, 401)));
    node.settle(now);
  }
  now += 10min;
  Node node(store, "after", {}, now, StoreLoss::share, 2);
  node.settle(now);
  int exhausted = 0;
  int disabled = 0;
  for (const CredentialStatus& each : node.pool->status(now)) {
    exhausted += each.state == CredentialState::exhausted ? 1 : 0;
    disabled += each.state == CredentialState::disabled ? 1 : 0;
  }
  CHECK(exhausted == 1);
  CHECK(disabled == 1);
  CHECK_FALSE(node.call(now));
}

TEST_CASE("of 24 that are allowed, 24 are sent, however many fail or are taken back meanwhile", "[complaints][31]") {
  SharedStore store;
  TimePoint now(1000s);
  std::vector<std::unique_ptr<Node>> nodes;
  for (const char* name : {"a", "b", "c"}) {
    nodes.push_back(std::make_unique<Node>(store, name, Limits{.max_requests = 24, .guard = 0ms}, now));
  }
  detail::Random random(4);
  int sent = 0;
  for (const TimePoint end = now + 20s; now < end; now += 1ms) {
    for (auto& node : nodes) {
      node->talk(now, 3);
      auto answer = node->ask(now);
      auto* lease = std::get_if<Lease>(&answer);
      if (lease == nullptr) continue;
      if (random.below(3) == 0) continue;  // taken back before it was sent
      node->pool->sent(*lease, now);
      ++sent;
      const bool good = random.below(2) == 0;
      node->pool->report(std::move(*lease),
                         good ? Outcome::success() : PoolFixture::failed(FailureClass::server, Scope::service, {}, 500),
                         now);
    }
  }
  CHECK(sent == 24);
}

TEST_CASE("replicas, however many come and go, keep to one limit and use it", "[complaints][31][32]") {
  SharedStore store;
  TimePoint now(1000s);
  const Limits limits{.rpm = 60, .guard = 0ms};
  std::vector<std::unique_ptr<Node>> nodes;
  WindowChecker checker;
  int begun = 0;
  for (const TimePoint end = now + 10min; now < end; now += 5ms) {
    const auto replicas = static_cast<std::size_t>(2 + (now.time_since_epoch() / 1min) % 4);
    while (nodes.size() < replicas)
      nodes.push_back(std::make_unique<Node>(store, "replica " + std::to_string(++begun), limits, now));
    while (nodes.size() > replicas) nodes.erase(nodes.begin());  // killed
    for (auto& node : nodes) {
      node->talk(now, 20, 2ms);
      while (node->call(now)) checker.add(now, 1);
    }
  }
  CHECK(checker.most(60s) <= 60);
  CHECK(checker.total() >= 10 * 60 * 85 / 100);
}
