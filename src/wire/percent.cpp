#include "wire/percent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void append_percent_encoded(std::string& out, std::string_view text, std::string_view keep) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || keep.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
}

std::string percent_encoded(std::string_view text, std::string_view keep) {
  std::string encoded;
  append_percent_encoded(encoded, text, keep);
  return encoded;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
