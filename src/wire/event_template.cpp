#include "wire/event_template.hpp"

#include <array>
#include <cstring>

#include "wire/utf8.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

enum class Byte : std::uint8_t { plain, quote, escape, control, high };

constexpr std::array<Byte, 256> kBytes = [] {
  std::array<Byte, 256> table{};
  for (std::size_t i = 0; i < 256; ++i) {
    table[i] = i < 0x20 ? Byte::control : i >= 0x80 ? Byte::high : Byte::plain;
  }
  table['"'] = Byte::quote;
  table['\\'] = Byte::escape;
  return table;
}();

struct StringScan {
  std::size_t end = kNone;  ///< behind the closing quote
  bool escaped = false;
};

/// The JSON string that begins with a quote at `at`.
StringScan scan_string(std::string_view text, std::size_t at) {
  StringScan scan;
  bool high = false;
  std::size_t i = at + 1;
  for (; i < text.size(); ++i) {
    const Byte kind = kBytes[static_cast<unsigned char>(text[i])];
    if (kind == Byte::plain) continue;
    if (kind == Byte::quote) break;
    if (kind == Byte::control) return {};
    if (kind == Byte::high) {
      high = true;
      continue;
    }
    ++i;
    if (i == text.size() || std::string_view("\"\\/bfnrt").find(text[i]) == kNone) return {};
    scan.escaped = true;
  }
  if (i >= text.size()) return {};
  if (high && !valid_utf8(text.substr(at + 1, i - at - 1))) return {};
  scan.end = i + 1;
  return scan;
}

/// Behind the whole number that begins at `at`; kNone: there is none.
std::size_t scan_number(std::string_view text, std::size_t at) {
  std::size_t i = at;
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
  const bool leading_zero = i > at + 1 && text[at] == '0';
  return i == at || i > at + 15 || leading_zero ? kNone : i;
}

char unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

void unescape(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) out.push_back(text[i] == '\\' ? unescaped(text[++i]) : text[i]);
}

}  // namespace

void EventTemplate::learn(std::string_view text, const std::vector<EventHole>& holes, std::size_t wanted) {
  fixed_.clear();
  pieces_.clear();
  std::size_t at = 0;
  for (const EventHole& hole : holes) {
    fixed_.append(text.substr(at, hole.begin - at));
    pieces_.push_back({static_cast<std::uint32_t>(hole.begin - at), hole.number});
    at = hole.end;
  }
  fixed_.append(text.substr(at));
  holes_ = holes.size();
  wanted_ = wanted;
}

bool EventTemplate::match(std::string_view text, std::string& scratch, std::string_view& delta) const {
  if (holes_ == 0 || text.size() < fixed_.size()) return false;
  const char* fixed = fixed_.data();
  std::size_t at = 0;
  for (std::size_t i = 0; i < holes_; ++i) {
    const Piece& piece = pieces_[i];
    if (text.size() - at <= piece.size || std::memcmp(text.data() + at, fixed, piece.size) != 0) return false;
    at += piece.size;
    fixed += piece.size;
    if (piece.number) {
      at = scan_number(text, at);
      if (at == kNone) return false;
      continue;
    }
    if (text[at] != '"') return false;
    const StringScan scan = scan_string(text, at);
    if (scan.end == kNone) return false;
    if (i == wanted_) {
      delta = text.substr(at + 1, scan.end - at - 2);
      if (delta.empty()) return false;
      if (scan.escaped) {
        unescape(delta, scratch);
        delta = scratch;
      }
    }
    at = scan.end;
  }
  const auto rest = static_cast<std::size_t>(fixed_.data() + fixed_.size() - fixed);
  return text.size() - at == rest && std::memcmp(text.data() + at, fixed, rest) == 0;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
