#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <keywheel/router.hpp>

#include "observe/notifier.hpp"
#include "pool/waiting_line.hpp"
#include "quota/shared_quota.hpp"
#include "router/clock_offsets.hpp"
#include "router/first_events.hpp"
#include "router/hedge_budget.hpp"
#include "router/operation.hpp"
#include "router/routes.hpp"
#include "router/runtime.hpp"
#include "router/sink.hpp"
#include "router/token_cache.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How tests make a Router over loops of their own.
struct RouterAccess {
  [[nodiscard]] static Router make(std::shared_ptr<RouterCore> core) noexcept { return Router(std::move(core)); }
};

/// One config, ready for use. Immutable: a call keeps the one it began with.
struct Snapshot {
  RouterConfig config{};
  std::vector<ServiceEntry> services{};
  Routes routes{};
  std::string user_agent{};
  std::shared_ptr<Notifier> notifier{};  ///< null: nobody observes

  [[nodiscard]] const ServiceEntry* service(std::string_view id) const noexcept;
};

/// A loop, and how it is ended when the Router is.
struct LoopHandle {
  std::shared_ptr<Runtime> runtime{};
  std::function<void()> stop{};
};

/// What all calls of a Router share. Lives as long as the Router or the last thread that waits in it.
class RouterCore : public std::enable_shared_from_this<RouterCore> {
 public:
  /// Loops over libcurl, as many as the config says.
  [[nodiscard]] static Result<std::shared_ptr<RouterCore>> create(RouterConfig config);
  /// Loops of the caller's: how tests bring their own time and network.
  [[nodiscard]] static Result<std::shared_ptr<RouterCore>> create(RouterConfig config, std::vector<LoopHandle> loops,
                                                                  std::uint64_t seed);
  ~RouterCore();
  RouterCore(const RouterCore&) = delete;
  RouterCore& operator=(const RouterCore&) = delete;

  /// Cancels what is in flight, fulfils what is awaited, ends the loops.
  void shutdown();
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  /// The loop for the next call.
  [[nodiscard]] Runtime& pick_loop() noexcept;

  /// Begins a call on that loop; `sink` hears of it later, never from inside. Any thread. Null: it could not begin.
  std::shared_ptr<CallState> start(Runtime& runtime, std::unique_ptr<Operation> operation,
                                   std::shared_ptr<CallSink> sink);

  /// Makes a call and waits for its end.
  [[nodiscard]] Result<ChatResponse> run(std::unique_ptr<Operation> operation);

  /// Why a call must fail before it begins (fork, a blocking call on a loop); nothing when it may go on.
  [[nodiscard]] std::optional<Error> objection(bool blocking) const;

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;
  [[nodiscard]] Result<void> reload(RouterConfig config);
  /// Makes a changed copy of the config the current one.
  [[nodiscard]] Result<void> change(const std::function<Result<void>(RouterConfig&)>& edit);
  [[nodiscard]] RouterStats stats() const;
  [[nodiscard]] std::vector<std::string> warnings() const;
  [[nodiscard]] Result<Capacity> capacity(std::string_view model, std::int64_t tokens);

  [[nodiscard]] CredentialPool& pool() noexcept { return *pool_; }
  [[nodiscard]] ServiceHealth& health() noexcept { return health_; }
  [[nodiscard]] TokenCache& tokens() noexcept { return tokens_; }
  [[nodiscard]] ClockOffsets& clocks() noexcept { return clocks_; }
  [[nodiscard]] HedgeBudget& hedges() noexcept { return hedges_; }
  [[nodiscard]] FirstEvents& first_events() noexcept { return first_events_; }
  [[nodiscard]] TimePoint now() const { return loops_.front().handle.runtime->now(); }
  [[nodiscard]] const Executor& executor() const noexcept { return executor_; }

  // For CallState, on its loop.

  /// A credential for one of `waiter`'s demands, or a place in the line: then CallState::granted is posted.
  [[nodiscard]] LineAnswer enter_line(const Waiter& waiter, const std::shared_ptr<CallState>& call);
  void leave_line(std::uint64_t ticket);
  /// A credential for one of the demands, if one has room now and nobody waits for it.
  [[nodiscard]] std::optional<Grant> lend_now(std::vector<Demand> demands);
  void hedged() noexcept { hedge_count_.fetch_add(1, std::memory_order_relaxed); }
  void resumed() noexcept { resume_count_.fetch_add(1, std::memory_order_relaxed); }
  void resend_stopped() noexcept { resends_stopped_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t number_call() noexcept { return numbers_.fetch_add(1, std::memory_order_relaxed) + 1; }
  void attempted() noexcept { attempts_.fetch_add(1, std::memory_order_relaxed); }
  void ended(CallState& call, bool good);
  /// A number that differs each time, for balancing.
  [[nodiscard]] std::uint64_t turn() noexcept { return turn_.fetch_add(1, std::memory_order_relaxed); }

 private:
  struct LoopSlot {
    LoopHandle handle{};
    std::unordered_map<CallState*, std::shared_ptr<CallState>> calls{};  ///< on the loop only
  };

  RouterCore(std::vector<LoopHandle> loops, Executor executor, std::shared_ptr<const Snapshot> snapshot,
             std::uint64_t seed);
  [[nodiscard]] LoopSlot& slot_of(const Runtime& runtime) noexcept;
  /// A call, and what is to be posted to its loop so that it begins.
  [[nodiscard]] std::pair<std::shared_ptr<CallState>, Task> make_call(LoopSlot& slot,
                                                                      std::unique_ptr<Operation> operation,
                                                                      std::shared_ptr<CallSink> sink);
  [[nodiscard]] static Result<std::shared_ptr<const Snapshot>> prepare(RouterConfig config);
  void install(const std::shared_ptr<const Snapshot>& snapshot);
  [[nodiscard]] std::optional<Error> other_store(const RouterConfig& config) const;
  void tell(const PoolNews& news) const;
  void tell_store(const Error* error) const;
  /// Hands out what has become free, and sets the timer for what will.
  void dispatch();
  void schedule_dispatch(TimePoint when);

  const std::int64_t process_;  ///< after fork() the child is another
  Executor executor_;
  std::vector<LoopSlot> loops_;
  std::atomic<std::uint64_t> next_loop_{0};
  std::atomic<bool> closed_{false};

  mutable std::mutex snapshot_mutex_{};
  std::shared_ptr<const Snapshot> snapshot_;
  std::mutex change_mutex_{};

  std::shared_ptr<CredentialPool> pool_;
  ServiceHealth health_;
  std::mutex line_mutex_{};
  WaitingLine line_;
  std::unordered_map<std::uint64_t, std::weak_ptr<CallState>> waiting_{};
  std::atomic<std::size_t> waiting_count_{0};
  std::optional<TimePoint> dispatch_at_{};  ///< guarded by line_mutex_

  TokenCache tokens_{};
  std::unique_ptr<SharedQuota> shared_quota_{};  ///< nothing: no other process spends of the limits
  ClockOffsets clocks_{};
  HedgeBudget hedges_{};
  FirstEvents first_events_{};

  std::atomic<std::uint64_t> turn_{0};
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> succeeded_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> attempts_{0};
  std::atomic<std::uint64_t> hedge_count_{0};
  std::atomic<std::uint64_t> resume_count_{0};
  std::atomic<std::uint64_t> resends_stopped_{0};
  std::atomic<std::uint64_t> numbers_{0};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
