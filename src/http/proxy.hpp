#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <keywheel/config.hpp>

#include "http/url.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A proxy, taken apart: what may be printed (`url`) and what may not.
struct Proxy {
  std::string url{};  ///< "scheme://host:port"
  std::string host{};
  std::uint16_t port = 0;
  bool names_here = false;  ///< socks5: names are resolved here and not by the proxy
  Secret user{};
  Secret password{};
};

/// The proxy that a URL names, or what is wrong with it: a sentence without user and password.
[[nodiscard]] std::variant<Proxy, std::string> read_proxy(const Secret& url);

/// Whether NO_PROXY's list has this origin: names (with all that is under them), ".suffix", addresses, "host:port",
/// "*"; separated by commas or blanks.
[[nodiscard]] bool bypasses(std::string_view no_proxy, const Origin& origin) noexcept;

/// What the environment says of proxies, as it was when this was built. Lower case goes first, as with curl(1).
struct EnvironmentProxies {
  Secret http{};
  Secret https{};
  std::string no_proxy{};

  [[nodiscard]] static EnvironmentProxies read();
};

/// The URL of the proxy for an origin; empty: go direct. The view lives as long as both arguments.
[[nodiscard]] const Secret* choose_proxy(const ProxyConfig& config, const EnvironmentProxies& environment,
                                         const Origin& origin) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
