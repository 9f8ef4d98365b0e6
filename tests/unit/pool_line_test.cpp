#include <algorithm>
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
using detail::Waiter;
using detail::WaitingLine;

namespace {

struct LineFixture : PoolFixture {
  using PoolFixture::PoolFixture;

  detail::ServiceHealth health{CircuitBreakerConfig{}};

  WaitingLine& line() {
    if (!line_) line_ = std::make_unique<WaitingLine>(shared(), health);
    return *line_;
  }
  static Demand demand(std::int64_t tokens = 0, std::string_view model = "m", std::string_view service = "s") {
    return {.service = service, .model = model, .prompt_tokens = tokens};
  }
  LineAnswer enter(Waiter waiter) { return line().enter(waiter, now); }
  LineAnswer enter() { return enter({.demands = {demand()}}); }
  /// Ticket of one that must queue.
  std::uint64_t queue(Waiter waiter) { return std::get<Queued>(enter(std::move(waiter))).ticket; }
  std::uint64_t queue() { return queue({.demands = {demand()}}); }

  /// Ends at once what is granted now, and says whose it was.
  std::vector<std::uint64_t> served() {
    std::vector<std::uint64_t> tickets;
    for (LineGrant& grant : line().poll(now)) {
      tickets.push_back(grant.ticket);
      finish(grant.answer);
    }
    return tickets;
  }
  /// Lets time run to every point that the line names, until nobody waits; who was served, in order.
  std::vector<std::uint64_t> run_out() {
    std::vector<std::uint64_t> tickets;
    while (line().size() != 0) {
      const auto next = line().next_time();
      if (!next) break;
      now = std::max(now, *next);
      const auto some = served();
      // Exact: there is always something to do.
      CHECK_FALSE(some.empty());
      tickets.insert(tickets.end(), some.begin(), some.end());
    }
    return tickets;
  }

 private:
  void finish(std::variant<Grant, Unavailable>& answer) {
    if (auto* grant = std::get_if<Grant>(&answer)) {
      pool().sent(grant->lease, now);
      pool().report(std::move(grant->lease), Outcome::success(), now);
    }
  }
  std::unique_ptr<WaitingLine> line_{};
};

bool granted(const LineAnswer& answer) { return std::holds_alternative<Grant>(answer); }
bool refused(const LineAnswer& answer) { return std::holds_alternative<Unavailable>(answer); }

}  // namespace

TEST_CASE("who finds room does not wait", "[pool][line]") {
  LineFixture f(1, {.rpm = 1});
  LineAnswer answer = f.enter();
  REQUIRE(granted(answer));
  CHECK(std::get<Grant>(answer).lease.id() == "s#1");
  CHECK_FALSE(f.line().next_time());
}

TEST_CASE("a service with room is preferred to waiting for the first", "[pool][line]") {
  LineFixture f(1, {.rpm = 1});
  f.services.push_back(f.services[0]);
  f.services[1].id = "t";
  f.services[1].credentials[0] = PoolFixture::credential("t#1");
  const Waiter both{.demands = {LineFixture::demand(), LineFixture::demand(0, "m", "t")}};
  CHECK(f.call() == "s#1");
  LineAnswer answer = f.enter(both);
  REQUIRE(granted(answer));
  CHECK(std::get<Grant>(answer).demand == 1);
  CHECK(std::get<Grant>(answer).lease.id() == "t#1");
}

TEST_CASE("the line moves when the ledger says, first come first served", "[pool][line]") {
  LineFixture f(1, {.rpm = 2, .timeout = 1h});
  f.call();
  f.now += 10s;
  f.call();
  std::vector<std::uint64_t> tickets;
  for (int i = 0; i < 5; ++i) tickets.push_back(f.queue());
  REQUIRE(f.line().next_time() == f.now + 50s);
  CHECK(f.served().empty());
  CHECK(f.run_out() == tickets);
  CHECK(f.now == TimePoint(1000s) + 180s);
}

TEST_CASE("a wait that cannot end in time fails at once and says when it could", "[pool][line][complaints][7][25]") {
  LineFixture f(1, {.rpm = 1, .timeout = 30s});
  f.call();
  const LineAnswer answer = f.enter();
  REQUIRE(refused(answer));
  CHECK(std::get<Unavailable>(answer).kind == ErrorKind::rate_limited);
  CHECK(std::get<Unavailable>(answer).at == f.now + 60s);
  f.now += 31s;
  CHECK(std::holds_alternative<Queued>(f.enter()));
  CHECK(refused(f.enter({.demands = {LineFixture::demand()}, .deadline = f.now + 10s})));
  CHECK(refused(f.enter({.demands = {LineFixture::demand()}, .max_wait = 0ms})));
}

TEST_CASE("the earlier deadline goes first", "[pool][line][complaints][76]") {
  LineFixture f(1, {.rpm = 1, .timeout = 1h});
  f.call();
  const auto late = f.queue();
  const auto soon = f.queue({.demands = {LineFixture::demand()}, .deadline = f.now + 100s});
  CHECK(f.run_out() == std::vector{soon, late});
}

TEST_CASE("tenants take turns, however many calls each has", "[pool][line][complaints][75]") {
  LineFixture f(1, {.rpm = 1, .timeout = 1h});
  f.call();
  std::map<std::uint64_t, char> whose;
  for (int i = 0; i < 6; ++i) whose[f.queue({.demands = {LineFixture::demand()}, .tenant = "a"})] = 'a';
  for (int i = 0; i < 3; ++i) whose[f.queue({.demands = {LineFixture::demand()}, .tenant = "b"})] = 'b';
  std::string order;
  for (const auto ticket : f.run_out()) order += whose.at(ticket);
  CHECK(order == "abababaaa");
}

TEST_CASE("a tenant with a larger share has it", "[pool][line][complaints][77]") {
  LineFixture f(1, {.rpm = 1, .timeout = 1h});
  f.line().set_share("a", 2);
  f.call();
  std::map<std::uint64_t, char> whose;
  for (int i = 0; i < 8; ++i) {
    whose[f.queue({.demands = {LineFixture::demand()}, .tenant = "a"})] = 'a';
    whose[f.queue({.demands = {LineFixture::demand()}, .tenant = "b"})] = 'b';
  }
  std::string order;
  for (const auto ticket : f.run_out()) order += whose.at(ticket);
  CHECK(std::count(order.begin(), order.begin() + 9, 'a') == 6);
}

TEST_CASE("a newcomer does not overtake those who wait for the same room", "[pool][line][complaints][75]") {
  LineFixture f(1, {.rpm = 1, .timeout = 1h});
  f.call();
  const auto first = f.queue();
  f.now += 60s;
  // Room has come, and nobody has polled yet.
  const auto second = f.queue();
  CHECK(f.served() == std::vector{first});
  CHECK(f.run_out() == std::vector{second});
}

TEST_CASE("a large call holds up nobody who uses other keys, and does not starve", "[pool][line]") {
  LineFixture f(2, {.tpm = 1000, .timeout = 1h});
  f.key(0).models = {"m"};
  f.call({.prompt_tokens = 600});
  f.call({.prompt_tokens = 600});
  f.now += 1s;
  f.call({.model = "other", .prompt_tokens = 200});
  const auto large = f.queue({.demands = {LineFixture::demand(900)}});
  // The first key will have room first, and is kept; the second one goes on serving.
  std::string ids;
  for (int i = 0; i < 3; ++i) {
    LineAnswer answer = f.enter({.demands = {LineFixture::demand(40)}});
    REQUIRE(granted(answer));
    ids += std::get<Grant>(answer).lease.id().back();
    f.pool().report(std::move(std::get<Grant>(answer).lease), Outcome::success(), f.now);
  }
  CHECK(ids == "222");
  const auto small = f.queue({.demands = {LineFixture::demand(100)}});
  CHECK(f.run_out() == std::vector{large, small});
}

TEST_CASE("what was kept for a call is not kept for ever when another takes its place", "[pool][line]") {
  LineFixture f(1, {.tpm = 1000});
  f.call(LineFixture::demand(600));
  f.now += 20s;
  f.call(LineFixture::demand(300));
  f.now += 1s;
  // Keeps the key until 600 tokens come free at 1060 s. A call of an earlier deadline then goes before it, and will
  // have room only at 1080 s.
  const std::uint64_t later =
      f.queue({.demands = {LineFixture::demand(690)}, .deadline = f.now + 600s, .max_wait = 300s});
  const std::uint64_t sooner =
      f.queue({.demands = {LineFixture::demand(760)}, .deadline = f.now + 300s, .max_wait = 300s});
  const std::uint64_t small = f.queue({.demands = {LineFixture::demand(120)}, .max_wait = 300s});
  CHECK(f.run_out() == std::vector{sooner, later, small});
}

TEST_CASE("whoever leaves is not served", "[pool][line]") {
  LineFixture f(1, {.rpm = 1, .timeout = 1h});
  f.call();
  const auto a = f.queue();
  const auto b = f.queue();
  f.line().leave(a);
  f.line().leave(a);
  CHECK(f.run_out() == std::vector{b});
  CHECK_FALSE(f.line().next_time());
}

TEST_CASE("a report brings room to who waits for a place in flight", "[pool][line]") {
  LineFixture f(1, {.concurrency = 1, .timeout = 10s});
  Lease lease = f.lend();
  const auto a = f.queue();
  const auto b = f.queue();
  CHECK(f.line().next_time() == f.now + 10s);
  CHECK(f.served().empty());
  f.pool().report(std::move(lease), Outcome::success(), f.now);
  auto grants = f.line().poll(f.now);
  REQUIRE(grants.size() == 1);
  CHECK(grants[0].ticket == a);
  f.now += 10s;
  auto ends = f.line().poll(f.now);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].ticket == b);
  CHECK(std::holds_alternative<Unavailable>(ends[0].answer));
}

TEST_CASE("a waiting call fails as soon as nothing can serve it any more", "[pool][line]") {
  LineFixture f(1, {.rpm = 1, .timeout = 90s});
  Lease lease = f.lend();
  const auto a = f.queue();
  f.pool().report(std::move(lease), PoolFixture::failed(FailureClass::auth, Scope::key, {}, 401), f.now);
  auto ends = f.line().poll(f.now);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].ticket == a);
  CHECK(std::get<Unavailable>(ends[0].answer).kind == ErrorKind::authentication);
}

TEST_CASE("who waits for a service that rests goes first when it serves again, one by one as it recovers",
          "[line][health]") {
  LineFixture f(1);
  using End = detail::ServiceHealth::End;
  const auto fail = [&] {
    for (int i = 0; i < 5; ++i) (void)f.health.begin("s", "m").end(End::failed, {}, f.now);
  };
  fail();
  const Waiter patient{.demands = {LineFixture::demand()}, .max_wait = 1h};
  const std::uint64_t first = f.queue(patient);
  const std::uint64_t second = f.queue(patient);
  CHECK(f.line().poll(f.now).empty());
  CHECK(f.line().next_time() == f.now + 30s);
  f.now += 30s;
  // A newcomer at this very moment came later.
  const std::uint64_t third = f.queue(patient);
  std::vector<LineGrant> probe = f.line().poll(f.now);
  REQUIRE(probe.size() == 1);
  CHECK(probe[0].ticket == first);
  CHECK(f.line().poll(f.now).empty());

  SECTION("whoever was let through and does not go leaves the place to the next") {
    probe.clear();
    const std::vector<LineGrant> next = f.line().poll(f.now);
    REQUIRE(next.size() == 1);
    CHECK(next[0].ticket == second);
  }
  SECTION("its answer makes place for two") {
    auto& grant = std::get<Grant>(probe[0].answer);
    CHECK(grant.visit.end(End::good, {}, f.now) == false);
    const std::vector<LineGrant> next = f.line().poll(f.now);
    REQUIRE(next.size() == 2);
    CHECK(next[0].ticket == second);
    CHECK(next[1].ticket == third);
  }
  SECTION("its failure ends the wait of those who cannot wait for the next trial") {
    auto& grant = std::get<Grant>(probe[0].answer);
    const std::uint64_t hasty = f.queue({.demands = {LineFixture::demand()}});  // as patient as the health says
    (void)grant.visit.end(End::failed, {}, f.now);
    const std::vector<LineGrant> ends = f.line().poll(f.now);
    REQUIRE(ends.size() == 1);
    CHECK(ends[0].ticket == hasty);
    const auto& why = std::get<Unavailable>(ends[0].answer);
    CHECK(why.kind == ErrorKind::overloaded);
    CHECK(why.reason == "service s rests after failures (circuit breaker)");
    CHECK(why.at == f.now + 30s);
    CHECK(f.line().size() == 2);
  }
}

TEST_CASE("a service that rests is passed over while another has room", "[line][health]") {
  LineFixture f(1);
  f.services.push_back({.provider = "openai", .id = "t"});
  f.services[1].credentials = {PoolFixture::credential("t#1", {.concurrency = 1})};
  f.health.rest("s", "m", {.stated = 5s}, f.now);
  const std::vector<Demand> both = {LineFixture::demand(), LineFixture::demand(0, "m", "t")};
  LineAnswer taken = f.enter({.demands = both});
  REQUIRE(granted(taken));
  CHECK(std::get<Grant>(taken).lease.id() == "t#1");
  CHECK(std::get<Grant>(taken).demand == 1);
  // Neither has: the first to have is waited for.
  const std::uint64_t ticket = f.queue({.demands = both});
  CHECK(f.line().next_time() == f.now + 5s);
  LineAnswer none = f.enter({.demands = both, .max_wait = 0ms});
  REQUIRE(refused(none));
  CHECK(std::get<Unavailable>(none).reason == "service s rests, since it is full | t#1: concurrency 1 reached");
  f.now += 5s;
  const std::vector<LineGrant> grants = f.line().poll(f.now);
  REQUIRE(grants.size() == 1);
  CHECK(grants[0].ticket == ticket);
  CHECK(std::get<Grant>(grants[0].answer).lease.id() == "s#1");
  CHECK(f.health.in_flight("s") == 1);
  CHECK(f.health.in_flight("t") == 1);
}
