#include "router/turned_away.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void TurnedAway::add(std::string_view service, std::string_view model, std::uint64_t ticket,
                     std::weak_ptr<CallState> call) {
  const std::lock_guard lock(mutex_);
  Place place(service, model);
  if (!waiting_[place].emplace(ticket, std::move(call)).second) return;
  places_.emplace(ticket, std::move(place));
  count_.store(places_.size(), std::memory_order_relaxed);
}

void TurnedAway::remove(std::uint64_t ticket) {
  if (empty()) return;
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = places_.equal_range(ticket);
  for (auto it = begin; it != end; ++it) {
    const auto found = waiting_.find(it->second);
    found->second.erase(ticket);
    if (found->second.empty()) waiting_.erase(found);
  }
  places_.erase(begin, end);
  count_.store(places_.size(), std::memory_order_relaxed);
}

bool TurnedAway::anyone_before(std::string_view service, std::string_view model, std::uint64_t ticket) const {
  if (empty()) return false;
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(Place(service, model));
  return found != waiting_.end() && (ticket == 0 || found->second.begin()->first < ticket);
}

std::vector<std::shared_ptr<CallState>> TurnedAway::first(std::string_view service, std::string_view model,
                                                          std::size_t most) const {
  std::vector<std::shared_ptr<CallState>> calls;
  if (empty()) return calls;
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(Place(service, model));
  if (found == waiting_.end()) return calls;
  for (const auto& [ticket, call] : found->second) {
    if (calls.size() == most) break;
    if (std::shared_ptr<CallState> alive = call.lock()) calls.push_back(std::move(alive));
  }
  return calls;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
