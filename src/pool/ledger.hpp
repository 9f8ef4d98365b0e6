#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <keywheel/config.hpp>
#include <keywheel/stated_quota.hpp>

#include "pool/calendar.hpp"
#include "pool/shared_gauge.hpp"
#include "pool/sliding_log.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Tokens of one request: what it reserves, or what it turned out to use.
struct Charge {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
};

/// A count of tokens, within what can be added up without overflow.
[[nodiscard]] constexpr std::int64_t tokens_of(std::int64_t stated) noexcept {
  constexpr std::int64_t kMost = std::int64_t{1} << 40U;
  return stated < 0 ? 0 : stated > kMost ? kMost : stated;
}

/// Over what a gauge counts it.
enum class Span : std::uint8_t {
  sliding,  ///< any window of the length, wherever it starts
  day,      ///< a day of the provider's time zone
  life,
};

[[nodiscard]] constexpr std::int64_t amount_of(Measure measure, const Charge& charge) noexcept {
  switch (measure) {
    case Measure::requests:
      return 1;
    case Measure::tokens:
      return charge.prompt + charge.completion;
    case Measure::input:
      return charge.prompt;
    case Measure::output:
      return charge.completion;
  }
  return 0;
}

/// One limit and what is counted against it.
struct Gauge {
  Measure measure = Measure::requests;
  Span span = Span::sliding;
  std::int64_t limit = 0;
  Nanos window{0};           ///< sliding: as stated, without guard
  Nanos guard{0};            ///< held this much longer
  std::uint64_t since = 0;   ///< leases of lower numbers are not counted here
  std::int64_t pending = 0;  ///< lent, not yet sent
  std::int64_t used = 0;     ///< day, life: sent
  std::int64_t carried = 0;  ///< day: of `used`, so late that it may arrive on the next day
  std::int64_t day = 0;
  SlidingLog log{};
  std::shared_ptr<SharedGauge> shared{};  ///< where other processes spend of it too

  /// Brings it to `now`.
  void turn(TimePoint now, Calendar& calendar) noexcept;
  [[nodiscard]] std::int64_t spent() const noexcept { return pending + (span == Span::sliding ? log.sum() : used); }
  [[nodiscard]] std::int64_t room() const noexcept { return limit - spent(); }
};

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
    spent,         ///< a limit over its life
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

/// The limits at one level (a key, a project, an account, a service) and what is counted against them.
class Ledger {
 public:
  /// Takes new limits. What is counted stays with each limit that stays. Leases from number `since` on are counted.
  void configure(const Limits& limits, std::uint64_t since);

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

  /// A place lent: it counts from now, wherever `send` will put it.
  void reserve(const Charge& charge) noexcept;
  /// The place lent is spent at `at`.
  void send(std::uint64_t lease, const Charge& charge, TimePoint at, Calendar& calendar);
  /// Nothing was sent: the place is free again.
  void give_back(std::uint64_t lease, const Charge& charge) noexcept;
  /// Tokens reserved and sent at `sent` turned out to be `actual`. True where that made room.
  bool settle(std::uint64_t lease, const Charge& reserved, const Charge& actual, TimePoint sent, TimePoint now,
              Calendar& calendar) noexcept;

  /// Share of the tightest limit that is left after `charge`, 0 to 1; 1 without limits.
  [[nodiscard]] double headroom(const Charge& charge, int in_flight, TimePoint now, Calendar& calendar) noexcept;

 private:
  std::vector<Gauge> gauges_{};
  int concurrency_ = 0;
  std::shared_ptr<SharedPermits> permits_{};
  Nanos timeout_ = std::chrono::seconds(30);
};

/// The tighter of two sets of limits, field by field: what holds where several credentials share a level.
[[nodiscard]] Limits tighter(const Limits& a, const Limits& b) noexcept;

/// Whether any limit is set.
[[nodiscard]] bool has_any(const Limits& limits) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
