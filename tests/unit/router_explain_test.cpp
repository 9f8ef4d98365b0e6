#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/verdict_transport.hpp"

/// Why an attempt was made with this credential of this service, and not with the others. What a pool's choice among
/// the credentials of one service says is in router_fallback_test.cpp.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// What is said of a service as a whole; empty: nothing.
std::string said_of(const Attempt& attempt, std::string_view service) {
  for (const PassedOver& each : attempt.passed_over) {
    if (each.service == service && each.credential.empty()) return each.why;
  }
  return {};
}

/// Two services, of which the first is preferred.
struct TwoServices : VerdictRouter {
  TwoServices() {
    add("other", {"sk-other"});
    config.balance = Rotation::first;
    config.retry.max_attempts_per_service = 1;
  }
};

}  // namespace

TEST_CASE("an attempt says which service was passed over since its breaker is open", "[router][explain]") {
  TwoServices sim;
  sim.config.circuit_breaker = {.failure_threshold = 1, .recovery_timeout = 30s};
  sim.provider.script("sk-key-one", KeyScript::failing(1, 500));
  const auto first = sim.chat();
  REQUIRE(first);
  REQUIRE(first->attempts.size() == 2);
  CHECK(first->attempts[0].passed_over.empty());
  CHECK(said_of(first->attempts[1], "main") == "given up by this call after an attempt there");

  sim.runtime->run_for(10s);
  const auto second = sim.chat();
  REQUIRE(second);
  REQUIRE(second->attempts.size() == 1);
  CHECK(second->attempts[0].service == "other");
  REQUIRE(second->attempts[0].passed_over.size() == 1);
  CHECK(said_of(second->attempts[0], "main") == "rests after failures (circuit breaker), for 20000 ms");

  sim.runtime->run_for(21s);
  const auto third = sim.chat();
  REQUIRE(third);
  CHECK(third->service == "main");
  CHECK(third->attempts[0].passed_over.empty());
}

TEST_CASE("an attempt says which service rests, and why", "[router][explain]") {
  TwoServices sim;
  SECTION("full") {
    sim.provider.script("sk-key-one", verdict(FailureClass::capacity, Scope::service_model, 60s, 529));
    REQUIRE(sim.chat());
    const auto next = sim.chat();
    REQUIRE(next);
    CHECK(said_of(next->attempts[0], "main") == "rests, since it is full, for 60000 ms");
  }
  SECTION("not for us") {
    sim.provider.script("sk-key-one", verdict(FailureClass::place, Scope::host, 60s, 403));
    REQUIRE(sim.chat());
    CHECK(said_of(sim.chat()->attempts[0], "main") == "rests, since it does not serve us from here, for 60000 ms");
  }
}

TEST_CASE("an attempt says which service had no room, and what its first credential lacks", "[router][explain]") {
  TwoServices sim;
  sim.config.services[0].credentials[0].limits.rpm = 1;
  REQUIRE(sim.chat());
  const auto next = sim.chat();
  REQUIRE(next);
  CHECK(next->service == "other");
  CHECK(said_of(next->attempts[0], "main")
            .starts_with("none of its credentials has room; the first: rpm 1 reached for "));

  sim.config.services[0].limits.rpm = 1;
  REQUIRE(sim.router().reload(sim.config));
  CHECK(said_of(sim.chat()->attempts[0], "main").find("rpm 1 reached") != std::string::npos);
}

TEST_CASE("an attempt says which service the call gave up, and which it cannot pay", "[router][explain]") {
  TwoServices sim;
  SECTION("gave up") {
    sim.provider.script("sk-key-one", verdict(FailureClass::unsupported, Scope::call));
    const auto reply = sim.chat();
    REQUIRE(reply);
    REQUIRE(reply->attempts.size() == 2);
    CHECK(said_of(reply->attempts[1], "main") == "given up by this call after an attempt there");
  }
  SECTION("failed once") {
    sim.config.retry.max_attempts_per_service = 2;
    sim.provider.script("sk-key-one", KeyScript::failing(1, 500));
    const auto reply = sim.chat();
    REQUIRE(reply);
    CHECK(said_of(reply->attempts[1], "main") == "failed this call already");
  }
  SECTION("too dear") {
    sim.config.services[0].prices["*"] = {.input = 1e6, .output = 1e6};
    const auto reply = sim.router().chat(
        {.model = "test-model", .messages = {user("one two three")}, .max_tokens = 10, .max_cost = 1});
    REQUIRE(reply);
    CHECK(reply->service == "other");
    CHECK(said_of(reply->attempts[0], "main") == "the call may cost more there than its max_cost");
  }
}

TEST_CASE("of a small service, all that were passed over are named", "[router][explain]") {
  SimRouter sim({"sk-key-1", "sk-key-2", "sk-key-3", "sk-key-4", "sk-key-5", "sk-key-6"});
  for (int i = 1; i <= 5; ++i) sim.provider.script("sk-key-" + std::to_string(i), KeyScript::throttled_after(0, 60s));
  sim.config.retry.max_attempts = 6;
  for (std::size_t i = 0; i < 6; ++i) sim.config.services[0].credentials[i].account = "a" + std::to_string(i);
  while (!sim.chat()) sim.runtime->run_for(100ms);
  const auto reply = sim.chat();
  REQUIRE(reply);
  REQUIRE(reply->attempts.size() == 1);
  CHECK(reply->credential == "main#6");
  std::vector<std::string> named;
  for (const PassedOver& each : reply->attempts[0].passed_over) {
    CHECK(each.service == "main");
    CHECK(each.why.starts_with("cooling down for "));
    named.push_back(each.credential);
  }
  std::sort(named.begin(), named.end());
  CHECK(named == std::vector<std::string>{"main#1", "main#2", "main#3", "main#4", "main#5"});
}
