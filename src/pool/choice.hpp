#pragma once

#include <cstdint>

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
  const Setbacks::Wish* wish = nullptr;    ///< who has no room for it remembers that
  std::uint32_t passed = 0;                ///< so many had none, beside those that are hidden
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
