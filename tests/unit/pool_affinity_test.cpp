#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "pool/waiting_line.hpp"
#include "unit/pool_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;
using detail::Grant;
using detail::LineAnswer;
using detail::LineGrant;
using detail::Queued;
using detail::WaitingLine;

namespace {

std::map<std::string, std::string> homes_of(PoolFixture& f, int sessions) {
  std::map<std::string, std::string> homes;
  for (int i = 0; i < sessions; ++i) {
    const std::string session = "user-" + std::to_string(i);
    homes[session] = f.call({.session = session, .rotation = Rotation::hash});
  }
  return homes;
}

int moved(const std::map<std::string, std::string>& before, const std::map<std::string, std::string>& after) {
  int count = 0;
  for (const auto& [session, home] : before) count += after.at(session) != home ? 1 : 0;
  return count;
}

/// One service of two keys with a place each, whose sessions wait for their own.
struct OwnKeys : PoolFixture {
  explicit OwnKeys(std::chrono::milliseconds wait) : PoolFixture(2, {.concurrency = 1}) {
    services[0].rotation = Rotation::hash;
    services[0].affinity_wait = wait;
    line = std::make_unique<WaitingLine>(shared(), health);
    for (int i = 0; session_of["s#1"].empty() || session_of["s#2"].empty(); ++i) {
      const std::string session = "session " + std::to_string(i);
      session_of[call({.session = session})] = session;
    }
  }
  LineAnswer enter(const std::string& key, std::optional<std::chrono::milliseconds> max_wait = {}) {
    return line->enter(
        {.demands = {{.service = "s", .model = "m", .session = session_of.at(key)}}, .max_wait = max_wait}, now);
  }
  std::map<std::string, std::string> session_of{};
  detail::ServiceHealth health{CircuitBreakerConfig{}};
  std::unique_ptr<WaitingLine> line{};
};

std::string granted(const LineAnswer& answer) {
  const auto* grant = std::get_if<Grant>(&answer);
  return grant != nullptr ? grant->lease.id() : "";
}

}  // namespace

TEST_CASE("a key that is added takes its share of the sessions, and the others stay", "[pool][affinity]") {
  for (const std::size_t keys : {10U, 300U}) {
    PoolFixture f(keys);
    const int sessions = 2000;
    const auto before = homes_of(f, sessions);
    f.services[0].credentials.push_back(PoolFixture::credential("s#new"));
    f.pool().reload(f.services, f.retry, "", f.now);
    const auto after = homes_of(f, sessions);
    const double share = static_cast<double>(moved(before, after)) / sessions;
    CHECK(share < 4.0 / static_cast<double>(keys));
    if (keys == 10U) {
      // Rendezvous: whoever moves, moves to the new one.
      for (const auto& [session, home] : before) CHECK((after.at(session) == home || after.at(session) == "s#new"));
    }
  }
}

TEST_CASE("sessions spread over keys by weight, however many there are", "[pool][affinity]") {
  PoolFixture f(200);
  for (std::size_t i = 0; i < 100; ++i) f.key(i).weight = 3;
  int heavy = 0;
  std::map<std::string, int> counts;
  for (const auto& [session, home] : homes_of(f, 8000)) {
    ++counts[home];
    heavy += std::stoi(home.substr(2)) <= 100 ? 1 : 0;
  }
  CHECK(std::abs(heavy - 6000) < 300);
  CHECK(counts.size() == 200);
}

TEST_CASE("a session returns to its own key when that has rested, whichever served it meanwhile", "[pool][affinity]") {
  for (const Rotation rotation : {Rotation::hash, Rotation::first}) {
    PoolFixture f(4);
    const Demand demand{.session = "someone", .rotation = rotation};
    const std::string home = f.call(demand);
    CHECK(f.call(demand, PoolFixture::failed(FailureClass::rate, Scope::key, 20s)) == home);
    const std::string meanwhile = f.call(demand);
    CHECK(meanwhile != home);
    CHECK(f.call(demand) == meanwhile);
    f.now += 20s;
    CHECK(f.call(demand) == home);
  }
}

TEST_CASE("a session waits for its own key, and is served by it when it is free in time", "[pool][affinity]") {
  OwnKeys f(5s);
  LineAnswer first = f.enter("s#1");
  REQUIRE(granted(first) == "s#1");
  const LineAnswer second = f.enter("s#1");
  REQUIRE(std::holds_alternative<Queued>(second));
  // Whose own key is free does not stand behind it.
  LineAnswer other = f.enter("s#2");
  CHECK(granted(other) == "s#2");
  f.pool().report(std::move(std::get<Grant>(other).lease), Outcome::success(), f.now);
  CHECK(f.line->poll(f.now).empty());
  f.now += 3s;
  f.pool().report(std::move(std::get<Grant>(first).lease), Outcome::success(), f.now);
  auto grants = f.line->poll(f.now);
  REQUIRE(grants.size() == 1);
  CHECK(std::get<Grant>(grants[0].answer).lease.id() == "s#1");
}

TEST_CASE("a session that has waited long enough takes another key", "[pool][affinity]") {
  OwnKeys f(5s);
  LineAnswer first = f.enter("s#1");
  REQUIRE(std::holds_alternative<Queued>(f.enter("s#1")));
  REQUIRE(f.line->next_time() == f.now + 5s);
  f.now += 4999ms;
  CHECK(f.line->poll(f.now).empty());
  f.now += 1ms;
  auto grants = f.line->poll(f.now);
  REQUIRE(grants.size() == 1);
  CHECK(std::get<Grant>(grants[0].answer).lease.id() == "s#2");
}

TEST_CASE("nobody waits for an own key that will not be free in time, is not well, or was not asked to",
          "[pool][affinity]") {
  SECTION("rests longer") {
    OwnKeys f(5s);
    f.call({.session = f.session_of["s#1"]}, PoolFixture::failed(FailureClass::rate, Scope::key, 6s));
    CHECK(granted(f.enter("s#1")) == "s#2");
  }
  SECTION("disabled") {
    OwnKeys f(5s);
    f.pool().disable("s#1", "test", f.now);
    CHECK(granted(f.enter("s#1")) == "s#2");
  }
  SECTION("the call does not wait") {
    OwnKeys f(5s);
    LineAnswer first = f.enter("s#1");
    CHECK(granted(f.enter("s#1", 0ms)) == "s#2");
  }
  SECTION("no wait configured") {
    OwnKeys f(0s);
    LineAnswer first = f.enter("s#1");
    CHECK(granted(f.enter("s#1")) == "s#2");
  }
}

TEST_CASE("a rest that ends in time is waited for", "[pool][affinity]") {
  OwnKeys f(5s);
  f.call({.session = f.session_of["s#1"]}, PoolFixture::failed(FailureClass::rate, Scope::key, 2s));
  REQUIRE(std::holds_alternative<Queued>(f.enter("s#1")));
  CHECK(f.line->next_time() == f.now + 2s);
  f.now += 2s;
  auto grants = f.line->poll(f.now);
  REQUIRE(grants.size() == 1);
  CHECK(std::get<Grant>(grants[0].answer).lease.id() == "s#1");
}

TEST_CASE("the line tries what may succeed and nothing else: no herd, no spin", "[pool][line]") {
  PoolFixture f(1, {.rpm = 60, .timeout = 1h});
  int woken = 0;
  f.pool().on_change([&] { ++woken; });
  detail::ServiceHealth health{CircuitBreakerConfig{}};
  WaitingLine line(f.shared(), health);
  for (int i = 0; i < 60; ++i) f.call();
  constexpr int kWaiting = 600;
  for (int i = 0; i < kWaiting; ++i) {
    f.now += 10ms;
    REQUIRE(std::holds_alternative<Queued>(line.enter({.demands = {{.service = "s", .model = "m"}}}, f.now)));
  }
  int polls = 0;
  int served = 0;
  woken = 0;
  while (line.size() != 0) {
    const auto next = line.next_time();
    REQUIRE(next);
    REQUIRE(*next > f.now);
    f.now = *next;
    ++polls;
    for (LineGrant& grant : line.poll(f.now)) {
      ++served;
      Lease lease = std::move(std::get<Grant>(grant.answer).lease);
      f.pool().sent(lease, f.now);
      f.pool().report(std::move(lease), Outcome::success(), f.now);
    }
  }
  CHECK(served == kWaiting);
  // One wake-up a minute's window, and none for an answer that brings no room.
  CHECK(polls <= kWaiting / 60 + 1);
  CHECK(woken == 0);
}

TEST_CASE("least used looks ahead: what will be left when the day turns, at the pace so far", "[pool][rotation]") {
  using std::chrono::sys_days;
  PoolFixture f(2, {.rpd = 1000});
  f.services[0].rotation = Rotation::least_used;
  f.services[0].options["day_zone"] = "UTC";
  ServiceConfig west = f.services[0];
  // The same quota, but a day that turns at another hour.
  west.id = "w";
  west.options["day_zone"] = "-10:00";
  for (std::size_t i = 0; i < 2; ++i) {
    west.credentials[i].id = "w#" + std::to_string(i + 1);
    west.credentials[i].api_key = "sk-w" + std::to_string(i);
  }
  f.services.push_back(west);
  f.pool().align(f.now, sys_days(2026y / 11 / 24) + 0h);
  // At 09:00 UTC the western day has an hour left.
  f.now += 9h;
  detail::PoolState& pool = detail::PoolAccess::state(f.pool());
  const auto headroom = [&](const char* service) { return pool.headroom({.service = service, .model = "m"}, f.now); };
  for (int i = 0; i < 1000; ++i) {
    f.call({.service = "s"});
    f.call({.service = "w"});
  }
  CHECK(headroom("w") > headroom("s"));
  CHECK(headroom("w") > 0.4);
  CHECK(headroom("s") < 0);
}
