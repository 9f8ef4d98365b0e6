#pragma once

#include <string>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// "2019-02-25", in UTC.
[[nodiscard]] std::string utc_date(WallTime time);

/// "20260115T123456Z": ISO 8601 in its basic form. Its first eight characters are the date.
[[nodiscard]] std::string utc_basic(WallTime time);

/// "Fri, 05 May 2023 10:43:39 GMT" (RFC 9110, section 5.6.7).
[[nodiscard]] std::string http_date(WallTime time);

/// Whole seconds since 1970.
[[nodiscard]] std::string unix_seconds(WallTime time);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
