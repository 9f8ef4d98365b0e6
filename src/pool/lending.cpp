#include <algorithm>
#include <utility>

#include "pool/choice.hpp"

/// A credential is lent, or it is said why none is.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void PoolState::restore_hidden(const Service& service, const Credential* except) {
  for (Credential* c : hidden_) {
    if (c == except) continue;
    c->turn = std::max(c->turn, service.turn);
    c->lane->refresh(*c);
  }
}

bool PoolState::lend(const Demand& demand, TimePoint now, std::uint64_t ticket, Lease& lease, Refusal& refusal,
                     const std::optional<TimePoint>& since) {
  Service* service = find_service(demand.service);
  if (service == nullptr || service->members.empty()) return false;
  refusal.timeout = service->level.ledger.timeout();
  if (sharing && !sharing->open(*service->members.front(), refusal)) return false;
  Choice choice(*this, demand, *service, now, ticket, refusal);
  if (since) choice.own_until = later(*since, service->affinity_wait);
  // Who has met a failure already is not to meet those of others' trials, too.
  choice.spares_probes = demand.exclude != nullptr && !demand.exclude->empty();
  wake_due(*service, now);
  if (!service->asleep_for.empty()) wake_for_other_model(*service, demand.model);
  choice.asking.only_model = !service->mixed;

  if (demand.exclude != nullptr || !excluded_.empty()) exclude(demand);
  const std::string_view region = demand.region.empty() ? std::string_view(region_) : demand.region;
  const Rotation rotation = demand.rotation.value_or(service->rotation);
  Block whole;
  Level* tight = nullptr;
  if (!service->level.idle()) check(service->level, choice.asking, whole, &tight);

  Credential* found = nullptr;
  hidden_.clear();
  if (!whole) found = choose_in(choice, rotation, region);
  if (found == nullptr && choice.spared && !refusal.for_own) {
    restore_hidden(*service, nullptr);
    choice.spares_probes = false;
    found = choose_in(choice, rotation, region);
  }
  if (found != nullptr) take(choice, *found, rotation, lease);
  if (!hidden_.empty()) restore_hidden(*service, found);
  if (found != nullptr) return true;

  if (whole) {
    refusal.consider(*service->members.front(), whole);
    refusal.tight = tight;
    return false;
  }
  if (refusal.for_own) {
    refusal.timeout = std::max(refusal.timeout, service->affinity_wait);
    return false;
  }
  if (Credential* early = look_at_sleepers(choice); early != nullptr) {
    wake(*early);
    take(choice, *early, rotation, lease);
    return true;
  }
  if (refusal.first != nullptr && has_any(refusal.first->config->limits)) {
    refusal.timeout = bounded(refusal.first->config->limits.timeout);
  }
  return false;
}

void PoolState::take(Choice& choice, Credential& c, Rotation rotation, Lease& lease) {
  Service& service = choice.service;
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(records_.size());
    records_.emplace_back();
    free_.reserve(records_.capacity());
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  LeaseRecord& record = records_[slot];
  record.number = next_number_++;
  record.credential = &c;
  record.sent = false;
  record.learned = false;
  record.scoped.clear();
  record.charge = choice.asking.charge;
  record.model.assign(choice.demand.model);
  record.levels = 0;

  const auto enter = [&](Level& level) {
    record.path[record.levels++] = &level;
    if (level.growth.limited) level.growth.begin(level.in_flight, choice.now);
    ++level.in_flight;
    if (level.idle()) return;
    const auto start = [&](Rest& rest, std::string_view model) {
      const bool before = rest.probing();
      rest.start(record.number, choice.now);
      if (rest.probing() && !before) note(c, level, rest, model, choice.now);
    };
    if (!level.rest.none()) start(level.rest, {});
    for (ModelRest& each : level.model_rests) {
      if (choice.asking.model.is(each)) start(each.rest, each.name);
    }
    level.ledger.reserve(record.number, record.charge, choice.now);
    for (const auto& each : level.scoped) {
      if (!choice.asking.model.is(each->name)) continue;
      record.scoped.push_back(each.get());
      ++each->in_flight;
      each->ledger.reserve(record.number, record.charge, choice.now);
    }
  };
  for (Level* level = c.key; level != nullptr; level = level->parent) enter(*level);
  enter(service.level);

  ++c.in_flight;
  c.picked = static_cast<double>(record.number);
  if (rotation == Rotation::round_robin || rotation == Rotation::lowest_cost ||
      (rotation == Rotation::hash && choice.demand.session.empty())) {
    service.turn = std::max(service.turn, c.turn);
    c.turn = service.turn + 1 / c.weight;
  }
  c.lane->refresh(c);

  lease.credential_ = c.config.get();
  lease.number_ = record.number;
  lease.slot_ = slot;
  lease.note_.rotation = rotation;
  if (!service.asleep.empty() || !hidden_.empty()) note_skipped(choice, lease.note_);
}

void PoolState::note_skipped(Choice& choice, ChoiceNote& note) {
  const std::vector<Credential*>& heap = choice.service.asleep.heap();
  note.skipped = static_cast<std::uint32_t>(heap.size() + hidden_.size()) + choice.passed;
  const auto add = [&](Credential& c) {
    Block block = obstacle(c, choice.asking);
    const bool tried = is_excluded(c);
    if (!block) block = {.why = tried ? Block::Why::tried : Block::Why::requests, .at = std::max(c.wake, choice.now)};
    const auto left = block.at == kNever || block.needs_event
                          ? std::chrono::milliseconds(-1)
                          : std::chrono::ceil<std::chrono::milliseconds>(std::max(block.at, choice.now) - choice.now);
    note.list[note.listed++] = {.credential = c.serial,
                                .why = static_cast<std::uint8_t>(block.why),
                                .stated = block.stated,
                                .status = static_cast<std::int16_t>(block.status),
                                .for_ms = left.count()};
  };
  for (std::size_t i = 0; i < heap.size() && note.listed < note.list.size(); ++i) add(*heap[i]);
  for (std::size_t i = 0; i < hidden_.size() && note.listed < note.list.size(); ++i) add(*hidden_[i]);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
