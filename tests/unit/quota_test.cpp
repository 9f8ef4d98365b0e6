#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "pool/random.hpp"
#include "pool/ticket_book.hpp"
#include "quota/clock_offset.hpp"
#include "quota/memory_records.hpp"
#include "quota/record_text.hpp"
#include "unit/window_checker.hpp"

/// What a store keeps, without a store: the ticket log, totals, permits, the clock's offset.

using namespace keywheel;
using namespace keywheel::detail;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

constexpr Micros kMs = 1000;
constexpr Micros kSecond = 1'000'000;

TimePoint at(Micros time) { return TimePoint(std::chrono::microseconds(time)); }

WindowAsk window(std::int64_t limit, std::int64_t want) {
  return {.name = "w", .limit = limit, .window = 1s, .lapse = 250ms, .horizon = 500ms, .want = want};
}

StoreMoment moment(Micros now, std::string_view process = "p") {
  return {.now = now, .epoch = "e", .process = process};
}

std::int64_t amount(const WindowGrant& grant) {
  std::int64_t sum = 0;
  for (const QuotaTicket& each : grant.tickets) sum += each.amount;
  return sum;
}

}  // namespace

TEST_CASE("a log gives what the limit allows, and what comes next up to the horizon", "[quota]") {
  TicketLog log;
  const WindowGrant first = log.exchange(window(3, 5), moment(10 * kSecond));
  REQUIRE(first.tickets.size() == 3);
  CHECK(first.tickets[2].from == 10s);
  CHECK(first.tickets[2].until == 10s + 250ms);
  CHECK(first.next == 10s + 1250ms);  // each may be used until it lapses, and holds its place a second from then

  // Said to have been sent early, a ticket's place is free again earlier.
  WindowAsk ask = window(3, 5);
  ask.used = {{.id = first.tickets[0].id, .at = 10s, .amount = 1}, {.id = first.tickets[1].id, .at = {}, .amount = 0}};
  const WindowGrant second = log.exchange(ask, moment(10 * kSecond + 600 * kMs));
  REQUIRE(second.tickets.size() == 2);
  CHECK(second.tickets[0].from == 10s + 600ms);  // the one that was not used
  CHECK(second.tickets[1].from == 11s);
}

TEST_CASE("what was sent without a ticket counts, even beyond the limit", "[quota]") {
  TicketLog log;
  WindowAsk ask = window(2, 1);
  for (int i = 0; i < 3; ++i) ask.used.push_back({.id = 0, .at = 10s, .amount = 1});
  const WindowGrant grant = log.exchange(ask, moment(10 * kSecond + 600 * kMs));
  REQUIRE(grant.tickets.size() == 1);
  CHECK(grant.tickets[0].from == 11s);
}

TEST_CASE("a ticket used long after it lapsed counts from when it was used", "[quota]") {
  TicketLog log;
  const WindowGrant first = log.exchange(window(1, 1), moment(0));
  WindowAsk ask = window(1, 0);
  ask.used = {{.id = first.tickets.at(0).id, .at = 5s, .amount = 1}};
  (void)log.exchange(ask, moment(5 * kSecond));
  (void)log.exchange(ask, moment(5 * kSecond));  // said again
  CHECK(log.entries.size() == 1);
  CHECK(log.exchange(window(1, 1), moment(5 * kSecond + 600 * kMs)).tickets.at(0).from == 6s);
}

TEST_CASE("a renewed ticket holds its place; a lapsed one is not renewed", "[quota]") {
  TicketLog log;
  const WindowGrant first = log.exchange(window(1, 1), moment(0));
  WindowAsk renew = window(1, 1);
  renew.renew = {first.tickets.at(0).id};
  const WindowGrant renewed = log.exchange(renew, moment(200 * kMs));
  REQUIRE(renewed.renewed.size() == 1);
  CHECK(renewed.renewed[0].until == 450ms);
  CHECK(log.exchange(renew, moment(600 * kMs)).renewed.empty());
  CHECK(log.exchange(window(1, 1), moment(1000 * kMs)).tickets.at(0).from == 1450ms);
}

TEST_CASE("those who ask have equal parts of what is to come", "[quota]") {
  TicketLog log;
  CHECK(amount(log.exchange(window(90, 30), moment(0, "a"))) == 30);  // nobody else is known yet
  CHECK(amount(log.exchange(window(90, 90), moment(1, "b"))) == 45);
  CHECK(amount(log.exchange(window(90, 90), moment(2, "c"))) == 15);
  CHECK(amount(log.exchange(window(90, 90), moment(3, "a"))) == 0);
}

TEST_CASE("who needs much at once is left to save it up", "[quota]") {
  TicketLog log;
  WindowAsk small = window(1000, 900);
  small.each = 100;
  CHECK(amount(log.exchange(small, moment(0, "a"))) == 900);
  WindowAsk large = window(1000, 800);
  large.each = 100;
  large.least = 800;
  CHECK(amount(log.exchange(large, moment(kMs, "b"))) == 100);
  small.want = 100;
  CHECK(log.exchange(small, moment(1300 * kMs, "a")).tickets.empty());
  large.held = 100;
  large.want = 700;
  CHECK(amount(log.exchange(large, moment(1400 * kMs, "b"))) == 700);
  CHECK(amount(log.exchange(small, moment(1500 * kMs, "a"))) == 100);
}

TEST_CASE("a log of which the past is not known begins a window later", "[quota]") {
  TicketLog log;
  const StoreMoment unsure{.now = 10 * kSecond, .epoch = "e", .unknown_before = 9 * kSecond, .process = "p"};
  const WindowGrant grant = log.exchange(window(5, 5), unsure);
  CHECK(grant.tickets.empty());
  CHECK(grant.next == std::chrono::microseconds(9 * kSecond + kNoticeLoss) + 1750ms);
}

TEST_CASE("whatever processes do with their tickets, no window holds more than the limit", "[quota]") {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
    Random random(seed);
    const auto limit = static_cast<std::int64_t>(1 + random.below(40));
    const auto each = static_cast<std::int64_t>(1 + random.below(4));
    TicketLog log;
    struct Process {
      std::string name;
      std::vector<QuotaTicket> hand{};
      std::vector<QuotaUse> used{};
    };
    std::vector<Process> processes{{"a"}, {"b"}, {"c"}};
    std::vector<std::pair<Micros, std::int64_t>> sent;
    for (Micros now = 0; now < 60 * kSecond; now += static_cast<Micros>(random.below(20) * 1000)) {
      Process& p = processes[random.below(3)];
      if (random.below(200) == 0) {  // killed: nobody hears of what it did
        p = {p.name + "'"};
        continue;
      }
      WindowAsk ask = window(limit, static_cast<std::int64_t>(random.below(20)));
      ask.each = each;
      ask.used = std::move(p.used);
      p.used.clear();
      std::vector<QuotaTicket> keep;
      for (QuotaTicket& ticket : p.hand) {
        const auto from = ticket.from.count();
        const auto until = ticket.until.count();
        if (from > now) {
          keep.push_back(ticket);
        } else if (until < now) {
          ask.used.push_back({.id = ticket.id, .at = {}, .amount = 0});
        } else if (random.below(3) != 0) {
          const auto part = 1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(ticket.amount)));
          sent.emplace_back(now, part);
          ask.used.push_back({.id = ticket.id, .at = StoreTime(now), .amount = part});
        } else {
          if (random.below(2) == 0) ask.renew.push_back(ticket.id);
          keep.push_back(ticket);
        }
      }
      const WindowGrant grant = log.exchange(ask, moment(now, p.name));
      for (const QuotaTicket& renewed : grant.renewed) {
        for (QuotaTicket& ticket : keep) {
          if (ticket.id == renewed.id) ticket.until = renewed.until;
        }
      }
      keep.insert(keep.end(), grant.tickets.begin(), grant.tickets.end());
      p.hand = std::move(keep);
      // What is kept in a file or in Redis is the same.
      TicketLog read;
      read_record(write_record(log), read);
      REQUIRE(write_record(read) == write_record(log));
      log = std::move(read);
    }
    WindowChecker checker;
    for (const auto& [time, sum] : sent) checker.add(at(time), sum);
    INFO("seed " << seed << ", limit " << limit);
    CHECK(checker.most(1s) <= limit);
    CHECK(checker.total() > limit * 20);
  }
}

TEST_CASE("a total is granted in slices that add up to the limit", "[quota]") {
  TotalRecord total;
  const StoreMoment a = moment(0, "a");
  const StoreMoment b = moment(0, "b");
  const auto ask = [](std::int64_t holding, std::int64_t want) {
    return TotalAsk{.name = "t", .limit = 10, .holding = holding, .want = want};
  };
  CHECK(total.exchange(ask(0, 4), a).holding == 4);
  CHECK(total.exchange(ask(0, 4), a).holding == 8);  // its answer may have been lost; it holds both
  const TotalGrant rest = total.exchange(ask(0, 4), b);
  CHECK(rest.holding == 2);
  CHECK(rest.total == 10);
  CHECK(total.exchange(ask(2, 4), b).holding == 2);

  // Who leaves gives back what it did not use.
  TotalAsk leave = ask(5, 0);
  leave.final = true;
  CHECK(total.exchange(leave, a).total == 7);
  CHECK(total.exchange(ask(2, 9), b).holding == 5);

  TotalRecord read;
  read_record(write_record(total), read);
  CHECK(read.sum == 10);
  CHECK(write_record(read) == write_record(total));
}

TEST_CASE("a store that lost its totals learns them again, by the highest", "[quota]") {
  TotalRecord total;
  const StoreMoment early{.now = 10 * kSecond, .epoch = "e", .unknown_before = 10 * kSecond, .process = "a"};
  const StoreMoment late{.now = 13 * kSecond, .epoch = "e", .unknown_before = 10 * kSecond, .process = "b"};
  // `a` was told last when the sum was 60, `b` when it was 80. Before all can have said so, nothing is granted.
  CHECK(total.exchange({.name = "t", .limit = 100, .holding = 30, .known = 60, .want = 10}, early).holding == 30);
  const TotalGrant grant = total.exchange({.name = "t", .limit = 100, .holding = 50, .known = 80, .want = 50}, late);
  CHECK(grant.total == 100);
  CHECK(grant.holding <= 70);
}

TEST_CASE("permits end with who holds them, and are shared where they are short", "[quota]") {
  PermitRecord permits;
  const auto ask = [](std::int64_t used, std::int64_t want) {
    return PermitAsk{.name = "c", .limit = 10, .used = used, .want = want};
  };
  CHECK(permits.exchange(ask(0, 10), 10 * kSecond, moment(0, "a")).held == 10);
  CHECK(permits.exchange(ask(0, 10), 10 * kSecond, moment(kSecond, "b")).held == 0);
  CHECK(permits.exchange(ask(3, 10), 10 * kSecond, moment(2 * kSecond, "a")).held == 5);
  CHECK(permits.exchange(ask(0, 10), 10 * kSecond, moment(3 * kSecond, "b")).held == 5);
  // a is killed.
  CHECK(permits.exchange(ask(5, 10), 10 * kSecond, moment(13 * kSecond, "b")).held == 10);
  PermitRecord read;
  read_record(write_record(permits), read);
  CHECK(write_record(read) == write_record(permits));
}

TEST_CASE("records that nobody can read are empty ones", "[quota]") {
  for (const char* text :
       {"", "1", "1 ", "2 1 e 0", "1 1 e 0 0 0 0  0 99999999 1", "1 9999999999999999999 x", "1 5 ab"}) {
    TicketLog log;
    TotalRecord total;
    PermitRecord permits;
    read_record(text, log);
    read_record(text, total);
    read_record(text, permits);
    CHECK(log.entries.empty());
    CHECK(total.sum == 0);
    CHECK(permits.holders.empty());
  }
}

TEST_CASE("the offset of two clocks is known to half a round trip, and better by each", "[quota]") {
  ClockOffset offset;
  const TimePoint t0(1000s);
  REQUIRE(offset.sample(t0, t0 + 10ms, StoreTime(5s + 4ms)));
  CHECK(offset.error(t0 + 10ms) <= 5100us);
  REQUIRE(offset.sample(t0 + 20ms, t0 + 21ms, StoreTime(5s + 20500us)));
  CHECK(offset.error(t0 + 21ms) <= 600us);
  // A slow answer takes nothing from what is known, and both bounds hold.
  REQUIRE(offset.sample(t0 + 30ms, t0 + 530ms, StoreTime(5s + 40ms)));
  CHECK(offset.error(t0 + 530ms) < 2ms);
  const TimePoint now = t0 + 530ms;
  CHECK(offset.earliest(StoreTime(6s), now) <= t0 + 1s);
  CHECK(offset.latest(StoreTime(6s), now) >= t0 + 1s);
  CHECK(offset.store_time(t0 + 1s, now) >= 6s);
}

TEST_CASE("a clock that is set is noticed, and one that drifts is not taken for it", "[quota]") {
  ClockOffset offset;
  TimePoint now(1000s);
  StoreTime shown = 5s;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(offset.sample(now, now + 1ms, shown + 500us));
    now += 1s;
    shown += 1s + 400us;
  }
  CHECK_FALSE(offset.sample(now, now + 1ms, shown + 500ms));
  CHECK(offset.sample(now, now + 1ms, shown + 500ms));
}

TEST_CASE("a new epoch voids what was asked under the old one", "[quota]") {
  MemoryRecords records;
  QuotaRequest request{.process = "p", .lease = 10s};
  const QuotaReply hello = records.exchange(request, kSecond, 0ms);
  request.windows.push_back(window(5, 5));
  CHECK(records.exchange(request, kSecond, 0ms).windows.empty());  // it does not say which epoch
  request.epoch = hello.epoch;
  CHECK(amount(records.exchange(request, kSecond, 0ms).windows.at(0)) == 5);

  request.clock_jumped = true;
  const QuotaReply jumped = records.exchange(request, 100 * kSecond, 0ms);
  CHECK(jumped.epoch != hello.epoch);
  // Somebody else noticed the same jump, a little later.
  CHECK(records.exchange(request, 100 * kSecond, 0ms).epoch == jumped.epoch);
  request.epoch = jumped.epoch;
  request.clock_jumped = false;
  CHECK(records.exchange(request, 100 * kSecond, 0ms).windows.at(0).tickets.empty());

  // A store that knows of nothing learns that there was something.
  MemoryRecords empty;
  request.epoch = hello.epoch;
  request.epoch = empty.exchange(request, 100 * kSecond, 0ms).epoch;
  CHECK(empty.exchange(request, 101 * kSecond, 0ms).windows.at(0).tickets.empty());
  CHECK(amount(empty.exchange(request, 104 * kSecond, 0ms).windows.at(0)) == 5);
}

TEST_CASE("marks: the longer and the graver holds, an end ends it, and each is told once", "[quota]") {
  MemoryRecords records;
  QuotaRequest request{.process = "p", .lease = 10s};
  request.epoch = records.exchange(request, 0, 0ms).epoch;
  const auto set = [&](int rank, std::chrono::milliseconds until, std::chrono::milliseconds wall) {
    request.marks = {{.name = "key:1", .rank = rank, .until = until, .body = std::to_string(rank)}};
    const QuotaReply reply = records.exchange(request, 0, wall);
    request.seen_marks = reply.seen_marks;
    return reply.marks.empty() ? std::string("-") : reply.marks.back().body;
  };
  CHECK(set(1, 100ms, 0ms) == "1");
  CHECK(set(1, 50ms, 0ms) == "-");
  CHECK(set(3, 20ms, 0ms) == "3");
  CHECK(set(1, 200ms, 10ms) == "-");
  CHECK(set(1, 200ms, 30ms) == "1");  // the graver one is over
  CHECK(set(0, 0ms, 30ms) == "0");
  CHECK(set(1, 40ms, 30ms) == "1");
  request.seen_marks = 0;
  request.marks.clear();
  CHECK(records.exchange(request, 0, 0ms).marks.size() == 1);
}

TEST_CASE("a book lends tickets between their two times, and says what became of each", "[quota]") {
  TicketBook book;
  book.configure(1s, false);
  TimePoint now(10s);
  book.lack(1, now);
  CHECK(book.hungry(now));
  CHECK(book.want(3, now) == 3);
  book.hand_in({{.id = 1, .from = now, .until = now + 250ms, .amount = 1},
                {.id = 2, .from = now, .until = now + 250ms, .amount = 1},
                {.id = 3, .from = now + 400ms, .until = now + 650ms, .amount = 1}},
               3, {}, now);
  CHECK_FALSE(book.hungry(now));
  CHECK(book.room(now) == 2);
  CHECK(book.ready(3, now) == kNever);  // the first two will have lapsed when the third begins
  CHECK(book.ready(2, now) == now);
  book.reserve(1, now);
  book.reserve(1, now);
  CHECK(book.room(now) == 0);
  CHECK(book.ready(1, now) == now + 400ms);
  book.send(1, now + 10ms);
  book.give_back(1);
  CHECK(book.room(now) == 1);

  now += 300ms;
  const std::vector<TicketUse> uses = book.uses(now);
  REQUIRE(uses.size() == 2);
  CHECK(uses[0].id == 1);
  CHECK(uses[0].at == TimePoint(10s + 10ms));
  CHECK(uses[0].amount == 1);
  CHECK(uses[1].amount == 0);  // lapsed, unused
  CHECK(book.due(now) == kNever);
}

TEST_CASE("a ticket that was lent is renewed before it lapses, and a send without one is told", "[quota]") {
  TicketBook book;
  book.configure(1s, false);
  TimePoint now(10s);
  book.hand_in({{.id = 1, .from = now, .until = now + 250ms, .amount = 1}}, 1, {}, now);
  book.reserve(1, now);
  CHECK(book.due(now) == now + 125ms);
  now += 200ms;
  REQUIRE(book.renewals(false, now, 125ms) == std::vector<std::uint64_t>{1});
  book.renewed(1, now + 250ms);
  CHECK(book.uses(now).empty());
  book.drop();  // the store began anew
  book.send(1, now);
  const std::vector<TicketUse> uses = book.uses(now);
  REQUIRE(uses.size() == 1);
  CHECK(uses[0].id == 0);
  book.unheard(uses);
  CHECK(book.due(now) < kNever);
  CHECK(book.uses(now).size() == 1);
}

TEST_CASE("tokens: a ticket is used in parts, and settled when the usage is known", "[quota]") {
  TicketBook book;
  book.configure(60s, true);
  TimePoint now(10s);
  book.hand_in({{.id = 1, .from = now, .until = now + 2s, .amount = 100},
                {.id = 2, .from = now, .until = now + 2s, .amount = 100}},
               200, {}, now);
  book.reserve(150, now);
  book.send(150, now);
  CHECK(book.room(now) == 50);
  std::vector<TicketUse> uses = book.uses(now + 1s);
  REQUIRE(uses.size() == 1);  // the second has some left
  CHECK(uses[0].amount == 100);

  book.settle(now, -120, now + 1s);  // 30 were used
  uses = book.uses(now + 3s);
  REQUIRE(uses.size() == 2);
  CHECK(uses[0].id + uses[1].id == 3);
  CHECK(uses[0].amount + uses[1].amount == 30);
  book.settle(now, +70, now + 3s);
  uses = book.uses(now + 3s);
  REQUIRE(uses.size() == 1);
  CHECK(uses[0].amount == 70);
}
