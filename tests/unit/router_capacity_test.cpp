#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/sim_router.hpp"

/// Whether there is room for a call, and when.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

TEST_CASE("capacity says now, and who would take the call", "[router][capacity]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  const auto room = sim.router().capacity("test-model", 1000);
  REQUIRE(room);
  CHECK(room->in == 0ms);
  CHECK(room->service == "main");
  CHECK(room->credential == "main#1");
  CHECK(room->reason.empty());
  CHECK(sim.chat()->credential == "main#1");
}

TEST_CASE("capacity says when, as the ledger stands, and takes nothing", "[router][capacity]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.services[0].credentials[0].limits.rpm = 1;
  sim.config.services[0].credentials[1].limits.rpm = 2;
  for (int i = 0; i < 100; ++i) CHECK(sim.router().capacity("test-model")->in == 0ms);
  REQUIRE(sim.chat());
  CHECK(sim.router().capacity("test-model")->credential == "main#2");
  sim.runtime->run_for(10s);
  REQUIRE(sim.chat());
  REQUIRE(sim.chat());
  const auto room = sim.router().capacity("test-model");
  REQUIRE(room);
  REQUIRE(room->in);
  CHECK(*room->in >= 50s);
  CHECK(*room->in <= 51s);
  CHECK(room->credential == "main#1");
  CHECK(room->reason.find("rpm 1 reached") != std::string::npos);
  sim.runtime->run_for(*room->in);
  CHECK(sim.router().capacity("test-model")->in == 0ms);
  CHECK(sim.chat()->attempts.size() == 1);
}

TEST_CASE("capacity counts tokens", "[router][capacity]") {
  SimRouter sim;
  sim.config.services[0].credentials[0].limits.tpm = 2000;
  CHECK(sim.router().capacity("test-model", 2000)->in == 0ms);
  const auto never = sim.router().capacity("test-model", 2001);
  REQUIRE(never);
  CHECK_FALSE(never->in);
  CHECK(never->reason.find("larger than tpm 2000") != std::string::npos);
  REQUIRE(sim.chat());
  CHECK(sim.router().capacity("test-model", 100)->in == 0ms);
  CHECK(*sim.router().capacity("test-model", 2000)->in > 50s);
}

TEST_CASE("capacity knows of health, and of every service of the model", "[router][capacity]") {
  SimRouter sim({"sk-key-one"});
  sim.config.retry.max_attempts = 1;
  sim.config.circuit_breaker.failure_threshold = 1;
  SECTION("the breaker") {
    sim.provider.script_others(KeyScript::failing(1, 500));
    CHECK_FALSE(sim.chat());
    sim.runtime->run_for(10s);
    const auto room = sim.router().capacity("test-model");
    REQUIRE(room);
    REQUIRE(room->in);
    CHECK(*room->in > 19s);
    CHECK(*room->in <= 20s);
    CHECK(room->reason.find("circuit breaker") != std::string::npos);
  }
  SECTION("another service has room") {
    sim.add_service("other", {"sk-other"}).priority = 1;
    sim.provider.script("sk-key-one", KeyScript::failing(1, 500));
    CHECK_FALSE(sim.chat());
    CHECK(sim.router().capacity("test-model")->credential == "other#1");
  }
  SECTION("nobody will, by himself") {
    sim.provider.script_others(KeyScript::ok());
    REQUIRE(sim.router().disable_credential("main#1"));
    const auto room = sim.router().capacity("test-model");
    REQUIRE(room);
    CHECK_FALSE(room->in);
    CHECK(room->reason.find("disabled by hand") != std::string::npos);
  }
  SECTION("a concurrency limit ends with a call, which no clock tells") {
    sim.config.services[0].credentials[0].limits.concurrency = 1;
    sim.provider.script_others({.delay = 5s});
    sim.router().start({.model = "test-model", .messages = {user("x")}}, [](Result<ChatResponse>) {});
    sim.runtime->run_for(1s);
    CHECK_FALSE(sim.router().capacity("test-model")->in);
    sim.runtime->run_until_idle();
    CHECK(sim.router().capacity("test-model")->in == 0ms);
  }
  SECTION("no such model") {
    const auto room = sim.router().capacity("nobody's");
    REQUIRE_FALSE(room);
    CHECK(room.error().kind == ErrorKind::not_found);
  }
}
