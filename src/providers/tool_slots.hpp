#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a piece of a streamed tool call says of the call it belongs to.
struct ToolPiece {
  std::optional<std::int64_t> index{};
  std::string_view id{};
  std::string_view name{};
};

/// Says which call each piece of a stream of tool calls belongs to. Servers agree on less than they seem to: some leave
/// the index out, some the id, some send a new id with every piece, some count every call as 0.
class ToolSlots {
 public:
  struct Place {
    std::size_t slot = 0;
    bool opened = false;  ///< this piece began the call
  };

  /// The call of this piece. Nothing: there are more calls than any answer has.
  [[nodiscard]] std::optional<Place> place(const ToolPiece& piece);
  /// Takes note of a piece of the call's arguments.
  void arguments(std::size_t slot, std::string_view delta);

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  [[nodiscard]] bool has_name(std::size_t slot) const noexcept { return slots_[slot].named; }

 private:
  /// Follows JSON just far enough to know that a value has ended.
  struct Extent {
    int depth = 0;
    bool in_string = false;
    bool escaped = false;
    bool complete = false;
    void take(std::string_view text) noexcept;
  };
  struct Slot {
    std::optional<std::int64_t> index{};
    std::string id{};
    bool named = false;
    Extent extent{};
  };

  [[nodiscard]] bool continues(const Slot& slot, const ToolPiece& piece) const noexcept;
  [[nodiscard]] std::optional<std::size_t> find(const ToolPiece& piece) const noexcept;

  std::vector<Slot> slots_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
