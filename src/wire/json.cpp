#include "wire/json.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "wire/utf8.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Four hexadecimal digits at `at`, or -1.
int hex4(std::string_view text, std::size_t at) noexcept {
  unsigned value = 0;
  if (at + 4 > text.size()) return -1;
  const char* end = text.data() + at + 4;
  const auto [stop, fault] = std::from_chars(text.data() + at, end, value, 16);
  return fault == std::errc() && stop == end ? static_cast<int>(value) : -1;
}

bool high_surrogate(int unit) noexcept { return unit >= 0xD800 && unit <= 0xDBFF; }
bool low_surrogate(int unit) noexcept { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// Replaces escapes of half a surrogate pair, which some servers write when a token ends inside a character, by
/// \ufffd. Empty: there is none.
std::string without_lone_surrogates(std::string_view text) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
    if (at + 1 >= text.size() || text[at + 1] != 'u') {
      at += 2;
      continue;
    }
    const int unit = hex4(text, at + 2);
    const bool followed =
        high_surrogate(unit) && text.substr(at + 6).starts_with("\\u") && low_surrogate(hex4(text, at + 8));
    if (followed) {
      at += 12;
      continue;
    }
    if (high_surrogate(unit) || low_surrogate(unit)) {
      out.append(text.substr(copied, at - copied)).append("\\ufffd");
      copied = at + 6;
    }
    at += 2;
  }
  if (copied > 0) out.append(text.substr(copied));
  return out;
}

bool may_hold_surrogates(std::string_view text) noexcept {
  return text.find("\\ud") != std::string_view::npos || text.find("\\uD") != std::string_view::npos;
}

}  // namespace

struct JsonDoc::Scratch {
  rapidjson::Reader reader{};
};

/// Turns the reader's calls into nodes. RapidJSON tells values but not where they stand; a value's place follows from
/// the end of the one before and the reader's position.
struct JsonDoc::Handler {
  JsonDoc& doc;
  const rapidjson::MemoryStream& stream;
  const JsonLimits& limits;
  std::size_t position = 0;
  const char* refused = nullptr;

  bool Null() { return scalar(JsonKind::null); }
  bool Bool(bool /*value*/) { return scalar(JsonKind::boolean); }
  bool RawNumber(const char* /*text*/, rapidjson::SizeType /*size*/, bool /*copy*/) { return scalar(JsonKind::number); }
  // Numbers are kept as text (kParseNumbersAsStringsFlag), but the reader's template names these.
  bool Int(int /*value*/) { return scalar(JsonKind::number); }
  bool Uint(unsigned /*value*/) { return scalar(JsonKind::number); }
  bool Int64(std::int64_t /*value*/) { return scalar(JsonKind::number); }
  bool Uint64(std::uint64_t /*value*/) { return scalar(JsonKind::number); }
  bool Double(double /*value*/) { return scalar(JsonKind::number); }

  bool String(const char* characters, rapidjson::SizeType size, bool /*copy*/) {
    count_element();
    return text(characters, size);
  }
  bool Key(const char* characters, rapidjson::SizeType size, bool /*copy*/) { return text(characters, size); }

  bool StartObject() { return open(JsonKind::object); }
  bool EndObject(rapidjson::SizeType /*members*/) { return close(); }
  bool StartArray() { return open(JsonKind::array); }
  bool EndArray(rapidjson::SizeType /*elements*/) { return close(); }

 private:
  std::size_t next_token() const noexcept {
    std::size_t at = position;
    const auto between = [](char c) { return c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (at < doc.text_.size() && between(doc.text_[at])) ++at;
    return at;
  }

  void count_element() {
    if (!doc.open_.empty()) ++doc.nodes_[doc.open_.back()].count;
  }

  bool add(JsonKind kind, std::size_t begin, std::size_t end) {
    if (doc.nodes_.size() >= limits.values) {
      refused = "too many values";
      return false;
    }
    Node& node = doc.nodes_.emplace_back();
    node.kind = kind;
    node.begin = static_cast<std::uint32_t>(begin);
    node.end = static_cast<std::uint32_t>(end);
    node.after = static_cast<std::uint32_t>(doc.nodes_.size());
    position = end;
    return true;
  }

  bool scalar(JsonKind kind) {
    count_element();
    return add(kind, next_token(), stream.Tell());
  }

  bool text(const char* characters, std::size_t size) {
    const std::size_t begin = next_token();
    const std::size_t end = stream.Tell();
    if (!add(JsonKind::string, begin, end)) return false;
    Node& node = doc.nodes_.back();
    node.count = static_cast<std::uint32_t>(size);
    // An escape is always longer than what it stands for.
    if (end - begin - 2 != size) {
      node.decoded = static_cast<std::uint32_t>(doc.decoded_.size());
      doc.decoded_.append(characters, size);
    }
    return true;
  }

  bool open(JsonKind kind) {
    if (static_cast<int>(doc.open_.size()) >= limits.depth) {
      refused = "nested too deeply";
      return false;
    }
    count_element();
    const std::size_t begin = next_token();
    if (!add(kind, begin, begin + 1)) return false;
    doc.open_.push_back(static_cast<std::uint32_t>(doc.nodes_.size() - 1));
    return true;
  }

  bool close() {
    Node& node = doc.nodes_[doc.open_.back()];
    doc.open_.pop_back();
    node.end = static_cast<std::uint32_t>(next_token() + 1);
    node.after = static_cast<std::uint32_t>(doc.nodes_.size());
    position = node.end;
    return true;
  }
};

JsonDoc::JsonDoc() = default;
JsonDoc::~JsonDoc() = default;

bool JsonDoc::parse(std::string_view text, const JsonLimits& limits) {
  nodes_.clear();
  open_.clear();
  decoded_.clear();
  clean_.clear();
  error_.clear();
  text_ = text;
  if (text.size() >= kInText) {
    error_ = "longer than 4 GiB";
    return false;
  }
  if (!valid_utf8(text_)) {
    clean_ = repair_utf8(text_);
    text_ = clean_;
  }
  if (may_hold_surrogates(text_)) {
    if (std::string repaired = without_lone_surrogates(text_); !repaired.empty()) {
      clean_ = std::move(repaired);
      text_ = clean_;
    }
  }
  if (!scratch_) scratch_ = std::make_unique<Scratch>();
  rapidjson::MemoryStream stream(text_.data(), text_.size());
  Handler handler{*this, stream, limits};
  const rapidjson::ParseResult result = scratch_->reader.Parse<rapidjson::kParseNumbersAsStringsFlag>(stream, handler);
  if (!result) {
    error_ = handler.refused != nullptr
                 ? std::string(handler.refused)
                 : fmt::format("{} (at byte {})", rapidjson::GetParseError_En(result.Code()), result.Offset());
    nodes_.clear();
    return false;
  }
  // The reader takes a NUL for the end of the text.
  if (stream.Tell() != text_.size()) {
    error_ = fmt::format("a NUL character (at byte {})", stream.Tell());
    nodes_.clear();
    return false;
  }
  return true;
}

JsonValue JsonDoc::root() const noexcept { return nodes_.empty() ? JsonValue() : JsonValue(this, 0); }

std::string_view JsonDoc::characters(const Node& node) const noexcept {
  if (node.decoded == kInText) return text_.substr(node.begin + 1, node.count);
  return std::string_view(decoded_).substr(node.decoded, node.count);
}

bool JsonValue::is(JsonKind kind) const noexcept { return doc_ != nullptr && doc_->nodes_[index_].kind == kind; }

JsonValue JsonValue::operator[](std::string_view name) const noexcept {
  if (!is_object()) return {};
  const std::uint32_t end = doc_->nodes_[index_].after;
  for (std::uint32_t i = index_ + 1; i < end; i = doc_->nodes_[i + 1].after) {
    const JsonDoc::Node& key = doc_->nodes_[i];
    if (key.count == name.size() && doc_->characters(key) == name) return {doc_, i + 1};
  }
  return {};
}

JsonValue JsonValue::at(std::size_t place) const noexcept {
  if (!is_array() || place >= doc_->nodes_[index_].count) return {};
  std::uint32_t i = index_ + 1;
  while (place-- > 0) i = doc_->nodes_[i].after;
  return {doc_, i};
}

std::size_t JsonValue::size() const noexcept {
  if (!is_array() && !is_object()) return 0;
  return doc_->nodes_[index_].count;
}

JsonItems JsonValue::items() const noexcept {
  JsonItems items;
  if (!is_array()) return items;
  items.doc_ = doc_;
  items.first_ = index_ + 1;
  items.last_ = doc_->nodes_[index_].after;
  return items;
}

JsonMembers JsonValue::members() const noexcept {
  JsonMembers members;
  if (!is_object()) return members;
  members.doc_ = doc_;
  members.first_ = index_ + 1;
  members.last_ = doc_->nodes_[index_].after;
  return members;
}

JsonItems::Iterator& JsonItems::Iterator::operator++() noexcept {
  index_ = doc_->nodes_[index_].after;
  return *this;
}

JsonMember JsonMembers::Iterator::operator*() const noexcept {
  return {doc_->characters(doc_->nodes_[index_]), {doc_, index_ + 1}};
}

JsonMembers::Iterator& JsonMembers::Iterator::operator++() noexcept {
  index_ = doc_->nodes_[index_ + 1].after;
  return *this;
}

std::string_view JsonValue::string() const noexcept {
  return is_string() ? doc_->characters(doc_->nodes_[index_]) : std::string_view{};
}

std::string_view JsonValue::string_or_number() const noexcept { return is_number() ? raw() : string(); }

std::optional<std::string_view> JsonValue::optional_string() const noexcept {
  return is_string() ? std::optional(string()) : std::nullopt;
}

std::optional<double> JsonValue::number() const noexcept {
  if (!is_number()) return std::nullopt;
  const std::string_view text = raw();
  double value = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> JsonValue::integer() const noexcept {
  if (!is_number()) return std::nullopt;
  const std::string_view text = raw();
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  if (const auto [stop, fault] = std::from_chars(text.data(), end, value); fault == std::errc() && stop == end) {
    return value;
  }
  const std::optional<double> real = number();
  constexpr double kLimit = 9'007'199'254'740'992.0;  // 2^53: above it a double no longer tells neighbours apart
  if (!real || std::abs(*real) > kLimit || std::trunc(*real) != *real) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

std::optional<bool> JsonValue::boolean() const noexcept {
  return is_boolean() ? std::optional(raw() == "true") : std::nullopt;
}

std::string_view JsonValue::raw() const noexcept {
  if (doc_ == nullptr) return {};
  const JsonDoc::Node& node = doc_->nodes_[index_];
  return doc_->text_.substr(node.begin, node.end - node.begin);
}

std::size_t JsonValue::offset() const noexcept { return doc_ == nullptr ? 0 : doc_->nodes_[index_].begin; }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
