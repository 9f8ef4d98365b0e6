#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "pool/lottery.hpp"
#include "pool/random.hpp"
#include "pool/sliding_log.hpp"
#include "pool/tournament.hpp"
#include "pool/waiting_line.hpp"
#include "unit/pool_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;
using detail::Lottery;
using detail::Nanos;
using detail::Random;
using detail::SlidingLog;
using detail::Tournament;
using detail::WaitingLine;

namespace {

/// By looking at all of them.
std::uint32_t best_of(const std::vector<Tournament::Score>& scores) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < scores.size(); ++i) {
    if (scores[i] < scores[best]) best = i;
  }
  return scores[best] < Tournament::Score{} ? static_cast<std::uint32_t>(best) : Tournament::kNobody;
}

/// What SlidingLog adds up, entry by entry.
struct PlainLog {
  Nanos length{0};
  std::vector<std::pair<TimePoint, std::int64_t>> entries{};

  [[nodiscard]] std::int64_t sum(TimePoint now) const {
    std::int64_t sum = 0;
    for (const auto& [at, amount] : entries) sum += now - at < length ? amount : 0;
    return sum;
  }
};

}  // namespace

TEST_CASE("a tournament knows the best whatever changed before", "[pool][structures]") {
  Random random(3);
  for (const std::size_t leaves : {1U, 2U, 3U, 10U, 64U, 100U}) {
    Tournament tournament(leaves);
    std::vector<Tournament::Score> scores(leaves);
    CHECK(tournament.best() == Tournament::kNobody);
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t leaf = random.below(leaves);
      Tournament::Score score;
      // Few different scores and ties, so that many are equal; some leave.
      if (random.below(5) != 0) {
        score = {.score = static_cast<double>(random.below(6)), .tie = static_cast<double>(random.below(3))};
      }
      scores[leaf] = score;
      tournament.set(static_cast<std::uint32_t>(leaf), score);
      REQUIRE(tournament.best() == best_of(scores));
    }
  }
}

TEST_CASE("a lottery gives each its part of the total, whatever changed before", "[pool][structures]") {
  Random random(5);
  for (const std::size_t leaves : {1U, 2U, 3U, 10U, 64U, 100U}) {
    Lottery lottery(leaves);
    std::vector<double> weights(leaves);
    CHECK(lottery.total() == 0);
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t leaf = random.below(leaves);
      // Eighths, so that sums are exact; some leave.
      weights[leaf] = static_cast<double>(random.below(4) * random.below(100)) / 8;
      lottery.set(static_cast<std::uint32_t>(leaf), weights[leaf]);
      double total = 0;
      for (const double weight : weights) total += weight;
      REQUIRE(lottery.total() == total);
      if (total <= 0) continue;
      const double at = random.uniform() * total;
      std::size_t wanted = 0;
      for (double before = weights[0]; at >= before; before += weights[wanted]) ++wanted;
      REQUIRE(lottery.draw(at) == wanted);
      // What rounding puts at the end, or beyond it, is somebody's, too.
      REQUIRE(weights[lottery.draw(total)] > 0);
    }
  }
}

TEST_CASE("a window's sum is that of what was added within it", "[pool][structures]") {
  Random random(4);
  SlidingLog log(10s, 100);
  PlainLog plain{.length = 10s};
  TimePoint now{100s};
  for (int i = 0; i < 5000; ++i) {
    // Nothing for long, now and then, so that all of it leaves.
    now += std::chrono::milliseconds(random.below(50) == 0 ? 15'000 : random.below(400));
    if (i % 500 == 499) {
      plain.length -= 900ms;
      log.resize(plain.length, 100);
    }
    log.expire(now);
    REQUIRE(log.sum() == plain.sum(now));
    const auto amount = static_cast<std::int64_t>(1 + random.below(100));
    log.add(now, amount);
    plain.entries.emplace_back(now, amount);
    const std::size_t back = static_cast<std::size_t>(random.below(8));
    if (back >= plain.entries.size()) continue;
    auto& [at, corrected] = plain.entries[plain.entries.size() - 1 - back];
    log.adjust(at, -1, now);
    corrected -= 1;
    REQUIRE(log.sum() == plain.sum(now));
  }
}

TEST_CASE("a report makes room for who waits for a key of the account in another service", "[pool][structures]") {
  PoolFixture f(2, {.concurrency = 1});
  f.services.push_back({.provider = "openai", .id = "t"});
  f.services[1].credentials = {PoolFixture::credential("t#1", {.concurrency = 1})};
  for (ServiceConfig& service : f.services) {
    for (CredentialConfig& credential : service.credentials) credential.account = "acme";
  }
  detail::ServiceHealth health{CircuitBreakerConfig{}};
  WaitingLine line(f.shared(), health);
  Lease lease = f.lend();
  const detail::LineAnswer answer =
      line.enter({.demands = {{.service = "t", .model = "m"}}, .deadline = {}, .max_wait = 1h}, f.now);
  REQUIRE(std::holds_alternative<detail::Queued>(answer));
  CHECK(line.poll(f.now).empty());
  f.pool().report(std::move(lease), Outcome::success(), f.now);
  const std::vector<detail::LineGrant> grants = line.poll(f.now);
  REQUIRE(grants.size() == 1);
  CHECK(std::get<detail::Grant>(grants[0].answer).lease.id() == "t#1");
}
