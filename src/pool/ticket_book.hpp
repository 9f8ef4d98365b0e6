#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A place in a window that is shared with other processes.
struct Ticket {
  std::uint64_t id = 0;
  TimePoint from{};
  TimePoint until{};
  std::int64_t amount = 0;
  std::int64_t lent = 0;  ///< to attempts that are not yet sent
  std::int64_t sent = 0;
  TimePoint last_sent{};

  [[nodiscard]] std::int64_t left() const noexcept { return amount - lent - sent; }
};

/// What became of one.
struct TicketUse {
  std::uint64_t id = 0;  ///< 0: sent without a ticket
  TimePoint at{};        ///< sent last; where it was not used at all, anything
  std::int64_t amount = 0;
};

/// The tickets in hand for one window, and what was done with them. Pure, as the pool is: tickets are handed in, and
/// who hands them in asks what became of them and how many more will be wanted.
///
/// One request is as good as another: an attempt that is sent uses the oldest ticket that any attempt was lent.
class TicketBook {
 public:
  /// `window` with its guard. `sizes`: requests differ in size, which is known for good only when they have ended.
  void configure(Nanos window, bool sizes) noexcept;
  [[nodiscard]] Nanos window() const noexcept { return window_; }
  /// A ticket lasts so long from its first moment,
  [[nodiscard]] Nanos lapse() const noexcept;
  /// and is asked for so long ahead, at most.
  [[nodiscard]] Nanos horizon() const noexcept;

  // For the ledger.
  /// What may start now.
  [[nodiscard]] std::int64_t room(TimePoint now) const noexcept;
  /// When `amount` may start, as far as tickets in hand tell, or the store has told; kNever: no telling.
  [[nodiscard]] TimePoint ready(std::int64_t amount, TimePoint now) const noexcept;
  /// An attempt of this size cannot start for want of tickets.
  void lack(std::int64_t amount, TimePoint now) noexcept;
  void reserve(std::int64_t amount, TimePoint now) noexcept;
  /// Whether `amount` of what was lent may be sent at `at`, and has not lapsed.
  [[nodiscard]] bool holds(std::int64_t amount, TimePoint at) const noexcept;
  void send(std::int64_t amount, TimePoint at);
  void give_back(std::int64_t amount) noexcept;
  /// What was sent at `sent_at` turned out to be larger or smaller.
  void settle(TimePoint sent_at, std::int64_t delta, TimePoint now);

  // For who hands them in.
  /// More are wanted now.
  [[nodiscard]] bool hungry(TimePoint now) const noexcept { return hungry_ && now >= quiet_until_; }
  /// The store has something to hear.
  [[nodiscard]] bool touched() const noexcept { return touched_ != kNever; }
  /// When somebody should look again; kNever: when something happens.
  [[nodiscard]] TimePoint due(TimePoint now) const noexcept;
  /// How many more, with `waiting` calls in line.
  [[nodiscard]] std::int64_t want(std::int64_t waiting, TimePoint now) noexcept;
  /// The size of what cannot start for want of tickets.
  [[nodiscard]] std::int64_t lacking() const noexcept { return lacking_; }
  [[nodiscard]] std::int64_t in_hand(TimePoint now) const noexcept;
  /// What became of tickets since the last time.
  [[nodiscard]] std::vector<TicketUse> uses(TimePoint now);
  /// The store did not hear of these.
  void unheard(std::vector<TicketUse> uses);
  /// Tickets that will lapse within `soon`: those that were lent, or those that are saved up for something large.
  [[nodiscard]] std::vector<std::uint64_t> renewals(bool saved, TimePoint now, Nanos soon) const;
  void renewed(std::uint64_t id, TimePoint until) noexcept;
  /// In the order in which they begin. `wanted`: so many were asked for.
  void hand_in(const std::vector<Ticket>& tickets, std::int64_t wanted, TimePoint next, TimePoint now);
  /// All of them are void, and nobody needs to hear of them.
  void drop() noexcept;
  /// Those not used go back.
  void give_up(TimePoint now);

 private:
  struct Sent {
    TimePoint at{};
    std::uint64_t ticket = 0;
    std::int64_t amount = 0;
  };
  void use(Ticket& ticket, std::int64_t amount, TimePoint at);
  void touch(TimePoint at) noexcept;
  void tidy(TimePoint now);

  Nanos window_{0};
  bool sizes_ = false;
  std::deque<Ticket> tickets_{};  ///< by id, which is by `from`
  std::deque<Ticket> settled_{};  ///< sizes: used up, and might yet turn out to be of another size
  std::deque<Sent> sent_{};       ///< sizes: what was sent on which
  std::vector<TicketUse> uses_{};
  TimePoint touched_ = kNever;  ///< first use that the store has not heard of
  bool hungry_ = false;
  std::int64_t lacking_ = 0;
  TimePoint next_{};         ///< no ticket to be had before this
  TimePoint quiet_until_{};  ///< it is of no use to ask before this
  double rate_ = 0;          ///< sent a second, of late
  std::int64_t counted_ = 0;
  TimePoint counted_from_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
