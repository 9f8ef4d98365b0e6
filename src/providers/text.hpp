#pragma once

#include <cstddef>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

[[nodiscard]] constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}

/// Where `what` begins in `text` in any case of ASCII; npos: nowhere.
[[nodiscard]] constexpr std::size_t find_ignoring_case(std::string_view text, std::string_view what,
                                                       std::size_t from = 0) noexcept {
  for (std::size_t i = from; i + what.size() <= text.size(); ++i) {
    if (equal_ignoring_case(text.substr(i, what.size()), what)) return i;
  }
  return std::string_view::npos;
}

[[nodiscard]] constexpr bool contains_ignoring_case(std::string_view text, std::string_view what) noexcept {
  return find_ignoring_case(text, what) != std::string_view::npos;
}

[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
