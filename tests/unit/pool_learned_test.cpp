#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "unit/pool_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

constexpr auto kMost = std::numeric_limits<std::int64_t>::max();

Outcome answered(std::vector<StatedLimit> limits) {
  Outcome outcome = Outcome::success();
  outcome.stated.limits = std::move(limits);
  return outcome;
}

StatedLimit a_minute(std::int64_t limit, std::int64_t remaining, std::optional<std::chrono::milliseconds> reset = {}) {
  return {.window = 1min, .limit = limit, .remaining = remaining, .reset = reset};
}

/// How many calls there is room for now.
int room(PoolFixture& f, int most = 1000) {
  int count = 0;
  std::vector<Lease> leases;
  while (count < most) {
    Lease lease = f.lend();
    if (!lease) break;
    leases.push_back(std::move(lease));
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("a limit that nobody configured is learned from an answer and kept to", "[pool][learned][peers]") {
  PoolFixture f;
  f.services[0].provider = "mistral";
  CHECK(f.call({}, answered({a_minute(10, 9)})) == "s#1");
  CHECK(f.calls(10) == "111111111-");
  CHECK(f.refusal().at == f.now + 1min);
  CHECK(f.refusal().reason.find("rpm 10 reached") != std::string::npos);
  const CredentialStatus status = f.status("s#1");
  REQUIRE(status.limits.size() == 1);
  CHECK(status.limits[0].name == "rpm");
  CHECK(status.limits[0].level == "key");
  CHECK(status.limits[0].group == "m");
  CHECK(status.limits[0].limit == 10);
  CHECK(status.limits[0].used == 10);
  CHECK(status.limits[0].learned);
  // It is the model's, so others are free.
  CHECK(f.call({.model = "other"}) == "s#1");
  f.now += 1min;
  CHECK(room(f, 20) == 10);
}

TEST_CASE("what is in flight is subtracted from a stated remaining", "[pool][learned][peers]") {
  PoolFixture f;
  f.services[0].provider = "mistral";
  std::vector<Lease> flying;
  for (int i = 0; i < 5; ++i) {
    flying.push_back(f.lend());
    f.pool().sent(flying.back(), f.now);
    f.now += 10ms;
  }
  // The answer to the first was written when the others had not come.
  f.pool().report(std::move(flying[0]), answered({a_minute(10, 9)}), f.now);
  CHECK(room(f) == 5);
  SECTION("nor what is lent and not yet sent") {
    const Lease lent = f.lend();
    CHECK(room(f) == 4);
  }
}

TEST_CASE("late headers do not undo newer ones", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "mistral";
  Lease first = f.lend();
  f.pool().sent(first, f.now);
  f.now += 1s;
  Lease second = f.lend();
  f.pool().sent(second, f.now);
  f.now += 1s;
  f.pool().report(std::move(second), answered({a_minute(10, 2)}), f.now);
  // Others have used six, and may have used one more since.
  CHECK(room(f) == 1);
  f.now += 1s;
  f.pool().report(std::move(first), answered({a_minute(10, 9)}), f.now);
  CHECK(room(f) == 1);
}

TEST_CASE("a reset that means full is not waited for", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "openai";
  f.call({}, answered({{.limit = 60, .remaining = 0, .reset = 60s}}));
  const Unavailable why = f.refusal();
  REQUIRE(why.at);
  CHECK(*why.at <= f.now + 1100ms);
  f.now = *why.at;
  CHECK(room(f) == 1);
  f.now += 29s;
  CHECK(room(f) >= 28);
  CHECK(room(f) <= 31);
}

TEST_CASE("what others burn is seen and left to them", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "mistral";
  CHECK(f.calls(5) == "11111");
  f.call({}, answered({a_minute(100, 20)}));
  // A hundredth is left to what they burn until the next answer.
  CHECK(room(f) == 19);
  // Until their window is over, at the latest.
  f.now += 1min;
  CHECK(room(f) == 100);
}

TEST_CASE("a limit that changes is taken over at once", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "mistral";
  f.call({}, answered({a_minute(10, 9)}));
  f.now += 1ms;
  f.call({}, answered({a_minute(100, 98)}));
  CHECK(room(f) == 98);
  f.now += 1ms;
  f.call({}, answered({a_minute(5, 2)}));
  CHECK(room(f) == 2);
}

TEST_CASE("what is not said again grows old, and a limit learned low recovers", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "mistral";
  f.call({}, answered({a_minute(2, 1)}));
  CHECK(f.calls(2) == "1-");
  f.now += 5min;
  CHECK(f.calls(3) == "11-");
  f.now += 6min;
  CHECK(f.calls(5) == "11111");
  CHECK(f.status("s#1").limits.empty());
}

TEST_CASE("no header locks a key for long", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "mistral";
  SECTION("a limit of nothing, or below, or beyond all counting, is none") {
    const std::int64_t limit = GENERATE(std::int64_t{0}, std::int64_t{-1}, -kMost, kMost, kMost - 1);
    f.call({}, answered({a_minute(limit, 0), {.measure = Measure::tokens, .limit = limit, .remaining = -5}}));
    CHECK(room(f, 50) == 50);
  }
  SECTION("a reset in a hundred years is one at the end of the window") {
    f.call({}, answered({a_minute(10, 0, std::chrono::milliseconds::max())}));
    CHECK(f.refusal().at == f.now + 1min);
  }
  SECTION("a negative reset is none") {
    f.call({}, answered({a_minute(10, 0, -5s)}));
    REQUIRE(f.refusal().at);
    CHECK(*f.refusal().at <= f.now + 1min);
  }
  SECTION("a day without anything left is asked again, and not believed when it is served") {
    f.call({}, answered({{.window = 24h, .limit = 100, .remaining = 0, .reset = 23h}}));
    const Unavailable why = f.refusal();
    REQUIRE(why.at);
    CHECK(*why.at == f.now + 1min);
    f.now = *why.at;
    Lease probe = f.lend();
    REQUIRE(probe);
    CHECK_FALSE(f.room());
    f.pool().sent(probe, f.now);
    SECTION("served") {
      f.pool().report(std::move(probe), answered({{.window = 24h, .limit = 100, .remaining = 0, .reset = 23h}}), f.now);
      CHECK(room(f) == 98);
    }
    SECTION("refused: the next one waits longer") {
      f.pool().report(std::move(probe), PoolFixture::failed(FailureClass::server, Scope::service), f.now);
      CHECK_FALSE(f.room());
      f.now += 90s;
      CHECK_FALSE(f.room());
      f.now += 31s;
      CHECK(f.room());
    }
  }
  SECTION("a request larger than a learned limit passes when nothing else is counted") {
    f.call({}, answered({{.measure = Measure::tokens, .window = 1min, .limit = 10, .remaining = 10}}));
    f.now += 1min;
    CHECK(f.room({.prompt_tokens = 5000}));
  }
  SECTION("no more windows are kept than a provider can mean") {
    std::vector<StatedLimit> many;
    for (int i = 1; i <= 100; ++i) many.push_back({.window = std::chrono::seconds(i), .limit = 1000, .remaining = 999});
    f.call({}, answered(many));
    CHECK(f.status("s#1").limits.size() <= 8);
  }
}

TEST_CASE("configured limits hold, whatever a header says", "[pool][learned]") {
  PoolFixture f(1, {.rpm = 5});
  f.services[0].provider = "mistral";
  f.call({}, answered({a_minute(1000, 1000)}));
  CHECK(f.calls(6) == "1111--");
}

TEST_CASE("remaining alone makes a limit, which only grows", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "azure";
  f.call({}, answered({{.remaining = 9}}));
  CHECK(room(f) == 9);
  f.now += 1s;
  f.call({}, answered({{.remaining = 5}}));
  CHECK(room(f) == 5);
}

TEST_CASE("the window of an unnamed limit is the provider's", "[pool][learned]") {
  PoolFixture f;
  const auto learn = [&](std::string provider, StatedLimit limit) {
    f.services[0].provider = std::move(provider);
    f.call({}, answered({limit}));
    const std::vector<LimitStatus> limits = f.status("s#1").limits;
    return limits.empty() ? std::string() : limits.back().name;
  };
  SECTION("Groq's requests are of the day") {
    CHECK(learn("groq", {.limit = 1000, .remaining = 984, .reset = 1382400ms}) == "rpd");
  }
  SECTION("OpenAI's of the minute") {
    CHECK(learn("openai", {.limit = 10000, .remaining = 9999, .reset = 6ms}) == "rpm");
  }
  SECTION("of the day where the reset says so, as in its lowest tier") {
    CHECK(learn("openai", {.limit = 200, .remaining = 199, .reset = 432s}) == "rpd");
  }
  SECTION("Azure's may be of its ten seconds") {
    f.key(0).limits.rpm = 120;
    CHECK(learn("azure", {.limit = 20, .remaining = 19}) == "qps");
    CHECK(f.status("s#1").limits.back().limit == 20);
  }
}

TEST_CASE("a bucket that refills over a day gives back what it refills", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "groq";
  // 1,000 a day: one in 86.4 seconds.
  f.call({}, answered({{.limit = 1000, .remaining = 0, .reset = 24h}}));
  const Unavailable why = f.refusal();
  REQUIRE(why.at);
  CHECK(*why.at <= f.now + 90s);
  f.now = *why.at;
  CHECK(room(f) == 1);
  f.now += 12h;
  CHECK(room(f) >= 490);
  CHECK(room(f) <= 510);
}

TEST_CASE("a refusal's words teach the limit, and leave the waiting to the rest", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "gemini";
  Outcome refused = PoolFixture::failed(FailureClass::rate, Scope::project_model, 10s);
  refused.failure->limits = {{.window = 1min, .limit = 3}};
  f.call({}, refused);
  CHECK(f.refusal().at == f.now + 10s);
  f.now += 10s;
  CHECK(f.calls(3) == "11-");
}

TEST_CASE("served beyond the promise, a key keeps below what it sent", "[pool][learned]") {
  PoolFixture f;
  f.services[0].provider = "fireworks";
  CHECK(f.calls(9) == "111111111");
  Outcome warned = Outcome::success();
  warned.stated.over_limit = true;
  f.call({}, warned);
  REQUIRE(f.status("s#1").limits.size() == 1);
  CHECK(f.status("s#1").limits[0].limit == 9);
  f.now += 11min;
  CHECK(f.status("s#1").limits.empty());
}

namespace {

/// A provider with a limit of its own, which others burn, too.
struct Hidden {
  enum class Kind : std::uint8_t { sliding, fixed, bucket };
  Kind kind = Kind::sliding;
  std::int64_t limit = 0;
  std::deque<TimePoint> log{};
  std::int64_t window_number = -1;
  double level = 0;
  TimePoint level_at{std::chrono::seconds(1000)};

  void turn(TimePoint now) {
    while (!log.empty() && now - log.front() >= 1min) log.pop_front();
    if (kind == Kind::fixed && now.time_since_epoch() / 1min != window_number) {
      window_number = now.time_since_epoch() / 1min;
      log.clear();
    }
    const double seconds = std::chrono::duration<double>(now - level_at).count();
    level = std::max(0.0, level - seconds * static_cast<double>(limit) / 60);
    level_at = now;
  }
  [[nodiscard]] std::int64_t used() const {
    return kind == Kind::bucket ? static_cast<std::int64_t>(level + 0.999999) : static_cast<std::int64_t>(log.size());
  }
  bool take(TimePoint now) {
    turn(now);
    if (kind == Kind::bucket ? level + 1 > static_cast<double>(limit) : used() >= limit) return false;
    log.push_back(now);
    level += 1;
    return true;
  }
  [[nodiscard]] StatedLimit state(TimePoint now) const {
    std::chrono::nanoseconds reset{0};
    if (kind == Kind::bucket) {
      reset = std::chrono::nanoseconds(static_cast<std::int64_t>(level * 60e9 / static_cast<double>(limit)));
    } else if (kind == Kind::fixed) {
      reset = 1min - now.time_since_epoch() % 1min;
    } else if (!log.empty()) {
      reset = 1min - (now - log.back());
    }
    return {.window = 1min,
            .limit = limit,
            .remaining = limit - used(),
            .reset = std::chrono::ceil<std::chrono::milliseconds>(reset)};
  }
};

}  // namespace

TEST_CASE("hidden limits are kept to, and used, while others burn them", "[pool][learned]") {
  const auto kind = GENERATE(Hidden::Kind::sliding, Hidden::Kind::fixed, Hidden::Kind::bucket);
  const int burnt = GENERATE(0, 10, 30);
  PoolFixture f;
  f.services[0].provider = "mistral";
  f.key(0).limits.guard = 500ms;
  Hidden provider{.kind = kind, .limit = 300};
  struct Flying {
    Lease lease;
    TimePoint arrives;
    TimePoint answers;
    bool served = false;
    std::optional<StatedLimit> stated{};
  };
  std::deque<Flying> flying;
  const TimePoint begin = f.now;
  std::int64_t served = 0;
  std::int64_t refused = 0;
  std::int64_t steps = 0;
  while (f.now < begin + 20min) {
    f.now += 10ms;
    if (burnt != 0 && ++steps % (6000 * 100 / (300 * burnt)) == 0) (void)provider.take(f.now);
    for (Lease lease = f.lend(); lease; lease = f.lend()) {
      f.pool().sent(lease, f.now);
      flying.push_back({.lease = std::move(lease), .arrives = f.now + 20ms, .answers = f.now + 300ms});
      // So many at once are what the first second brings, before the first answer.
      if (flying.size() >= 20) break;
    }
    for (Flying& each : flying) {
      if (each.stated || each.arrives > f.now) continue;
      each.served = provider.take(f.now);
      each.stated = provider.state(f.now);
    }
    while (!flying.empty() && flying.front().answers <= f.now) {
      Flying& first = flying.front();
      Outcome outcome = first.served ? Outcome::success()
                                     : PoolFixture::failed(FailureClass::rate, Scope::key_model, first.stated->reset);
      outcome.stated.limits = {*first.stated};
      f.pool().report(std::move(first.lease), outcome, f.now);
      (first.served ? served : refused) += 1;
      flying.pop_front();
    }
  }
  const double left = 20.0 * 300 * (100 - burnt) / 100;
  CAPTURE(static_cast<int>(kind), burnt, served, refused);
  CHECK(static_cast<double>(served) >= 0.8 * left);
  CHECK(static_cast<double>(refused) <= (burnt == 0 ? 0.005 : burnt == 10 ? 0.01 : 0.02) * static_cast<double>(served));
}
