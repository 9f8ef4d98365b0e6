#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// An HTTP date in any of its three forms (RFC 9110, section 5.6.7). Nothing when it is none.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
