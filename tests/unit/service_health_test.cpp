#include "pool/service_health.hpp"

#include <chrono>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

using namespace keywheel;
using namespace std::chrono_literals;
using detail::ServiceHealth;

namespace {

using End = ServiceHealth::End;

struct Health {
  bool begin(std::string_view model = "m") {
    if (!allowed(model)) return false;
    visits[std::string(model)].push_back(health.begin("s", model));
    return true;
  }
  std::optional<bool> end(End how, std::string_view model = "m", std::optional<std::chrono::nanoseconds> latency = {}) {
    std::vector<ServiceHealth::Visit>& all = visits[std::string(model)];
    ServiceHealth::Visit visit = std::move(all.back());
    all.pop_back();
    return visit.end(how, latency, now);
  }
  bool allowed(std::string_view model = "m") const { return health.ask("s", model, now).allowed; }
  void rest(std::chrono::milliseconds stated, std::string_view model = "m") {
    health.rest("s", model, {.stated = stated, .first = 1s, .most = 8s}, now);
  }
  void open() {
    for (int i = 0; i < 5; ++i) {
      REQUIRE(begin());
      end(End::failed);
    }
  }

  ServiceHealth health{CircuitBreakerConfig{}};
  std::map<std::string, std::vector<ServiceHealth::Visit>> visits{};
  TimePoint now{1h};
};

}  // namespace

TEST_CASE("the breaker opens after as many failures in a row as configured, and one success in between resets it",
          "[health]") {
  Health h;
  for (int i = 0; i < 4; ++i) {
    CHECK(h.begin());
    h.end(End::failed);
  }
  CHECK(h.allowed());
  CHECK(h.begin());
  h.end(End::good);
  h.open();
  CHECK_FALSE(h.allowed());
  CHECK(h.health.ask("s", "m", h.now).at == h.now + 30s);
  CHECK(h.allowed("another model"));
}

TEST_CASE("half open, so many probes pass as configured; a failed one opens it again", "[health]") {
  Health h;
  h.open();
  h.now += 30s;
  CHECK(h.begin());
  CHECK_FALSE(h.begin());
  h.end(End::failed);
  CHECK_FALSE(h.allowed());
  CHECK(h.health.ask("s", "m", h.now).at == h.now + 30s);
  h.now += 30s;
  CHECK(h.begin());
  h.end(End::neutral);  // a probe that says nothing leaves its place to the next
  CHECK(h.begin());
  h.end(End::good);
  CHECK(h.allowed());
}

TEST_CASE("after a breaker closed, what is in flight doubles from answer to answer", "[health]") {
  Health h;
  h.open();
  h.now += 30s;
  REQUIRE(h.begin());
  h.end(End::good);
  int in_flight = 0;
  for (const int expected : {2, 4, 8, 16, 32}) {
    while (h.begin()) ++in_flight;
    CHECK(in_flight == expected);
    const auto verdict = h.health.ask("s", "m", h.now);
    CHECK(verdict.by_event);
    CHECK(verdict.at >= h.now + 20ms);
    CHECK(verdict.at <= h.now + 1s);
    for (; in_flight > 0; --in_flight) h.end(End::good);
  }
  for (int i = 0; i < 100; ++i) {
    REQUIRE(h.begin());
    h.end(End::good);
  }
  for (int i = 0; i < 1000; ++i) REQUIRE(h.begin());
}

TEST_CASE("a failure halves what may be in flight", "[health]") {
  Health h;
  h.open();
  h.now += 30s;
  REQUIRE(h.begin());
  h.end(End::good);
  for (int i = 0; i < 6; ++i) {
    REQUIRE(h.begin());
    h.end(End::good);
  }
  int in_flight = 0;
  while (h.begin()) ++in_flight;
  CHECK(in_flight == 8);
  h.end(End::failed);
  for (int i = 0; i < 3; ++i) h.end(End::neutral);
  CHECK_FALSE(h.begin());
}

TEST_CASE("rests lengthen, are never shortened, and an answer ends their series", "[health]") {
  Health h;
  for (const auto expected : {1s, 2s, 4s, 8s, 8s}) {
    h.rest(0ms);
    h.rest(0ms);  // who was in flight with it says nothing new
    CHECK(h.health.ask("s", "m", h.now).at == h.now + expected);
    h.now += expected;
    CHECK(h.allowed());
  }
  h.rest(60s);
  h.now += 1s;
  h.rest(5s);
  CHECK(h.health.ask("s", "m", h.now).at == h.now + 59s);
  h.now += 59s;
  REQUIRE(h.begin());
  h.end(End::good);
  h.rest(0ms);
  CHECK(h.health.ask("s", "m", h.now).at == h.now + 1s);
}

TEST_CASE("a rest that is stated longer than an hour is tried out once an hour, by one attempt", "[health]") {
  Health h;
  h.rest(10h);
  CHECK(h.health.ask("s", "m", h.now).at == h.now + 1h);
  h.now += 1h;
  CHECK(h.begin());
  CHECK_FALSE(h.begin());
  h.rest(9h);
  h.end(End::neutral);
  CHECK_FALSE(h.allowed());
  h.now += 1h;
  CHECK(h.begin());
  h.end(End::good);
  CHECK(h.begin());
}

TEST_CASE("who lets go of a probe's place leaves it to the next, and that is told", "[health]") {
  Health h;
  h.open();
  h.now += 30s;
  int told = 0;
  h.health.on_change([&] {
    CHECK(h.allowed());
    ++told;
  });
  REQUIRE(h.begin());
  CHECK_FALSE(h.allowed());
  const auto before = h.health.changes("s");
  h.visits.clear();
  CHECK(told == 1);
  CHECK(h.health.changes("s") != before);
  CHECK(h.health.in_flight("s") == 0);
  REQUIRE(h.begin());
  CHECK(h.end(End::good) == false);
  CHECK(told == 2);
}

TEST_CASE("a service that is well tells of nothing", "[health]") {
  Health h;
  h.health.on_change([] { FAIL("nobody waits for it"); });
  for (const End how : {End::good, End::neutral, End::failed, End::good}) {
    REQUIRE(h.begin());
    CHECK_FALSE(h.end(how));
  }
  CHECK(h.health.changes("s") == 0);
}

TEST_CASE("a service's rest holds for all its models", "[health]") {
  Health h;
  h.rest(5s, "");
  CHECK_FALSE(h.allowed());
  CHECK_FALSE(h.begin());
  h.now += 5s;
  CHECK(h.begin());
}

TEST_CASE("the expected latency follows a peak at once, forgets it slowly and counts who is in flight", "[health]") {
  Health h;
  CHECK(h.health.expected_latency("s", h.now) < 0);
  const auto answer = [&](std::chrono::nanoseconds latency) {
    REQUIRE(h.begin());
    h.end(End::good, "m", latency);
  };
  answer(100ms);
  CHECK(h.health.expected_latency("s", h.now) == 1e8);
  answer(900ms);
  CHECK(h.health.expected_latency("s", h.now) == 9e8);
  h.now += 1s;
  answer(100ms);
  const double soon = h.health.expected_latency("s", h.now);
  CHECK(soon > 7e8);
  CHECK(soon < 9e8);
  REQUIRE(h.begin());
  CHECK(std::abs(h.health.expected_latency("s", h.now) - 2 * soon) < 1);
  h.now += 60s;
  CHECK(h.health.expected_latency("s", h.now) < 1e7);
}
