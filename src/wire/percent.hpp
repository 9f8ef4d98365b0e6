#pragma once

#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Appends `text` with every byte percent-encoded that is neither unreserved (RFC 3986, section 2.3) nor in `keep`.
/// Upper-case digits, as signatures want them.
void append_percent_encoded(std::string& out, std::string_view text, std::string_view keep = {});
[[nodiscard]] std::string percent_encoded(std::string_view text, std::string_view keep = {});

}  // namespace detail
KEYWHEEL_END_NAMESPACE
