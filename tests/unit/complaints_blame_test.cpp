#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/verdict_transport.hpp"

/// As complaints_cooldown_test.cpp: who is blamed for what, and how the blamed come back.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;

KeyScript server_error() { return verdict(FailureClass::server, Scope::service, {}, 500); }

}  // namespace

TEST_CASE("one bad request opens no breaker, however many keys and services it walks", "[complaints][15][peers]") {
  VerdictRouter sim({"sk-a-one", "sk-a-two"});
  sim.add("second", {"sk-b-one", "sk-b-two"});
  sim.config.circuit_breaker.failure_threshold = 2;
  sim.provider.script_others(server_error());
  CHECK_FALSE(sim.chat());
  for (const BreakerStatus& breaker : sim.router().stats().breakers) CHECK_FALSE(breaker.open);
  sim.provider.script_others(KeyScript::ok());
  CHECK(sim.chat()->attempts.size() == 1);
}

TEST_CASE("an outage, a blocked address and a full provider rest no key", "[complaints][16][17]") {
  for (const auto& [what, scope] :
       {std::pair(FailureClass::server, Scope::service), std::pair(FailureClass::place, Scope::host),
        std::pair(FailureClass::capacity, Scope::service_model)}) {
    VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
    sim.provider.script_others(verdict(what, scope, {}, 503));
    for (int i = 0; i < 5; ++i) CHECK_FALSE(sim.chat());
    for (std::size_t i = 0; i < 3; ++i) CHECK(sim.status(i).state == CredentialState::active);
  }
}

TEST_CASE("a success resets what failures have built up", "[complaints][16]") {
  VerdictRouter sim;
  sim.config.services[0].limits.timeout = 0ms;
  for (int i = 0; i < 3; ++i) {
    sim.provider.script("sk-key-one", verdict(FailureClass::rate, Scope::key, {}, 429));
    CHECK_FALSE(sim.chat());
    CHECK(sim.status(0).available_in == sim.config.retry.cooldown);
    sim.provider.script("sk-key-one", KeyScript::ok());
    sim.runtime->run_for(sim.config.retry.cooldown);
    CHECK(sim.chat());
  }
}

TEST_CASE("who hangs up blames nobody, and nobody else is asked in his stead", "[complaints][18]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script_others({.delay = 10s});
  for (int i = 0; i < 20; ++i) {
    Call call = sim.router().start({.model = "test-model", .messages = {user("x")}}, [](auto&&) {});
    sim.runtime->run_for(1s);
    call.cancel();
    sim.runtime->run_for(1s);
  }
  CHECK(sim.runtime->requests() == 20);
  CHECK(sim.runtime->exchanges() == 0);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(sim.status(i).state == CredentialState::active);
    CHECK(sim.status(i).in_flight == 0);
  }
  CHECK(sim.router().stats().breakers.empty());
}

TEST_CASE("no error but an explicit word on the key disables it", "[complaints][19][peers]") {
  for (const auto what : {FailureClass::unknown, FailureClass::server, FailureClass::permission, FailureClass::rate,
                          FailureClass::request, FailureClass::token, FailureClass::output}) {
    VerdictRouter sim;
    sim.config.services[0].limits.timeout = 0ms;
    sim.provider.script("sk-key-one", verdict(what, Scope::key_model, {}, 403));
    CHECK_FALSE(sim.chat());
    CHECK(sim.status(0).state != CredentialState::disabled);
  }
}

TEST_CASE("calls at once are told of exhaustion only when all is exhausted", "[complaints][20]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.config.services[0].rotation = Rotation::round_robin;
  sim.config.services[0].limits.timeout = 0ms;
  sim.provider.script("sk-key-one", verdict(FailureClass::quota, Scope::key, {}, 429));
  sim.provider.script("sk-key-two", verdict(FailureClass::rate, Scope::key, 60s, 429));
  sim.provider.script("sk-key-three", {.delay = 200ms});
  int good = 0;
  for (int i = 0; i < 50; ++i) {
    sim.router().start({.model = "test-model", .messages = {user("x")}},
                       [&](Result<ChatResponse> reply) { good += reply ? 1 : 0; });
  }
  sim.runtime->run_until_idle();
  CHECK(good == 50);
}

TEST_CASE("a dead key is tried again in time, also where all are dead", "[complaints][21]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.services[0].limits.timeout = 0ms;
  sim.provider.script_others(verdict(FailureClass::auth, Scope::key, {}, 401));
  CHECK(sim.chat().error().kind == ErrorKind::authentication);
  for (std::size_t i = 0; i < 2; ++i) CHECK(sim.status(i).state == CredentialState::disabled);
  CHECK_FALSE(sim.chat());
  CHECK(sim.runtime->requests() == 2);
  sim.provider.script_others(KeyScript::ok());
  sim.runtime->run_for(1h);
  CHECK(sim.chat());
  CHECK(sim.chat());
}

TEST_CASE("after an outage, traffic comes back by and by", "[complaints][22][24]") {
  VerdictRouter sim;
  sim.config.retry.max_attempts = 1;
  sim.provider.script("sk-key-one", server_error());
  for (int i = 0; i < 5; ++i) CHECK_FALSE(sim.chat());
  sim.provider.script("sk-key-one", {.delay = 1s});
  sim.runtime->run_for(30s);
  REQUIRE(sim.chat());
  const auto before = sim.asked("sk-key-one");
  for (int i = 0; i < 100; ++i) sim.router().start({.model = "test-model", .messages = {user("x")}}, [](auto&&) {});
  sim.runtime->run_for(500ms);
  CHECK(sim.asked("sk-key-one") - before <= 2);
  sim.runtime->run_until_idle();
}

TEST_CASE("a dead key costs one attempt in all, not one of every call", "[complaints][23][peers]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script("sk-key-one", verdict(FailureClass::auth, Scope::key, {}, 401));
  for (int i = 0; i < 20; ++i) CHECK(sim.chat());
  CHECK(sim.asked("sk-key-one") == 1);
}

TEST_CASE("401 from every account at once is the address, and disables no key", "[complaints][16][21]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.provider.script_others(verdict(FailureClass::auth, Scope::key, {}, 401));
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::config);
  CHECK(reply.error().message.find("base_url") != std::string::npos);
  for (std::size_t i = 0; i < 3; ++i) CHECK(sim.status(i).state == CredentialState::active);
}
