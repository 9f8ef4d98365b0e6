#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/quota.hpp>

/// What a store keeps, as values. The stores in this room differ in where they keep it; redis_script.hpp says the same
/// in Lua.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// In microseconds, as all times here.
using Micros = std::int64_t;

/// What a store knows when it deals with a request.
struct StoreMoment {
  Micros now = 0;
  std::string_view epoch{};
  Micros unknown_before = 0;  ///< what was sent before this may be in no log; 0: nothing
  std::string_view process{};
};

/// After a store has started anew, a process that was cut off needs so long at most to notice.
inline constexpr Micros kNoticeLoss = 2'000'000;

/// All tickets of one window, those of the last `window` and those to come.
///
/// A ticket may be used anywhere between its two times, so it stands in the way of every other from `window` after its
/// first to `window` after its last. Tickets begin in the order in which they are given. So, of all tickets that a
/// window touches, the one that begins last was given when all others were known, and the sum was looked at then.
struct TicketLog {
  struct Entry {
    std::uint64_t id = 0;
    Micros until = 0;  ///< may have been sent so late
    std::int64_t amount = 0;
    std::string owner{};  ///< while it may still be used
  };
  std::string epoch{};
  Micros begins = 0;     ///< no ticket before this
  Micros last_from = 0;  ///< of the ticket given last
  std::uint64_t last_id = 0;
  std::vector<Entry> entries{};            ///< by `until`
  std::map<std::string, Micros> askers{};  ///< who wanted tickets lately, and when last
  std::string claimant{};                  ///< saves up for a large request; nobody else is given any
  Micros claim_until = 0;

  [[nodiscard]] WindowGrant exchange(const WindowAsk& ask, const StoreMoment& moment);

  /// When nothing of it matters any more.
  [[nodiscard]] Micros ends(Micros window) const noexcept;

 private:
  void settle(const WindowAsk& ask, const StoreMoment& moment);
  void renew(const std::vector<std::uint64_t>& ids, const WindowAsk& ask, const StoreMoment& moment,
             WindowGrant& grant);
  [[nodiscard]] bool claimed_by_another(const WindowAsk& ask, const StoreMoment& moment);
  [[nodiscard]] std::int64_t share(const WindowAsk& ask, const StoreMoment& moment) const;
  void give(const WindowAsk& ask, const StoreMoment& moment, std::int64_t most, WindowGrant& grant);
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
