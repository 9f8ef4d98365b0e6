#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <keywheel/config.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// One thing wrong with a config.
struct ConfigFault {
  std::string path{};  ///< as a struct config spells it: "services[0].credentials[1].weight"
  std::string text{};  ///< what was expected, and what came
};

/// Fills in what is left out and finds every fault; empty: the config can be used.
///
/// Fills ids: a service is "<provider>-<n>" by its place among its provider's services, a credential "<service>#<n>" by
/// its place in the service. A service without credentials gets one without a key, so that its limits and leases are
/// like any other's. Drops models named twice. Adds advice to `config.warnings`, where it is not there yet. Whether a
/// service has all that its provider needs is the Transport's to say (Transport::check).
[[nodiscard]] std::vector<ConfigFault> check(RouterConfig& config);

/// check(), each fault as one line: "path: what was expected, what came".
[[nodiscard]] std::vector<std::string> complete(RouterConfig& config);

/// The host of an absolute URL, without user, port and brackets; empty: not such a URL.
[[nodiscard]] std::string_view host_of(std::string_view url) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
