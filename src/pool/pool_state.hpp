#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <keywheel/credential_pool.hpp>

#include "pool/news.hpp"
#include "pool/pool_sharing.hpp"
#include "pool/service.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Lets maps of strings be asked with views.
struct TextHash {
  using is_transparent = void;
  [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};
template <class T>
using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

/// Why nothing was lent.
struct Refusal {
  TimePoint at = kNever;  ///< when the first of them will have room by itself
  bool by_event = false;  ///< a report may bring room earlier
  bool too_big = true;    ///< so far, for all that were looked at
  bool for_own = false;   ///< others may have room: the session's own credential is waited for
  Block block;            ///< what keeps the first of them
  Credential* first = nullptr;
  Level* tight = nullptr;  ///< level at which the first of them lacks tokens
  Nanos timeout{0};        ///< longest wait that the limits allow

  void consider(Credential& c, const Block& block_of_c) noexcept;
};

/// A demand, as it is held against the limits of each level.
struct Asking {
  AskedModel model{};
  Charge charge{};
  TimePoint now{};
  std::uint64_t ticket = 0;  ///< the waiting call that asks, or 0
  bool only_model = false;   ///< its service is asked for no other model
};

/// One lent credential.
struct LeaseRecord {
  std::uint64_t number = 0;  ///< 0: free
  Credential* credential = nullptr;
  std::array<Level*, 6> path{};
  std::uint8_t levels = 0;
  bool sent = false;
  bool learned = false;           ///< what its answer states has been taken over
  std::vector<Scoped*> scoped{};  ///< of its model or limit group, on its path
  Charge charge{};
  TimePoint sent_at{};
  std::string model{};
};

/// The pool behind its mutex. Whoever calls holds the mutex; `now` has gone through clock().
class PoolState {
 public:
  PoolState(std::string region, std::uint64_t seed) : region_(std::move(region)), random_(seed) {}

  mutable std::mutex mutex;
  std::function<void()> listener{};
  PoolWatcher watcher{};
  std::unique_ptr<PoolSharing> sharing{};  ///< nothing: no other process spends of the limits

  /// Time never goes back.
  [[nodiscard]] TimePoint clock(TimePoint now) noexcept { return clock_ = std::max(clock_, now); }
  [[nodiscard]] TimePoint clock() const noexcept { return clock_; }

  /// How often the services were built: what pointed into an earlier build must not be used.
  [[nodiscard]] std::uint64_t builds() const noexcept { return builds_; }

  [[nodiscard]] bool learn(const Lease& lease, const StatedQuota& stated, TimePoint now) {
    return learn(lease.slot_, lease.number_, stated, now);
  }
  static void bind(Lease& lease, std::shared_ptr<CredentialPool> pool) noexcept { lease.pool_ = std::move(pool); }

  // topology.cpp
  void build(const std::vector<ServiceConfig>& services, const RetryPolicy& retry, std::string region);
  void align(Nanos wall_at_zero);
  [[nodiscard]] Credential* find(std::string_view id) const noexcept;
  [[nodiscard]] Service* find_service(std::string_view id) const noexcept;

  // lending.cpp
  /// Lends into `lease`, whose pool the caller sets; else says why not. `ticket` is the waiting call that asks, or 0.
  /// `since`: when it began to wait; until affinity_wait later, it is told to wait for its session's own credential.
  [[nodiscard]] bool lend(const Demand& demand, TimePoint now, std::uint64_t ticket, Lease& lease, Refusal& refusal,
                          const std::optional<TimePoint>& since = std::nullopt);

  // choice.cpp
  /// The credential that a call with this demand may have to wait for by itself; null where there is none.
  [[nodiscard]] const Credential* own_to_wait_for(const Demand& demand);
  /// How far from its quota the service is, projected to when that turns: 1 with nothing used, below 0 where the pace
  /// so far would end it before.
  [[nodiscard]] double headroom(const Demand& demand, TimePoint now);
  /// Who would be lent now, as far as that is no matter of chance; nobody is. Null: `refusal` says why, and when.
  [[nodiscard]] const Credential* next_to_lend(const Demand& demand, TimePoint now, Refusal& refusal);

  // admission.cpp
  /// What keeps `c` from an attempt at `now`, its service aside.
  [[nodiscard]] Block obstacle(Credential& c, const Asking& asking, Level** tight = nullptr);

  // outcome.cpp
  /// Undoes lend(): nobody has seen the lease.
  void take_back(Lease& lease, TimePoint now);
  // settle.cpp
  void sent(std::uint32_t slot, std::uint64_t number, TimePoint now);
  /// As sent(). False, and nothing counted: a place that it was lent has lapsed.
  [[nodiscard]] bool send(const Lease& lease, TimePoint now);
  void count_request(const Lease& lease, TimePoint now);
  // outcome.cpp
  /// True in `changed` where room may have come.
  Verdict report(std::uint32_t slot, std::uint64_t number, const Outcome& outcome, TimePoint now, bool& changed);
  // statements.cpp
  /// What the answer to a lease states, as soon as it is known. True where room may have come.
  bool learn(std::uint32_t slot, std::uint64_t number, const StatedQuota& stated, TimePoint now);
  // outcome.cpp
  void clear(Credential& c, TimePoint now);
  void disable(Credential& c, std::string_view reason, TimePoint now);
  /// Something at this level is in nobody's way any more.
  void touch(Level& level) noexcept {
    ++level.changes;
    for (Service* service : level.services) ++service->changes;
  }

  // explain.cpp
  /// `first`: what keeps the one that will have room first. Says nothing of when.
  [[nodiscard]] Unavailable explain(const Demand& demand, Block::Why first, TimePoint now);
  [[nodiscard]] Nanos timeout_of(const std::vector<Demand>& demands) const noexcept;
  [[nodiscard]] std::string explain(const ChoiceNote& note) const;
  /// The first few that were skipped; of a small service, all.
  [[nodiscard]] std::vector<PassedOver> passed_over(const Lease& lease);
  /// Why nobody of a service could be lent, told by what keeps the first that will have room.
  [[nodiscard]] static std::string words(const Block& block, TimePoint now);
  [[nodiscard]] CredentialStatus status(Credential& c, TimePoint now);
  [[nodiscard]] std::vector<CredentialStatus> status(TimePoint now);

  // news.cpp
  /// Tells the watcher what has been noted. With the mutex not held.
  void publish();

 private:
  friend class PoolAccess;
  friend class PoolSharing;
  struct Choice;

  // news.cpp
  void note(const Credential& c, const Level& level, const Rest& rest, std::string_view model, TimePoint now);
  void note_joined(const Credential& c, const Level& joint, std::string_view owner);
  void note_limit(const Credential& c, const Level& level, std::string_view group, const Gauge& gauge);

  // topology.cpp
  struct LevelLimits {
    std::vector<Limits> all{};
    std::map<std::string, std::vector<Limits>, std::less<>> scoped{};
  };
  using LimitsOf = std::unordered_map<Level*, LevelLimits>;
  void configure(Level& level, const LevelLimits& limits);
  void add_credential(Service& service, const ServiceConfig& config, const CredentialConfig& credential,
                      LimitsOf& limits);
  [[nodiscard]] Level* link(Level& key, const ServiceConfig& config, const CredentialConfig& credential);
  void arrange(Service& service, const ServiceConfig& config);
  [[nodiscard]] Level* key_of(const ServiceConfig& service, const std::shared_ptr<const CredentialConfig>& credential);
  [[nodiscard]] Level* level(Level::Kind kind, const std::string& name);
  [[nodiscard]] Calendar* calendar_of(const ServiceConfig& service);
  void bury_removed();
  void drop_orphans();

  // sleepers.cpp
  void wake_due(Service& service, TimePoint now);
  void wake(Credential& c);
  void wake_members(Level& level);
  void wake_for_other_model(Service& service, std::string_view model);
  void rest_members(Level& level, TimePoint now);
  void sleep(Credential& c, const Block& block);
  [[nodiscard]] Credential* look_at_sleepers(Choice& choice);

  // admission.cpp
  void exclude(const Demand& demand);
  [[nodiscard]] bool is_excluded(const Credential& c) const noexcept;
  [[nodiscard]] Asking asking_of(const Demand& demand, const Service& service, TimePoint now,
                                 std::uint64_t ticket) const;
  void check(Level& level, const Asking& asking, Block& block, Level** tight);
  [[nodiscard]] static bool surely_fits(const Credential& c, const Asking& asking);
  [[nodiscard]] bool fits(Choice& choice, Credential& c);
  [[nodiscard]] static bool on_trial(const Credential& c, const AskedModel& model, TimePoint now);

  // choice.cpp
  void find_lanes(const Service& service, std::string_view model, std::string_view region, int tier);
  [[nodiscard]] Credential* choose_in(Choice& choice, Rotation rotation, std::string_view region);
  [[nodiscard]] Credential* choose(Choice& choice, const std::vector<Lane*>& lanes, Order order);
  [[nodiscard]] Credential* draw(Choice& choice, const std::vector<Lane*>& lanes);
  [[nodiscard]] static Credential* furthest_from_quota(const std::vector<Credential*>& of, const Asking& asking);
  [[nodiscard]] Credential* choose_sampled(Choice& choice, const std::vector<Lane*>& lanes);
  [[nodiscard]] Credential* choose_sticky(Choice& choice, const std::vector<Lane*>& lanes);
  [[nodiscard]] static Credential* own_of(const std::vector<Lane*>& lanes, std::uint64_t session);
  [[nodiscard]] bool waits_for(Choice& choice, Credential& own);
  [[nodiscard]] static double headroom_at(Level& level, const Asking& asking);
  [[nodiscard]] static double headroom(Level* from, const Asking& asking);
  void pass_over(Credential& c, Order order);

  // scarcity.cpp
  void remember(const Choice& choice, Credential& c, const Block& block);
  [[nodiscard]] Credential* best_with_room(Choice& choice);
  [[nodiscard]] Credential* earliest_believed(Choice& choice);

  // lending.cpp
  void take(Choice& choice, Credential& c, Rotation rotation, Lease& lease);
  void restore_hidden(const Service& service, const Credential* except);
  void note_skipped(Choice& choice, ChoiceNote& note);

  // settle.cpp
  static void send(LeaseRecord& record, TimePoint now);
  static void count_use(Credential& c, std::int64_t requests, std::int64_t tokens, TimePoint now);
  [[nodiscard]] bool applaud(Level& level, const LeaseRecord& record);
  [[nodiscard]] bool settle(LeaseRecord& record, const Outcome& outcome, TimePoint now);
  static void count(Credential& c, const Outcome& outcome, std::int64_t requests, TimePoint now);

  // outcome.cpp
  [[nodiscard]] LeaseRecord* record_of(std::uint32_t slot, std::uint64_t number) noexcept;
  [[nodiscard]] static AskedModel model_of(const LeaseRecord& record) noexcept;
  [[nodiscard]] Verdict weigh(LeaseRecord& record, const Outcome& outcome, TimePoint now, bool& changed);
  [[nodiscard]] FailureClass blame(LeaseRecord& record, const Failure& failure, TimePoint now, bool& changed);
  [[nodiscard]] bool wrong_endpoint(LeaseRecord& record, Level& disabled, TimePoint now, bool& changed);
  void count_streak(LeaseRecord& record, const Rest::News& news, std::string_view model, TimePoint now);
  [[nodiscard]] bool release(LeaseRecord& record, Nanos pause, TimePoint now);

  // statements.cpp
  /// Whose limits a provider means, and what counts them.
  struct Owner {
    Level& level;
    Scoped* scoped = nullptr;
    Ledger& ledger;
    int in_flight = 0;
  };
  [[nodiscard]] std::optional<Owner> owner_of_limits(const LeaseRecord& record);
  void learn_limits(LeaseRecord& record, const std::vector<StatedLimit>& limits, TimePoint at, TimePoint now,
                    bool& changed);
  void watch_refusals(LeaseRecord& record, TimePoint now);
  void meet_limit(LeaseRecord& record, bool rate, TimePoint now);
  [[nodiscard]] Scoped* scoped_for(Level& level, std::string_view name);
  void adopt(Gauge& gauge, const Level& level, const Scoped* scoped);

  // kinship.cpp
  /// Keys that state the same owner are joined below it.
  void join(LeaseRecord& record, const std::string& organization, const std::string& project);
  [[nodiscard]] Level* join_at(Level::Kind kind, Level& owner, const std::string& name);
  void put_above(Level& owner, Level& joint);

  std::string region_;
  Random random_;
  TimePoint clock_ = TimePoint::min();
  Nanos wall_at_zero_{0};
  std::uint64_t builds_ = 0;

  ByText<std::unique_ptr<Service>> services_{};
  std::vector<Service*> order_{};  ///< as configured
  ByText<std::unique_ptr<Credential>> credentials_{};
  std::vector<Credential*> by_serial_{};  ///< nullptr where gone
  ByText<std::unique_ptr<Level>> levels_{};
  std::unordered_multimap<std::uint64_t, std::unique_ptr<Level>> keys_{};  ///< by a hash of what authenticates
  std::vector<std::pair<DayZone, std::unique_ptr<Calendar>>> calendars_{};
  std::vector<std::unique_ptr<Credential>> buried_{};  ///< removed, with leases out
  std::vector<std::unique_ptr<Service>> buried_services_{};
  ByText<Level*> stated_owners_{};  ///< by what an answer stated: the first that it concerned, or the joint level

  std::vector<LeaseRecord> records_{};
  std::vector<std::uint32_t> free_{};
  std::uint64_t next_number_ = 1;

  std::vector<PoolNews> news_{};  ///< not told yet
  std::atomic<bool> pending_{false};

  std::vector<Lane*> lanes_{};         ///< scratch
  std::vector<Credential*> sample_{};  ///< scratch
  std::vector<Credential*> hidden_{};  ///< scratch
  std::vector<Level*> excluded_{};     ///< scratch
  using Ranked = std::pair<Tournament::Score, Credential*>;
  std::vector<Ranked> ranked_{};                               ///< scratch
  std::vector<std::pair<TimePoint, Credential*>> believed_{};  ///< scratch
};

/// The way in for what stands beside the pool in this room.
class PoolAccess {
 public:
  [[nodiscard]] static PoolState& state(CredentialPool& pool) noexcept { return *pool.state_; }
  /// As CredentialPool::sent(), for who can still hold the request back. False: it must not be written, since a place
  /// that was lent in a limit shared with other processes has lapsed; nothing was counted.
  [[nodiscard]] static bool send(CredentialPool& pool, const Lease& lease, TimePoint now);
  /// A request beside the lease's own, as one for a token: it counts in the statistics, and against no model's limit.
  static void count_request(CredentialPool& pool, const Lease& lease, TimePoint now);
  /// What an answer states of limits, told when its headers have come: the end of a stream may be minutes away.
  static void learn(CredentialPool& pool, const Lease& lease, const StatedQuota& stated, TimePoint now);
  /// Is told of every change of a credential's state, with no lock held. Set once, before use.
  static void watch(CredentialPool& pool, PoolWatcher watcher);
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
