#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What was spent within the last `length`, entry by entry, so that no window of that length, wherever it starts, can
/// hold more than its limit.
///
/// Memory is bounded: where the limit allows more entries than kExact, neighbours closer than a 512th of the window
/// are kept as one, dated by the later of them, which holds the earlier ones a little longer and never too short.
class SlidingLog {
 public:
  SlidingLog() = default;
  SlidingLog(Nanos length, std::int64_t limit) noexcept { resize(length, limit); }

  /// New measures; what is logged stays.
  void resize(Nanos length, std::int64_t limit) noexcept;

  [[nodiscard]] Nanos length() const noexcept { return length_; }
  /// Spent in the window that ends at the last expire().
  [[nodiscard]] std::int64_t sum() const noexcept { return sum_; }
  [[nodiscard]] std::size_t entries() const noexcept { return count_; }

  /// Nothing has left the window.
  [[nodiscard]] bool holds_at(TimePoint now) const noexcept { return now < leaves_; }
  /// Forgets what has left the window.
  void expire(TimePoint now) noexcept {
    if (!holds_at(now)) drop(now);
  }

  /// `at` must not be before an earlier one.
  void add(TimePoint at, std::int64_t amount);

  /// Corrects what was added at `at`; nothing happens where that has left the window.
  void adjust(TimePoint at, std::int64_t delta, TimePoint now) noexcept;

  /// Of the sum, what was added after `at`, as far as the log tells them apart.
  [[nodiscard]] std::int64_t sum_after(TimePoint at) const noexcept;

  /// When `amount` of what is logged will have left; kNever where that is more than all of it.
  [[nodiscard]] TimePoint freed(std::int64_t amount) const noexcept;

 private:
  struct Entry {
    TimePoint at{};
    std::int64_t amount = 0;
  };
  static constexpr std::int64_t kExact = 512;

  [[nodiscard]] Entry& entry(std::size_t i) noexcept { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  [[nodiscard]] const Entry& entry(std::size_t i) const noexcept { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  void drop(TimePoint now) noexcept;
  void grow();

  std::int64_t sum_ = 0;
  TimePoint leaves_ = kNever;  ///< when the oldest entry does, or earlier
  Nanos length_{0};
  Nanos grain_{0};   ///< entries closer than this to the first of a run are one
  TimePoint run_{};  ///< date of the first of the last entry's run
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::vector<Entry> ring_{};  ///< size 0 or a power of two
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
