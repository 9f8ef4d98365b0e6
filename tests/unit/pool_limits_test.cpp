#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "unit/pool_fixture.hpp"
#include "unit/window_checker.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// Takes all it can get for a while, going from one promised time to the next; every lease ends at once.
struct Greedy {
  PoolFixture& f;
  WindowChecker requests{};
  WindowChecker tokens{};
  int refusals = 0;

  void run(std::chrono::nanoseconds length, Demand demand = {}) {
    const TimePoint end = f.now + length;
    while (f.now < end) {
      auto answer = f.ask(demand);
      if (auto* lease = std::get_if<Lease>(&answer)) {
        f.pool().sent(*lease, f.now);
        requests.add(f.now, 1);
        tokens.add(f.now, demand.prompt_tokens + demand.completion_tokens);
        f.pool().report(std::move(*lease), Outcome::success(), f.now);
        continue;
      }
      ++refusals;
      const auto& why = std::get<Unavailable>(answer);
      REQUIRE(why.at);
      REQUIRE(*why.at > f.now);
      f.now = *why.at;
    }
  }
};

}  // namespace

TEST_CASE("requests a minute hold in every window and are used up", "[pool][limits]") {
  PoolFixture f(1, {.rpm = 60});
  Greedy greedy{f};
  greedy.run(10min);
  CHECK(greedy.requests.most(1min) == 60);
  CHECK(greedy.requests.total() == 600);
  // One refusal a window: the promised time was right each time.
  CHECK(greedy.refusals == 10);
}

TEST_CASE("the guard holds a window longer, at most by a twentieth", "[pool][limits]") {
  PoolFixture f(1, {.rpm = 10});
  f.key(0).limits.guard = 500ms;
  Greedy greedy{f};
  greedy.run(1min + 1ns);
  CHECK(f.now == TimePoint(1000s) + 60500ms);
  SECTION("five percent of a second") {
    PoolFixture g(1, {.qps = 1});
    g.key(0).limits.guard = 500ms;
    g.call();
    CHECK(g.refusal().at == g.now + 1050ms);
  }
}

TEST_CASE("requests a second, whole and fractional", "[pool][limits]") {
  struct Case {
    double qps;
    std::chrono::nanoseconds window;
    std::int64_t most;
  };
  const auto c = GENERATE(Case{5, 1s, 5}, Case{2.5, 1s, 2}, Case{1, 1s, 1}, Case{0.5, 2s, 1}, Case{0.1, 10s, 1},
                          Case{0.3, 3333333333ns, 1}, Case{100.0 / 3, 1s, 33}, Case{0.001, 1000s, 1});
  PoolFixture f(1, {.qps = c.qps});
  Greedy greedy{f};
  greedy.run(c.window * 20);
  CHECK(greedy.requests.most(c.window) == c.most);
  CHECK(greedy.requests.most(10s) <= std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(10 * c.qps))));
  CHECK(greedy.requests.total() >= 20 * c.most - c.most);
}

TEST_CASE("tokens a minute are reserved by estimate and settled by usage", "[pool][limits]") {
  PoolFixture f(1, {.tpm = 1000});
  f.services[0].provider = "mistral";  // which charges what was used
  Lease a = f.lend({.prompt_tokens = 300, .completion_tokens = 400});
  REQUIRE(a);
  f.pool().sent(a, f.now);
  CHECK_FALSE(f.room({.prompt_tokens = 301}));
  CHECK(f.room({.prompt_tokens = 300}));
  f.now += 5s;
  f.pool().report(std::move(a), Outcome::success({.prompt_tokens = 250, .completion_tokens = 50}), f.now);
  CHECK(f.room({.prompt_tokens = 700}));
  CHECK_FALSE(f.room({.prompt_tokens = 701}));
  // They count from the sending, not from the report.
  f.now += 55s;
  CHECK(f.room({.prompt_tokens = 1000}));

  SECTION("more than estimated counts, too") {
    Lease b = f.lend({.prompt_tokens = 10});
    f.pool().report(std::move(b), Outcome::success({.prompt_tokens = 990}), f.now);
    CHECK_FALSE(f.room({.prompt_tokens = 11}));
    CHECK(f.room({.prompt_tokens = 10}));
  }
  SECTION("what the provider did not count stays as reserved") {
    Lease b = f.lend({.prompt_tokens = 100, .completion_tokens = 300});
    f.pool().report(std::move(b), Outcome::success(), f.now);
    CHECK_FALSE(f.room({.prompt_tokens = 601}));
  }
  SECTION("a request turned down generates nothing") {
    Lease b = f.lend({.prompt_tokens = 100, .completion_tokens = 300});
    f.pool().report(std::move(b), PoolFixture::failed(FailureClass::request, Scope::call, {}, 400), f.now);
    CHECK(f.room({.prompt_tokens = 900}));
    CHECK_FALSE(f.room({.prompt_tokens = 901}));
  }
}

TEST_CASE("input and output tokens have limits apart", "[pool][limits]") {
  PoolFixture f(1, {.itpm = 1000, .otpm = 100});
  f.call({.prompt_tokens = 900, .completion_tokens = 10});
  CHECK_FALSE(f.room({.prompt_tokens = 101}));
  CHECK(f.room({.prompt_tokens = 100, .completion_tokens = 90}));
  CHECK_FALSE(f.room({.prompt_tokens = 1, .completion_tokens = 91}));
  CHECK(f.refusal({.prompt_tokens = 1, .completion_tokens = 91}).at == f.now + 1min);
}

TEST_CASE("a request larger than a limit can ever hold is no wait", "[pool][limits]") {
  PoolFixture f(2, {.tpm = 1000});
  const Unavailable why = f.refusal({.prompt_tokens = 900, .completion_tokens = 101});
  CHECK(why.too_big);
  CHECK_FALSE(why.at);
  CHECK(why.kind == ErrorKind::invalid_request);
  CHECK(why.reason.find("tpm 1000") != std::string::npos);
  SECTION("and a key with a larger limit takes it") {
    PoolFixture g(2, {.tpm = 1000});
    g.key(1).limits.tpm = 5000;
    CHECK(g.call({.prompt_tokens = 1001}) == "s#2");
    const Unavailable busy = g.refusal({.prompt_tokens = 4500});
    CHECK_FALSE(busy.too_big);
    CHECK(busy.at == g.now + 1min);
  }
}

TEST_CASE("days turn when the provider's do", "[pool][limits]") {
  using std::chrono::sys_days;
  PoolFixture f(1, {.rpd = 2});
  const auto wall = [&](auto at) {
    f.pool().align(f.now, std::chrono::time_point_cast<std::chrono::milliseconds>(at));
  };
  SECTION("at midnight UTC where nothing else is known") {
    wall(sys_days(2026y / 11 / 23) + 23h);
    CHECK(f.calls(3) == "11-");
    CHECK(f.refusal().at == f.now + 1h);
    f.now += 1h;
    CHECK(f.calls(3) == "11-");
  }
  SECTION("at midnight Pacific for Gemini, summer and winter") {
    f.services[0].provider = "gemini";
    wall(sys_days(2026y / 7 / 1) + 6h);
    CHECK(f.calls(3) == "11-");
    CHECK(f.refusal().at == f.now + 1h);
    wall(sys_days(2026y / 12 / 1) + 6h);
    CHECK(f.calls(3) == "11-");
    CHECK(f.refusal().at == f.now + 2h);
    // The day on which the clocks go back has 25 hours.
    wall(sys_days(2026y / 11 / 1) + 7h);
    CHECK(f.calls(3) == "11-");
    CHECK(f.refusal().at == f.now + 25h);
  }
  SECTION("in the zone that the service names") {
    f.services[0].options["day_zone"] = "+05:30";
    wall(sys_days(2026y / 11 / 23) + 18h);
    CHECK(f.calls(3) == "11-");
    CHECK(f.refusal().at == f.now + 30min);
  }
  SECTION("what is sent so late that it may arrive tomorrow counts for both days") {
    f.key(0).limits.guard = 500ms;
    wall(sys_days(2026y / 11 / 23) + 24h - 400ms);
    CHECK(f.calls(1) == "1");
    f.now += 400ms;
    CHECK(f.calls(2) == "1-");
  }
}

TEST_CASE("tokens a day and totals over a life", "[pool][limits]") {
  PoolFixture f(1, {.tpd = 1000});
  f.call({.prompt_tokens = 800}, Outcome::success({.prompt_tokens = 900}));
  CHECK_FALSE(f.room({.prompt_tokens = 101}));
  CHECK(f.room({.prompt_tokens = 100}));

  PoolFixture g(1, {.max_requests = 3});
  CHECK(g.calls(4) == "111-");
  g.now += 24h * 400;
  const Unavailable why = g.refusal();
  CHECK_FALSE(why.at);
  CHECK(why.kind == ErrorKind::quota_exhausted);

  PoolFixture h(1, {.max_tokens = 100});
  h.call({.prompt_tokens = 60});
  CHECK_FALSE(h.room({.prompt_tokens = 41}));
  CHECK(h.room({.prompt_tokens = 40}));
}

TEST_CASE("a place in flight is given back on every way out", "[pool][limits]") {
  PoolFixture f(1, {.concurrency = 2});
  Lease a = f.lend();
  {
    Lease b = f.lend();
    REQUIRE(b);
    const Unavailable why = f.refusal();
    CHECK_FALSE(why.at);
    CHECK(why.kind == ErrorKind::rate_limited);
    CHECK(f.status("s#1").in_flight == 2);
  }
  CHECK(f.room());
  f.pool().report(std::move(a), Outcome::cancelled(), f.now);
  CHECK(f.status("s#1").in_flight == 0);
  CHECK(f.status("s#1").cancelled >= 2);
  CHECK(f.state("s#1") == CredentialState::active);

  Lease c = f.lend();
  Lease d = f.lend();
  c = std::move(d);
  CHECK(f.status("s#1").in_flight == 1);
  c = Lease{};
  CHECK(f.status("s#1").in_flight == 0);
}

TEST_CASE("a slot comes back only if nothing was sent", "[pool][limits]") {
  PoolFixture f(1, {.rpm = 1});
  SECTION("dropped before sending") {
    { Lease lease = f.lend(); }
    CHECK(f.room());
  }
  SECTION("reported as not sent") {
    f.pool().report(f.lend(), Outcome::cancelled(false), f.now);
    CHECK(f.room());
  }
  SECTION("dropped after sending") {
    {
      Lease lease = f.lend();
      f.pool().sent(lease, f.now);
    }
    CHECK_FALSE(f.room());
  }
  SECTION("failed after sending") {
    Lease lease = f.lend();
    f.pool().sent(lease, f.now);
    f.pool().report(std::move(lease), PoolFixture::failed(FailureClass::server, Scope::service), f.now);
    CHECK_FALSE(f.room());
  }
  SECTION("while it is lent it counts, and from the sending on it counts a minute") {
    Lease lease = f.lend();
    CHECK_FALSE(f.room());
    f.now += 30s;
    f.pool().sent(lease, f.now);
    f.pool().report(std::move(lease), Outcome::success(), f.now);
    CHECK(f.refusal().at == f.now + 1min);
  }
}

TEST_CASE("an attempt needs room at every level at once", "[pool][limits]") {
  PoolFixture f(3, {.rpm = 5});
  SECTION("the service's own limits") {
    f.services[0].limits = {.rpm = 7, .guard = 0ms};
    CHECK(f.calls(9) == "1231231--");
  }
  SECTION("an account's limits are shared by its keys") {
    f.key(0).account = f.key(1).account = "acme";
    CHECK(f.calls(12) ==
          "123123133"
          "3--");
  }
  SECTION("a project's below it, and only there") {
    f.key(0).account = f.key(1).account = f.key(2).account = "acme";
    f.key(0).project = f.key(1).project = "one";
    f.key(2).project = "two";
    const std::string ids = f.calls(12);
    CHECK(std::count(ids.begin(), ids.end(), '3') == 5);
    CHECK(std::count(ids.begin(), ids.end(), '-') == 2);
  }
  SECTION("what one level refuses, no other has counted") {
    f.services[0].limits = {.rpm = 1, .guard = 0ms};
    CHECK(f.calls(4) == "1---");
    f.now += 1min;
    CHECK(f.calls(2) == "2-");
  }
}

TEST_CASE("the earliest time is when all limits allow", "[pool][limits]") {
  PoolFixture f(1, {.qps = 1, .rpm = 3, .tpm = 100});
  f.call({.prompt_tokens = 90});
  CHECK(f.refusal({.prompt_tokens = 5}).at == f.now + 1s);
  CHECK(f.refusal({.prompt_tokens = 50}).at == f.now + 60s);
  f.now += 1s;
  f.call();
  f.now += 1s;
  f.call();
  f.now += 1s;
  CHECK(f.refusal().at == TimePoint(1000s) + 60s);
}

TEST_CASE("under random load no window of any start exceeds any limit, and little is wasted", "[pool][limits]") {
  const auto seed = GENERATE(range(1U, 9U));
  std::mt19937_64 random(seed);
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  Limits limits;
  limits.rpm = 100 + below(2000);
  limits.tpm = 20'000 + below(1'000'000);
  limits.qps = seed % 3 == 0 ? 0 : 3 + static_cast<double>(below(50));
  limits.concurrency = seed % 2 == 0 ? 0 : 20 + static_cast<int>(below(100));
  PoolFixture f(2, limits);
  f.key(1).account = f.key(0).account = "one";  // so that there is one ledger to check
  struct Flying {
    Lease lease;
    TimePoint ends;
    std::int64_t tokens;
    bool sent = false;
    TimePoint sends{};
  };
  std::vector<Flying> flying;
  WindowChecker requests;
  WindowChecker tokens;
  const std::int64_t mean = 1 + limits.tpm / limits.rpm;
  const TimePoint end = f.now + 10min;
  std::int64_t refused = 0;
  while (f.now < end) {
    const std::int64_t size = 1 + below(2 * mean);
    auto answer = f.ask({.prompt_tokens = size / 2, .completion_tokens = size - size / 2});
    if (auto* lease = std::get_if<Lease>(&answer)) {
      // Half of them are sent at once, the others soon; some never.
      const auto delay = below(2) == 0 ? 0ms : std::chrono::milliseconds(below(300));
      flying.push_back(
          {std::move(*lease), f.now + delay + std::chrono::milliseconds(below(3000)), size, false, f.now + delay});
    } else {
      ++refused;
      f.now += std::chrono::milliseconds(1 + below(20));
    }
    for (auto it = flying.begin(); it != flying.end();) {
      if (!it->sent && it->sends <= f.now) {
        if (below(50) == 0) {
          it = flying.erase(it);
          continue;
        }
        it->sent = true;
        f.pool().sent(it->lease, f.now);
        requests.add(f.now, 1);
        tokens.add(f.now, it->tokens);
      }
      if (it->sent && it->ends <= f.now) {
        f.pool().report(std::move(it->lease), Outcome::success(), f.now);
        it = flying.erase(it);
      } else {
        ++it;
      }
    }
    if (limits.concurrency != 0) REQUIRE(static_cast<int>(flying.size()) <= limits.concurrency);
  }
  CHECK(requests.most(1min) <= limits.rpm);
  CHECK(tokens.most(1min) <= limits.tpm);
  if (limits.qps > 0) CHECK(requests.most(1s) <= static_cast<std::int64_t>(limits.qps));
  CHECK(refused > 0);
}

TEST_CASE("saturated, at least 98 of 100 allowed requests and tokens are used", "[pool][limits]") {
  SECTION("requests, with the default guard") {
    PoolFixture f(1, {.rpm = 6000});
    f.key(0).limits.guard = 500ms;
    Greedy greedy{f};
    greedy.run(20min);
    CHECK(greedy.requests.most(1min) <= 6000);
    CHECK(static_cast<double>(greedy.requests.total()) >= 0.98 * 20 * 6000);
  }
  SECTION("tokens in small pieces, which the log keeps together") {
    PoolFixture f(1, {.tpm = 1'000'000});
    f.key(0).limits.guard = 500ms;
    WindowChecker tokens;
    const TimePoint end = f.now + 20min;
    while (f.now < end) {
      Lease lease = f.lend({.prompt_tokens = 173});
      if (lease) {
        f.pool().sent(lease, f.now);
        tokens.add(f.now, 173);
        f.pool().report(std::move(lease), Outcome::success(), f.now);
      }
      f.now += 8ms;  // 1.3 times what is allowed
    }
    CHECK(tokens.most(1min) <= 1'000'000);
    CHECK(static_cast<double>(tokens.total()) >= 0.98 * 20 * 1'000'000);
  }
}

TEST_CASE("limits and requests of absurd size do not overflow", "[pool][limits]") {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  PoolFixture f(1, {.qps = 1e300, .rpm = kMost, .rpd = kMost, .tpm = kMost, .tpd = kMost, .max_tokens = kMost});
  for (int i = 0; i < 10; ++i) CHECK(f.call({.prompt_tokens = kMost, .completion_tokens = kMost}) != "x");
  CHECK(f.room({.prompt_tokens = -5, .completion_tokens = -5}));
  PoolFixture g(1, {.qps = 1e-300});
  g.call();
  CHECK_FALSE(g.room());
}
