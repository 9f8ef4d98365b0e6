#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "router/runtime.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Tasks by time: a heap whose entries know their place, so that cancelling one costs no scan. One thread at a time.
class Timers {
 public:
  [[nodiscard]] TimerId add(TimePoint when, Task task);
  /// Nothing happens where the timer has run or never was.
  void cancel(TimerId timer);

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] std::optional<TimePoint> next() const noexcept;

  /// Runs what is due, in order of time and then of adding. What a task adds waits for the next call.
  void run_due(TimePoint now);

 private:
  struct Slot {
    TimePoint when{};
    std::uint64_t order = 0;
    std::uint32_t generation = 1;
    std::uint32_t place = 0;
    Task task{};
  };

  [[nodiscard]] bool before(std::uint32_t a, std::uint32_t b) const noexcept;
  void put(std::size_t place, std::uint32_t slot) noexcept;
  void rise(std::size_t place) noexcept;
  void sink(std::size_t place) noexcept;
  [[nodiscard]] Task take(std::size_t place) noexcept;

  std::vector<Slot> slots_{};
  std::vector<std::uint32_t> free_{};
  std::vector<std::uint32_t> heap_{};
  std::uint64_t order_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
