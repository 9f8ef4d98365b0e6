#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// "2026-01-20T09:49:19Z", with a fraction of a second or an offset where it has one. Nothing when it is no such time.
[[nodiscard]] std::optional<std::chrono::sys_time<std::chrono::milliseconds>> parse_rfc3339(
    std::string_view text) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
