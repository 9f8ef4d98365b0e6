#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/verdict_transport.hpp"

/// Calls that wait while a service that they could use rests.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

struct Ended {
  std::string credential{};
  std::chrono::nanoseconds took{0};
};

/// `main` fails, and its breaker opens for five seconds; `other` takes one call at a time, for two minutes.
struct TwoServices : VerdictRouter {
  TwoServices() {
    config.circuit_breaker.failure_threshold = 1;
    config.circuit_breaker.recovery_timeout = 5s;
    config.services[0].priority = 0;
    ServiceConfig& other = add_service("other", {"sk-key-two"});
    other.provider = config.services[0].provider;
    other.priority = 1;
    other.limits = {.concurrency = 1, .timeout = 10min};
    provider.script("sk-key-one", verdict(FailureClass::server, Scope::service, {}, 500));
    provider.script("sk-key-two", {.delay = 2min});
  }
  Call begin(Ended& ended) {
    const TimePoint begun = runtime->now();
    Call call = router().start(
        {.model = "test-model", .messages = {user("one")}}, [this, &ended, begun](const Result<ChatResponse>& reply) {
          ended = {.credential = reply ? reply->credential : reply.error().message, .took = runtime->now() - begun};
        });
    runtime->run_for(1ms);
    return call;
  }
};

}  // namespace

TEST_CASE("who waits for another service goes back to one that recovers, before those who come then",
          "[router][breaker]") {
  TwoServices sim;
  std::vector<Ended> ended(4);
  std::vector<Call> calls;
  calls.push_back(sim.begin(ended[0]));  // fails at main, goes on at other
  sim.provider.script("sk-key-one", {.delay = 1s});
  calls.push_back(sim.begin(ended[1]));
  calls.push_back(sim.begin(ended[2]));
  sim.runtime->run_for(4998ms);
  calls.push_back(sim.begin(ended[3]));  // as the breaker lets one through
  sim.runtime->run_for(30s);
  CHECK(ended[1].credential == "main#1");
  CHECK(ended[1].took < 7s);
  CHECK(ended[2].credential == "main#1");
  CHECK(ended[2].took < 8s);
  CHECK(ended[3].credential == "main#1");
  CHECK(ended[3].took >= ended[2].took - 5s);
  CHECK(ended[0].credential.empty());
  for (Call& call : calls) call.cancel();
  sim.runtime->run_until_idle();
  CHECK(sim.router().stats().waiting == 0);
}

TEST_CASE("a call that ends while it waits elsewhere holds up nobody", "[router][breaker]") {
  TwoServices sim;
  std::vector<Ended> ended(3);
  std::vector<Call> calls;
  calls.push_back(sim.begin(ended[0]));
  sim.provider.script("sk-key-one", {.delay = 1s});
  calls.push_back(sim.begin(ended[1]));
  calls[1].cancel();
  sim.runtime->run_for(6s);
  calls.push_back(sim.begin(ended[2]));
  sim.runtime->run_for(2s);
  CHECK(ended[2].credential == "main#1");
  CHECK(ended[2].took == 1s);
  calls[0].cancel();
  sim.runtime->run_until_idle();
}

TEST_CASE("a wait while one service rests and the other is taken lasts as long as the limits allow",
          "[router][breaker]") {
  TwoServices sim;
  sim.config.circuit_breaker.recovery_timeout = 1h;
  sim.config.services[1].limits.timeout = 20s;
  std::vector<Ended> ended(2);
  std::vector<Call> calls;
  calls.push_back(sim.begin(ended[0]));
  calls.push_back(sim.begin(ended[1]));
  sim.runtime->run_for(2min);
  CHECK(ended[1].took == 20s);
  CHECK(ended[1].credential ==
        "service main rests after failures (circuit breaker) | service other: concurrency 1 reached");
  sim.runtime->run_until_idle();
}
