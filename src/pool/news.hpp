#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <keywheel/credential_pool.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A change of a credential's state, for whoever observes the pool; or, with `with`, that two of them share a level;
/// or, with `limit`, what one of a level's limits was learned to be.
struct PoolNews {
  std::string service{};
  std::string credential{};
  CredentialState state = CredentialState::active;
  std::string level{};  ///< "key", "project", "account" or "peers"
  std::string model{};  ///< empty: all
  std::string reason{};
  std::chrono::milliseconds available_in{0};  ///< max(): not by itself
  std::string with{};                         ///< joined: the other credential
  std::string owner{};                        ///< joined: of the level, as the provider names it
  std::string limit{};                        ///< learned: its name; `model` is the group that it holds for alone
  std::int64_t value = 0;                     ///< of the limit
  bool found = false;                         ///< by refusals, not by a statement
};

using PoolWatcher = std::function<void(const PoolNews&)>;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
