#include <algorithm>

#include "pool/choice.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr int kTiers = 4;

Order order_of(Rotation rotation) noexcept {
  switch (rotation) {
    case Rotation::first:
      return Order::first;
    case Rotation::random:
      return Order::draw;
    case Rotation::least_busy:
      return Order::busy;
    case Rotation::lowest_latency:
      return Order::latency;
    case Rotation::round_robin:
    case Rotation::hash:
    case Rotation::least_used:
    case Rotation::lowest_cost:
      break;
  }
  return Order::turn;
}

}  // namespace

void Refusal::consider(Credential& c, const Block& block_of_c) noexcept {
  if (block_of_c.why != Block::Why::too_big) too_big = false;
  if (block_of_c.needs_event) {
    by_event = true;
  } else if (block_of_c.at < at) {
    at = block_of_c.at;
    first = &c;
    block = block_of_c;
    return;
  }
  if (first == nullptr) {
    first = &c;
    block = block_of_c;
  }
}

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
  c.draw = service.draw + random_.exponential() / c.weight;
  c.lane->set_ready(c, true);
}

void PoolState::wake_members(Level& level) {
  for (Credential* c : level.members) {
    wake(*c);
    ++c->service->changes;
  }
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

void PoolState::check(Level& level, const Asking& asking, Block& block, Level** tight) {
  if (level.idle()) return;
  if (!level.rest.none()) block.add(level.rest.check(asking.now));
  for (const ModelRest& each : level.model_rests) {
    if (!asking.model.is(each)) continue;
    Block only_here = each.rest.check(asking.now);
    if (!asking.only_model) only_here.everyone = {};
    block.add(only_here);
  }
  if (level.growth.ramp.full(level.in_flight)) {
    Block full{.why = Block::Why::concurrency, .at = asking.now, .everyone = kNever, .needs_event = true};
    full.limit = "slow start";
    full.value = level.growth.ramp.places();
    block.add(full);
  }
  Block full;
  if (!level.ledger.empty()) {
    (void)level.ledger.admits(asking.charge, level.in_flight, asking.now, *level.calendar, full);
  }
  for (const auto& each : level.scoped) {
    if (!asking.model.is(each->name)) continue;
    Block here;
    if (each->ledger.admits(asking.charge, each->in_flight, asking.now, *level.calendar, here)) continue;
    if (!asking.only_model) here.everyone = {};
    full.add(here);
  }
  if (full) {
    if (tight != nullptr && full.at >= block.at && full.why == Block::Why::tokens) *tight = &level;
    block.add(full);
  }
  if (level.kept_for != 0 && level.kept_for != asking.ticket) {
    block.add({.why = Block::Why::waited_for, .at = level.kept_until});
  }
}

Block PoolState::obstacle(Credential& c, const Asking& asking, Level** tight) {
  Block block;
  for (Level* level = c.key; level != nullptr; level = level->parent) check(*level, asking, block, tight);
  return block;
}

/// The next attempt with it finds out whether it works again.
bool PoolState::on_trial(const Credential& c, const AskedModel& model, TimePoint now) {
  for (Level* level = c.key; level != nullptr; level = level->parent) {
    if (level->idle()) continue;
    if (level->rest.on_trial(now)) return true;
    for (const ModelRest& each : level->model_rests) {
      if (model.is(each) && each.rest.on_trial(now)) return true;
    }
  }
  return false;
}

Asking PoolState::asking_of(const Demand& demand, const Service& service, TimePoint now, std::uint64_t ticket) const {
  return {.model = service.model(demand.model),
          .charge = charge_of(tokens_of(demand.prompt_tokens), tokens_of(demand.completion_tokens), 0,
                              micros_of(demand.cost), service.charging),
          .now = now,
          .ticket = ticket,
          .only_model = !service.mixed};
}

/// Who sleeps because of a limit of one model's may have room for another.
void PoolState::wake_for_other_model(Service& service, std::string_view model) {
  if (service.asleep_for.empty() || service.asleep_for == model) return;
  service.asleep_for.clear();
  service.mixed = true;
  while (!service.asleep.empty()) wake(*service.asleep.front());
}

/// Tests a ready credential; who has no room for anybody goes to sleep.
bool PoolState::fits(Choice& choice, Credential& c) {
  Block block;
  Level* tight = nullptr;
  if (!excluded_.empty() && is_excluded(c)) return false;
  block = obstacle(c, choice.asking, &tight);
  if (!block) {
    if (!choice.spares_probes || !on_trial(c, choice.asking.model, choice.now)) return true;
    choice.spared = true;
    return false;
  }
  choice.refusal.consider(c, block);
  if (choice.refusal.first == &c) choice.refusal.tight = tight;
  if (block.everyone > choice.now) {
    sleep(c, block);
    if (choice.asking.only_model && choice.service.asleep_for.empty()) choice.service.asleep_for = choice.demand.model;
  }
  return false;
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

void PoolState::exclude(const Demand& demand) {
  excluded_.clear();
  if (demand.exclude == nullptr) return;
  for (const std::string& id : *demand.exclude) {
    if (const Credential* c = find(id)) excluded_.push_back(c->key);
  }
}

bool PoolState::is_excluded(const Credential& c) const noexcept {
  return std::find(excluded_.begin(), excluded_.end(), c.key) != excluded_.end();
}

/// Preferred region before others; those without weight last.
void PoolState::find_lanes(const Service& service, std::string_view model, std::string_view region, int tier) {
  lanes_.clear();
  for (const auto& lane : service.lanes) {
    const int its = (lane->weighted ? 0 : 2) + (region.empty() || lane->region == region ? 0 : 1);
    if (its == tier && lane->serves(model)) lanes_.push_back(lane.get());
  }
}

Credential* PoolState::choose_in(Choice& choice, Rotation rotation, std::string_view region) {
  for (int tier = 0; tier < kTiers; ++tier) {
    find_lanes(choice.service, choice.demand.model, region, tier);
    if (lanes_.empty()) continue;
    Credential* found = nullptr;
    if (rotation == Rotation::least_used) {
      found = choose_sampled(choice, lanes_);
    } else if (rotation == Rotation::hash && !choice.demand.session.empty()) {
      found = choose_sticky(choice, lanes_);
    } else {
      found = choose(choice, lanes_, order_of(rotation));
    }
    if (found != nullptr || choice.refusal.for_own) return found;
  }
  return nullptr;
}

const Credential* PoolState::own_to_wait_for(const Demand& demand) {
  const Service* service = find_service(demand.service);
  if (service == nullptr || service->affinity_wait == Nanos(0) || demand.session.empty()) return nullptr;
  if (demand.rotation.value_or(service->rotation) != Rotation::hash) return nullptr;
  for (int tier = 0; tier < kTiers; ++tier) {
    find_lanes(*service, demand.model, demand.region.empty() ? std::string_view(region_) : demand.region, tier);
    if (!lanes_.empty()) return own_of(lanes_, stable_hash(demand.session));
  }
  return nullptr;
}

void PoolState::restore_hidden(const Service& service, const Credential* except) {
  for (const auto& [c, order] : hidden_) {
    if (c == except) continue;
    c->turn = std::max(c->turn, service.turn);
    if (order == Order::draw) c->draw = service.draw + random_.exponential() / c->weight;
    c->lane->refresh(*c);
  }
}

bool PoolState::lend(const Demand& demand, TimePoint now, std::uint64_t ticket, Lease& lease, Refusal& refusal,
                     std::optional<TimePoint> since) {
  Service* service = find_service(demand.service);
  if (service == nullptr || service->members.empty()) return false;
  refusal.timeout = service->level.ledger.timeout();
  if (sharing && !sharing->open(*service->members.front(), refusal)) return false;
  Choice choice{.demand = demand,
                .service = *service,
                .asking = asking_of(demand, *service, now, ticket),
                .now = now,
                .refusal = refusal,
                .own_until = since ? later(*since, service->affinity_wait) : TimePoint::min(),
                // Who has met a failure already is not to meet those of others' trials, too.
                .spares_probes = demand.exclude != nullptr && !demand.exclude->empty()};
  wake_due(*service, now);
  wake_for_other_model(*service, demand.model);
  choice.asking.only_model = !service->mixed;

  exclude(demand);
  const std::string_view region = demand.region.empty() ? std::string_view(region_) : demand.region;
  const Rotation rotation = demand.rotation.value_or(service->rotation);
  Block whole;
  Level* tight = nullptr;
  check(service->level, choice.asking, whole, &tight);

  Credential* found = nullptr;
  hidden_.clear();
  if (!whole) found = choose_in(choice, rotation, region);
  if (found == nullptr && choice.spared && !refusal.for_own) {
    restore_hidden(*service, nullptr);
    choice.spares_probes = false;
    found = choose_in(choice, rotation, region);
  }
  if (found != nullptr) take(choice, *found, rotation, lease);
  restore_hidden(*service, found);
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

const Credential* PoolState::next_to_lend(const Demand& demand, TimePoint now, Refusal& refusal) {
  Service* service = find_service(demand.service);
  if (service == nullptr || service->members.empty()) return nullptr;
  Choice choice{.demand = demand,
                .service = *service,
                .asking = asking_of(demand, *service, now, 0),
                .now = now,
                .refusal = refusal};
  wake_due(*service, now);
  wake_for_other_model(*service, demand.model);
  choice.asking.only_model = !service->mixed;
  exclude(demand);
  Block whole;
  check(service->level, choice.asking, whole, nullptr);
  if (whole) {
    refusal.consider(*service->members.front(), whole);
    return nullptr;
  }
  const Order order = order_of(demand.rotation.value_or(service->rotation));
  const std::string_view region = demand.region.empty() ? std::string_view(region_) : demand.region;
  const Credential* best = nullptr;
  std::pair<int, Tournament::Score> rank;
  for (const auto& lane : service->lanes) {
    if (!lane->serves(demand.model)) continue;
    const int tier = (lane->weighted ? 0 : 2) + (region.empty() || lane->region == region ? 0 : 1);
    const Tournament& tournament = lane->order(order);
    for (Credential* c : lane->ready) {
      const std::pair its(tier, tournament.score(c->leaf));
      if (best != nullptr && !(its < rank)) continue;
      const Block block = obstacle(*c, choice.asking);
      if (block) {
        refusal.consider(*c, block);
      } else {
        best = c;
        rank = its;
      }
    }
  }
  if (best == nullptr) best = look_at_sleepers(choice);
  return best;
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
    start(level.rest, {});
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
  if (rotation == Rotation::random) {
    service.draw = std::max(service.draw, c.draw);
    c.draw = service.draw + random_.exponential() / c.weight;
  } else if (rotation == Rotation::round_robin || rotation == Rotation::lowest_cost ||
             (rotation == Rotation::hash && choice.demand.session.empty())) {
    service.turn = std::max(service.turn, c.turn);
    c.turn = service.turn + 1 / c.weight;
  }
  c.lane->refresh(c);

  lease.credential_ = c.config.get();
  lease.number_ = record.number;
  lease.slot_ = slot;
  lease.note_.rotation = rotation;
  note_skipped(choice, lease.note_);
}

void PoolState::note_skipped(Choice& choice, ChoiceNote& note) {
  const std::vector<Credential*>& heap = choice.service.asleep.heap();
  note.skipped = static_cast<std::uint32_t>(heap.size() + hidden_.size());
  if (note.skipped == 0) return;
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
  for (std::size_t i = 0; i < hidden_.size() && note.listed < note.list.size(); ++i) add(*hidden_[i].first);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
