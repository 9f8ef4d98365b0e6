#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Nothing a provider says is believed beyond this.
inline constexpr std::chrono::milliseconds kLongestStatedWait = std::chrono::hours(24 * 366);

/// "1.5", "36.5s", "174ms", "7m12s", "1h2m3.5s", "24h0m0s", "02:03:04", "8 seconds", "2 minutes 3 seconds": a span of
/// time at the very start of `text`, whatever follows. A bare number is seconds.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_span(std::string_view text) noexcept;

/// The wait that the words of an error state ("Please try again in 7m12s", "retry after 8 seconds"). The longest where
/// there are several.
[[nodiscard]] std::optional<std::chrono::milliseconds> stated_in_text(std::string_view text) noexcept;

/// The wait until the time that the words of an error name ("Your limit will reset at 2026-11-23 20:30:00"), which is
/// that of `zone`, so many hours east of Greenwich, since it is said without one. Nothing when it is past.
[[nodiscard]] std::optional<std::chrono::milliseconds> reset_in_text(std::string_view text, WallTime now,
                                                                     std::chrono::hours zone) noexcept;

/// The wait that the headers state: Retry-After (seconds, fractions, or a date against `now`), retry-after-ms,
/// x-ms-retry-after-ms. The longest holds, since vendors send a rounded and an exact one, and a wrong zero.
[[nodiscard]] std::optional<std::chrono::milliseconds> stated_in_headers(const HttpHead& head, WallTime now) noexcept;

/// The longer of two waits, where there are any.
[[nodiscard]] std::optional<std::chrono::milliseconds> longer(std::optional<std::chrono::milliseconds> a,
                                                              std::optional<std::chrono::milliseconds> b) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
