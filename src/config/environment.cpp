#include "config/environment.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include <keywheel/config_json.hpp>

#include <fmt/format.h>

#include "config/validate.hpp"
#include "providers/registry.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

void add_key(std::vector<CredentialConfig>& credentials, Secret key) {
  const bool known =
      std::any_of(credentials.begin(), credentials.end(), [&](const auto& c) { return c.api_key == key; });
  if (!key.empty() && !known) credentials.push_back({.api_key = std::move(key)});
}

void add_keys(std::vector<CredentialConfig>& credentials, const Secret& list) {
  std::string_view rest = list.reveal();
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view key = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    while (key.starts_with(' ')) key.remove_prefix(1);
    while (key.ends_with(' ')) key.remove_suffix(1);
    add_key(credentials, Secret(key));
  }
}

}  // namespace

Result<RouterConfig> config_from(std::span<const EnvironmentProvider> providers, const EnvironmentLookup& lookup) {
  RouterConfig config;
  std::set<std::string_view> taken;
  std::vector<std::string_view> names;
  for (const EnvironmentProvider& provider : providers) {
    for (const std::string_view variable : provider.variables) {
      if (!taken.insert(variable).second) break;
      if (variable == provider.variables.front()) names.push_back(variable);
      std::vector<CredentialConfig> credentials;
      add_keys(credentials, lookup(fmt::format("{}S", variable)));
      add_key(credentials, lookup(std::string(variable)));
      if (credentials.empty()) continue;
      config.services.push_back({.provider = std::string(provider.name), .credentials = std::move(credentials)});
      break;
    }
  }
  if (config.services.empty()) {
    return Error{.kind = ErrorKind::config,
                 .message = fmt::format("no provider's key is in the environment; expected one of {} (or the same name "
                                        "with an S, for several keys separated by commas)",
                                        fmt::join(names, ", "))};
  }
  if (const std::vector<std::string> faults = complete(config); !faults.empty()) {
    return Error{.kind = ErrorKind::config,
                 .message = fmt::format("of the environment's keys: {}", fmt::join(faults, "\n"))};
  }
  return config;
}

}  // namespace detail

Result<RouterConfig> config_from_environment() {
  std::vector<detail::EnvironmentProvider> providers;
  for (const detail::Preset& preset : detail::presets()) providers.push_back({preset.name, preset.env});
  return detail::config_from(providers, [](const std::string& name) { return env(name.c_str()); });
}

KEYWHEEL_END_NAMESPACE
