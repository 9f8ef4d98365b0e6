#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// End of the characters from `at` on that stand for themselves in a JSON string (RFC 8259, section 7): no quote, no
/// backslash, no control character. Eight at a time.
[[nodiscard]] inline std::size_t plain_json(std::string_view text, std::size_t at) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHigh = 0x8080808080808080U;
  // The high bit of a byte that is below `n`; of bytes above one that is, it may be set wrongly.
  const auto below = [](std::uint64_t word, std::uint64_t n) { return (word - kOnes * n) & ~word & kHigh; };
  while (at + 8 <= text.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((below(word, 0x20) | below(word ^ (kOnes * '"'), 1) | below(word ^ (kOnes * '\\'), 1)) != 0) break;
    at += 8;
  }
  const auto plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; };
  while (at < text.size() && plain(text[at])) ++at;
  return at;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
