#include <chrono>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/sim_router.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

TEST_CASE("of many calls that wait, each with an earlier end, one timer is left when they have ended",
          "[router][line]") {
  SimRouter sim;
  sim.config.services[0].limits = {.concurrency = 1, .timeout = 10min};
  sim.provider.script("sk-key-one", {.delay = 2min});
  int ended = 0;
  std::vector<Call> calls;
  const auto wait = [&](std::chrono::milliseconds deadline) {
    ChatRequest request{.model = "test-model", .messages = {user("one")}};
    request.deadline = deadline;
    calls.push_back(sim.router().start(std::move(request), [&](const Result<ChatResponse>&) { ++ended; }));
    sim.runtime->run_for(1ms);
  };
  wait(5min);
  wait(5min);
  const std::size_t few = sim.runtime->timers();
  for (int i = 0; i < 50; ++i) wait(50s - i * 500ms);
  sim.runtime->run_for(55s);
  CHECK(ended == 50);
  CHECK(sim.runtime->timers() <= few + 1);
  const std::uint64_t before = sim.runtime->steps();
  sim.runtime->run_for(4s);
  CHECK(sim.runtime->steps() - before < 20);
  for (Call& call : calls) call.cancel();
  sim.runtime->run_until_idle();
  CHECK(ended == 52);
}
