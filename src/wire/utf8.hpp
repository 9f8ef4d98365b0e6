#pragma once

#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool valid_utf8(std::string_view text) noexcept;

/// `text` with every malformed sequence replaced by U+FFFD.
[[nodiscard]] std::string repair_utf8(std::string_view text);

/// Appends a code point. Surrogates and values above U+10FFFF become U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
