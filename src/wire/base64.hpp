#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// RFC 4648, section 4, with padding.
void append_base64(std::string& out, std::string_view bytes);
[[nodiscard]] std::string base64_encode(std::string_view bytes);

/// Section 5 (`-` and `_`), without padding: what JWTs use.
[[nodiscard]] std::string base64url_encode(std::string_view bytes);

/// Reads either alphabet, padded or not, and skips line breaks. Nothing when it is not base64.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
