#include "providers/tool_slots.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostCalls = 1024;

}  // namespace

void ToolSlots::Extent::take(std::string_view text) noexcept {
  for (const char c : text) {
    if (in_string) {
      if (escaped) {
        escaped = false;
      } else if (c == '\\') {
        escaped = true;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      complete = true;
    }
  }
}

/// Only a piece with a name can begin a call. It does when its id is another one, or, where ids are missing, when the
/// arguments before it are whole.
bool ToolSlots::continues(const Slot& slot, const ToolPiece& piece) const noexcept {
  if (piece.name.empty() || !slot.named) return true;
  if (!piece.id.empty() && !slot.id.empty()) return piece.id == slot.id;
  return !slot.extent.complete;
}

std::optional<std::size_t> ToolSlots::find(const ToolPiece& piece) const noexcept {
  for (std::size_t i = slots_.size(); i-- > 0;) {
    const Slot& slot = slots_[i];
    if (piece.index) {
      if (slot.index != piece.index) continue;
      return continues(slot, piece) ? std::optional(i) : std::nullopt;
    }
    if (!piece.id.empty() && slot.id == piece.id) return i;
  }
  if (piece.index || slots_.empty()) return std::nullopt;
  // Neither index nor a known id: the last call goes on, unless this piece has a name of its own.
  return piece.name.empty() ? std::optional(slots_.size() - 1) : std::nullopt;
}

std::optional<ToolSlots::Place> ToolSlots::place(const ToolPiece& piece) {
  if (const std::optional<std::size_t> found = find(piece)) {
    Slot& slot = slots_[*found];
    if (slot.id.empty()) slot.id = piece.id;
    if (!piece.name.empty()) slot.named = true;
    return Place{*found, false};
  }
  if (slots_.size() == kMostCalls) return std::nullopt;
  Slot& slot = slots_.emplace_back();
  slot.index = piece.index;
  slot.id = piece.id;
  slot.named = !piece.name.empty();
  return Place{slots_.size() - 1, true};
}

void ToolSlots::arguments(std::size_t slot, std::string_view delta) { slots_[slot].extent.take(delta); }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
