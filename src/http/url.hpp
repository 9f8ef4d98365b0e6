#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Where a URL leads, as libcurl reads it: two readings of one URL are how keys end up with the wrong host.
struct Origin {
  bool https = false;      ///< or wss
  bool websocket = false;  ///< ws or wss
  bool user_info = false;  ///< the URL holds a user name or a password
  std::string host{};      ///< lower case, punycode, IPv6 without brackets
  std::uint16_t port = 0;

  /// "host:port", for messages and as libcurl's CURLOPT_RESOLVE spells it.
  [[nodiscard]] std::string authority() const;
};

/// The origin, or what is wrong with the URL: a sentence that holds nothing of it but its scheme and host.
[[nodiscard]] std::variant<Origin, std::string> read_url(const std::string& url);

/// "localhost", 127.0.0.0/8 or ::1. `host` as in Origin.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

/// An IPv4 or IPv6 address, without brackets.
[[nodiscard]] bool is_address(std::string_view host) noexcept;

/// What libcurl knows without asking anybody: an address, "localhost", or a name under ".localhost".
[[nodiscard]] bool needs_no_lookup(std::string_view host) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
