#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pool/lane.hpp"
#include "pool/random.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Dead-key verdicts of one service, lately: whether it is the keys, or the address they are shown to.
struct AuthEvidence {
  struct Case {
    TimePoint at{};
    Level* account = nullptr;  ///< or the key itself, where it has none
    Level* disabled = nullptr;
  };
  std::vector<Case> cases{};
};

/// One service with its credentials, ready and asleep.
struct Service {
  std::string id{};
  bool removed = false;
  Rotation rotation = Rotation::round_robin;
  Level level{.kind = Level::Kind::service};
  std::vector<Credential*> members{};  ///< as configured
  std::vector<std::unique_ptr<Lane>> lanes{};
  WakeQueue<Credential> asleep{};
  std::uint32_t awaiting = 0;  ///< of `asleep`: until an event
  double turn = 0;             ///< virtual time: the turn taken last
  AuthEvidence evidence{};
  Nanos affinity_wait{0};
  RetryPolicy policy{};
  std::string provider{};
  const ProviderRules* rules = nullptr;
  ChargingRule charging{};
  std::map<std::string, std::string, std::less<>> limit_groups{};
  std::string asleep_for{};   ///< some sleep because of limits of this model's alone; empty: nobody
  bool mixed = false;         ///< it is asked for several models, so nobody sleeps because of one
  Nanos longest_wait{0};      ///< the longest Limits::timeout of its own and its credentials'
  std::uint64_t changes = 0;  ///< grows whenever room may have come before its time

  [[nodiscard]] AskedModel model(std::string_view name) const noexcept {
    if (limit_groups.empty()) return {.model = name};
    const auto known = limit_groups.find(name);
    return {.model = name, .group = known == limit_groups.end() ? std::string_view{} : known->second};
  }
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
