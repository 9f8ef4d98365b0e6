#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "pool/burn_rate.hpp"
#include "pool/found_limit.hpp"
#include "unit/pool_fixture.hpp"

/// Limits that nobody states, or states wrongly, and what answers tell beside what they state.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// A provider that serves so many in any minute and says what it likes.
struct Provider {
  std::int64_t limit = 20;
  std::optional<StatedLimit> says{};
  std::deque<TimePoint> served{};

  Outcome answer(TimePoint now) {
    while (!served.empty() && now - served.front() >= 1min) served.pop_front();
    Outcome outcome = Outcome::success();
    if (static_cast<std::int64_t>(served.size()) >= limit) {
      outcome = PoolFixture::failed(FailureClass::rate, Scope::key, 1s);
    } else {
      served.push_back(now);
    }
    if (says) outcome.stated.limits = {*says};
    return outcome;
  }
};

struct Count {
  int served = 0;
  int refused = 0;
};

/// Calls whenever the pool lends, for so long.
Count run(PoolFixture& f, Provider& provider, std::chrono::minutes time) {
  Count count;
  for (const TimePoint end = f.now + time; f.now < end; f.now += 100ms) {
    for (Lease lease = f.lend(); lease; lease = f.lend()) {
      f.pool().sent(lease, f.now);
      const Outcome outcome = provider.answer(f.now);
      (outcome.failure ? count.refused : count.served) += 1;
      f.pool().report(std::move(lease), outcome, f.now);
      if (outcome.failure) break;
    }
  }
  return count;
}

constexpr TimePoint at(std::chrono::nanoseconds time) { return TimePoint(1h + time); }

}  // namespace

TEST_CASE("a limit that nobody states is found by its refusals, and used", "[pool][found]") {
  PoolFixture f;
  Provider provider;
  SECTION("nothing is stated") {}
  SECTION("three times too much is stated") {
    provider.says = StatedLimit{.window = 1min, .limit = 60, .remaining = 60, .reset = 0ms};
  }
  (void)run(f, provider, 3min);
  const Count then = run(f, provider, 60min);
  CAPTURE(then.served, then.refused);
  CHECK(then.served >= 60 * 20 * 9 / 10);
  CHECK(then.refused * 50 <= then.served);
  REQUIRE(f.status("s#1").limits.size() == 1);
  CHECK(f.status("s#1").limits[0].learned);
  CHECK(f.status("s#1").limits[0].limit <= 21);

  // A limit that is raised is found out, and used again.
  provider.limit = 40;
  (void)run(f, provider, 10h);
  CHECK(run(f, provider, 10min).served >= 10 * 36);
}

TEST_CASE("a refusal or two among many answers find no limit", "[pool][found]") {
  PoolFixture f;
  for (int i = 0; i < 100; ++i) {
    f.now += 1s;
    f.call({}, i % 40 == 0 ? PoolFixture::failed(FailureClass::rate, Scope::key, 500ms) : Outcome::success());
  }
  CHECK(f.status("s#1").limits.empty());
}

TEST_CASE("a limit of the config is not judged by refusals", "[pool][found]") {
  PoolFixture f(1, {.rpm = 40});
  Provider provider;
  (void)run(f, provider, 10min);
  const CredentialStatus status = f.status("s#1");
  REQUIRE(status.limits.size() == 1);
  CHECK(status.limits[0].limit == 40);
}

TEST_CASE("what was found is what was served, and is raised at longer and longer intervals", "[pool][found]") {
  detail::FoundLimit found(at(0s));
  // A window that was not seen whole tells nothing yet.
  for (int i = 0; i < 5; ++i) found.refused(1, 30, false, 1min, at(30s));
  CHECK(found.value() == 0);
  for (int i = 0; i < 10; ++i) found.refused(1, 35, false, 1min, at(61s));
  CHECK(found.value() == 20);
  CHECK_FALSE(found.served(60, 1min, at(120s)));
  CHECK(found.served(60, 1min, at(121s)));
  CHECK(found.value() == 21);
  // Met again: the next try is after twice the time.
  found.refused(1, 21, false, 1min, at(200s));
  CHECK(found.value() == 20);
  CHECK_FALSE(found.served(60, 1min, at(200s + 119s)));
  CHECK(found.served(60, 1min, at(200s + 120s)));
  // Not met again: sooner.
  CHECK(found.served(60, 1min, at(200s + 240s)));
  CHECK(found.served(60, 1min, at(200s + 300s)));
  CHECK(found.value() == 23);
  // What is stated is not exceeded.
  CHECK(found.served(24, 1min, at(200s + 360s)));
  CHECK(found.value() == 0);
}

TEST_CASE("of a crowd of keys, one a minute may be too much, and no key by itself is held longer", "[pool][found]") {
  const bool crowd = GENERATE(true, false);
  detail::FoundLimit found(at(0s));
  for (int i = 0; i < 4; ++i) found.refused(1, 6, crowd, 1min, at(100s));
  REQUIRE(found.value() == 2);
  found.refused(1, 2, crowd, 1min, at(200s));
  REQUIRE(found.value() == 1);
  found.refused(1, 1, crowd, 1min, at(300s));
  found.refused(1, 1, crowd, 1min, at(500s));
  CHECK(found.stretch() == (crowd ? 4 : 1));
  CHECK(found.served(100, 1min, at(2h)));
  CHECK(found.stretch() == (crowd ? 2 : 1));
  CHECK(found.value() == (crowd ? 1 : 2));
}

TEST_CASE("the pace of others is a mean in which the past fades, and rounding is none", "[pool][learned]") {
  detail::BurnRate burn;
  CHECK(burn.pace(1min) == 0);
  CHECK(burn.beyond_mean(1min, 10s, 1) == 0);
  for (int i = 0; i < 300; ++i) burn.add(1, 2s, 1min);
  const double minute = burn.pace(1min) * 60e9;
  CHECK(minute > 29);
  CHECK(minute < 31);
  // 2.6 deviations of a mean of 5.
  CHECK(burn.beyond_mean(1min, 10s, 1) > 5.7);
  CHECK(burn.beyond_mean(1min, 10s, 1) < 5.9);
  CHECK(burn.beyond_mean(1min, 10s, 100) > 57);
  for (int i = 0; i < 300; ++i) burn.add(i % 2 == 0 ? 1 : -1, 2s, 1min);
  CHECK(burn.pace(1min) == 0);
}

TEST_CASE("answers to requests that overtook each other leave no more room than there is", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "anthropic";
  f.key(0).limits.guard = 500ms;
  const auto state = [](std::int64_t remaining) {
    Outcome outcome = Outcome::success();
    outcome.stated.limits = {
        {.window = 1min, .limit = 10, .remaining = remaining, .reset = std::chrono::seconds(6 * (10 - remaining))}};
    return outcome;
  };
  const auto room = [&] {
    std::vector<Lease> leases;
    for (Lease lease = f.lend(); lease && leases.size() < 20; lease = f.lend()) leases.push_back(std::move(lease));
    return leases.size();
  };
  Lease first = f.lend();
  f.pool().sent(first, f.now);
  f.now += 1ms;
  Lease second = f.lend();
  f.pool().sent(second, f.now);
  f.now += 100ms;
  // The provider counted the second before the first.
  SECTION("the second is answered first") {
    f.pool().report(std::move(second), state(9), f.now);
    CHECK(room() == 8);
    f.pool().report(std::move(first), state(8), f.now);
    CHECK(room() == 8);
  }
  SECTION("the first is answered first") {
    f.pool().report(std::move(first), state(8), f.now);
    CHECK(room() == 7);  // of the second, this answer does not tell
    f.pool().report(std::move(second), state(9), f.now);
    CHECK(room() == 8);
  }
}
