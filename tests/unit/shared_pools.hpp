#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "quota/memory_records.hpp"
#include "quota/quota_session.hpp"
#include "unit/pool_fixture.hpp"
#include "unit/window_checker.hpp"

/// Several pools that share one store, each with its session, on one virtual clock: what a fleet does in minutes, in
/// milliseconds.

namespace keywheel::testing {

/// A store that may be away, or come back empty, and whose clock is another's.
struct SharedStore {
  std::unique_ptr<detail::MemoryRecords> records = std::make_unique<detail::MemoryRecords>();
  bool up = true;
  int requests = 0;
  std::int64_t granted = 0;  ///< of the total that was asked for last
  std::chrono::nanoseconds clock_ahead = std::chrono::seconds(77777);

  [[nodiscard]] Result<QuotaReply> exchange(const QuotaRequest& request, TimePoint now) {
    ++requests;
    if (!up) return Error{.kind = ErrorKind::connection, .message = "down"};
    using namespace std::chrono;
    QuotaReply reply = records->exchange(request, floor<microseconds>(now.time_since_epoch() + clock_ahead).count(),
                                         floor<milliseconds>(now.time_since_epoch()));
    if (!reply.totals.empty()) granted = reply.totals[0].total;
    return reply;
  }
};

/// One process: a pool, its session, and calls that want to be made.
struct Node {
  Node(SharedStore& shared_store, std::string name, Limits limits, TimePoint now, StoreLoss on_loss = StoreLoss::share,
       std::size_t keys = 1)
      : store(&shared_store) {
    PoolFixture fixture(keys, limits);
    for (std::size_t i = 0; i < keys; ++i) fixture.key(i).limits.guard = limits.guard;
    pool = CredentialPool::create(fixture.services, {}, {}, 7);
    pool->align(now, std::chrono::sys_time<std::chrono::milliseconds>(
                         std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch())));
    session = std::make_unique<detail::QuotaSession>(
        pool, detail::QuotaSession::Options{.process = std::move(name), .store = "test", .on_loss = on_loss});
  }

  /// What its store thread would do at `now`. The answer takes a round trip.
  void talk(TimePoint now, std::size_t waiting, std::chrono::nanoseconds round_trip = std::chrono::milliseconds(1)) {
    if (reply && reply_at <= now) {
      if (*reply) {
        (void)session->accept(**reply, sent_at, now);
      } else {
        (void)session->failed(reply->error(), now);
      }
      reply.reset();
    }
    if (reply || session->due(now) > now) return;
    const QuotaRequest request = session->request(waiting, false, now);
    sent_at = now;
    reply_at = now + round_trip;
    reply = store->exchange(request, now + round_trip / 2);
  }

  [[nodiscard]] std::variant<Lease, Unavailable> ask(TimePoint now, std::int64_t tokens = 0) {
    return pool->acquire({.service = "s", .model = "m", .prompt_tokens = tokens}, now);
  }
  [[nodiscard]] bool call(TimePoint now, const Outcome& outcome = Outcome::success()) {
    auto answer = ask(now);
    auto* lease = std::get_if<Lease>(&answer);
    if (lease == nullptr) return false;
    pool->sent(*lease, now);
    pool->report(std::move(*lease), outcome, now);
    return true;
  }
  /// Calls as soon as it may. False: not within a second.
  [[nodiscard]] bool call_soon(TimePoint& now) {
    for (const TimePoint end = now + std::chrono::seconds(1); now < end; now += std::chrono::milliseconds(1)) {
      talk(now, 1);
      if (call(now)) return true;
    }
    return false;
  }
  /// Talks until nothing is left to say, as time goes on.
  void settle(TimePoint& now, std::size_t waiting = 0,
              std::chrono::nanoseconds length = std::chrono::milliseconds(300)) {
    for (const TimePoint end = now + length; now < end; now += std::chrono::milliseconds(1)) talk(now, waiting);
  }

  SharedStore* store;
  std::shared_ptr<CredentialPool> pool;
  std::unique_ptr<detail::QuotaSession> session;
  std::optional<Result<QuotaReply>> reply{};
  TimePoint sent_at{};
  TimePoint reply_at{};
};

struct Fleet {
  explicit Fleet(Limits limits_of_each, StoreLoss loss = StoreLoss::share) : limits(limits_of_each), on_loss(loss) {
    for (int i = 0; i < 3; ++i) start();
  }
  void start() {
    nodes.push_back(std::make_unique<Node>(store, "p" + std::to_string(++started), limits, now, on_loss));
  }
  /// All want to send all the time.
  void run(std::chrono::nanoseconds length) {
    for (const TimePoint end = now + length; now < end; now += std::chrono::milliseconds(1)) {
      for (auto& node : nodes) {
        node->talk(now, 50);
        while (node->call(now)) {
          checker.add(now, 1);
          ++calls;
        }
      }
    }
  }

  SharedStore store{};
  Limits limits;
  StoreLoss on_loss;
  TimePoint now{std::chrono::seconds(1000)};
  int started = 0;
  std::vector<std::unique_ptr<Node>> nodes{};
  WindowChecker checker{};
  int calls = 0;
};

}  // namespace keywheel::testing
