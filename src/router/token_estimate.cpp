#include "router/token_estimate.hpp"

#include <array>
#include <cstddef>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Bytes by what a tokenizer's first pass does with them.
enum class Byte : std::uint8_t { lower, upper, digit, space, newline, mark, two, three, four, inner };

constexpr Byte byte_of(unsigned char c) noexcept {
  if (c >= 'a' && c <= 'z') return Byte::lower;
  if (c >= 'A' && c <= 'Z') return Byte::upper;
  if (c >= '0' && c <= '9') return Byte::digit;
  if (c == '\n' || c == '\r') return Byte::newline;
  if (c == ' ' || c == '\t') return Byte::space;
  if (c < 0x80) return Byte::mark;
  if (c < 0xC0) return Byte::inner;
  return c < 0xE0 ? Byte::two : c < 0xF0 ? Byte::three : Byte::four;
}

constexpr std::array<Byte, 256> kBytes = [] {
  std::array<Byte, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = byte_of(static_cast<unsigned char>(i));
  return table;
}();

// Tokens in hundredths, fitted to the texts of the measurement.
constexpr std::int64_t kWord = 100;        // a word of up to kShort letters
constexpr std::size_t kShort = 7;          // longer ones fall into pieces
constexpr std::int64_t kMoreLetters = 20;  // each further letter
constexpr std::int64_t kMark = 50;         // a mark of punctuation; two often make one token
constexpr std::int64_t kTwo = 31;          // a letter of Cyrillic, Greek, Arabic, …
constexpr std::int64_t kThree = 84;        // a Chinese character, a kana
constexpr std::int64_t kFour = 200;        // an emoji

}  // namespace

std::int64_t estimate_tokens(std::string_view text) noexcept {
  std::int64_t sum = 0;
  const std::size_t size = text.size();
  const auto at = [&](std::size_t i) { return kBytes[static_cast<unsigned char>(text[i])]; };
  const auto run = [&](std::size_t from, Byte what) {
    std::size_t end = from;
    while (end < size && at(end) == what) ++end;
    return end;
  };
  for (std::size_t i = 0; i < size;) {
    std::size_t end = i + 1;
    switch (at(i)) {
      case Byte::lower:
      case Byte::upper: {
        // "HTTPServer" and "camelCase" are told apart at the change of case, as words are by what stands between.
        end = run(i, Byte::upper);
        end = run(end, Byte::lower);
        const std::size_t letters = end - i;
        sum += kWord;
        if (letters > kShort) sum += kMoreLetters * static_cast<std::int64_t>(letters - kShort);
        break;
      }
      case Byte::digit:
        end = run(i, Byte::digit);
        sum += 100 * static_cast<std::int64_t>((end - i + 2) / 3);
        break;
      case Byte::space:
        // One blank belongs to the word behind it; more of them are an indent.
        end = run(i, Byte::space);
        if (end - i > 1) sum += 100;
        break;
      case Byte::newline:
        end = run(i, Byte::newline);
        sum += 100;
        break;
      case Byte::mark:
        sum += kMark;
        break;
      case Byte::two:
        sum += kTwo;
        break;
      case Byte::three:
        sum += kThree;
        break;
      case Byte::four:
        sum += kFour;
        break;
      case Byte::inner:
        break;
    }
    i = end;
  }
  return (sum + 99) / 100;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
