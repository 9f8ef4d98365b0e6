#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Writes one JSON value, member by member. What is not UTF-8 in a string becomes U+FFFD, so that the output is JSON
/// whatever a provider sends.
///
///     JsonOut out;
///     out.object([&] { out.member("text", "…"); out.member("usage", [&] { out.object(…); }); });
class JsonOut {
 public:
  void null() { raw("null"); }
  void value(bool value) { raw(value ? "true" : "false"); }
  void value(std::string_view text) { string(text); }
  void value(const char* text) { string(text); }

  void value(std::integral auto number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    raw({digits.data(), end});
  }

  /// With at most three decimal places. JSON has no infinity and no NaN: null.
  void value(double number) {
    if (!std::isfinite(number)) return null();
    std::array<char, 400> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::fixed, 3).ptr;
    std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    while (text.back() == '0') text.remove_suffix(1);
    if (text.back() == '.') text.remove_suffix(1);
    raw(text == "-0" ? "0" : text);
  }

  template <class T>
  void value(const std::optional<T>& value_or_null) {
    if (value_or_null) {
      value(*value_or_null);
    } else {
      null();
    }
  }

  template <std::invocable F>
  void object(F&& members) {
    nested('{', '}', members);
  }
  template <std::invocable F>
  void array(F&& elements) {
    nested('[', ']', elements);
  }

  template <class T>
  void member(std::string_view name, const T& content) {
    string(name);
    text_ += ':';
    fresh_ = true;
    if constexpr (std::invocable<const T&>) {
      content();
    } else {
      value(content);
    }
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  template <class F>
  void nested(char open, char close, F& content) {
    raw({&open, 1});
    fresh_ = true;
    content();
    text_ += close;
    fresh_ = false;
  }

  void raw(std::string_view text) {
    if (!fresh_) text_ += ',';
    fresh_ = false;
    text_ += text;
  }

  void string(std::string_view text) {
    raw("\"");
    while (!text.empty()) {
      const std::size_t length = utf8_length(text);
      if (length == 0) {
        text_ += "\xEF\xBF\xBD";
        text.remove_prefix(1);
        continue;
      }
      character(text.substr(0, length));
      text.remove_prefix(length);
    }
    text_ += '"';
  }

  void character(std::string_view character) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(character.front());
    if (byte == '"' || byte == '\\') {
      text_ += '\\';
    } else if (byte == '\n') {
      text_ += "\\n";
      return;
    } else if (byte < 0x20) {
      text_ += "\\u00";
      text_ += kHex[byte >> 4U];
      text_ += kHex[byte & 0xFU];
      return;
    }
    text_ += character;
  }

  /// Bytes of the character that `text` begins with; 0: it is none (RFC 3629: no surrogates, nothing overlong).
  static std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
      const bool second = tail(1) && (first != 0xE0 || byte(1) >= 0xA0) && (first != 0xED || byte(1) <= 0x9F);
      return second && tail(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
      const bool second = tail(1) && (first != 0xF0 || byte(1) >= 0x90) && (first != 0xF4 || byte(1) <= 0x8F);
      return second && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
  }

  std::string text_{};
  bool fresh_ = true;  // no comma before the next value
};
