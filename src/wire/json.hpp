#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/version.hpp>

/// Reading JSON that a stranger sent: bounded, without an allocation once warm, and every value remembers its own text,
/// so that what keywheel does not know can be handed on to the letter.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

enum class JsonKind : std::uint8_t { null, boolean, number, string, array, object };

struct JsonLimits {
  int depth = 128;
  std::size_t values = std::size_t{1} << 20U;
};

class JsonDoc;
class JsonItems;
class JsonMembers;

/// One value of a JsonDoc, or nothing: a missing member is a JsonValue too, of which everything is absent, so that
/// `doc.root()["error"]["message"].string()` needs no checks between. Valid until the document parses again.
class JsonValue {
 public:
  JsonValue() noexcept = default;

  [[nodiscard]] bool exists() const noexcept { return doc_ != nullptr; }
  explicit operator bool() const noexcept { return exists(); }
  [[nodiscard]] bool is(JsonKind kind) const noexcept;
  [[nodiscard]] bool is_null() const noexcept { return is(JsonKind::null); }
  [[nodiscard]] bool is_boolean() const noexcept { return is(JsonKind::boolean); }
  [[nodiscard]] bool is_number() const noexcept { return is(JsonKind::number); }
  [[nodiscard]] bool is_string() const noexcept { return is(JsonKind::string); }
  [[nodiscard]] bool is_array() const noexcept { return is(JsonKind::array); }
  [[nodiscard]] bool is_object() const noexcept { return is(JsonKind::object); }
  /// There, and not null.
  [[nodiscard]] bool has_value() const noexcept { return exists() && !is_null(); }

  /// The member of that name, the first where there are several; nothing when this is no object.
  [[nodiscard]] JsonValue operator[](std::string_view name) const noexcept;
  /// The element at that place; nothing when this is no array or it is shorter.
  [[nodiscard]] JsonValue at(std::size_t place) const noexcept;
  /// Members or elements; 0 for everything else.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Elements of an array; none for everything else.
  [[nodiscard]] JsonItems items() const noexcept;
  /// Members of an object; none for everything else.
  [[nodiscard]] JsonMembers members() const noexcept;

  /// The characters of a string; empty for everything else.
  [[nodiscard]] std::string_view string() const noexcept;
  [[nodiscard]] std::string_view string_or(std::string_view other) const noexcept {
    return is_string() ? string() : other;
  }
  /// The characters of a string, or the text of a number: for codes that come as either.
  [[nodiscard]] std::string_view string_or_number() const noexcept;
  [[nodiscard]] std::optional<std::string_view> optional_string() const noexcept;
  /// A number without a fraction that fits; 3.0 counts, "3" does not.
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
  [[nodiscard]] std::int64_t integer_or(std::int64_t other) const noexcept { return integer().value_or(other); }
  [[nodiscard]] std::optional<double> number() const noexcept;
  [[nodiscard]] std::optional<bool> boolean() const noexcept;
  [[nodiscard]] bool boolean_or(bool other) const noexcept { return boolean().value_or(other); }

  /// The value as it stands in the text, from its first character to its last; empty for nothing.
  [[nodiscard]] std::string_view raw() const noexcept;
  /// Where `raw()` begins in JsonDoc::text().
  [[nodiscard]] std::size_t offset() const noexcept;

 private:
  friend class JsonDoc;
  friend class JsonItems;
  friend class JsonMembers;
  JsonValue(const JsonDoc* doc, std::uint32_t index) noexcept : doc_(doc), index_(index) {}

  const JsonDoc* doc_ = nullptr;
  std::uint32_t index_ = 0;
};

struct JsonMember {
  std::string_view name{};
  JsonValue value{};
};

/// A parsed text. Keeps its buffers from one parse to the next. Its values point to it, so it stays where it is.
class JsonDoc {
 public:
  JsonDoc();
  JsonDoc(const JsonDoc&) = delete;
  JsonDoc& operator=(const JsonDoc&) = delete;
  ~JsonDoc();

  /// Parses one JSON text. It is not copied and must outlive the values. Malformed UTF-8 and lone surrogates are read
  /// as U+FFFD. False: not JSON, or beyond the limits; `error()` says what and where.
  [[nodiscard]] bool parse(std::string_view text, const JsonLimits& limits = {});

  [[nodiscard]] JsonValue root() const noexcept;
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  /// What was parsed: the text given, or its repaired copy.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// The text was repaired, so that `text()` is not what was given.
  [[nodiscard]] bool repaired() const noexcept { return text_.data() == clean_.data() && !clean_.empty(); }

 private:
  friend class JsonValue;
  friend class JsonItems;
  friend class JsonMembers;

  static constexpr std::uint32_t kInText = UINT32_MAX;

  /// A value, or the name of the member that follows.
  struct Node {
    std::uint32_t begin = 0;  ///< in the text, quotes included
    std::uint32_t end = 0;
    std::uint32_t after = 0;          ///< index of the first node behind this one and all it holds
    std::uint32_t count = 0;          ///< members or elements; for a string, its decoded size
    std::uint32_t decoded = kInText;  ///< where its characters stand in decoded_, when escapes keep them from the text
    JsonKind kind = JsonKind::null;
  };
  struct Handler;
  struct Scratch;

  [[nodiscard]] std::string_view characters(const Node& node) const noexcept;

  std::string_view text_{};
  std::vector<Node> nodes_{};
  std::vector<std::uint32_t> open_{};
  std::string decoded_{};
  std::string clean_{};
  std::string error_{};
  std::unique_ptr<Scratch> scratch_{};
};

class JsonItems {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = JsonValue;
    using difference_type = std::ptrdiff_t;
    using pointer = const JsonValue*;
    using reference = JsonValue;

    Iterator() noexcept = default;
    JsonValue operator*() const noexcept { return {doc_, index_}; }
    Iterator& operator++() noexcept;
    bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }
    bool operator!=(const Iterator& other) const noexcept { return index_ != other.index_; }

   private:
    friend class JsonItems;
    Iterator(const JsonDoc* doc, std::uint32_t index) noexcept : doc_(doc), index_(index) {}
    const JsonDoc* doc_ = nullptr;
    std::uint32_t index_ = 0;
  };

  [[nodiscard]] Iterator begin() const noexcept { return {doc_, first_}; }
  [[nodiscard]] Iterator end() const noexcept { return {doc_, last_}; }

 private:
  friend class JsonValue;
  const JsonDoc* doc_ = nullptr;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
};

class JsonMembers {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = JsonMember;
    using difference_type = std::ptrdiff_t;
    using pointer = const JsonMember*;
    using reference = JsonMember;

    Iterator() noexcept = default;
    JsonMember operator*() const noexcept;
    Iterator& operator++() noexcept;
    bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }
    bool operator!=(const Iterator& other) const noexcept { return index_ != other.index_; }

   private:
    friend class JsonMembers;
    Iterator(const JsonDoc* doc, std::uint32_t index) noexcept : doc_(doc), index_(index) {}
    const JsonDoc* doc_ = nullptr;
    std::uint32_t index_ = 0;
  };

  [[nodiscard]] Iterator begin() const noexcept { return {doc_, first_}; }
  [[nodiscard]] Iterator end() const noexcept { return {doc_, last_}; }

 private:
  friend class JsonValue;
  const JsonDoc* doc_ = nullptr;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
