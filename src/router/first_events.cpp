#include "router/first_events.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void FirstEvents::add(std::string_view service, std::string_view model, bool stream, std::chrono::nanoseconds after) {
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(after).count();
  const std::lock_guard lock(mutex_);
  auto it = times_.find(View(service, model, stream));
  if (it == times_.end()) it = times_.emplace(Key(service, model, stream), Times{}).first;
  Times& times = it->second;
  times.microseconds[times.count++ % kKept] =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(microseconds, 0, UINT32_MAX));
}

std::optional<std::chrono::nanoseconds> FirstEvents::usual(std::string_view service, std::string_view model,
                                                           bool stream) const {
  std::array<std::uint32_t, kKept> sorted{};
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto it = times_.find(View(service, model, stream));
    if (it == times_.end() || it->second.count < kFewest) return std::nullopt;
    count = std::min<std::size_t>(it->second.count, kKept);
    sorted = it->second.microseconds;
  }
  const std::size_t place = (count * 95 + 99) / 100 - 1;
  const auto begin = sorted.begin();
  std::nth_element(begin, begin + static_cast<std::ptrdiff_t>(place), begin + static_cast<std::ptrdiff_t>(count));
  return std::chrono::microseconds(sorted[place]);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
