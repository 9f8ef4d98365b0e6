#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "pool/pool_state.hpp"
#include "pool/random.hpp"
#include "unit/shared_pools.hpp"

/// What was lent of a shared limit and has lapsed when the request comes to the socket is not sent.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// As soon as there is one. Empty: not within ten seconds.
Lease lend_soon(Node& node, TimePoint& now, std::int64_t tokens = 0) {
  for (const TimePoint end = now + 10s; now < end; now += 1ms) {
    node.talk(now, 1);
    auto answer = node.ask(now, tokens);
    if (auto* lease = std::get_if<Lease>(&answer)) return std::move(*lease);
  }
  return {};
}

bool send(Node& node, const Lease& lease, TimePoint now) { return detail::PoolAccess::send(*node.pool, lease, now); }

void end(Node& node, Lease lease, TimePoint now, const Outcome& outcome = Outcome::success()) {
  node.pool->report(std::move(lease), outcome, now);
}

}  // namespace

TEST_CASE("a ticket that has lapsed by the time of sending is refused, and another can be had", "[quota][late]") {
  SharedStore store;
  TimePoint now(1000s);
  Node node(store, "p", {.qps = 1}, now);
  Lease lease = lend_soon(node, now);
  REQUIRE(lease);
  now += 300ms;  // as long as nobody renews it, it lasts 250
  REQUIRE_FALSE(send(node, lease, now));
  CHECK(node.pool->status("s#1", now)->requests == 0);
  end(node, std::move(lease), now, Outcome::cancelled(false));
  CHECK(node.pool->status("s#1", now)->in_flight == 0);

  const TimePoint refused = now;
  lease = lend_soon(node, now);
  REQUIRE(lease);
  CHECK(now - refused < 100ms);  // the place that was not used is free again
  CHECK(send(node, lease, now));
  CHECK(send(node, lease, now + 10s));  // said twice, it is sent once
  CHECK(node.pool->status("s#1", now)->requests == 1);
  end(node, std::move(lease), now);
}

TEST_CASE("a ticket is renewed while its request is on the way to the socket", "[quota][late]") {
  SharedStore store;
  TimePoint now(1000s);
  Node node(store, "p", {.qps = 1}, now);
  const Lease lease = lend_soon(node, now);
  REQUIRE(lease);
  node.settle(now, 0, 20s);
  CHECK(send(node, lease, now));
}

TEST_CASE("of several requests, as many are sent as have tickets that hold", "[quota][late]") {
  detail::TicketBook book;
  book.configure(1s, false);
  TimePoint now(10s);
  book.hand_in({{.id = 1, .from = now, .until = now + 250ms, .amount = 1},
                {.id = 2, .from = now + 100ms, .until = now + 350ms, .amount = 2}},
               3, {}, now);
  book.reserve(1, now);
  now += 100ms;
  book.reserve(1, now);
  now += 200ms;  // the first has lapsed, the second has not: whoever comes first may have it
  CHECK(book.holds(1, now));
  CHECK_FALSE(book.holds(2, now));
  book.send(1, now);
  CHECK_FALSE(book.holds(1, now));  // what of the second was lent to nobody is another's
  CHECK(book.room(now) == 1);
  book.give_back(1);
  CHECK(book.room(now) == 1);
  CHECK(book.uses(now).at(0).amount == 0);
}

TEST_CASE("tickets of a store that began anew are void on the way to the socket, too", "[quota][late]") {
  SharedStore store;
  TimePoint now(1000s);
  Node node(store, "p", {.qps = 1}, now);
  const Lease lease = lend_soon(node, now);
  REQUIRE(lease);
  CHECK(send(node, lease, now));
  const Lease held = lend_soon(node, now);
  REQUIRE(held);
  store.records = std::make_unique<detail::MemoryRecords>();
  node.settle(now, 1, 2s);
  CHECK_FALSE(send(node, held, now));
}

TEST_CASE("tokens: a request is sent whole or not at all", "[quota][late]") {
  SharedStore store;
  TimePoint now(1000s);
  Node node(store, "p", {.rpm = 100, .tpm = 60'000}, now);
  Lease lease = lend_soon(node, now, 50'000);
  REQUIRE(lease);
  now += 5s;
  CHECK_FALSE(send(node, lease, now));
  end(node, std::move(lease), now, Outcome::cancelled(false));
  lease = lend_soon(node, now, 50'000);
  REQUIRE(lease);
  CHECK(send(node, lease, now));
}

TEST_CASE("a slice of the day before is of no use when the day has turned", "[quota][late]") {
  SharedStore store;
  TimePoint now(24h - 2s);
  Node node(store, "p", {.rpd = 100}, now);
  Lease lease = lend_soon(node, now);
  Lease other = lend_soon(node, now);
  REQUIRE(lease);
  REQUIRE(other);
  CHECK(send(node, other, now));
  end(node, std::move(other), now);
  now = TimePoint(24h + 1ms);
  CHECK_FALSE(send(node, lease, now));
  end(node, std::move(lease), now, Outcome::cancelled(false));
  lease = lend_soon(node, now);
  REQUIRE(lease);
  CHECK(send(node, lease, now));
}

TEST_CASE("a permit ends with its process's lease in the store", "[quota][late]") {
  SharedStore store;
  TimePoint now(1000s);
  Node node(store, "p", {.concurrency = 1}, now);
  Lease lease = lend_soon(node, now);
  REQUIRE(lease);
  now += 9s;  // the process stood still, and the store is about to take it for dead
  CHECK_FALSE(send(node, lease, now));
  end(node, std::move(lease), now, Outcome::cancelled(false));
  lease = lend_soon(node, now);
  REQUIRE(lease);
  CHECK(send(node, lease, now));
}

TEST_CASE("permits that go back to the store are not lent while it has not answered", "[quota]") {
  SharedStore store;
  TimePoint now(1000s);
  Node a(store, "a", {.concurrency = 4}, now);
  Node b(store, "b", {.concurrency = 4}, now);
  std::vector<Lease> of_a;
  std::vector<Lease> of_b;
  of_a.reserve(4);
  for (int i = 0; i < 4; ++i) of_a.push_back(lend_soon(a, now));
  while (of_a.size() > 1) {
    end(a, std::move(of_a.back()), now);
    of_a.pop_back();
  }
  // The heartbeat that gives them back takes long to be answered. Meanwhile b takes up what is free, and a goes on.
  bool asked = false;
  for (int i = 0; i < 3000; ++i, now += 1ms) {
    asked = asked || a.session->due(now) <= now;
    a.talk(now, 0, 500ms);
    b.talk(now, 4);
    if (!asked) continue;
    for (auto* one : {&b, &a}) {
      auto answer = one->ask(now);
      if (auto* lease = std::get_if<Lease>(&answer)) (one == &a ? of_a : of_b).push_back(std::move(*lease));
    }
    REQUIRE(of_a.size() + of_b.size() <= 4);
  }
  CHECK(of_a.size() + of_b.size() == 4);
}

TEST_CASE("processes that stand still between lending and sending never exceed a limit", "[quota][late]") {
  struct Flight {
    Lease lease;
    TimePoint send_at{};
  };
  SharedStore store;
  TimePoint now(1000s);
  const Limits limits{.qps = 20};
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<std::deque<Flight>> flights(3);
  std::vector<TimePoint> still_until(3);
  for (const char* name : {"a", "b", "c"}) nodes.push_back(std::make_unique<Node>(store, name, limits, now));
  detail::Random random(9);
  WindowChecker checker;
  int late = 0;
  for (const TimePoint end_at = now + 120s; now < end_at; now += 1ms) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (now < still_until[i]) continue;
      if (random.below(1500) == 0) still_until[i] = now + std::chrono::milliseconds(random.below(900));
      Node& node = *nodes[i];
      std::deque<Flight>& flying = flights[i];
      while (!flying.empty() && flying.front().send_at <= now) {
        const bool sent = send(node, flying.front().lease, now);
        if (sent) checker.add(now, 1);
        late += sent ? 0 : 1;
        end(node, std::move(flying.front().lease), now, sent ? Outcome::success() : Outcome::cancelled(false));
        flying.pop_front();
      }
      node.talk(now, 20, 3ms);
      auto answer = node.ask(now);
      if (auto* lease = std::get_if<Lease>(&answer))
        flying.push_back({.lease = std::move(*lease), .send_at = now + 40ms});
    }
  }
  CHECK(checker.most(1s) <= 20);
  CHECK(checker.total() >= 120 * 20 * 7 / 10);
  CHECK(late > 20);
}
