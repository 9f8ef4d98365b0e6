#pragma once

#include <chrono>
#include <functional>
#include <string>

#include <keywheel/credential_pool.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A change of a credential's state, for whoever observes the pool.
struct PoolNews {
  std::string service{};
  std::string credential{};
  CredentialState state = CredentialState::active;
  std::string level{};  ///< "key", "project", "account" or "peers"
  std::string model{};  ///< empty: all
  std::string reason{};
  std::chrono::milliseconds available_in{0};  ///< max(): not by itself
};

using PoolWatcher = std::function<void(const PoolNews&)>;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
