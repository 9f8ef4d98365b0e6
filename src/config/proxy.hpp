#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <keywheel/config.hpp>

#include "config/reader.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The config format's "proxy" object: one proxy for all services, and which of them take it.
struct ProxySettings {
  enum class Strategy : std::uint8_t {
    disabled,  ///< nobody
    chosen,    ///< entries with "use_proxy": true
    all,       ///< all but entries with "use_proxy": false
    forced,    ///< all
  };
  enum class Type : std::uint8_t { unsaid, http, socks5 };

  Strategy strategy = Strategy::disabled;
  Type type = Type::unsaid;
  Secret http_proxy{};
  Secret https_proxy{};
  Secret socks5_proxy{};
  std::string no_proxy{};
  bool from_environment = false;
  std::optional<std::chrono::milliseconds> timeout{};  ///< to reach the proxy
};

void read_proxy_settings(Reader& reader, const JsonNode& object, ProxySettings& into);

/// Whether a service's calls go through the proxy. `use_proxy` is the entry's own word.
[[nodiscard]] bool takes_proxy(const ProxySettings& settings, std::optional<bool> use_proxy) noexcept;

/// Which of the proxies a URL is reached through: "http_proxy", "https_proxy" or "socks5_proxy", the key that holds it,
/// or, where none is given, that should.
[[nodiscard]] std::string_view proxy_key(const ProxySettings& settings, std::string_view url) noexcept;

/// That proxy. Its `url` is empty where the config gives none.
[[nodiscard]] ProxyConfig proxy_for(const ProxySettings& settings, std::string_view url);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
