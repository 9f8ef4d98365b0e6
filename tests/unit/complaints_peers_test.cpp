#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include "support/verdict_transport.hpp"
#include "unit/pool_fixture.hpp"

/// As complaints_cooldown_test.cpp: mistakes that were read in the code of peers, and that no complaint names.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// An answer that states this of requests a minute.
Reply stating(int status, const char* limit, const char* remaining) {
  Reply reply =
      Reply::json(status, status == 200 ? R"({"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]})"
                                        : R"({"error":{"message":"slow down","code":"rate_limit_exceeded"}})");
  if (limit != nullptr) {
    reply.headers = {{"x-ratelimit-limit-requests", limit},
                     {"x-ratelimit-remaining-requests", remaining},
                     {"x-ratelimit-reset-requests", "1s"}};
  }
  if (status == 429) reply.headers.push_back({"retry-after", "5"});
  return reply;
}

}  // namespace

TEST_CASE("a refusal forgets nothing of what was learned of the limit", "[complaints][peers]") {
  SimRouter sim;
  int asked = 0;
  sim.provider.script_others({.reply = [&](const ReceivedRequest&, const Ask&) {
    return std::optional(++asked == 2 ? stating(429, nullptr, nullptr) : stating(200, "60", "50"));
  }});
  REQUIRE(sim.chat());
  const auto limit = [&] {
    for (const LimitStatus& each : sim.status(0).limits) {
      if (each.learned && each.name == "rpm") return each.limit;
    }
    return std::int64_t{0};
  };
  REQUIRE(limit() == 60);
  REQUIRE(sim.chat());
  CHECK(asked == 3);
  CHECK(limit() == 60);
}

TEST_CASE("a stream of any length holds its place in flight", "[complaints][peers]") {
  SimRouter sim;
  sim.config.services[0].credentials[0].limits = {.concurrency = 1, .timeout = 24h};
  sim.config.timeouts = {.idle = 0ms, .total = 0ms};
  sim.provider.script("sk-key-one", {.between = 10min});
  bool streamed = false;
  bool other = false;
  sim.router().start(
      {.model = "test-model", .messages = {user("one two three four five six")}},
      [](const ChatEvent&) { return Flow::proceed; }, [&](auto&&) { streamed = true; });
  sim.router().start({.model = "test-model", .messages = {user("x")}}, [&](auto&&) { other = true; });
  sim.runtime->run_for(50min);
  CHECK_FALSE(streamed);
  CHECK_FALSE(other);
  CHECK(sim.runtime->requests() == 1);
  sim.runtime->run_until_idle();
  CHECK(streamed);
  CHECK(other);
}

TEST_CASE("a wall clock that is set ends no rest and begins none", "[complaints][peers]") {
  PoolFixture f(1);
  f.call({}, PoolFixture::failed(FailureClass::rate, Scope::key, 60s));
  const TimePoint rested = f.now;
  f.pool().align(f.now, std::chrono::sys_time<std::chrono::milliseconds>(24h * 365 * 80));
  f.now = rested + 59s;
  CHECK(f.state("s#1") == CredentialState::cooling_down);
  f.pool().align(f.now, std::chrono::sys_time<std::chrono::milliseconds>(24h));
  f.now = rested + 61s;
  CHECK(f.state("s#1") == CredentialState::active);
}

TEST_CASE("a Retry-After that is a date is kept to", "[complaints][peers]") {
  SimRouter sim;
  bool first = true;
  sim.provider.script_others({.reply = [&](const ReceivedRequest&, const Ask&) {
    if (!std::exchange(first, false)) return std::optional(stating(200, nullptr, nullptr));
    Reply reply = stating(429, nullptr, nullptr);
    // The virtual wall clock began at 2025-06-15 15:06:40 UTC.
    reply.headers = {{"retry-after", "Sun, 15 Jun 2025 15:07:10 GMT"}};
    return std::optional(std::move(reply));
  }});
  const TimePoint begun = sim.runtime->now();
  REQUIRE(sim.chat());
  CHECK(sim.runtime->now() - begun >= 29s);
  CHECK(sim.runtime->now() - begun <= 31s);
}
