#include "http/poller.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

int poll_milliseconds(std::optional<std::chrono::nanoseconds> timeout) noexcept {
  if (!timeout) return -1;
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
  constexpr std::int64_t kDay = 86'400'000;  // fits an int, and to wake once a day costs nothing
  return static_cast<int>(std::clamp<std::int64_t>(rounded, 0, kDay));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
