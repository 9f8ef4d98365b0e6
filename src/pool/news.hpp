#pragma once

#include <chrono>
#include <functional>
#include <string>

#include <keywheel/credential_pool.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A change of a credential's state, for whoever observes the pool; or, with `with`, that two of them share a level.
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
};

using PoolWatcher = std::function<void(const PoolNews&)>;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
