#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <keywheel/config.hpp>
#include <keywheel/stated_quota.hpp>

#include "pool/gauge.hpp"
#include "pool/provider_rules.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Why an attempt cannot start at once.
struct Block {
  enum class Why : std::uint8_t {
    none,
    cooling,       ///< a rest
    exhausted,     ///< the provider says that its quota is used up
    dead,          ///< the provider says that it is not valid
    switched_off,  ///< by hand
    aside,         ///< this model only
    requests,      ///< a limit on requests
    tokens,        ///< a limit on tokens
    concurrency,   ///< as many in flight as may be
    spent,         ///< a total of requests, tokens or money
    too_big,       ///< more tokens than the limit
    waited_for,    ///< kept for a call that waits
    tried,         ///< this call had it already
    store,         ///< the quota store cannot be reached, or not yet
  };
  Why why = Why::none;
  TimePoint at{};            ///< no earlier than this; kNever: not by itself
  TimePoint everyone{};      ///< no attempt of any size before this; kNever: not before an event
  bool needs_event = false;  ///< a report must come, too
  bool stated = false;       ///< a rest that the provider stated
  int status = 0;            ///< HTTP status behind a rest
  const char* limit = "";    ///< name of the limit
  std::int64_t value = 0;    ///< of the limit

  explicit operator bool() const noexcept { return why != Why::none; }
  /// Of two obstacles, both of which must end: the one that ends last.
  void add(const Block& other) noexcept;
};

/// The limits at one level (a key, a project, an account, a service), for all models or for one limit group, and what
/// is counted against them: those of the config, and those learned from what the provider says. Each holds by itself.
class Ledger {
 public:
  /// Takes new limits, all of which hold. What is counted stays with each limit that stays, and what was learned stays.
  /// Leases from number `since` on are counted.
  void configure(std::span<const Limits> sets, const ProviderRules& rules, std::uint64_t since);

  /// What was sent at `at` before a limit that counts from lease `since` was there to count it. Earliest first.
  void recall(std::uint64_t since, TimePoint at, std::int64_t requests, std::int64_t tokens);
  [[nodiscard]] bool has_new(std::uint64_t since) const noexcept;

  [[nodiscard]] bool empty() const noexcept { return gauges_.empty() && concurrency_ == 0; }
  [[nodiscard]] bool has_concurrency() const noexcept { return concurrency_ != 0; }
  [[nodiscard]] const std::vector<Gauge>& gauges() const noexcept { return gauges_; }
  [[nodiscard]] std::vector<Gauge>& gauges() noexcept { return gauges_; }
  [[nodiscard]] int concurrency() const noexcept { return concurrency_; }
  /// Where other processes have attempts in flight too.
  [[nodiscard]] std::shared_ptr<SharedPermits>& permits() noexcept { return permits_; }
  [[nodiscard]] Nanos timeout() const noexcept { return timeout_; }

  /// Whether `charge` may start at `now` with `in_flight` under way; adds what is in the way to `block`.
  [[nodiscard]] bool admits(const Charge& charge, int in_flight, TimePoint now, Calendar& calendar, Block& block);

  /// The same, told quickly. False: admits() knows.
  [[nodiscard]] bool surely_admits(const Charge& charge, int in_flight, TimePoint now, Calendar& calendar) noexcept;

  /// A place lent: it counts from now, wherever `send` will put it.
  void reserve(std::uint64_t lease, const Charge& charge, TimePoint now) noexcept;
  /// Whether the place lent may still be spent at `at`: one in a limit that other processes share may have lapsed.
  [[nodiscard]] bool holds(std::uint64_t lease, const Charge& charge, int in_flight, TimePoint at, Calendar& calendar);
  /// The place lent is spent at `at`.
  void send(std::uint64_t lease, const Charge& charge, TimePoint at, Calendar& calendar);
  /// Nothing was sent: the place is free again.
  void give_back(std::uint64_t lease, const Charge& charge) noexcept;
  /// Tokens reserved and sent at `sent` turned out to be `actual`. True where that made room.
  bool settle(std::uint64_t lease, const Charge& reserved, const Charge& actual, TimePoint sent, TimePoint now,
              Calendar& calendar) noexcept;

  /// Share of the tightest limit that is left after `charge`, of a day's when the day ends (projection.hpp); 1 without
  /// limits.
  [[nodiscard]] double headroom(const Charge& charge, int in_flight, TimePoint now, Calendar& calendar) noexcept {
    double least = concurrency_ == 0 ? 1 : static_cast<double>(concurrency_ - in_flight - 1) * place_;
    for (Gauge& gauge : gauges_) least = std::min(least, gauge.left(amount_of(gauge.counts, charge), now, calendar));
    return least;
  }

  /// An answer, as the source of what it states.
  struct Source {
    std::uint64_t lease = 0;
    TimePoint sent{};
    TimePoint at{};
    const ProviderRules* rules = nullptr;
    Nanos guard{0};
    int in_flight = 0;                ///< at the level, itself included
    std::int64_t configured_rpm = 0;  ///< of the levels that it concerns; 0: none
  };
  [[nodiscard]] std::int64_t configured_rpm() const noexcept;
  /// By the config, something is limited within a time.
  [[nodiscard]] bool has_pace() const noexcept;
  /// The gauge that a statement is about, made where there is none, and the statement, put right. `fresh`: made now,
  /// and without what is in flight. Nothing: it states nothing that could be kept to.
  [[nodiscard]] Gauge* learned_gauge(StatedLimit& stated, const Source& source, bool& fresh);
  /// Where nothing is stated: a gauge that counts what may turn out to be limited. Nothing where something is.
  [[nodiscard]] Gauge* gauge_of_refusals(const Source& source);
  /// What is in flight counts in a gauge that was made after it was lent. Earliest first.
  static void adopt(Gauge& gauge, const Charge& charge, bool sent, TimePoint at, Calendar& calendar);
  /// Takes a statement over. True where that may have made room.
  bool learn(Gauge& gauge, const StatedLimit& stated, const Source& source, TimePoint now, Calendar& calendar);
  void forget_learned() noexcept;
  /// An attempt went well. True where that made room.
  bool served(std::uint64_t lease, TimePoint now) noexcept;
  /// By what was stated last, `charge` has no room.
  [[nodiscard]] bool used_up(const Charge& charge) const noexcept;
  /// An attempt met a limit.
  void refused() noexcept;
  /// It did so against all that is stated. `crowd`: other keys are there, which may share the limit.
  /// Returns the gauges of which less is known to be allowed now.
  [[nodiscard]] std::vector<const Gauge*> refused_all_the_same(const Charge& charge, bool crowd, TimePoint now,
                                                               Calendar& calendar);

 private:
  [[nodiscard]] static bool take(Gauge& gauge, const StatedLimit& stated, const Source& source, TimePoint now,
                                 Calendar& calendar);

  std::vector<Gauge> gauges_{};
  int concurrency_ = 0;
  double place_ = 0;  ///< one of them, as a share
  std::shared_ptr<SharedPermits> permits_{};
  Nanos timeout_ = std::chrono::seconds(30);
};

/// The gauges of a set of limits. `rules`: how the provider judges what is said by the minute.
[[nodiscard]] std::vector<Gauge> gauges_of(const Limits& limits, const ProviderRules& rules);

/// How much longer than its length a window is held.
[[nodiscard]] Nanos guard_of(std::chrono::milliseconds guard, Nanos window) noexcept;

/// Whether any limit is set.
[[nodiscard]] bool has_any(const Limits& limits) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
