#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <keywheel/credential_pool.hpp>

#include "pool/pool_state.hpp"
#include "pool/service_health.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A call that wants one of several credentials. Its views need live only during enter().
struct Waiter {
  std::vector<Demand> demands{};  ///< any of them will do; the first that has room is taken
  std::string_view tenant{};      ///< on whose behalf
  std::optional<TimePoint> deadline{};
  std::optional<std::chrono::milliseconds>
      max_wait{};  ///< 0: not at all; nothing: as long as what is in the way allows, see Limits::timeout
};

struct Grant {
  Lease lease{};
  ServiceHealth::Visit visit{};
  std::size_t demand = 0;                 ///< which of the waiter's
  std::vector<PassedOver> passed_over{};  ///< the services of those before it
};
struct Queued {
  std::uint64_t ticket = 0;
};
using LineAnswer = std::variant<Grant, Queued, Unavailable>;

/// What became of a waiter.
struct LineGrant {
  std::uint64_t ticket = 0;
  std::variant<Grant, Unavailable> answer{};
};

/// The order among calls that wait for room: at the credentials, and at services that rest or recover.
///
/// By tenant share, then earliest deadline, then first come. Nobody waits while a later one of equal rank takes a place
/// that he could have used, and a newcomer overtakes nobody who could use the same place. A call that needs more tokens
/// than are left keeps those of the credential that will have enough first, so that small ones cannot starve it; all
/// other credentials stay open to them. A wait that cannot end in time, as the ledger stands, ends at once.
///
/// Calls that can use the same credentials and are of about one size stand in one queue, and only the first of a queue
/// is tried: what a poll costs grows with what it grants and with the queues concerned, not with who waits.
///
/// Pure, like the pool: no clock, no timer, no thread. Not thread-safe; the pool is.
class WaitingLine {
 public:
  /// The health must outlive the line and what it grants.
  WaitingLine(std::shared_ptr<CredentialPool> pool, ServiceHealth& health);
  WaitingLine(const WaitingLine&) = delete;
  WaitingLine& operator=(const WaitingLine&) = delete;
  ~WaitingLine();

  [[nodiscard]] LineAnswer enter(const Waiter& waiter, TimePoint now);
  /// Gives up. Unknown tickets are ignored.
  void leave(std::uint64_t ticket);
  /// Who has room now, and who cannot have it in time any more. To be called after every change of the pool and at
  /// next_time().
  [[nodiscard]] std::vector<LineGrant> poll(TimePoint now);
  /// When poll() will have something to do, if nothing happens before; nothing: never.
  [[nodiscard]] std::optional<TimePoint> next_time() const;
  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }

  /// A tenant's part of what is scarce, against 1 for all others. Above 0.
  void set_share(std::string_view tenant, double share);
  /// Those of all tenants: who is not named has 1.
  void set_shares(const std::map<std::string, double>& shares);
  /// Calls wait that this service could serve.
  [[nodiscard]] bool anyone_waits(std::string_view service) const { return by_service_.contains(service); }

 private:
  struct Queue;
  struct Tenant;
  struct Place;

  /// One waiting call.
  struct Waiting {
    std::uint64_t ticket = 0;
    TimePoint deadline = kNever;
    TimePoint limit = kNever;  ///< it waits no longer
    TimePoint entered{};
    std::vector<Demand> demands{};
    std::vector<std::string> texts{};
    std::vector<std::vector<std::string>> excludes{};
    Place* place = nullptr;
    Level* kept = nullptr;  ///< whose tokens are kept for it
    std::uint64_t kept_build = 0;
  };
  struct Rank {
    double share = 0;  ///< what its tenant had
    TimePoint deadline = kNever;
    std::uint64_t ticket = 0;
    // clang-tidy 14 takes the 0 of a default comparison for a pointer: NOLINTNEXTLINE(modernize-use-nullptr)
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };
  struct Earlier {
    bool operator()(const Waiting* a, const Waiting* b) const noexcept {
      return std::pair(a->deadline, a->ticket) < std::pair(b->deadline, b->ticket);
    }
  };
  struct SoonerLimit {
    bool operator()(const Waiting* a, const Waiting* b) const noexcept {
      return std::pair(a->limit, a->ticket) < std::pair(b->limit, b->ticket);
    }
  };

  /// Calls of one tenant in one queue.
  struct Place {
    Queue* queue = nullptr;
    Tenant* tenant = nullptr;
    Rank rank{};  ///< as filed in the queue
    std::set<Waiting*, Earlier> calls{};
  };
  struct Tenant {
    std::string name{};
    double share = 1;
    double had = 0;                ///< grants while others waited, divided by the share
    std::vector<Place*> places{};  ///< where it waits
  };
  struct Queue {
    std::string signature{};
    std::vector<std::string> services{};
    std::unordered_map<Tenant*, std::unique_ptr<Place>> places{};
    std::set<std::pair<Rank, Place*>> order{};
    std::set<Waiting*, SoonerLimit> by_limit{};
    TimePoint retry{};  ///< when its first may have room
    bool by_event = false;
    Nanos timeout{0};
    std::uint64_t seen = 0;  ///< changes of its services when its first was tried last
    TimePoint filed{};       ///< its place in agenda_
  };
  /// Why an attempt went to a service behind this one.
  struct ServiceRefusal {
    std::string_view service{};
    ServiceHealth::Verdict health{};
    Block block{};  ///< where its health allows: what keeps the first credential that will have room
  };
  /// How trying a call went.
  struct Attempted {
    bool granted = false;
    Grant grant{};
    TimePoint at = kNever;
    bool by_event = false;
    bool too_big = true;
    Nanos timeout{0};
    Level* tight = nullptr;
    Block::Why why = Block::Why::none;
    std::vector<ServiceRefusal> refusals{};  ///< of those before the one that was granted
  };

  [[nodiscard]] Attempted try_to_lend(const std::vector<Demand>& demands, std::uint64_t ticket, const Rank& rank,
                                      std::optional<TimePoint> since, TimePoint now);
  [[nodiscard]] Unavailable explain(const std::vector<Demand>& demands, const Attempted& attempted, TimePoint now);
  /// The credential that was found is lent for good.
  [[nodiscard]] Grant conclude(const std::vector<Demand>& demands, Attempted& attempted, TimePoint now);
  [[nodiscard]] std::uint64_t changes_of(const Queue& queue) const;
  [[nodiscard]] bool due(const Queue& queue, TimePoint now) const;
  [[nodiscard]] bool someone_is_first(const Waiter& waiter, const Queue* own, const Rank& rank, TimePoint now) const;
  [[nodiscard]] bool someone_could_go(const Waiter& waiter, const Queue* own, const Rank& rank, Lease& lease,
                                      TimePoint now);
  [[nodiscard]] Rank first_rank(const Queue& queue) const noexcept { return queue.order.begin()->first; }
  void refuse(Waiting& waiting, const Attempted& attempted, TimePoint now, std::vector<LineGrant>& grants);
  void serve(Queue& queue, TimePoint now, std::vector<LineGrant>& grants);

  // waiting_order.cpp
  [[nodiscard]] Tenant& tenant_of(std::string_view name);
  [[nodiscard]] Waiting& admit(const Waiter& waiter, std::uint64_t ticket, TimePoint limit, TimePoint now);
  [[nodiscard]] Queue& queue_of(std::string signature, const std::vector<Demand>& demands);
  void file(Place& place);
  void unfile(Place& place);
  void file(Queue& queue);
  void put(Waiting& waiting, Queue& queue, Tenant& tenant);
  void remove(Waiting& waiting);
  void keep(Waiting& waiting, Level* level, TimePoint until);
  void let_go(Waiting& waiting);
  void let_go(const Queue& queue);
  void served(Tenant& tenant);
  void forget_idle_tenants();

  std::shared_ptr<CredentialPool> pool_;
  PoolState* state_;
  ServiceHealth* health_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Waiting>> waiting_{};
  ByText<std::unique_ptr<Queue>> queues_{};
  ByText<std::unique_ptr<Tenant>> tenants_{};
  ByText<std::set<Queue*>> by_service_{};
  std::set<std::pair<TimePoint, Queue*>> agenda_{};
  std::vector<Waiting*> keepers_{};
  std::optional<TimePoint> freed_at_{};  ///< somebody left for whom room was kept
  double had_ = 0;                       ///< what the tenant served last had had
  std::uint64_t next_ticket_ = 1;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
