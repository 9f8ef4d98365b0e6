#include <algorithm>
#include <map>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "unit/pool_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

std::map<char, int> tally(const std::string& ids) {
  std::map<char, int> counts;
  for (const char c : ids) ++counts[c];
  return counts;
}

}  // namespace

TEST_CASE("round robin takes each in turn", "[pool][rotation]") {
  PoolFixture f(3);
  CHECK(f.calls(7) == "1231231");
}

TEST_CASE("round robin follows the weights exactly and mixes them", "[pool][rotation]") {
  PoolFixture f(3);
  f.key(0).weight = 5;
  const std::string ids = f.calls(70);
  CHECK(tally(ids) == std::map<char, int>{{'1', 50}, {'2', 10}, {'3', 10}});
  CHECK(ids.find("1111") == std::string::npos);
  CHECK(ids.find("22") == std::string::npos);
}

TEST_CASE("a weight of a thousandth is honoured", "[pool][rotation][peers]") {
  PoolFixture f(2);
  f.key(0).weight = 0.001;
  const auto counts = tally(f.calls(10'010));
  CHECK(counts.at('1') == 10);
}

TEST_CASE("first stays with the first until it has no room", "[pool][rotation]") {
  PoolFixture f(3);
  f.services[0].rotation = Rotation::first;
  f.key(0).limits.rpm = 2;
  f.key(1).limits.rpm = 1;
  CHECK(f.calls(5) == "11233");
  f.now += 61s;
  CHECK(f.calls(1) == "1");
}

TEST_CASE("random follows the weights and the seed", "[pool][rotation]") {
  const auto run = [](std::uint64_t seed) {
    PoolFixture f(3);
    f.services[0].rotation = Rotation::random;
    f.key(2).weight = 2;
    f.seed = seed;
    return f.calls(4000);
  };
  const std::string ids = run(1);
  CHECK(ids == run(1));
  CHECK(ids != run(2));
  const auto counts = tally(ids);
  CHECK(std::abs(counts.at('1') - 1000) < 120);
  CHECK(std::abs(counts.at('2') - 1000) < 120);
  CHECK(std::abs(counts.at('3') - 2000) < 140);
  int repeats = 0;
  for (std::size_t i = 1; i < ids.size(); ++i) repeats += ids[i] == ids[i - 1] ? 1 : 0;
  // Independent choices repeat in 1/16 + 1/16 + 1/4 of all cases.
  CHECK(std::abs(repeats - 1500) < 150);
}

TEST_CASE("hash keeps a session with its key while that key is well", "[pool][rotation]") {
  PoolFixture f(5);
  f.services[0].rotation = Rotation::hash;
  std::map<char, int> counts;
  std::map<std::string, std::string> homes;
  for (int i = 0; i < 500; ++i) {
    const std::string session = "user-" + std::to_string(i);
    homes[session] = f.call({.session = session});
    ++counts[homes[session].back()];
    CHECK(f.call({.session = session}) == homes[session]);
  }
  for (const auto& [key, count] : counts) CHECK(std::abs(count - 100) < 40);

  SECTION("and moves only those whose key is out, and only so long") {
    f.pool().disable("s#2", "test", f.now);
    for (const auto& [session, home] : homes) {
      const std::string now_at = f.call({.session = session});
      CHECK((home == "s#2" ? now_at != "s#2" : now_at == home));
    }
    f.pool().clear("s#2", f.now);
    for (const auto& [session, home] : homes) CHECK(f.call({.session = session}) == home);
  }
  SECTION("without a session it takes turns") { CHECK(tally(f.calls(10)).size() == 5); }
}

TEST_CASE("least busy takes who has the fewest in flight", "[pool][rotation]") {
  PoolFixture f(3);
  f.services[0].rotation = Rotation::least_busy;
  Lease a = f.lend();
  Lease b = f.lend();
  Lease c = f.lend();
  CHECK(a.id() != b.id());
  CHECK(b.id() != c.id());
  CHECK(a.id() != c.id());
  const std::string freed = b.id();
  f.pool().report(std::move(b), Outcome::success(), f.now);
  CHECK(f.lend().id() == freed);
}

TEST_CASE("least used takes who is furthest from its quota", "[pool][rotation]") {
  PoolFixture f(3, {.rpm = 10});
  f.services[0].rotation = Rotation::least_used;
  f.key(1).limits.rpm = 100;
  const auto counts = tally(f.calls(60));
  CHECK(counts.at('2') > 45);
  CHECK(counts.at('2') < 55);

  SECTION("tokens count as well") {
    PoolFixture g(2, {.tpm = 1000});
    g.services[0].rotation = Rotation::least_used;
    const std::string first = g.call({.prompt_tokens = 500});
    CHECK(g.call({.prompt_tokens = 100}) != first);
    CHECK(g.call({.prompt_tokens = 100}) != first);
    CHECK(g.call({.prompt_tokens = 100}) != first);
  }
}

TEST_CASE("lowest latency takes the quickest, tries the unknown and comes back to the slow", "[pool][rotation]") {
  PoolFixture f(3);
  f.services[0].rotation = Rotation::lowest_latency;
  auto slow = 400ms;
  const auto run = [&](int count) {
    std::string ids;
    for (int i = 0; i < count; ++i) {
      Lease lease = f.lend();
      ids += lease.id().back();
      const auto latency = lease.id() == "s#2" ? 50ms : slow;
      f.now += 100ms;
      f.pool().report(std::move(lease), Outcome::success({}, latency), f.now);
    }
    return ids;
  };
  const std::string ids = run(20);
  CHECK(tally(ids.substr(0, 3)).size() == 3);
  CHECK(ids.substr(3) == std::string(17, '2'));
  slow = 10ms;
  auto counts = tally(run(600));
  CHECK(counts['1'] + counts['3'] > 300);
}

TEST_CASE("a call may choose another rotation than its service's", "[pool][rotation]") {
  PoolFixture f(3);
  CHECK(f.calls(3, {.rotation = Rotation::first}) == "111");
}

TEST_CASE("a key of weight 0 serves when no other is left", "[pool][rotation]") {
  PoolFixture f(2);
  f.key(0).weight = 0;
  CHECK(f.calls(3) == "222");
  f.pool().disable("s#2", "test", f.now);
  CHECK(f.calls(2) == "11");
}

TEST_CASE("the preferred region goes first, and others serve when it is out", "[pool][rotation]") {
  PoolFixture f(4);
  f.key(0).region = f.key(1).region = "us";
  f.key(2).region = f.key(3).region = "eu";
  CHECK(tally(f.calls(4, {.region = "eu"})) == std::map<char, int>{{'3', 2}, {'4', 2}});
  f.pool().disable("s#3", "test", f.now);
  f.pool().disable("s#4", "test", f.now);
  CHECK(tally(f.calls(4, {.region = "eu"})) == std::map<char, int>{{'1', 2}, {'2', 2}});
  f.pool().clear("s#3", f.now);
  SECTION("and the pool's own preference holds where the call has none") {
    PoolFixture g(2);
    g.region = "eu";
    g.key(1).region = "eu";
    CHECK(g.calls(3) == "222");
  }
}

TEST_CASE("credentials a call has tried are passed over", "[pool][rotation]") {
  PoolFixture f(3);
  const std::vector<std::string> tried = {"s#1", "s#3"};
  CHECK(f.calls(3, {.exclude = &tried}) == "222");
  const std::vector<std::string> all = {"s#1", "s#2", "s#3"};
  CHECK_FALSE(f.refusal({.exclude = &all}).at);
}

TEST_CASE("only credentials that may use the model are asked", "[pool][rotation]") {
  PoolFixture f(3);
  f.key(0).models = {"a"};
  f.key(1).models = {"b", "c"};
  CHECK(tally(f.calls(4, {.model = "a"})) == std::map<char, int>{{'1', 2}, {'3', 2}});
  CHECK(tally(f.calls(4, {.model = "x"})) == std::map<char, int>{{'3', 4}});
  SECTION("by the name they are configured with or the one that is sent") {
    PoolFixture g(1);
    g.services[0].model_map["nice"] = "vendor-name-7";
    g.key(0).models = {"nice"};
    CHECK(g.room({.model = "vendor-name-7"}));
    CHECK(g.refusal({.model = "other"}).kind == ErrorKind::not_found);
  }
}

TEST_CASE("the same key configured twice is one", "[pool][rotation]") {
  PoolFixture f(3, {.rpm = 2});
  f.key(1).api_key = f.key(0).api_key;
  CHECK(tally(f.calls(6)) == std::map<char, int>{{'1', 2}, {'3', 2}, {'-', 2}});
  SECTION("also in two services of one provider") {
    PoolFixture g(1, {.rpm = 3});
    g.services.push_back(g.services[0]);
    g.services[1].id = "t";
    g.services[1].credentials[0].id = "t#1";
    CHECK(g.calls(2) == "11");
    CHECK(g.call({.service = "t"}) == "t#1");
    CHECK_FALSE(g.room({.service = "t"}));
    g.pool().disable("t#1", "test", g.now);
    CHECK(g.state("s#1") == CredentialState::disabled);
  }
  SECTION("but not at another address") {
    PoolFixture g(1, {.rpm = 1});
    g.services.push_back(g.services[0]);
    g.services[1].id = "t";
    g.services[1].base_url = "http://127.0.0.1:8000/v1";
    g.services[1].credentials[0].id = "t#1";
    CHECK(g.calls(1) == "1");
    CHECK(g.call({.service = "t"}) == "t#1");
  }
}

TEST_CASE("a thousand keys take turns", "[pool][rotation]") {
  PoolFixture f(1000);
  std::map<std::string, int> counts;
  for (int i = 0; i < 3000; ++i) ++counts[f.call()];
  CHECK(counts.size() == 1000);
  for (const auto& [id, count] : counts) CHECK(count == 3);
}
