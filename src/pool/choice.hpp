#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "pool/pool_state.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// One search for a credential.
struct PoolState::Choice {
  Choice(const PoolState& pool, const Demand& whose, Service& its, TimePoint at, std::uint64_t ticket, Refusal& why)
      : demand(whose), service(its), asking(pool.asking_of(whose, its, at, ticket)), now(at), refusal(why) {}

  const Demand& demand;
  Service& service;
  Asking asking;
  TimePoint now;
  Refusal& refusal;
  TimePoint own_until = TimePoint::min();  ///< so long the session's own credential is waited for
  bool spares_probes = false;              ///< whoever is on trial is asked only when nobody else can be had
  bool spared = false;                     ///< somebody was passed over for that
};

inline std::optional<double> PoolState::surely_left_at(Level& level, const Asking& asking) {
  if (level.idle()) return 1;
  if (!level.only_counts()) return std::nullopt;
  if (level.ledger.empty()) return 1;
  const double left = level.ledger.sure_headroom(asking.charge, level.in_flight, asking.now, *level.calendar);
  return left >= 0 ? std::optional(left) : std::nullopt;
}

inline std::optional<double> PoolState::surely_left(Level* from, const Asking& asking) {
  double left = 1;
  for (Level* level = from; level != nullptr; level = level->parent) {
    const std::optional<double> here = surely_left_at(*level, asking);
    if (!here) return std::nullopt;
    left = std::min(left, *here);
  }
  return left;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
