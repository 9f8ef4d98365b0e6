#include "http/timers.hpp"

#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

TimerId Timers::add(TimePoint when, Task task) {
  if (free_.empty()) {
    slots_.emplace_back();
    free_.reserve(slots_.capacity());  // so that take() need not allocate
    free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
  }
  const std::uint32_t index = free_.back();
  heap_.push_back(index);
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.when = when;
  slot.order = ++order_;
  slot.task = std::move(task);
  slot.place = static_cast<std::uint32_t>(heap_.size() - 1);
  rise(heap_.size() - 1);
  return (TimerId{slot.generation} << 32U) | index;
}

void Timers::cancel(TimerId timer) {
  const auto index = static_cast<std::uint32_t>(timer);
  if (index >= slots_.size() || slots_[index].generation != static_cast<std::uint32_t>(timer >> 32U)) return;
  const Task ended = take(slots_[index].place);
}

std::optional<TimePoint> Timers::next() const noexcept {
  if (heap_.empty()) return std::nullopt;
  return slots_[heap_.front()].when;
}

void Timers::run_due(TimePoint now) {
  const std::uint64_t last = order_;
  while (!heap_.empty()) {
    const Slot& first = slots_[heap_.front()];
    if (first.when > now || first.order > last) return;
    const Task task = take(0);
    task();
  }
}

bool Timers::before(std::uint32_t a, std::uint32_t b) const noexcept {
  const Slot& x = slots_[a];
  const Slot& y = slots_[b];
  return x.when != y.when ? x.when < y.when : x.order < y.order;
}

void Timers::put(std::size_t place, std::uint32_t slot) noexcept {
  heap_[place] = slot;
  slots_[slot].place = static_cast<std::uint32_t>(place);
}

void Timers::rise(std::size_t place) noexcept {
  const std::uint32_t slot = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!before(slot, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, slot);
}

void Timers::sink(std::size_t place) noexcept {
  const std::uint32_t slot = heap_[place];
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], slot)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, slot);
}

Task Timers::take(std::size_t place) noexcept {
  const std::uint32_t index = heap_[place];
  const std::uint32_t last = heap_.back();
  heap_.pop_back();
  if (index != last) {
    put(place, last);
    sink(place);
    rise(slots_[last].place);
  }
  Slot& slot = slots_[index];
  if (++slot.generation == 0) slot.generation = 1;
  free_.push_back(index);
  return std::exchange(slot.task, nullptr);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
