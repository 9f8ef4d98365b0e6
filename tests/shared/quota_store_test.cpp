#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "shared/stores.hpp"

/// All stores keep the same promises.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// One process's side, without a Router.
struct Client {
  Client(StoreUnderTest& under_test, std::string name) : store(under_test.open()) {
    request.process = std::move(name);
    request.lease = 10s;
    request.epoch = exchange().epoch;
  }
  QuotaReply exchange() {
    Result<QuotaReply> reply = store->exchange(request);
    if (!reply) FAIL(reply.error().message);
    request.windows.clear();
    request.totals.clear();
    request.permits.clear();
    request.marks.clear();
    return *std::move(reply);
  }
  WindowGrant window(std::int64_t limit, std::int64_t want, std::vector<QuotaUse> used = {}) {
    WindowAsk ask{.name = "key:1/requests/1000ms", .limit = limit, .window = 1s, .lapse = 250ms, .horizon = 500ms};
    ask.want = want;
    ask.used = std::move(used);
    request.windows.push_back(std::move(ask));
    return exchange().windows.at(0);
  }
  TotalGrant total(std::int64_t holding, std::int64_t want, bool final = false, std::int64_t known = 0) {
    request.totals.push_back({.name = "key:1/requests/day/1",
                              .limit = 10,
                              .holding = holding,
                              .known = known,
                              .want = want,
                              .final = final,
                              .keep = 3600s});
    return exchange().totals.at(0);
  }
  std::int64_t permits(std::int64_t used, std::int64_t want) {
    request.permits.push_back({.name = "key:1/concurrency", .limit = 4, .used = used, .want = want});
    return exchange().permits.at(0).held;
  }

  std::shared_ptr<QuotaStore> store;
  QuotaRequest request{};
};

std::string any_store() { return GENERATE(std::string("memory"), std::string("sqlite"), std::string("redis")); }
std::string lasting_store() { return GENERATE(std::string("sqlite"), std::string("redis")); }

}  // namespace

TEST_CASE("stores: tickets, until none is left before the horizon", "[shared]") {
  StoreUnderTest under_test(any_store());
  Client a(under_test, "a");
  Client b(under_test, "b");
  const WindowGrant first = a.window(3, 2);
  REQUIRE(first.tickets.size() == 2);
  CHECK(first.next == 0us);
  CHECK(first.tickets[0].until == first.tickets[0].from + 250ms);
  CHECK(first.tickets[0].amount == 1);
  const WindowGrant second = b.window(3, 5);
  REQUIRE(second.tickets.size() == 1);
  CHECK(second.next == first.tickets[0].until + 1s);

  // What was not used is free again, for anybody.
  (void)a.window(3, 0, {{.id = first.tickets[0].id, .at = {}, .amount = 0}});
  CHECK(b.window(3, 1).tickets.size() == 1);

  // What would lapse is renewed.
  WindowAsk renew{.name = "key:1/requests/1000ms", .limit = 3, .window = 1s, .lapse = 250ms, .horizon = 500ms};
  renew.renew = {first.tickets[1].id, 999};
  a.request.windows.push_back(renew);
  const WindowGrant renewed = a.exchange().windows.at(0);
  REQUIRE(renewed.renewed.size() <= 1);  // none, where 250 ms have passed already
  for (const QuotaTicket& each : renewed.renewed) {
    CHECK(each.id == first.tickets[1].id);
    CHECK(each.until > first.tickets[1].until);
  }
}

TEST_CASE("stores: whoever asks, whatever they do, no window holds more than the limit", "[shared]") {
  StoreUnderTest under_test(any_store());
  struct Given {
    std::int64_t from = 0;
    std::int64_t until = 0;
    std::int64_t amount = 0;
  };
  std::vector<Given> given;
  std::vector<std::unique_ptr<Client>> clients;
  for (const char* name : {"a", "b", "c"}) clients.push_back(std::make_unique<Client>(under_test, name));
  std::vector<std::vector<QuotaUse>> uses(clients.size());
  std::mt19937 random(7);
  constexpr std::int64_t kLimit = 30;
  const auto end = std::chrono::steady_clock::now() + 4s;
  while (std::chrono::steady_clock::now() < end) {
    const std::size_t i = random() % clients.size();
    for (const QuotaTicket& each : clients[i]->window(kLimit, random() % 12, std::move(uses[i])).tickets) {
      QuotaUse use{.id = each.id, .at = each.from, .amount = each.amount};
      switch (random() % 3) {
        case 0:  // never heard of again
          given.push_back({each.from.count(), each.until.count(), each.amount});
          break;
        case 1:  // sent at its first moment
          given.push_back({each.from.count(), each.from.count(), each.amount});
          uses[i].push_back(use);
          break;
        default:
          use.amount = 0;
          uses[i].push_back(use);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 10));
  }
  REQUIRE(given.size() > 60);
  std::stable_sort(given.begin(), given.end(), [](const Given& x, const Given& y) { return x.from < y.from; });
  for (const Given& each : given) {
    std::int64_t sum = 0;
    for (const Given& other : given) {
      if (other.from <= each.from && other.until > each.from - 1'000'000) sum += other.amount;
    }
    REQUIRE(sum <= kLimit);
  }
}

TEST_CASE("stores: a ticket used long after it lapsed counts from when it was used", "[shared]") {
  StoreUnderTest under_test(any_store());
  Client a(under_test, "a");
  const WindowGrant first = a.window(1, 1);
  REQUIRE(first.tickets.size() == 1);
  std::this_thread::sleep_for(1400ms);
  const StoreTime late = a.exchange().now;
  (void)a.window(1, 0, {{.id = first.tickets[0].id, .at = late, .amount = 1}});
  const WindowGrant second = a.window(1, 1);
  CHECK((second.tickets.empty() ? second.next : second.tickets[0].from) >= late + 1s);
}

TEST_CASE("stores: totals add up to the limit, come back from who leaves, and outlive the processes", "[shared]") {
  StoreUnderTest under_test(any_store());
  {
    Client a(under_test, "a");
    Client b(under_test, "b");
    CHECK(a.total(0, 4).holding == 4);
    CHECK(b.total(0, 9).holding == 6);
    CHECK(b.total(6, 1).holding == 6);
    CHECK(a.total(1, 0, true).total == 7);
  }
  Client c(under_test, "c");
  const TotalGrant rest = c.total(0, 10);
  CHECK(rest.holding == 3);
  CHECK(rest.total == 10);
  CHECK(c.total(3, 1, false, 25).total == 25);  // somebody knows better
}

TEST_CASE("stores: permits are shared", "[shared]") {
  StoreUnderTest under_test(any_store());
  Client a(under_test, "a");
  Client b(under_test, "b");
  CHECK(a.permits(0, 4) == 4);
  CHECK(b.permits(0, 4) == 0);
  CHECK(a.permits(1, 4) == 2);
  CHECK(b.permits(0, 4) == 2);
  CHECK(a.permits(0, 0) == 0);
  CHECK(b.permits(2, 4) == 4);
}

TEST_CASE("stores: processes are counted, marks are told", "[shared]") {
  StoreUnderTest under_test(any_store());
  Client a(under_test, "a");
  Client b(under_test, "b");
  CHECK(a.exchange().processes == 2);
  const auto later =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()) + 1h;
  a.request.marks = {{.name = "key:1", .rank = 4, .until = later, .body = "words \xC3\xA4\n\"quoted\""},
                     {.name = "key:2", .rank = 1, .until = later, .body = ""}};
  (void)a.exchange();
  QuotaReply told = b.exchange();
  REQUIRE(told.marks.size() == 2);
  const auto one = std::find_if(told.marks.begin(), told.marks.end(), [](const auto& m) { return m.name == "key:1"; });
  REQUIRE(one != told.marks.end());
  CHECK(one->rank == 4);
  CHECK(one->until == later);
  CHECK(one->body == "words \xC3\xA4\n\"quoted\"");
  b.request.seen_marks = told.seen_marks;
  b.request.marks = {{.name = "key:1", .rank = 1, .until = later, .body = "less"}};
  CHECK(b.exchange().marks.empty());
  b.request.marks = {{.name = "key:1", .rank = 0, .until = {}, .body = {}}};
  told = b.exchange();
  REQUIRE(told.marks.size() == 1);
  CHECK(told.marks[0].rank == 0);

  a.request.leaving = true;
  (void)a.exchange();
  CHECK(b.exchange().processes == 1);
}

TEST_CASE("stores: a clock that jumped begins an epoch of which the past is not known", "[shared]") {
  StoreUnderTest under_test(any_store());
  Client a(under_test, "a");
  REQUIRE(a.window(5, 1).tickets.size() == 1);
  const std::string before = a.request.epoch;
  a.request.clock_jumped = true;
  a.request.epoch = a.exchange().epoch;
  a.request.clock_jumped = false;
  CHECK(a.request.epoch != before);
  const WindowGrant grant = a.window(5, 1);
  CHECK(grant.tickets.empty());
  CHECK(grant.next > 0us);
  // Totals go on.
  Client b(under_test, "b");
  CHECK(b.request.epoch == a.request.epoch);
}

TEST_CASE("stores: what is kept on disk is there for the next", "[shared]") {
  StoreUnderTest under_test(lasting_store());
  {
    Client a(under_test, "a");
    (void)a.total(0, 7);
    a.request.marks = {{.name = "key:1", .rank = 5, .until = 253402300799000ms, .body = "off"}};
    (void)a.exchange();
  }
  Client b(under_test, "b");
  CHECK(b.total(0, 9).holding == 3);
  CHECK(b.exchange().marks.size() == 1);
}

TEST_CASE("sqlite: what cannot be opened is told, by its name", "[shared]") {
  StoreUnderTest under_test("sqlite");
  CHECK(sqlite_store("").error().kind == ErrorKind::config);
  QuotaRequest request{.process = "p", .lease = 10s};
  const auto nowhere = sqlite_store(under_test.folder->file("none/quota.db")).value()->exchange(request);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().kind == ErrorKind::connection);
  CHECK(nowhere.error().message.starts_with("SQLite at "));
  CHECK(nowhere.error().message.ends_with("none/quota.db: unable to open database file"));

  const std::string text = under_test.folder->file("text.db");
  std::ofstream(text) << std::string(4096, 'x');
  const auto other = sqlite_store(text).value()->exchange(request);
  REQUIRE_FALSE(other);
  CHECK(other.error().message.ends_with("file is not a database"));
}

TEST_CASE("redis: a server that starts anew is noticed, with its data or without", "[shared]") {
  StoreUnderTest under_test("redis");
  Client a(under_test, "a");
  REQUIRE(a.window(5, 1).tickets.size() == 1);
  (void)a.total(0, 4);
  under_test.redis->kill();
  a.request.windows.clear();
  const auto down = a.store->exchange(a.request);
  REQUIRE_FALSE(down);
  CHECK(down.error().kind == ErrorKind::connection);
  CHECK(down.error().message.starts_with("Redis at 127.0.0.1:"));

  under_test.redis->start();
  // The first to come may be one that knows of nothing.
  Client fresh(under_test, "fresh");
  const std::string before = a.request.epoch;
  CHECK(fresh.request.epoch != before);
  CHECK(fresh.window(5, 1).tickets.empty());
  CHECK(fresh.total(0, 8).holding == 0);  // others may know of more
  a.request.epoch = a.exchange().epoch;
  CHECK(a.request.epoch == fresh.request.epoch);
  CHECK(a.total(4, 0, false, 4).total == 4);
}

TEST_CASE("redis: scripts may be flushed, connections closed", "[shared]") {
  StoreUnderTest under_test("redis");
  Client a(under_test, "a");
  const auto tell = [&](const std::string& words) {
    std::vector<std::string> arguments{"/usr/bin/redis-cli", "-p", std::to_string(under_test.redis->port())};
    for (std::size_t at = 0; at < words.size();) {
      const std::size_t end = std::min(words.find(' ', at), words.size());
      arguments.push_back(words.substr(at, end - at));
      at = end + 1;
    }
    if (run_process(arguments).status != 0) SKIP("there is no redis-cli");
  };
  tell("script flush");
  CHECK(a.window(5, 1).tickets.size() == 1);
  tell("client kill type normal");
  CHECK(a.window(5, 1).tickets.size() == 1);
}

TEST_CASE("redis: users, passwords and databases", "[shared]") {
  StoreUnderTest under_test("redis");
  RedisProcess guarded({"--requirepass", "s3cret/@:"});
  const std::string host = "127.0.0.1:" + std::to_string(guarded.port());
  QuotaRequest request{.process = "p", .lease = 10s};
  CHECK(redis_store("redis://:s3cret%2F%40%3A@" + host + "/3").value()->exchange(request));
  CHECK(redis_store("redis://default:s3cret%2F%40%3A@" + host).value()->exchange(request));
  CHECK(redis_store("redis://:x@" + host + "/3").value()->name() == "Redis at " + host + "/3");
  for (const char* login : {"", ":wr0ng@", "nobody:wr0ng@"}) {
    const auto refused = redis_store("redis://" + std::string(login) + host).value()->exchange(request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::connection);
    CHECK(refused.error().message.find("wr0ng") == std::string::npos);
  }
}

TEST_CASE("redis: a URL that is none is told, without its password", "[shared]") {
  if (redis_store("redis://h").has_value() == false) SKIP("built without Redis");
  for (const char* url :
       {"", "127.0.0.1", "http://h", "redis://", "redis://:s3cret@", "redis://s3cret@h", "redis://u:s3cret@h:0",
        "redis://u:s3cret@h:x", "redis://u:s3cret@h:70000", "redis://u:s3cret@h/x", "redis://u:s3cret%2@h",
        "redis://u:s3cret%zz@h", "redis://u:s3cret@[::1", "redis://u:s3cret@h?db=1", "redis://u:s3cret@[::1]x"}) {
    INFO(url);
    const auto store = redis_store(url);
    REQUIRE_FALSE(store);
    CHECK(store.error().kind == ErrorKind::config);
    CHECK(store.error().message.find("s3cret") == std::string::npos);
  }
  CHECK(redis_store("redis://[::1]:7000/").value()->name() == "Redis at [::1]:7000");
  CHECK(redis_store("redis://cache.internal").value()->name() == "Redis at cache.internal:6379");
}
