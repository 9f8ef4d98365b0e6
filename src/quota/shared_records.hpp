#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <keywheel/quota.hpp>

#include "quota/ticket_log.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A limit over a day, a month or for good: who was granted how much of it.
///
/// What each process holds only grows, and each says what it believes to hold, and of what sum it was told last. So an
/// answer that was lost, or a store that lost its data, gives nothing twice: of all that is said the highest holds.
struct TotalRecord {
  std::int64_t sum = 0;   ///< of all, those included that this record has lost
  std::int64_t left = 0;  ///< used by those that have left
  std::map<std::string, std::int64_t> holdings{};

  [[nodiscard]] TotalGrant exchange(const TotalAsk& ask, const StoreMoment& moment);
};

/// A limit on attempts in flight.
struct PermitRecord {
  struct Holder {
    std::int64_t held = 0;
    std::int64_t want = 0;
    Micros until = 0;
  };
  std::map<std::string, Holder> holders{};

  [[nodiscard]] PermitGrant exchange(const PermitAsk& ask, Micros lease, const StoreMoment& moment);
};

/// Whether `next` takes the place of `current`, which is worth nothing once its time is over.
[[nodiscard]] bool outranks(const QuotaMark& next, const QuotaMark& current, std::chrono::milliseconds wall) noexcept;

/// The epoch that a store is in, and what is not known of the time before it.
struct Epoch {
  std::string id{};
  Micros unknown_before = 0;

  /// Begins a new one where the request says that the clock jumped, or knows of one that this store never had. `fresh`
  /// is the id of the new one. True: it is another than before.
  bool check(const QuotaRequest& request, Micros now, std::string_view fresh);
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
