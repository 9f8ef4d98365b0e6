#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "pool/pool_state.hpp"
#include "pool/random.hpp"
#include "pool/setbacks.hpp"
#include "unit/pool_fixture.hpp"

/// Many keys of which hardly one has room: nobody is asked twice for nothing, and nobody's room is missed.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;
using detail::Random;
using detail::Setbacks;

namespace {

struct Flying {
  Lease lease;
  TimePoint ends;
  std::int64_t prompt;
};

/// What a search finds that asks everybody.
struct Truth {
  bool room = false;
  TimePoint at{};
};

Truth truth(PoolFixture& f, const Demand& demand) {
  detail::PoolState& state = detail::PoolAccess::state(f.pool());
  const std::lock_guard lock(state.mutex);
  detail::Refusal refusal;
  const bool room = state.next_to_lend(demand, f.now, refusal) != nullptr;
  return {.room = room, .at = refusal.at};
}

}  // namespace

TEST_CASE("a setback holds for whoever wants as much, until its time or a change", "[pool][scarcity]") {
  const TimePoint now{100s};
  Setbacks setbacks;
  setbacks.note({.model = 1, .prompt = 10, .completion = 5}, 3, now + 10s, now);
  CHECK(setbacks.recall({.model = 1, .prompt = 10, .completion = 5}, 3, now) == now + 10s);
  CHECK(setbacks.recall({.model = 1, .prompt = 11, .completion = 6, .cost = 1}, 3, now) == now + 10s);
  CHECK_FALSE(setbacks.recall({.model = 1, .prompt = 9, .completion = 50}, 3, now));
  CHECK_FALSE(setbacks.recall({.model = 1, .prompt = 50, .completion = 4}, 3, now));
  CHECK_FALSE(setbacks.recall({.model = 2, .prompt = 10, .completion = 5}, 3, now));
  CHECK_FALSE(setbacks.recall({.model = 1, .prompt = 10, .completion = 5}, 4, now));
  CHECK_FALSE(setbacks.recall({.model = 1, .prompt = 10, .completion = 5}, 3, now + 10s));
  // More of them than are kept: those that end last stay, and the latest that fits is told.
  for (int i = 2; i < 20; ++i) setbacks.note({.model = 1, .prompt = 10 * i}, 3, now + 10s * i, now);
  CHECK(setbacks.recall({.model = 1, .prompt = 1000, .completion = 5}, 3, now) == now + 190s);
}

TEST_CASE("with many keys and little room, a search finds what one that asks everybody would", "[pool][scarcity]") {
  for (const Rotation rotation :
       {Rotation::round_robin, Rotation::random, Rotation::least_used, Rotation::least_busy}) {
    CAPTURE(static_cast<int>(rotation));
    PoolFixture f(60, {.rpm = 6, .tpm = 4000});
    f.services[0].rotation = rotation;
    for (CredentialConfig& key : f.services[0].credentials) key.model_limits["small"] = {.rpm = 2, .tpm = 1000};
    Random random(11);
    std::vector<Flying> flying;
    int lent = 0;
    int refused = 0;
    for (int i = 0; i < 20000; ++i) {
      f.now += std::chrono::milliseconds(random.below(120));
      for (std::size_t k = 0; k < flying.size();) {
        if (flying[k].ends > f.now) {
          ++k;
          continue;
        }
        // Most use less than they asked for; some end without having been sent.
        Flying one = std::move(flying[k]);
        flying[k] = std::move(flying.back());
        flying.pop_back();
        if (random.below(10) == 0) continue;
        Outcome outcome = Outcome::success();
        outcome.usage.prompt_tokens = one.prompt;
        outcome.usage.completion_tokens = static_cast<std::int64_t>(random.below(200));
        if (random.below(20) == 0) outcome = PoolFixture::failed(FailureClass::rate, Scope::key, 5s);
        f.pool().report(std::move(one.lease), outcome, f.now);
      }
      Demand demand{.service = "s", .model = random.below(3) == 0 ? "small" : "large"};
      demand.prompt_tokens = static_cast<std::int64_t>(random.below(8) * random.below(200));
      demand.completion_tokens = static_cast<std::int64_t>(random.below(4) * 200);
      const Truth wanted = truth(f, demand);
      auto answer = f.ask(demand);
      Lease* lease = std::get_if<Lease>(&answer);
      REQUIRE((lease != nullptr) == wanted.room);
      if (lease == nullptr) {
        ++refused;
        REQUIRE(std::get<Unavailable>(answer).at.value_or(TimePoint::max()) == wanted.at);
        continue;
      }
      ++lent;
      if (random.below(10) != 0) f.pool().sent(*lease, f.now);
      flying.push_back({.lease = std::move(*lease),
                        .ends = f.now + std::chrono::milliseconds(random.below(5000)),
                        .prompt = demand.prompt_tokens});
    }
    CHECK(lent > 2000);
    CHECK(refused > 2000);
  }
}
