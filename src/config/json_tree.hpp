#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/version.hpp>

/// JSON read into a tree that remembers where everything stood, so that a fault found later can name line and column.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// One value. Views point into the tree's buffer.
struct JsonNode {
  enum class Type : std::uint8_t { null, boolean, number, string, array, object };
  Type type = Type::null;
  bool boolean = false;
  double number = 0;
  std::optional<std::int64_t> integer{};  ///< the number, where it is whole and fits
  std::string_view text{};                ///< of a string
  std::string_view key{};                 ///< where this is a member of an object
  std::size_t offset = 0;                 ///< of the value's first character in the text
  std::size_t key_offset = 0;
  std::vector<JsonNode> children{};  ///< of an array or an object, in their order

  [[nodiscard]] const JsonNode* find(std::string_view name) const noexcept;
};

/// "an object", "a string", … for messages.
[[nodiscard]] std::string_view describe(JsonNode::Type type) noexcept;

struct JsonFault {
  std::size_t offset = 0;
  std::string text{};
};

/// Bounds of a tree: text of at most this many bytes, nested this deep, with this many values.
inline constexpr std::size_t kMaxTreeBytes = 16U << 20U;
inline constexpr std::size_t kMaxTreeDepth = 32;
inline constexpr std::size_t kMaxTreeNodes = 1'000'000;

/// A parsed text. Its strings may be keys of providers, so the buffer that holds them is wiped in the end.
class JsonTree {
 public:
  /// Strict JSON (RFC 8259) in UTF-8; a byte order mark is skipped, a key given twice in one object is a fault. All
  /// duplicate keys are found; of faults of syntax, the first.
  explicit JsonTree(std::string_view text);
  JsonTree(const JsonTree&) = delete;
  JsonTree& operator=(const JsonTree&) = delete;
  ~JsonTree();

  [[nodiscard]] const JsonNode& root() const noexcept { return root_; }
  [[nodiscard]] const std::vector<JsonFault>& faults() const noexcept { return faults_; }
  /// The text was JSON; what faults there are concern duplicate keys.
  [[nodiscard]] bool well_formed() const noexcept { return well_formed_; }

 private:
  std::vector<char> buffer_;
  JsonNode root_{};
  std::vector<JsonFault> faults_{};
  bool well_formed_ = false;
};

struct TextPosition {
  std::size_t line = 1;
  std::size_t column = 1;  ///< in characters, not bytes
};

[[nodiscard]] TextPosition position_of(std::string_view text, std::size_t offset) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
