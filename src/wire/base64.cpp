#include "wire/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kInvalid = 0xFF;

constexpr std::array<std::uint8_t, 256> kReverse = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(kInvalid);
  for (std::size_t i = 0; i < 64; ++i) {
    table[static_cast<unsigned char>(kStandard[i])] = static_cast<std::uint8_t>(i);
    table[static_cast<unsigned char>(kUrl[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

void encode(std::string& out, std::string_view bytes, std::string_view alphabet, bool pad) {
  const auto byte = [bytes](std::size_t i) -> std::uint32_t { return static_cast<unsigned char>(bytes[i]); };
  const std::size_t begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4);
  char* to = out.data() + begin;
  const auto put = [&to, alphabet](std::uint32_t bits) { *to++ = alphabet[bits & 0x3F]; };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    put(group >> 18);
    put(group >> 12);
    put(group >> 6);
    put(group);
  }
  if (const std::size_t left = bytes.size() - i; left > 0) {
    const std::uint32_t group = byte(i) << 16 | (left == 2 ? byte(i + 1) << 8 : 0);
    put(group >> 18);
    put(group >> 12);
    if (left == 2) put(group >> 6);
    for (std::size_t p = left; pad && p < 3; ++p) *to++ = '=';
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) { encode(out, bytes, kStandard, true); }

std::string base64_encode(std::string_view bytes) {
  std::string out;
  encode(out, bytes, kStandard, true);
  return out;
}

std::string base64url_encode(std::string_view bytes) {
  std::string out;
  encode(out, bytes, kUrl, false);
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::uint8_t value = kReverse[static_cast<unsigned char>(c)];
    if (value == kInvalid || padding > 0) return std::nullopt;
    ++digits;
    bits = bits << 6 | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>(static_cast<unsigned char>(bits >> held)));
    }
  }
  if (digits % 4 == 1 || padding > 2 || (padding > 0 && (digits + padding) % 4 != 0)) return std::nullopt;
  return out;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
