#include "pool/recent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void Recent::add(TimePoint at, std::int64_t requests, std::int64_t tokens) {
  if (!minute_) minute_ = std::make_unique<Minute>();
  const std::uint32_t number = second(at);
  Second& slot = (*minute_)[number % std::tuple_size_v<Minute>];
  if (slot.number != number) slot = {.number = number};
  slot.requests += static_cast<std::uint32_t>(requests);
  slot.tokens += tokens;
}

void Recent::collect(TimePoint now, std::uint32_t age, std::int64_t& requests, std::int64_t& tokens) const noexcept {
  if (!minute_) return;
  const std::uint32_t number = second(now) - age;
  const Second& slot = (*minute_)[number % std::tuple_size_v<Minute>];
  if (slot.number != number) return;
  requests += slot.requests;
  tokens += slot.tokens;
}

std::int64_t Recent::requests(TimePoint now) const noexcept {
  std::int64_t total = 0;
  if (!minute_) return total;
  for (const Second& each : *minute_) {
    if (second(now) - each.number < std::tuple_size_v<Minute>) total += each.requests;
  }
  return total;
}

std::int64_t Recent::tokens(TimePoint now) const noexcept {
  std::int64_t total = 0;
  if (!minute_) return total;
  for (const Second& each : *minute_) {
    if (second(now) - each.number < std::tuple_size_v<Minute>) total += each.tokens;
  }
  return total;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
