#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A heap of T* by T::wake, in which each knows its place (T::wake_place, kAwake when not in it).
template <class T>
class WakeQueue {
 public:
  static constexpr std::uint32_t kAwake = 0xffffffffU;

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  [[nodiscard]] T* front() const noexcept { return heap_.front(); }
  /// In heap order: the parent of [i] is [(i-1)/2].
  [[nodiscard]] const std::vector<T*>& heap() const noexcept { return heap_; }

  /// Puts in, or moves to its new time.
  void set(T* item, TimePoint wake) {
    item->wake = wake;
    if (item->wake_place == kAwake) {
      heap_.push_back(item);
      item->wake_place = static_cast<std::uint32_t>(heap_.size() - 1);
    }
    down(up(item->wake_place));
  }

  void erase(T* item) noexcept {
    const std::uint32_t place = item->wake_place;
    if (place == kAwake) return;
    item->wake_place = kAwake;
    T* last = heap_.back();
    heap_.pop_back();
    if (last == item) return;
    heap_[place] = last;
    last->wake_place = place;
    down(up(place));
  }

 private:
  std::uint32_t up(std::uint32_t i) noexcept {
    while (i != 0) {
      const std::uint32_t parent = (i - 1) / 2;
      if (heap_[parent]->wake <= heap_[i]->wake) break;
      swap(i, parent);
      i = parent;
    }
    return i;
  }

  void down(std::uint32_t i) noexcept {
    while (true) {
      std::uint32_t least = 2 * i + 1;
      if (least >= heap_.size()) return;
      if (least + 1 < heap_.size() && heap_[least + 1]->wake < heap_[least]->wake) ++least;
      if (heap_[i]->wake <= heap_[least]->wake) return;
      swap(i, least);
      i = least;
    }
  }

  void swap(std::uint32_t a, std::uint32_t b) noexcept {
    std::swap(heap_[a], heap_[b]);
    heap_[a]->wake_place = a;
    heap_[b]->wake_place = b;
  }

  std::vector<T*> heap_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
