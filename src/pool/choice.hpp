#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "pool/pool_state.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// One search for a credential.
struct PoolState::Choice {
  const Demand& demand;
  Service& service;
  Asking asking;
  TimePoint now;
  Refusal& refusal;
  TimePoint own_until = TimePoint::min();  ///< so long the session's own credential is waited for
  bool spares_probes = false;              ///< whoever is on trial is asked only when nobody else can be had
  bool spared = false;                     ///< somebody was passed over for that
};

inline std::optional<double> PoolState::surely_left(Credential& c, const Asking& asking) {
  double left = 1;
  for (Level* level = c.key; level != nullptr; level = level->parent) {
    if (level->idle()) continue;
    if (!level->only_counts()) return std::nullopt;
    if (level->ledger.empty()) continue;
    const double here = level->ledger.sure_headroom(asking.charge, level->in_flight, asking.now, *level->calendar);
    if (!(here >= 0)) return std::nullopt;
    left = std::min(left, here);
  }
  return left;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
