#include "quota/quota_session.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "pool/random.hpp"
#include "unit/shared_pools.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;
using detail::MemoryRecords;

TEST_CASE("three processes use one limit whole, and never more", "[quota]") {
  Fleet fleet({.qps = 100, .guard = 20ms});
  fleet.run(1s);  // they find one another
  fleet.calls = 0;
  fleet.store.requests = 0;
  fleet.run(60s);
  CHECK(fleet.checker.most(1020ms) <= 100);
  CHECK(fleet.calls >= 60 * 97);
  CHECK(fleet.store.requests < fleet.calls / 2);
}

TEST_CASE("a process killed, a store that starts anew: still never more", "[quota]") {
  for (const StoreLoss on_loss : {StoreLoss::share, StoreLoss::refuse}) {
    Fleet fleet({.qps = 100, .guard = 20ms}, on_loss);
    fleet.run(5s);
    fleet.nodes.pop_back();
    fleet.store.up = false;
    fleet.store.records = std::make_unique<MemoryRecords>();
    fleet.run(1500ms);
    fleet.store.up = true;
    fleet.run(1s);
    fleet.start();
    fleet.calls = 0;
    fleet.run(10s);
    CHECK(fleet.checker.most(1020ms) <= 100);
    CHECK(fleet.calls >= 500);  // it goes on by itself
  }
}

TEST_CASE("without its store a process keeps to its share, after a window", "[quota]") {
  Fleet fleet({.qps = 90, .guard = 0ms});
  fleet.run(3s);
  fleet.store.up = false;
  fleet.run(5s);
  fleet.calls = 0;
  fleet.run(10s);
  CHECK(fleet.calls >= 850);
  CHECK(fleet.checker.most(1s) <= 90);
  fleet.store.up = true;  // with all that it had
  fleet.run(5s);
  CHECK(fleet.checker.most(1s) <= 90);
}

TEST_CASE("without its store, calls are refused where the config says so, and it is named", "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  Node node(store, "p", {.qps = 10}, now, StoreLoss::refuse);
  REQUIRE(node.call_soon(now));
  store.up = false;
  node.settle(now, 1, 3s);
  auto answer = node.ask(now);
  REQUIRE(std::holds_alternative<Unavailable>(answer));
  CHECK(std::get<Unavailable>(answer).kind == ErrorKind::connection);
  CHECK(std::get<Unavailable>(answer).reason == "the quota store (test) cannot be reached: down");
  store.up = true;
  node.settle(now, 1, 1s);
  CHECK(node.call_soon(now));
}

TEST_CASE("a process that never reached its store lends nothing", "[quota]") {
  SharedStore store;
  store.up = false;
  TimePoint now(1000s);
  Node node(store, "p", {}, now);
  CHECK_FALSE(node.call(now));
  node.settle(now);
  CHECK(std::get<Unavailable>(node.ask(now)).kind == ErrorKind::connection);
  store.up = true;
  node.settle(now, 0, 1s);
  CHECK(node.call(now));  // a key without limits, too
}

TEST_CASE("the store's clock may be set: tickets are void, and a window passes", "[quota]") {
  Fleet fleet({.qps = 50, .guard = 0ms});
  fleet.run(5s);
  fleet.store.clock_ahead += 10s;
  fleet.run(10s);
  fleet.store.clock_ahead -= 7s;
  fleet.calls = 0;
  fleet.run(15s);
  CHECK(fleet.checker.most(1s) <= 50);
  CHECK(fleet.calls >= 400);
}

TEST_CASE("calls that waited for the store's first answer are told of it", "[quota]") {
  SharedStore store;
  const TimePoint now(1000s);
  Node node(store, "p", {}, now);
  CHECK_FALSE(node.call(now));
  const auto exchange = [&] {
    return node.session->accept(store.exchange(node.session->request(1, false, now), now).value(), now, now);
  };
  (void)exchange();  // hello
  CHECK_FALSE(node.call(now));
  CHECK(exchange());
  CHECK(node.call(now));
}

TEST_CASE("tokens are shared as requests are, by what was used in the end", "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  const Limits limits{.tpm = 60'000, .guard = 0ms};
  std::vector<std::unique_ptr<Node>> nodes;
  for (const char* name : {"a", "b", "c"}) nodes.push_back(std::make_unique<Node>(store, name, limits, now));
  WindowChecker checker;
  detail::Random random(5);
  std::vector<std::int64_t> wanted(3, 1000);
  wanted[2] = 30'000;  // half of the limit at once
  std::int64_t large = 0;
  for (const TimePoint end = now + 600s; now < end; now += 5ms) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      nodes[i]->talk(now, 1, 5ms);
      auto answer = nodes[i]->ask(now, wanted[i]);
      auto* lease = std::get_if<Lease>(&answer);
      if (lease == nullptr) continue;
      const std::int64_t used = wanted[i] - static_cast<std::int64_t>(random.below(200));
      nodes[i]->pool->sent(*lease, now);
      checker.add(now, used);
      large += i == 2 ? 1 : 0;
      Outcome outcome = Outcome::success({.prompt_tokens = used, .completion_tokens = 0});
      nodes[i]->pool->report(std::move(*lease), outcome, now);
      wanted[i] = i == 2 ? 30'000 : 500 + static_cast<std::int64_t>(random.below(1500));
    }
  }
  CHECK(checker.most(60s) <= 60'000);
  CHECK(checker.total() >= 450'000);
  CHECK(large >= 3);  // those who need much are not starved by those who need little
}

TEST_CASE("a day's quota outlives its processes, and a kill wastes no more than a slice", "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  const Limits limits{.rpd = 1000};
  detail::Random random(3);
  int calls = 0;
  constexpr int kKills = 100;
  for (int i = 0; i < kKills; ++i) {
    Node node(store, "p" + std::to_string(i), limits, now);
    const auto most = random.below(12);
    for (std::uint64_t k = 0; k < most; ++k) {
      for (int tries = 0; tries < 50 && !node.call(now); ++tries) node.settle(now, 1, 5ms);
      ++calls;
    }
  }
  Node last(store, "last", limits, now);
  for (int idle = 0; idle < 200; ++idle) {
    if (last.call(now)) {
      ++calls;
      idle = 0;
    }
    last.settle(now, 1, 5ms);
  }
  CHECK(calls <= 1000);
  CHECK(calls >= 1000 - kKills * (1000 / 128));
  const Unavailable why = std::get<Unavailable>(last.ask(now));
  CHECK_FALSE(why.reason.empty());
  REQUIRE(why.at);
  CHECK(*why.at == TimePoint(24h));  // when the day ends

  now = TimePoint(24h + 1s);
  CHECK(last.call_soon(now));
}

TEST_CASE("a process that is killed wastes little where it used little, however slow its calls", "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  constexpr int kKills = 20;
  for (int i = 0; i < kKills; ++i) {
    Node node(store, "p" + std::to_string(i), {.rpd = 100'000}, now);
    for (int k = 0; k < 6; ++k) {
      REQUIRE(node.call_soon(now));
      node.settle(now, 1, 1s);
    }
  }
  CHECK(store.granted > kKills * 6);
  CHECK(store.granted <= kKills * (6 + 2 * 6 + 4));  // the next slice is twice what went before, the first 4
}

TEST_CASE("who leaves in good order gives back what it did not use", "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  const Limits limits{.max_requests = 40};
  int calls = 0;
  for (int i = 0; i < 60; ++i) {
    Node node(store, "p" + std::to_string(i), limits, now);
    calls += node.call_soon(now) ? 1 : 0;
    node.settle(now, 1, 20ms);
    const QuotaRequest leave = node.session->request(0, true, now);
    (void)node.session->accept(store.exchange(leave, now).value(), now, now);
  }
  CHECK(calls == 40);
}

TEST_CASE("attempts in flight are shared, and those of a killed process end with its lease", "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  const Limits limits{.concurrency = 6};
  auto a = std::make_unique<Node>(store, "a", limits, now);
  Node b(store, "b", limits, now);
  std::vector<Lease> held_by_a;
  std::vector<Lease> held_by_b;
  const auto fill = [&](Node& node, std::vector<Lease>& held) {
    for (int i = 0; i < 100; ++i) {
      auto answer = node.ask(now);
      if (auto* lease = std::get_if<Lease>(&answer)) held.push_back(std::move(*lease));
      if (a) a->talk(now, 9);
      b.talk(now, 9);
      now += 5ms;
      CHECK(held_by_a.size() + held_by_b.size() <= 6);
    }
  };
  fill(*a, held_by_a);
  CHECK(held_by_a.size() == 6);
  fill(b, held_by_b);
  CHECK(held_by_b.empty());
  for (int i = 0; i < 4; ++i) {
    a->pool->report(std::move(held_by_a.back()), Outcome::success(), now);
    held_by_a.pop_back();
  }
  for (int i = 0; i < 30; ++i) fill(b, held_by_b);
  CHECK(held_by_b.size() >= 3);
  held_by_a.clear();
  a.reset();
  for (int i = 0; i < 30; ++i) fill(b, held_by_b);
  CHECK(held_by_b.size() == 6);
}

TEST_CASE("what one process finds of a key, the others know, and so do those that start later", "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  Node a(store, "a", {}, now, StoreLoss::share, 2);
  Node b(store, "b", {}, now, StoreLoss::share, 2);
  a.settle(now);
  b.settle(now);
  const auto state = [&](Node& node, const char* id) { return node.pool->status(id, now).value().state; };

  REQUIRE(a.pool->disable("s#1", "by hand", now));
  a.settle(now);
  b.settle(now, 0, 1500ms);
  CHECK(state(b, "s#1") == CredentialState::disabled);
  CHECK(b.pool->status("s#1", now).value().reason == "by hand");

  // The only one that is left meets its limit.
  REQUIRE(b.call(now, PoolFixture::failed(FailureClass::rate, Scope::key, 60s)));
  b.settle(now);
  Node c(store, "c", {}, now, StoreLoss::share, 2);
  c.settle(now);
  CHECK(state(c, "s#1") == CredentialState::disabled);
  CHECK(state(c, "s#2") == CredentialState::cooling_down);
  CHECK_FALSE(c.call(now));

  REQUIRE(c.pool->clear("s#1", now));
  c.settle(now);
  a.settle(now, 0, 1500ms);
  CHECK(state(a, "s#1") == CredentialState::active);
  CHECK(state(a, "s#2") == CredentialState::cooling_down);

  // One model of one key.
  REQUIRE(a.call(now, PoolFixture::failed(FailureClass::model, Scope::key_model)));
  a.settle(now);
  b.settle(now, 0, 1500ms);
  CHECK_FALSE(b.call(now));
  // A store that lost its data is told again.
  store.records = std::make_unique<MemoryRecords>();
  b.settle(now, 0, 3s);
  Node d(store, "d", {}, now, StoreLoss::share, 2);
  d.settle(now);
  CHECK(state(d, "s#2") == CredentialState::cooling_down);
  CHECK_FALSE(d.call(now));
}

TEST_CASE("what was found while the store was away is told when it is back, and what was ended stays ended",
          "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  Node a(store, "a", {}, now, StoreLoss::share, 2);
  Node b(store, "b", {}, now, StoreLoss::share, 2);
  REQUIRE(a.call_soon(now));
  REQUIRE(b.call_soon(now));
  REQUIRE(a.pool->disable("s#2", "by hand", now));
  a.settle(now);
  b.settle(now, 0, 1500ms);
  const auto state = [&](Node& node, const char* id) { return node.pool->status(id, now).value().state; };
  REQUIRE(state(b, "s#2") == CredentialState::disabled);

  store.up = false;
  REQUIRE(b.pool->disable("s#1", "by hand", now));
  b.settle(now, 0, 1s);
  store.up = true;
  REQUIRE(a.pool->clear("s#2", now));
  a.settle(now, 0, 1s);
  b.settle(now, 0, 1500ms);
  a.settle(now, 0, 1500ms);
  CHECK(state(a, "s#1") == CredentialState::disabled);
  CHECK(state(a, "s#2") == CredentialState::active);
  CHECK(state(b, "s#2") == CredentialState::active);
}

TEST_CASE("names in the store hold no key", "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  Node node(store, "p", {.qps = 5, .rpd = 100, .concurrency = 3}, now);
  std::string all;
  for (int i = 0; i < 200; ++i, now += 1ms) {
    if (node.session->due(now) <= now) {
      const QuotaRequest request = node.session->request(1, false, now);
      for (const WindowAsk& each : request.windows) all += each.name + '\n';
      for (const TotalAsk& each : request.totals) all += each.name + '\n';
      for (const PermitAsk& each : request.permits) all += each.name + '\n';
      (void)node.session->accept(store.exchange(request, now).value(), now, now);
    }
    (void)node.call(now);
  }
  CHECK(all.find("/requests/1000ms\n") != std::string::npos);
  CHECK(all.find("/requests/day/0\n") != std::string::npos);
  CHECK(all.find("/concurrency\n") != std::string::npos);
  CHECK(all.find("sk-") == std::string::npos);
  CHECK(all.find("s#1") == std::string::npos);
}
