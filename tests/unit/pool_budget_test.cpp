#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "unit/pool_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;
using Catch::Approx;

namespace {

Outcome costing(double money) {
  Outcome outcome = Outcome::success({.prompt_tokens = 10, .completion_tokens = 1});
  outcome.cost = money;
  return outcome;
}

void wall(PoolFixture& f, std::chrono::sys_time<std::chrono::seconds> at) { f.pool().align(f.now, at); }

}  // namespace

TEST_CASE("totals count over a day or a month of the provider's, or over a life", "[pool][budget]") {
  using std::chrono::sys_days;
  SECTION("day") {
    PoolFixture f(1, {.max_requests = 2, .period = Period::day});
    wall(f, sys_days(2026y / 11 / 23) + 23h);
    CHECK(f.calls(3) == "11-");
    CHECK(f.refusal().at == f.now + 1h);
    CHECK(f.refusal().kind == ErrorKind::quota_exhausted);
    f.now += 1h;
    CHECK(f.calls(3) == "11-");
  }
  SECTION("month") {
    PoolFixture f(1, {.max_tokens = 100, .period = Period::month});
    wall(f, sys_days(2026y / 12 / 30));
    f.call({.prompt_tokens = 90});
    CHECK_FALSE(f.room({.prompt_tokens = 20}));
    CHECK(f.refusal({.prompt_tokens = 20}).at == f.now + 48h);
    f.now += 24h;
    CHECK_FALSE(f.room({.prompt_tokens = 20}));
    f.now += 24h;
    CHECK(f.room({.prompt_tokens = 100}));
  }
  SECTION("month, in the provider's time zone") {
    PoolFixture f(1, {.max_requests = 1, .period = Period::month});
    f.services[0].provider = "zhipu";
    wall(f, sys_days(2026y / 11 / 30) + 15h);
    CHECK(f.calls(2) == "1-");
    CHECK(f.refusal().at == f.now + 1h);
  }
  SECTION("a day's total and a day's limit are two") {
    PoolFixture f(1, {.rpd = 5, .max_requests = 3, .period = Period::day});
    CHECK(f.calls(4) == "111-");
    CHECK(f.status("s#1").limits.size() == 2);
  }
}

TEST_CASE("money is reserved by its ceiling, settled by its use, and counted exactly", "[pool][budget]") {
  PoolFixture f(1, {.max_cost = 1.0});
  SECTION("a budget holds under concurrency") {
    std::vector<Lease> flying;
    for (int i = 0; i < 10; ++i) flying.push_back(f.lend({.cost = 0.1}));
    CHECK_FALSE(f.room({.cost = 0.000001}));
    CHECK(f.refusal({.cost = 0.1}).kind == ErrorKind::quota_exhausted);
    CHECK(f.refusal({.cost = 0.1}).reason.find("max_cost 1 spent") != std::string::npos);
    for (Lease& lease : flying) f.pool().report(std::move(lease), costing(0.03), f.now);
    CHECK(f.room({.cost = 0.7}));
    CHECK_FALSE(f.room({.cost = 0.700001}));
    CHECK(f.status("s#1").cost == Approx(0.3));
  }
  SECTION("and when threads ask at once") {
    auto& pool = f.pool();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          auto answer = pool.acquire({.service = "s", .model = "m", .cost = 0.01}, f.now);
          if (auto* lease = std::get_if<Lease>(&answer)) pool.report(std::move(*lease), costing(0.01), f.now);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(f.status("s#1").cost == Approx(1.0));
    CHECK(f.status("s#1").requests == 100);
  }
  SECTION("a thousand thousandths are one") {
    for (int i = 0; i < 1000; ++i) CHECK(f.call({.cost = 0.001}, costing(0.001)) == "s#1");
    CHECK(f.call({.cost = 0.001}, costing(0.001)).empty());
    CHECK(f.status("s#1").limits.at(0).used == 1'000'000);
  }
  SECTION("what is turned down costs nothing; what may have been billed stays as reserved") {
    f.call({.cost = 0.5}, PoolFixture::failed(FailureClass::request, Scope::call, {}, 400));
    CHECK(f.room({.cost = 1.0}));
    f.call({.cost = 0.5}, PoolFixture::failed(FailureClass::timeout, Scope::service_model, {}, 0));
    CHECK_FALSE(f.room({.cost = 0.6}));
  }
  SECTION("what no budget can hold is too big, and what costs nothing passes") {
    CHECK(f.refusal({.cost = 1.5}).too_big);
    f.call({.cost = 1.0}, costing(1.0));
    CHECK_FALSE(f.room({.cost = 0.1}));
    CHECK(f.room());
  }
}

TEST_CASE("a month's budget is open again when the month turns", "[pool][budget]") {
  PoolFixture f(1, {.max_cost = 5, .period = Period::month});
  wall(f, std::chrono::sys_days(2026y / 11 / 30));
  f.call({.cost = 5}, costing(5));
  CHECK(f.refusal({.cost = 1}).at == f.now + 24h);
  f.now += 24h;
  CHECK(f.room({.cost = 5}));
}

TEST_CASE("today and this month are counted in the provider's time zone", "[pool][budget]") {
  PoolFixture f;
  f.services[0].provider = "zhipu";  // UTC+8
  wall(f, std::chrono::sys_days(2026y / 11 / 29) + 15h);
  f.call({}, costing(0));
  f.now += 2h;
  f.call({}, costing(0));
  CredentialStatus status = f.status("s#1");
  CHECK(status.requests_today == 1);
  CHECK(status.tokens_today == 11);
  CHECK(status.requests_this_month == 2);
  CHECK(status.tokens_this_month == 22);
  f.now += 24h;
  status = f.status("s#1");
  CHECK(status.requests_today == 0);
  CHECK(status.requests_this_month == 0);
  CHECK(status.requests == 2);
}

TEST_CASE("the status lists every limit on the path", "[pool][budget]") {
  PoolFixture f(1, {.rpm = 10, .concurrency = 4});
  f.services[0].limits = {.tpm = 1000};
  f.key(0).account = "acme";
  f.key(0).project = "web";
  f.key(0).model_limits["m"] = {.rpd = 7};
  const Lease lease = f.lend({.prompt_tokens = 30});
  const std::vector<LimitStatus> limits = f.status("s#1").limits;
  std::string text;
  for (const LimitStatus& each : limits) {
    text += each.level + ' ' + each.name + ' ' + each.group + ' ' + std::to_string(each.used) + '/' +
            std::to_string(each.limit) + '\n';
    CHECK_FALSE(each.learned);
  }
  CHECK(text ==
        "project rpm  1/10\n"
        "project concurrency  1/4\n"
        "project rpd m 1/7\n"
        "service tpm  30/1000\n");
}

TEST_CASE("a provider's charging rule decides what tokens count", "[pool][charging]") {
  PoolFixture f(1, {.tpm = 1000});
  const Demand demand{.prompt_tokens = 100, .completion_tokens = 500};
  const Usage usage{.prompt_tokens = 100, .completion_tokens = 50, .cached_tokens = 80};
  const auto left_at = [&](std::string provider) {
    f.services[0].provider = std::move(provider);
    f.call(demand, Outcome::success(usage));
    std::int64_t left = 0;
    while (left < 1000 && f.room({.prompt_tokens = left + 10})) left += 10;
    return left;
  };
  SECTION("max_tokens charged ahead stays charged: OpenAI, Azure, Cerebras") { CHECK(left_at("openai") == 400); }
  SECTION("used tokens: most") { CHECK(left_at("mistral") == 850); }
  SECTION("cached input is free: Anthropic") { CHECK(left_at("claude") == 930); }
  SECTION("ahead, with cached input free: Groq") { CHECK(left_at("groq") == 480); }
  SECTION("the input alone: Gemini") { CHECK(left_at("gemini") == 900); }
  SECTION("as the service says") {
    f.services[0].charging = ChargingRule{.ahead = false, .output = false, .cached = false};
    CHECK(left_at("openai") == 980);
  }
  SECTION("what was refused is not charged, ahead or not") {
    f.call(demand, PoolFixture::failed(FailureClass::request, Scope::call, {}, 400));
    CHECK(f.room({.prompt_tokens = 900}));
  }
}

TEST_CASE("input without what the cache held counts against input tokens a minute", "[pool][charging]") {
  PoolFixture f(1, {.itpm = 1000, .otpm = 100});
  f.services[0].provider = "claude";
  f.call({.prompt_tokens = 900, .completion_tokens = 90},
         Outcome::success({.prompt_tokens = 900, .completion_tokens = 10, .cached_tokens = 800}));
  CHECK(f.room({.prompt_tokens = 900, .completion_tokens = 90}));
  CHECK_FALSE(f.room({.prompt_tokens = 901}));
  CHECK_FALSE(f.room({.completion_tokens = 91}));
}
