#pragma once

#include <string>
#include <string_view>

#include <keywheel/error.hpp>
#include <keywheel/secret.hpp>

/// JSON Web Tokens in their compact form (RFC 7515): what Zhipu and Google take in exchange for a key.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// `header` and `claims` are JSON, signed as they stand. `header` must say "alg":"HS256".
[[nodiscard]] Secret jwt_hs256(std::string_view header, std::string_view claims, std::string_view key);

/// The same with "alg":"RS256" and an RSA key in PEM (PKCS #8 or PKCS #1, not encrypted). Fails where the key is none;
/// the error (ErrorKind::config) says so and holds nothing of it.
[[nodiscard]] Result<Secret> jwt_rs256(std::string_view header, std::string_view claims, std::string_view pem);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
