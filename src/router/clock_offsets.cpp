#include "router/clock_offsets.hpp"

#include "wire/http_date.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void ClockOffsets::learn(std::string_view service, std::string_view date, WallTime ours) {
  const auto theirs = parse_http_date(date);
  if (!theirs) return;
  const std::lock_guard lock(mutex_);
  offsets_.insert_or_assign(std::string(service), WallTime(*theirs) - ours);
  any_.store(true, std::memory_order_release);
}

std::chrono::milliseconds ClockOffsets::of(std::string_view service) const {
  if (!any_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  const auto found = offsets_.find(service);
  return found == offsets_.end() ? std::chrono::milliseconds{0} : found->second;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
