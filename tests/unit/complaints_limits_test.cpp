#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/verdict_transport.hpp"

/// As complaints_cooldown_test.cpp: limits that hold, and waiting instead of failing. Limits shared by several
/// processes are in complaints_shared_test.cpp.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// So many calls at once; how many were answered when all had ended.
int answered(VerdictRouter& sim, int calls, const ChatRequest& request) {
  int good = 0;
  for (int i = 0; i < calls; ++i) {
    sim.router().start(request, [&](Result<ChatResponse> reply) { good += reply ? 1 : 0; });
  }
  sim.runtime->run_until_idle();
  return good;
}

ChatRequest small() { return {.model = "test-model", .messages = {user("x")}}; }

/// Most requests that came in any window of this length.
std::size_t most_within(const KeyLog& log, std::chrono::nanoseconds window) {
  std::size_t most = 0;
  for (std::size_t from = 0, to = 0; to < log.entries.size(); ++to) {
    while (log.entries[to].arrived - log.entries[from].arrived >= window) ++from;
    most = std::max(most, to - from + 1);
  }
  return most;
}

}  // namespace

TEST_CASE("when all keys rest, a call waits for the first that comes back", "[complaints][25][26]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script("sk-key-one", KeyScript::throttled_after(0, 9s));
  sim.provider.script("sk-key-two", KeyScript::throttled_after(0, 4s));
  const TimePoint begin = sim.runtime->now();
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(reply->credential == "main#2");
  CHECK(sim.runtime->now() - begin >= 4s);
  CHECK(sim.runtime->now() - begin < 5s);
}

TEST_CASE("with one place in flight, calls queue and none is refused", "[complaints][27][33]") {
  VerdictRouter sim;
  sim.config.services[0].credentials[0].limits = {.concurrency = 1};
  sim.provider.script("sk-key-one", {.delay = 1s});
  CHECK(answered(sim, 10, small()) == 10);
  CHECK(most_within(sim.provider.log("sk-key-one"), 1s) == 1);
}

TEST_CASE("where nobody has room, nobody is asked", "[complaints][28]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.services[0].limits.timeout = 0ms;
  for (CredentialConfig& c : sim.config.services[0].credentials) c.limits = {.rpm = 1, .timeout = 0ms};
  CHECK(answered(sim, 10, small()) == 2);
  CHECK(sim.runtime->requests() == 2);
}

TEST_CASE("the furthest from its quota is not asked while it rests", "[complaints][29]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.services[0].rotation = Rotation::least_used;
  sim.config.services[0].credentials[0].limits = {.rpm = 1000};
  sim.config.services[0].credentials[1].limits = {.rpm = 10};
  sim.provider.script("sk-key-one", verdict(FailureClass::rate, Scope::key, 30s, 429));
  for (int i = 0; i < 5; ++i) CHECK(sim.chat()->credential == "main#2");
  CHECK(sim.asked("sk-key-one") == 1);
}

TEST_CASE("tokens are reserved before they are sent, so calls at once do not slip through together",
          "[complaints][30][35]") {
  VerdictRouter sim;
  sim.config.services[0].credentials[0].limits = {.tpm = 1000, .timeout = 0ms};
  sim.provider.script("sk-key-one", {.delay = 1s});
  ChatRequest large = small();
  large.max_tokens = 300;
  CHECK(answered(sim, 20, large) == 3);
  CHECK(sim.runtime->requests() == 3);
}

TEST_CASE("requests a minute, a day and in all hold each by itself", "[complaints][34][35]") {
  VerdictRouter sim;
  sim.config.services[0].credentials[0].limits = {
      .rpm = 3, .rpd = 5, .max_requests = 7, .timeout = std::chrono::milliseconds(0)};
  CHECK(answered(sim, 10, small()) == 3);
  sim.runtime->run_for(2min);
  CHECK(answered(sim, 10, small()) == 2);
  sim.runtime->run_for(2min);
  CHECK(answered(sim, 10, small()) == 0);
  sim.runtime->run_for(24h);
  CHECK(answered(sim, 10, small()) == 2);
  sim.runtime->run_for(24h);
  CHECK(answered(sim, 10, small()) == 0);
  CHECK(sim.asked("sk-key-one") == 7);
}

TEST_CASE("a stream holds its place until it ends, and gives it back on every way out", "[complaints][36][65][71]") {
  VerdictRouter sim;
  sim.config.services[0].credentials[0].limits = {.concurrency = 1};
  sim.provider.script("sk-key-one", {.between = 1s});
  const auto idle = [&] { return sim.status(0).in_flight == 0 && sim.runtime->exchanges() == 0; };
  SECTION("its end") {
    bool other = false;
    sim.router().start(
        {.model = "test-model", .messages = {user("one two three four")}},
        [](const ChatEvent&) { return Flow::proceed; }, [](auto&&) {});
    sim.router().start(small(), [&](auto&&) { other = true; });
    sim.runtime->run_for(2s);
    CHECK(sim.runtime->requests() == 1);
    CHECK_FALSE(other);
    sim.runtime->run_until_idle();
    CHECK(other);
  }
  SECTION("the callback stops it") {
    (void)sim.router().chat({.model = "test-model", .messages = {user("one two three four")}},
                            [](const ChatEvent&) { return Flow::stop; });
  }
  SECTION("the callback throws") {
    CHECK_THROWS(sim.router().chat({.model = "test-model", .messages = {user("one two three four")}},
                                   [](const ChatEvent&) { throw 7; }));
  }
  SECTION("the range is dropped") {
    auto stream = sim.router().stream({.model = "test-model", .messages = {user("one two three four")}});
    CHECK(stream.begin() != stream.end());
  }
  sim.runtime->run_until_idle();
  CHECK(idle());
  CHECK(sim.chat());
}

TEST_CASE("calls at once lose no race for the last place: who finds none waits for it", "[complaints][20][27][peers]") {
  // One key, many callers: capacity that is there is found by all of them, in their turn.
  VerdictRouter sim;
  sim.config.services[0].credentials[0].limits = {.rpm = 600, .concurrency = 4};
  sim.provider.script("sk-key-one", {.delay = 100ms});
  CHECK(answered(sim, 100, small()) == 100);
  CHECK(most_within(sim.provider.log("sk-key-one"), 100ms) <= 4);
}

TEST_CASE("tokens a minute bound a minute, not a moment", "[complaints][30][peers]") {
  // Calls of a second each, one after the other: what ended still counts in its minute.
  VerdictRouter sim;
  sim.config.services[0].credentials[0].limits = {.tpm = 1000, .timeout = 10min};
  sim.provider.script("sk-key-one", {.delay = 1s});
  std::string prompt;
  for (int i = 0; i < 150; ++i) prompt += "word ";
  const ChatRequest request{.model = "test-model", .messages = {user(prompt)}, .max_tokens = 100};
  CHECK(answered(sim, 12, request) == 12);
  // Each uses 250 and more.
  CHECK(most_within(sim.provider.log("sk-key-one"), 1min) <= 4);
}

TEST_CASE("a key whose limit is met is no reason to fail while another has room", "[complaints][28][33][peers]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.services[0].credentials[0].limits = {.rpm = 1, .timeout = 0ms};
  CHECK(answered(sim, 10, small()) == 10);
  CHECK(sim.asked("sk-key-one") == 1);
}
