#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <keywheel/config.hpp>
#include <keywheel/error.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A provider, and the environment variables that may hold its key, the first that is set counting.
struct EnvironmentProvider {
  std::string_view name;
  std::span<const std::string_view> variables;
};

/// The value of a variable, empty where it is not set.
using EnvironmentLookup = std::function<Secret(const std::string& name)>;

/// One service for each provider whose key is there. "X_API_KEYS" holds several, separated by commas, and is taken
/// together with "X_API_KEY". Two providers do not share a variable: the first keeps it.
[[nodiscard]] Result<RouterConfig> config_from(std::span<const EnvironmentProvider> providers,
                                               const EnvironmentLookup& lookup);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
