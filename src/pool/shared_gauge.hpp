#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pool/ticket_book.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

struct Gauge;
struct Block;
class Calendar;

/// Tells whoever speaks with the other processes that there is something to say or to ask. Rung with the pool's mutex
/// held.
struct Bell {
  std::function<void()> answer{};
  bool rung = false;  ///< and not yet heard

  void ring() {
    if (!std::exchange(rung, true) && answer) answer();
  }
};

/// What stands in for a limit's own room where other processes spend of it too: the tickets, or the slice, that this
/// process was given of it.
class SharedGauge {
 public:
  // For the ledger.
  [[nodiscard]] std::int64_t room(const Gauge& gauge, TimePoint now) noexcept;
  /// Says in `block` when there will be room for `amount`, which there is not now.
  void wait(const Gauge& gauge, std::int64_t amount, TimePoint now, Calendar& calendar, Block& block);
  void reserve(const Gauge& gauge, std::int64_t amount);
  /// What was reserved may still be sent at `at`.
  [[nodiscard]] bool holds(const Gauge& gauge, std::int64_t amount, TimePoint at) noexcept;
  void send(const Gauge& gauge, std::int64_t amount, TimePoint at);
  void give_back(const Gauge& gauge, std::int64_t amount) noexcept;
  void settle(const Gauge& gauge, std::int64_t delta, TimePoint sent, TimePoint now);

  // For who hands in.
  std::shared_ptr<Bell> bell{};
  std::string name{};    ///< in the store; a total's is followed by its period
  TicketBook tickets{};  ///< a sliding window
  std::int64_t limit = 0;
  bool total = false;    ///< a limit over a day, a month or for good
  bool endless = false;  ///< of these, for good
  std::int64_t processes = 1;

  [[nodiscard]] std::int64_t period() const noexcept { return period_; }
  /// Used or granted, whichever is more, of the period.
  [[nodiscard]] std::int64_t holding() const noexcept { return granted_ > used_ ? granted_ : used_; }
  [[nodiscard]] std::int64_t used() const noexcept { return used_; }
  /// Of all processes, as far as is known.
  [[nodiscard]] std::int64_t known() const noexcept { return known_; }
  [[nodiscard]] bool hungry(TimePoint now) const noexcept;
  [[nodiscard]] TimePoint due(TimePoint now) const noexcept;
  /// How much more of a total, with `waiting` calls in line.
  [[nodiscard]] std::int64_t slice(std::int64_t waiting) noexcept;
  /// True where that is more than before.
  bool grant(std::int64_t period, std::int64_t holding, std::int64_t sum, std::int64_t wanted, TimePoint now) noexcept;

  /// From `from` on, this process keeps to a part of the limit by itself.
  void keep_to(std::int64_t part, TimePoint from) noexcept;
  void keep_no_more() noexcept { alone_ = false; }

 private:
  void look(const Gauge& gauge) noexcept;
  [[nodiscard]] std::int64_t slice_size() const noexcept;

  TimePoint now_{};  ///< of the last look
  bool alone_ = false;
  std::int64_t part_ = 0;
  TimePoint alone_from_{};

  std::int64_t period_ = -1;
  std::int64_t granted_ = 0;
  std::int64_t used_ = 0;
  std::int64_t known_ = 0;
  std::int64_t lacking_ = 0;
  std::int64_t most_ = 0;  ///< of the next slice
  bool hungry_ = false;
  TimePoint quiet_until_{};
};

/// The attempts in flight that this process may have of a limit on them.
struct SharedPermits {
  std::shared_ptr<Bell> bell{};
  std::string name{};
  int limit = 0;
  int held = 0;
  TimePoint until{};  ///< of what is held
  bool lacking = false;
  TimePoint quiet_until{};
  bool alone = false;  ///< from `alone_from` on it keeps to `part` by itself
  int part = 0;
  TimePoint alone_from{};

  /// How many there may be; called before each is begun, with `running` under way.
  [[nodiscard]] int ask(int of, int running, TimePoint now);
  /// So many may be under way, also those that are not sent yet.
  [[nodiscard]] bool holds(int running, TimePoint now) const noexcept {
    return running <= (alone && now >= alone_from ? part : now < until ? held : 0);
  }
  [[nodiscard]] bool hungry(TimePoint now) const noexcept { return lacking && now >= quiet_until; }
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
