#pragma once

#include <string>
#include <string_view>

#include <keywheel/error.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// RSASSA-PKCS1-v1_5 over SHA-256 (RFC 8017, section 8.2). `pem` is a private key, PKCS #8 or PKCS #1, not encrypted.
/// The error (ErrorKind::config) says what is wrong with the key and holds nothing of it.
[[nodiscard]] Result<std::string> rsa_sha256_signature(std::string_view pem, std::string_view bytes);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
