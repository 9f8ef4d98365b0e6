#include <string>
#include <utility>

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "wire/json.hpp"
#include "wire/json_scan.hpp"
#include "wire/utf8.hpp"

/// From text to nodes.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

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
  const auto begin = [this] {
    nodes_.clear();
    open_.clear();
    decoded_.clear();
  };
  begin();
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
  if (Scratch::Scan(*this, limits).run()) return true;
  begin();
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

}  // namespace detail
KEYWHEEL_END_NAMESPACE
