#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <rapidjson/reader.h>

#include "wire/json.hpp"
#include "wire/json_text.hpp"
#include "wire/utf8.hpp"

/// The quick way from text to nodes. Of use to json_parse.cpp only.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Four hexadecimal digits at `at`, or -1.
inline int hex4(std::string_view text, std::size_t at) noexcept {
  unsigned value = 0;
  if (at + 4 > text.size()) return -1;
  const char* end = text.data() + at + 4;
  const auto [stop, fault] = std::from_chars(text.data() + at, end, value, 16);
  return fault == std::errc() && stop == end ? static_cast<int>(value) : -1;
}

inline bool high_surrogate(int unit) noexcept { return unit >= 0xD800 && unit <= 0xDBFF; }
inline bool low_surrogate(int unit) noexcept { return unit >= 0xDC00 && unit <= 0xDFFF; }

struct JsonDoc::Scratch {
  class Scan;
  rapidjson::Reader reader{};
};

/// Reads what is plain, in one pass and without the reader's stack of characters: that is nearly every text that comes.
/// What it does not know (a fault, half a surrogate pair, a number that may not fit) it leaves to the reader, which
/// says what is wrong with it. Where both read a text, they make the same nodes of it.
class JsonDoc::Scratch::Scan {
 public:
  Scan(JsonDoc& doc, const JsonLimits& limits) noexcept : doc_(doc), limits_(limits), text_(doc.text_) {}

  bool run() {
    constexpr std::size_t kUsual = 48;  // values and names of a small answer
    if (doc_.nodes_.capacity() == 0) doc_.nodes_.reserve(std::min(kUsual, text_.size() / 4 + 1));
    for (;;) {
      bool opened = false;
      if (!value(opened)) return false;
      if (opened) continue;
      do {
        blank();
        if (doc_.open_.empty()) return at_ == text_.size();
      } while (closed());
      if (!comma()) return false;
    }
  }

 private:
  [[nodiscard]] char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }

  void blank() noexcept {
    for (char c = peek(); c == ' ' || c == '\n' || c == '\r' || c == '\t'; c = peek()) ++at_;
  }

  bool add(JsonKind kind, std::size_t begin, bool key = false) {
    if (doc_.nodes_.size() >= limits_.values) return false;
    if (!key && !doc_.open_.empty()) ++doc_.nodes_[doc_.open_.back()].count;
    Node& node = doc_.nodes_.emplace_back();
    node.kind = kind;
    node.begin = static_cast<std::uint32_t>(begin);
    node.end = static_cast<std::uint32_t>(at_);
    node.after = static_cast<std::uint32_t>(doc_.nodes_.size());
    return true;
  }

  bool value(bool& opened) {
    blank();
    switch (peek()) {
      case '{':
        opened = true;
        if (!open(JsonKind::object)) return false;
        blank();
        if (peek() != '}') return key();
        opened = false;
        close();
        return true;
      case '[':
        opened = true;
        if (!open(JsonKind::array)) return false;
        blank();
        if (peek() != ']') return true;
        opened = false;
        close();
        return true;
      case '"':
        return string(false);
      case 't':
        return word("true", JsonKind::boolean);
      case 'f':
        return word("false", JsonKind::boolean);
      case 'n':
        return word("null", JsonKind::null);
      default:
        return number();
    }
  }

  bool open(JsonKind kind) {
    if (static_cast<int>(doc_.open_.size()) >= limits_.depth) return false;
    const std::size_t begin = at_++;
    if (!add(kind, begin)) return false;
    doc_.open_.push_back(static_cast<std::uint32_t>(doc_.nodes_.size() - 1));
    return true;
  }

  void close() {
    Node& node = doc_.nodes_[doc_.open_.back()];
    doc_.open_.pop_back();
    node.end = static_cast<std::uint32_t>(++at_);
    node.after = static_cast<std::uint32_t>(doc_.nodes_.size());
  }

  bool closed() {
    if (peek() != (in_object() ? '}' : ']')) return false;
    close();
    return true;
  }

  bool comma() {
    if (peek() != ',') return false;
    ++at_;
    return !in_object() || key();
  }

  [[nodiscard]] bool in_object() const noexcept { return doc_.nodes_[doc_.open_.back()].kind == JsonKind::object; }

  bool key() {
    blank();
    if (peek() != '"' || !string(true)) return false;
    blank();
    if (peek() != ':') return false;
    ++at_;
    return true;
  }

  bool word(std::string_view name, JsonKind kind) {
    if (text_.substr(at_, name.size()) != name) return false;
    const std::size_t begin = at_;
    at_ += name.size();
    return add(kind, begin);
  }

  bool number() {
    constexpr std::size_t kFits = 18;  // digits that any reader takes
    const auto digits = [this] {
      const std::size_t begin = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      return at_ - begin;
    };
    const std::size_t begin = at_;
    if (peek() == '-') ++at_;
    const bool zero = peek() == '0';
    const std::size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (peek() == '.') {
      ++at_;
      if (digits() == 0) return false;
    }
    if (peek() == 'e' || peek() == 'E' || at_ - begin > kFits) return false;
    return add(JsonKind::number, begin);
  }

  bool string(bool key) {
    const std::size_t begin = at_++;
    std::size_t plain = at_;
    const std::size_t decoded = doc_.decoded_.size();
    bool escaped = false;
    for (;; ++at_) {
      at_ = plain_json(text_, at_);
      if (peek() == '"') break;
      if (peek() != '\\') return false;
      escaped = true;
      doc_.decoded_.append(text_.substr(plain, at_ - plain));
      ++at_;
      if (!escape()) return false;
      plain = at_ + 1;
    }
    const std::size_t end = at_++;
    if (!add(JsonKind::string, begin, key)) return false;
    Node& node = doc_.nodes_.back();
    if (escaped) {
      doc_.decoded_.append(text_.substr(plain, end - plain));
      node.decoded = static_cast<std::uint32_t>(decoded);
      node.count = static_cast<std::uint32_t>(doc_.decoded_.size() - decoded);
    } else {
      node.count = static_cast<std::uint32_t>(end - plain);
    }
    return true;
  }

  /// Stands behind the backslash, and ends at the escape's last character.
  bool escape() {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    const char c = peek();
    if (c != 'u') {
      const std::size_t known = kNames.find(c);
      if (known == std::string_view::npos) return false;
      doc_.decoded_ += kMeant[known];
      return true;
    }
    int unit = hex4(text_, at_ + 1);
    if (unit < 0 || low_surrogate(unit)) return false;
    at_ += 4;
    if (high_surrogate(unit)) {
      const int low = text_.substr(at_ + 1).starts_with("\\u") ? hex4(text_, at_ + 3) : -1;
      if (!low_surrogate(low)) return false;
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
      at_ += 6;
    }
    append_utf8(doc_.decoded_, static_cast<char32_t>(unit));
    return true;
  }

  JsonDoc& doc_;
  const JsonLimits& limits_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
