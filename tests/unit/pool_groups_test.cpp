#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "unit/pool_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

Limits no_guard(Limits limits) {
  limits.guard = 0ms;
  return limits;
}

}  // namespace

TEST_CASE("a model's limits hold for it alone, beside the key's", "[pool][groups]") {
  PoolFixture f(1, {.rpm = 5});
  f.key(0).model_limits["small"] = no_guard({.rpm = 2});
  CHECK(f.calls(3, {.model = "small"}) == "11-");
  CHECK(f.refusal({.model = "small"}).at == f.now + 1min);
  CHECK(f.calls(4, {.model = "large"}) == "111-");
  f.now += 1min;
  CHECK(f.calls(3, {.model = "small"}) == "11-");
}

TEST_CASE("models of one limit group share its limits", "[pool][groups]") {
  PoolFixture f;
  f.services[0].limit_groups = {{"opus-4", "opus"}, {"opus-4.1", "opus"}};
  f.key(0).model_limits["opus"] = no_guard({.rpm = 3});
  CHECK(f.calls(2, {.model = "opus-4"}) == "11");
  CHECK(f.calls(2, {.model = "opus-4.1"}) == "1-");
  CHECK(f.calls(3, {.model = "sonnet"}) == "111");
  SECTION("and a limit on one of them narrows it further") {
    PoolFixture g;
    g.services[0].limit_groups = f.services[0].limit_groups;
    g.key(0).model_limits["opus"] = no_guard({.rpm = 3});
    g.key(0).model_limits["opus-4"] = no_guard({.rpm = 1});
    CHECK(g.calls(2, {.model = "opus-4"}) == "1-");
    CHECK(g.calls(3, {.model = "opus-4.1"}) == "11-");
  }
}

TEST_CASE("a group's limits are shared by the keys of an account", "[pool][groups]") {
  PoolFixture f(2);
  f.key(0).account = f.key(1).account = "acme";
  f.key(0).model_limits["m"] = no_guard({.rpm = 3});
  CHECK(f.calls(4) == "121-");
}

TEST_CASE("attempts in flight are limited by group", "[pool][groups]") {
  PoolFixture f;
  f.key(0).model_limits["m"] = no_guard({.concurrency = 1});
  Lease lease = f.lend();
  CHECK_FALSE(f.room());
  CHECK(f.room({.model = "other"}));
  CHECK_FALSE(f.refusal().at);
  f.pool().report(std::move(lease), Outcome::success(), f.now);
  CHECK(f.room());
}

TEST_CASE("a rest for a model is one for its whole limit group, and a model set aside is not", "[pool][groups]") {
  PoolFixture f;
  f.services[0].limit_groups = {{"opus-4", "opus"}, {"opus-4.1", "opus"}};
  SECTION("rate") {
    f.call({.model = "opus-4"}, PoolFixture::failed(FailureClass::rate, Scope::account_model, 30s));
    CHECK_FALSE(f.room({.model = "opus-4.1"}));
    CHECK(f.room({.model = "sonnet"}));
    f.now += 30s;
    CHECK(f.room({.model = "opus-4.1"}));
  }
  SECTION("a success of one ends it for all") {
    f.call({.model = "opus-4"}, PoolFixture::failed(FailureClass::quota, Scope::account_model, 30s));
    CHECK_FALSE(f.room({.model = "opus-4.1"}));
    f.now += 31s;
    f.call({.model = "opus-4.1"});
    CHECK(f.room({.model = "opus-4"}));
  }
  SECTION("permission") {
    f.call({.model = "opus-4"}, PoolFixture::failed(FailureClass::permission, Scope::key_model, {}, 403));
    CHECK_FALSE(f.room({.model = "opus-4"}));
    CHECK(f.room({.model = "opus-4.1"}));
  }
}

TEST_CASE("keys without room for one model are found again for another", "[pool][groups]") {
  PoolFixture f(40);
  for (std::size_t i = 0; i < 40; ++i) f.key(i).model_limits["a"] = no_guard({.rpm = 1});
  int a = 0;
  while (!f.call({.model = "a"}).empty()) ++a;
  CHECK(a == 40);
  int b = 0;
  while (b < 80 && !f.call({.model = "b"}).empty()) ++b;
  CHECK(b == 80);
  const Unavailable why = f.refusal({.model = "a"});
  CHECK(why.at == f.now + 1min);
  CHECK(why.kind == ErrorKind::rate_limited);
  f.now += 1min;
  CHECK_FALSE(f.call({.model = "a"}).empty());
}

TEST_CASE("a reload keeps what is counted against a group", "[pool][groups]") {
  PoolFixture f;
  f.key(0).model_limits["m"] = no_guard({.rpm = 2});
  CHECK(f.calls(1) == "1");
  f.pool().reload(f.services, f.retry, "", f.now);
  CHECK(f.calls(2) == "1-");
  f.key(0).model_limits.clear();
  f.pool().reload(f.services, f.retry, "", f.now);
  CHECK(f.calls(2) == "11");
  f.key(0).model_limits["m"] = no_guard({.rpm = 4});
  f.pool().reload(f.services, f.retry, "", f.now);
  CHECK(f.calls(1) == "-");
}

TEST_CASE("a minute's limit holds in the shorter windows that a provider judges by", "[pool][limits]") {
  SECTION("Azure: ten seconds") {
    PoolFixture f(1, {.rpm = 60});
    f.services[0].provider = "azure";
    CHECK(f.calls(11) == "1111111111-");
    CHECK(f.refusal().at == f.now + 10s);
  }
  SECTION("DashScope: a second, at less than one a second a pace") {
    PoolFixture f(1, {.rpm = 120});
    f.services[0].provider = "bailian";
    CHECK(f.calls(3) == "11-");
    CHECK(f.refusal().at == f.now + 1s);
    PoolFixture g(1, {.rpm = 30});
    g.services[0].provider = "bailian";
    CHECK(g.calls(2) == "1-");
    CHECK(g.refusal().at == g.now + 2s);
  }
  SECTION("as configured, and a request larger than its share passes alone") {
    PoolFixture f(1, {.tpm = 6000, .burst = 10s});
    CHECK(f.call({.prompt_tokens = 1500}) == "s#1");
    CHECK_FALSE(f.room({.prompt_tokens = 10}));
    f.now += 10s;
    CHECK(f.room({.prompt_tokens = 1000}));
    CHECK_FALSE(f.refusal({.prompt_tokens = 4501}).too_big);
    CHECK(f.refusal({.prompt_tokens = 6001}).too_big);
  }
}
