#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a credential had no room for lately, and until when, unless something changes there first: whoever wants as
/// much again need not ask. Of a few models and sizes.
class Setbacks {
 public:
  /// What is wanted, as far as two wishes can be compared: more of anything finds no room before less of it does.
  struct Wish {
    std::uint64_t model = 0;  ///< a hash of it
    std::int64_t prompt = 0;
    std::int64_t completion = 0;
    std::int64_t cost = 0;

    [[nodiscard]] bool covers(const Wish& less) const noexcept {
      return model == less.model && prompt >= less.prompt && completion >= less.completion && cost >= less.cost;
    }
  };

  /// Until when there is no room for it, as far as is known; nothing: ask. `changes`: how many there were.
  [[nodiscard]] std::optional<TimePoint> recall(const Wish& wish, std::uint64_t changes, TimePoint now) const noexcept {
    std::optional<TimePoint> latest;
    for (const Entry& each : entries_) {
      if (each.until <= now || each.changes != changes || !wish.covers(each.wish)) continue;
      latest = std::max(latest.value_or(each.until), each.until);
    }
    return latest;
  }

  void note(const Wish& wish, std::uint64_t changes, TimePoint until, TimePoint now) noexcept {
    const auto worth = [&](const Entry& each) {
      if (each.until <= now || each.changes != changes || each.wish.covers(wish)) return TimePoint::min();
      return each.until;
    };
    *std::min_element(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) {
      return worth(a) < worth(b);
    }) = {.wish = wish, .until = until, .changes = changes};
  }

 private:
  struct Entry {
    Wish wish{};
    TimePoint until = TimePoint::min();
    std::uint64_t changes = 0;
  };
  std::array<Entry, 6> entries_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
