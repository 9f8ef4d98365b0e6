#pragma once

#include <optional>
#include <string_view>

#include <keywheel/config.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A rotation by any of its spellings in the config format ("rr", "round_robin", "round-robin", …), in any letter case.
[[nodiscard]] std::optional<Rotation> parse_rotation(std::string_view text) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
