#pragma once

#include <span>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

/// How messages about a config quote and guess.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The text in double quotes, control characters as `?`, and cut after 40 characters. Not for values of credentials.
[[nodiscard]] std::string quoted(std::string_view text);

/// ASCII letters in lower case.
[[nodiscard]] std::string lowercase(std::string_view text);

/// The candidate that was probably meant (a slip or two apart, letter case and `-` for `_` aside); empty: none is near.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// "; did you mean \"x\"?" or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
