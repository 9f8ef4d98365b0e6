#include "config/json_tree.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include "config/wording.hpp"
#include "wipe.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// What RapidJSON reads from and decodes strings into, in place: no copy of a key is left in a parser's own memory, and
/// a string's place in the buffer is its place in the text. Ends at its end, so that the text needs no terminator.
class InPlaceStream {
 public:
  using Ch = char;
  InPlaceStream(char* begin, char* end) : begin_(begin), end_(end), next_(begin), write_(begin) {}

  [[nodiscard]] Ch Peek() const { return next_ == end_ ? '\0' : *next_; }
  Ch Take() { return next_ == end_ ? '\0' : *next_++; }
  [[nodiscard]] std::size_t Tell() const { return static_cast<std::size_t>(next_ - begin_); }
  Ch* PutBegin() { return write_ = next_; }
  /// Never past the end: of a character cut off there, RapidJSON's check of the encoding writes what it could not read.
  void Put(Ch c) {
    if (write_ != end_) *write_++ = c;
  }
  void Flush() {}
  std::size_t PutEnd(Ch* begin) { return static_cast<std::size_t>(write_ - begin); }
  Ch* Push(std::size_t count) { return std::exchange(write_, write_ + count); }
  void Pop(std::size_t count) { write_ -= count; }

  [[nodiscard]] const char* begin() const { return begin_; }

 private:
  char* begin_;
  char* end_;
  char* next_;
  char* write_;
};

/// Builds the tree from the parser's events.
class Builder {
 public:
  Builder(const InPlaceStream& stream, std::vector<JsonFault>& faults) : stream_(stream), faults_(faults) {}

  // Events arrive when their token has been read, so a token starts as many characters back as it is long.
  bool Null() { return add(start(JsonNode::Type::null, stream_.Tell() - 4)); }
  bool Bool(bool value) {
    JsonNode node = start(JsonNode::Type::boolean, stream_.Tell() - (value ? 4 : 5));
    node.boolean = value;
    return add(std::move(node));
  }
  bool Int(int value) { return whole(value); }
  bool Uint(unsigned value) { return whole(value); }
  bool Int64(std::int64_t value) { return whole(value); }
  bool Uint64(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return whole(static_cast<std::int64_t>(value));
    }
    return Double(static_cast<double>(value));
  }
  bool Double(double value) {
    JsonNode node = number(value);
    constexpr double kExact = 9007199254740992.0;  // 2^53: doubles up to here hold every whole number
    if (std::abs(value) <= kExact && std::trunc(value) == value) node.integer = static_cast<std::int64_t>(value);
    return add(std::move(node));
  }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return false; }  // only with kParseNumbersAsStringsFlag
  bool String(const char* text, rapidjson::SizeType length, bool) {
    JsonNode node = start(JsonNode::Type::string, offset_of(text) - 1);
    node.text = {text, length};
    return add(std::move(node));
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    key_ = {text, length};
    key_offset_ = offset_of(text) - 1;
    return true;
  }
  bool StartObject() { return open(JsonNode::Type::object); }
  bool StartArray() { return open(JsonNode::Type::array); }
  bool EndArray(rapidjson::SizeType) { return close(); }
  bool EndObject(rapidjson::SizeType) {
    find_duplicates(open_.back());
    return close();
  }

  [[nodiscard]] JsonNode take() { return std::move(root_); }
  /// Why the builder stopped the parser; empty: it did not.
  [[nodiscard]] const std::string& stopped() const { return stopped_; }

 private:
  [[nodiscard]] std::size_t offset_of(const char* text) const {
    return static_cast<std::size_t>(text - stream_.begin());
  }

  JsonNode start(JsonNode::Type type, std::size_t offset) {
    JsonNode node;
    node.type = type;
    node.offset = offset;
    node.key = std::exchange(key_, {});
    node.key_offset = std::exchange(key_offset_, 0);
    return node;
  }

  JsonNode number(double value) {
    const char* first = stream_.begin() + stream_.Tell();
    constexpr std::string_view kNumber = "+-.0123456789eE";
    while (first != stream_.begin() && kNumber.find(first[-1]) != std::string_view::npos) --first;
    JsonNode node = start(JsonNode::Type::number, offset_of(first));
    node.number = value;
    return node;
  }

  bool whole(std::int64_t value) {
    JsonNode node = number(static_cast<double>(value));
    node.integer = value;
    return add(std::move(node));
  }

  bool open(JsonNode::Type type) {
    if (open_.size() == kMaxTreeDepth) {
      stopped_ = fmt::format("nested deeper than {} levels", kMaxTreeDepth);
      return false;
    }
    open_.push_back(start(type, stream_.Tell() - 1));
    return true;
  }

  bool close() {
    JsonNode node = std::move(open_.back());
    open_.pop_back();
    return add(std::move(node));
  }

  bool add(JsonNode node) {
    if (++count_ > kMaxTreeNodes) {
      stopped_ = fmt::format("more than {} values", kMaxTreeNodes);
      return false;
    }
    if (open_.empty()) {
      root_ = std::move(node);
    } else {
      open_.back().children.push_back(std::move(node));
    }
    return true;
  }

  void find_duplicates(const JsonNode& object) {
    std::vector<const JsonNode*> members;
    members.reserve(object.children.size());
    for (const JsonNode& child : object.children) members.push_back(&child);
    std::stable_sort(members.begin(), members.end(),
                     [](const JsonNode* a, const JsonNode* b) { return a->key < b->key; });
    for (std::size_t i = 1; i < members.size(); ++i) {
      if (members[i]->key != members[i - 1]->key) continue;
      faults_.push_back(
          {members[i]->key_offset, fmt::format("the key {} is given twice in this object", quoted(members[i]->key))});
    }
  }

  const InPlaceStream& stream_;
  std::vector<JsonFault>& faults_;
  std::vector<JsonNode> open_{};
  JsonNode root_{};
  std::string_view key_{};
  std::size_t key_offset_ = 0;
  std::size_t count_ = 0;
  std::string stopped_{};
};

/// Says what is wrong in words, and names the usual causes: comments and trailing commas.
std::string explain(rapidjson::ParseErrorCode code, std::string_view text, std::size_t offset) {
  const char at = offset < text.size() ? text[offset] : '\0';
  if (at == '/' || at == '#') return "not JSON: comments are not part of it";
  if (at == '}' || at == ']') {
    const std::size_t before = text.find_last_not_of(" \t\r\n", offset == 0 ? 0 : offset - 1);
    if (before != std::string_view::npos && before < offset && text[before] == ',') {
      return fmt::format("not JSON: a comma before '{}'", at);
    }
  }
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return "empty: expected a JSON object";
  return fmt::format("not JSON: {}{}", rapidjson::GetParseError_En(code),
                     offset >= text.size() ? " (the text ends here)" : "");
}

}  // namespace

const JsonNode* JsonNode::find(std::string_view name) const noexcept {
  for (const JsonNode& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

std::string_view describe(JsonNode::Type type) noexcept {
  switch (type) {
    case JsonNode::Type::null:
      return "null";
    case JsonNode::Type::boolean:
      return "true or false";
    case JsonNode::Type::number:
      return "a number";
    case JsonNode::Type::string:
      return "a string";
    case JsonNode::Type::array:
      return "a list";
    case JsonNode::Type::object:
      return "an object";
  }
  return "";
}

JsonTree::JsonTree(std::string_view text) {
  if (text.size() > kMaxTreeBytes) {
    faults_.push_back({0, fmt::format("{} bytes long, and at most {} are read", text.size(), kMaxTreeBytes)});
    return;
  }
  buffer_.assign(text.begin(), text.end());
  // A byte order mark becomes blanks, so that offsets stay those of the text.
  if (text.starts_with(kByteOrderMark)) std::fill_n(buffer_.begin(), kByteOrderMark.size(), ' ');

  InPlaceStream stream(buffer_.data(), buffer_.data() + buffer_.size());
  Builder builder(stream, faults_);
  rapidjson::Reader reader;
  // Recursive, as deep as the builder lets it.
  constexpr unsigned kFlags = rapidjson::kParseInsituFlag | rapidjson::kParseValidateEncodingFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  if (!builder.stopped().empty()) {
    faults_.push_back({stream.Tell() - 1, builder.stopped()});
  } else if (result.IsError()) {
    const std::string_view after_mark = text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
    const std::size_t skipped = text.size() - after_mark.size();
    const std::size_t offset = std::max(result.Offset(), skipped) - skipped;
    faults_.push_back({offset + skipped, explain(result.Code(), after_mark, offset)});
  } else if (stream.Tell() != buffer_.size()) {
    // A zero byte looks like the end of the text to the parser.
    faults_.push_back({stream.Tell(), "not JSON: a zero byte"});
  } else {
    root_ = builder.take();
    well_formed_ = true;
  }
}

JsonTree::~JsonTree() { wipe(buffer_.data(), buffer_.size()); }

TextPosition position_of(std::string_view text, std::size_t offset) noexcept {
  TextPosition position;
  std::size_t i = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  for (; i < std::min(offset, text.size()); ++i) {
    if (text[i] == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) {
      ++position.column;
    }
  }
  return position;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
