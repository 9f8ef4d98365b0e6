#include <algorithm>

#include "pool/choice.hpp"

/// What keeps a credential from an attempt.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

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
  const std::int64_t completion = tokens_of(demand.completion_tokens);
  return {.model = service.model(demand.model),
          .charge = charge_of(tokens_of(demand.prompt_tokens), completion, completion, 0, micros_of(demand.cost),
                              service.charging),
          .now = now,
          .ticket = ticket,
          .only_model = !service.mixed};
}

/// Nothing is in its way, and it is on no trial. False: obstacle() knows.
bool PoolState::surely_fits(const Credential& c, const Asking& asking) {
  for (Level* level = c.key; level != nullptr; level = level->parent) {
    if (!level->only_counts()) return false;
    if (!level->ledger.surely_admits(asking.charge, level->in_flight, asking.now, *level->calendar)) return false;
  }
  return true;
}

/// Tests a ready credential; who has no room for anybody goes to sleep.
bool PoolState::fits(Choice& choice, Credential& c) {
  if (!excluded_.empty() && is_excluded(c)) return false;
  if (surely_fits(c, choice.asking)) return true;
  Level* tight = nullptr;
  const Block block = obstacle(c, choice.asking, &tight);
  if (!block) {
    if (!choice.spares_probes || !on_trial(c, choice.asking.model, choice.now)) return true;
    choice.spared = true;
    return false;
  }
  choice.refusal.consider(c, block);
  if (choice.refusal.first == &c) choice.refusal.tight = tight;
  if (choice.wish != nullptr) remember(choice, c, block);
  if (block.everyone > choice.now) {
    sleep(c, block);
    if (choice.asking.only_model && choice.service.asleep_for.empty()) choice.service.asleep_for = choice.demand.model;
  }
  return false;
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

}  // namespace detail
KEYWHEEL_END_NAMESPACE
