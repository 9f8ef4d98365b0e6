#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "unit/pool_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

Outcome rate(Scope scope = Scope::key, std::optional<std::chrono::milliseconds> retry_after = 20s) {
  return PoolFixture::failed(FailureClass::rate, scope, retry_after, 429);
}

}  // namespace

TEST_CASE("three keys in a row that meet one model's limit share it, and other models are open", "[pool][blame]") {
  PoolFixture f(5);
  const auto scope = Scope::account_model;
  for (int i = 0; i < 3; ++i) f.call({}, rate(scope));
  CHECK_FALSE(f.room());
  CHECK(f.refusal().at == f.now + 20s);
  CHECK(f.room({.model = "other"}));
  SECTION("until its time") {
    f.now += 20s;
    CHECK(f.room());
  }
  SECTION("or a clear") {
    f.pool().clear("s#5", f.now);
    CHECK(f.call() == "s#5");
  }
}

TEST_CASE("limits of different models do not add up to a shared one, and a success of the model ends the row",
          "[pool][blame]") {
  PoolFixture f(5);
  SECTION("different models") {
    f.call({.model = "a"}, rate(Scope::key_model));
    f.call({.model = "b"}, rate(Scope::key_model));
    f.call({.model = "c"}, rate(Scope::key_model));
    for (const char* model : {"a", "b", "c"}) CHECK(f.room({.model = model}));
  }
  SECTION("served in between") {
    f.call({}, rate(Scope::key_model));
    f.call({}, rate(Scope::key_model));
    f.call();
    f.call({}, rate(Scope::key_model));
    CHECK(f.room());
  }
  SECTION("another model served says nothing of this one") {
    f.call({}, rate(Scope::key_model));
    f.call({}, rate(Scope::key_model));
    f.call({.model = "other"});
    f.call({}, rate(Scope::key_model));
    CHECK_FALSE(f.room());
  }
}

TEST_CASE("a service's own retry policy says how long its keys rest", "[pool][blame]") {
  PoolFixture f(1);
  f.services[0].retry = RetryPolicy{.cooldown = 1s, .max_cooldown = 2s};
  for (const auto expected : {1s, 2s, 2s}) {
    f.call({}, rate(Scope::key, std::nullopt));
    CHECK(f.refusal().at == f.now + expected);
    f.now += expected;
  }
}

TEST_CASE("after idleness, an account's traffic grows step by step where its provider limits that", "[pool][blame]") {
  const auto all = [](PoolFixture& f) {
    std::vector<Lease> leases;
    while (leases.size() < 100) {
      Lease lease = f.lend();
      if (!lease) break;
      leases.push_back(std::move(lease));
    }
    return leases;
  };
  const auto end = [](PoolFixture& f, std::vector<Lease>& leases, const Outcome& outcome) {
    for (Lease& lease : leases) f.pool().report(std::move(lease), outcome, f.now);
  };
  SECTION("nowhere else") {
    PoolFixture f(1);
    CHECK(all(f).size() == 100);
  }
  PoolFixture f(2);
  f.services[0].provider = "claude";
  f.key(0).account = f.key(1).account = "acme";
  int changes = 0;  // outlives the leases, whose end is a change
  auto first = all(f);
  CHECK(first.size() == 16);
  CHECK(f.refusal().reason.find("slow start 16 reached") != std::string::npos);
  f.pool().on_change([&] { ++changes; });
  SECTION("doubling from answer to answer") {
    end(f, first, Outcome::success());
    CHECK(changes == 16);
    CHECK(all(f).size() == 32);
  }
  SECTION("halved by a limit that is met, not by who leaves") {
    f.pool().report(std::move(first[0]), Outcome::cancelled(), f.now);
    f.pool().report(std::move(first[1]), rate(Scope::key, 1ms), f.now);
    first.erase(first.begin(), first.begin() + 2);
    f.now += 1s;
    CHECK_FALSE(f.room());
    end(f, first, Outcome::cancelled());
    CHECK(all(f).size() == 8);
  }
  SECTION("from the start again after a minute, and as much as comes once it has grown") {
    for (int i = 0; i < 60; ++i) {
      end(f, first, Outcome::success());
      first = all(f);
    }
    CHECK(first.size() == 100);
    end(f, first, Outcome::success());
    f.now += 59s;
    first = all(f);
    CHECK(first.size() == 100);
    end(f, first, Outcome::success());
    f.now += 60s;
    CHECK(all(f).size() == 16);
  }
  SECTION("each account by itself") {
    f.key(1).account = "other";
    f.pool().reload(f.services, f.retry, "", f.now);
    CHECK(all(f).size() == 16);
  }
}

TEST_CASE("a call that has met a failure leaves others' trials to others, while anybody else can serve it",
          "[pool][blame]") {
  PoolFixture f(4);
  f.services[0].rotation = Rotation::first;
  for (int i = 0; i < 3; ++i) f.call({}, PoolFixture::failed(FailureClass::quota));
  f.now += 1h;
  const std::vector<std::string> tried = {"s#1"};
  CHECK(f.lend({.exclude = &tried}).id() == "s#4");
  Lease probe = f.lend();
  CHECK(probe.id() == "s#1");
  const std::vector<std::string> healthy = {"s#1", "s#4"};
  CHECK(f.lend({.exclude = &healthy}).id() == "s#2");
}
