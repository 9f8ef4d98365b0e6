#include <algorithm>
#include <vector>

#include "pool/choice.hpp"

/// Who has no room for anybody sleeps until there may be some.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void PoolState::wake(Credential& c) {
  if (c.removed) return;
  Service& service = *c.service;
  if (c.awaits_event) {
    c.awaits_event = false;
    --service.awaiting;
  }
  service.asleep.erase(&c);
  if (c.lane == nullptr || Lane::is_ready(c)) return;
  // Whoever rested has not saved up turns meanwhile.
  c.turn = std::max(c.turn, service.turn);
  c.lane->set_ready(c, true);
}

void PoolState::wake_members(Level& level) {
  touch(level);
  const bool any = std::any_of(level.services.begin(), level.services.end(),
                               [](const Service* service) { return !service->asleep.empty(); });
  if (!any) return;
  for (Credential* c : level.members) wake(*c);
}

void PoolState::wake_due(Service& service, TimePoint now) {
  while (!service.asleep.empty() && service.asleep.front()->wake <= now) wake(*service.asleep.front());
}

void PoolState::sleep(Credential& c, const Block& block) {
  Service& service = *c.service;
  c.lane->set_ready(c, false);
  service.asleep.set(&c, block.everyone);
  if (block.everyone == kNever && block.needs_event && !c.awaits_event) {
    c.awaits_event = true;
    ++service.awaiting;
  }
}

/// Puts to sleep at once whose key rests, so that nobody need find out in its turn. What rests at a higher level may
/// have many members; there it is found out.
void PoolState::rest_members(Level& level, TimePoint now) {
  if (level.kind != Level::Kind::key) return;
  const Block block = level.rest.check(now);
  if (block.everyone <= now) return;
  for (Credential* c : level.members) {
    if (c->lane != nullptr) sleep(*c, block);
  }
}

/// Who sleeps because of a limit of one model's may have room for another.
void PoolState::wake_for_other_model(Service& service, std::string_view model) {
  if (service.asleep_for == model) return;
  service.asleep_for.clear();
  service.mixed = true;
  while (!service.asleep.empty()) wake(*service.asleep.front());
}

/// Finds, among those asleep, who will have room for this demand first. A sleeper has none before it wakes, so only
/// those that wake before the best found so far are looked at. What others were thought to burn of a learned limit may
/// come to an end sooner than was foreseen: whoever has room already is returned.
Credential* PoolState::look_at_sleepers(Choice& choice) {
  const std::vector<Credential*>& heap = choice.service.asleep.heap();
  std::vector<std::size_t> todo;
  if (!heap.empty()) todo.push_back(0);
  bool looked_for_event = choice.refusal.by_event;
  while (!todo.empty()) {
    const std::size_t i = todo.back();
    todo.pop_back();
    Credential& c = *heap[i];
    const bool may_be_first = c.wake < choice.refusal.at || choice.refusal.first == nullptr;
    const bool may_have_event = !looked_for_event && choice.service.awaiting != 0;
    if (!may_be_first && !may_have_event) continue;
    const bool serves = c.lane != nullptr && c.lane->serves(choice.demand.model) && !is_excluded(c);
    if (serves && (may_be_first || c.awaits_event)) {
      Level* tight = nullptr;
      const Block block = obstacle(c, choice.asking, &tight);
      if (!block) return &c;
      choice.refusal.consider(c, block);
      if (choice.refusal.first == &c) choice.refusal.tight = tight;
      looked_for_event = choice.refusal.by_event;
    }
    if (2 * i + 2 < heap.size()) todo.push_back(2 * i + 2);
    if (2 * i + 1 < heap.size()) todo.push_back(2 * i + 1);
  }
  return nullptr;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
