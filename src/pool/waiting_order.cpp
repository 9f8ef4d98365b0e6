#include <algorithm>
#include <utility>

#include "pool/waiting_line.hpp"

/// The order in which calls stand in the line, and what is kept for a large one.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostIdleTenants = 1024;

}  // namespace

void WaitingLine::set_share(std::string_view tenant, double share) {
  if (share > 0) tenant_of(tenant).share = share;
}

void WaitingLine::set_shares(const std::map<std::string, double>& shares) {
  for (const auto& [name, tenant] : tenants_) tenant->share = 1;
  for (const auto& [name, share] : shares) set_share(name, share);
}

WaitingLine::Tenant& WaitingLine::tenant_of(std::string_view name) {
  if (const auto known = tenants_.find(name); known != tenants_.end()) return *known->second;
  std::unique_ptr<Tenant>& slot = tenants_[std::string(name)];
  slot = std::make_unique<Tenant>();
  slot->name = name;
  slot->had = had_;
  return *slot;
}

/// Keeps a copy of all that the call must not be asked for again.
WaitingLine::Waiting& WaitingLine::admit(const Waiter& waiter, std::uint64_t ticket, TimePoint limit, TimePoint now) {
  std::unique_ptr<Waiting>& slot = waiting_[ticket];
  slot = std::make_unique<Waiting>();
  Waiting& waiting = *slot;
  waiting.ticket = ticket;
  waiting.deadline = waiter.deadline.value_or(kNever);
  waiting.limit = limit;
  waiting.entered = now;
  waiting.demands = waiter.demands;
  waiting.texts.reserve(4 * waiter.demands.size());
  waiting.excludes.reserve(waiter.demands.size());
  const auto own_text = [&](std::string_view text) -> std::string_view { return waiting.texts.emplace_back(text); };
  for (Demand& demand : waiting.demands) {
    demand.service = own_text(demand.service);
    demand.model = own_text(demand.model);
    demand.session = own_text(demand.session);
    demand.region = own_text(demand.region);
    if (demand.exclude != nullptr) demand.exclude = &waiting.excludes.emplace_back(*demand.exclude);
  }
  return waiting;
}

WaitingLine::Queue& WaitingLine::queue_of(std::string signature, const std::vector<Demand>& demands) {
  std::unique_ptr<Queue>& slot = queues_[signature];
  if (slot) return *slot;
  slot = std::make_unique<Queue>();
  slot->signature = std::move(signature);
  for (const Demand& demand : demands) {
    slot->services.emplace_back(demand.service);
    by_service_[slot->services.back()].insert(slot.get());
  }
  return *slot;
}

void WaitingLine::file(Place& place) {
  const Waiting& first = **place.calls.begin();
  place.rank = {.share = place.tenant->had, .deadline = first.deadline, .ticket = first.ticket};
  place.queue->order.emplace(place.rank, &place);
}

void WaitingLine::unfile(Place& place) { place.queue->order.erase({place.rank, &place}); }

void WaitingLine::file(Queue& queue) {
  agenda_.erase({queue.filed, &queue});
  queue.filed = queue.by_limit.empty() ? queue.retry : std::min(queue.retry, (*queue.by_limit.begin())->limit);
  agenda_.emplace(queue.filed, &queue);
}

void WaitingLine::put(Waiting& waiting, Queue& queue, Tenant& tenant) {
  if (tenant.places.empty()) tenant.had = std::max(tenant.had, had_);
  std::unique_ptr<Place>& slot = queue.places[&tenant];
  if (!slot) {
    slot = std::make_unique<Place>();
    slot->queue = &queue;
    slot->tenant = &tenant;
    tenant.places.push_back(slot.get());
  } else {
    unfile(*slot);
  }
  waiting.place = slot.get();
  slot->calls.insert(&waiting);
  queue.by_limit.insert(&waiting);
  file(*slot);
}

void WaitingLine::remove(Waiting& waiting) {
  let_go(waiting);
  Place& place = *waiting.place;
  Queue& queue = *place.queue;
  Tenant& tenant = *place.tenant;
  unfile(place);
  place.calls.erase(&waiting);
  queue.by_limit.erase(&waiting);
  if (!place.calls.empty()) {
    file(place);
  } else {
    std::erase(tenant.places, &place);
    queue.places.erase(&tenant);
  }
  waiting_.erase(waiting.ticket);
  if (!queue.order.empty()) return;
  agenda_.erase({queue.filed, &queue});
  for (const std::string& service : queue.services) {
    const auto found = by_service_.find(service);
    if (found == by_service_.end()) continue;
    found->second.erase(&queue);
    if (found->second.empty()) by_service_.erase(found);
  }
  queues_.erase(queues_.find(queue.signature));
}

void WaitingLine::served(Tenant& tenant) {
  had_ = std::max(had_, tenant.had);
  tenant.had += 1 / tenant.share;
  for (Place* place : tenant.places) {
    unfile(*place);
    file(*place);
  }
}

void WaitingLine::forget_idle_tenants() {
  if (tenants_.size() <= kMostIdleTenants + waiting_.size()) return;
  std::erase_if(tenants_, [this](const auto& each) {
    return each.second->places.empty() && each.second->had <= had_ && each.second->share == 1;
  });
}

void WaitingLine::keep(Waiting& waiting, Level* level, TimePoint until) {
  if (level == nullptr || (level->kept_for != 0 && level->kept_for != waiting.ticket)) return;
  level->kept_for = waiting.ticket;
  level->kept_until = until;
  waiting.kept = level;
  waiting.kept_build = state_->builds();
  keepers_.push_back(&waiting);
}

void WaitingLine::let_go(Waiting& waiting) {
  if (waiting.kept == nullptr) return;
  if (waiting.kept_build == state_->builds() && waiting.kept->kept_for == waiting.ticket) {
    waiting.kept->kept_for = 0;
    state_->touch(*waiting.kept);
  }
  waiting.kept = nullptr;
  std::erase(keepers_, &waiting);
}

void WaitingLine::let_go(const Queue& queue) {
  const std::vector<Waiting*> keepers = keepers_;
  for (Waiting* keeper : keepers) {
    if (keeper->place->queue == &queue) let_go(*keeper);
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
