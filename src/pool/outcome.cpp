#include <algorithm>

#include "pool/pool_state.hpp"
#include "router/retry_table.hpp"

KEYWHEEL_BEGIN_NAMESPACE

Outcome Outcome::cancelled(bool sent) {
  Failure failure;
  failure.failure = FailureClass::cancelled;
  return {.failure = std::move(failure), .usage = {}, .latency = {}, .sent = sent};
}

namespace detail {
namespace {

/// `auth` from so many accounts of one service within this time means that the address is wrong, not the keys.
constexpr std::size_t kAccountsForWrongEndpoint = 3;
constexpr Nanos kWrongEndpointWithin = std::chrono::seconds(10);
/// Models set aside or resting at one level; more than that, and the oldest is forgotten.
constexpr std::size_t kMostModelRests = 256;

/// The level of the path that a failure concerns; nullptr where none of the pool's. Of several accounts, of which one
/// was found out to hold the other, the outermost.
Level* level_of(const LeaseRecord& record, Scope scope) noexcept {
  const auto of_kind = [&](Level::Kind kind) {
    for (std::size_t i = record.levels; i-- > 0;) {
      if (record.path[i]->kind == kind) return record.path[i];
    }
    return record.path[0];
  };
  switch (scope) {
    case Scope::call:
    case Scope::key:
    case Scope::key_model:
      return record.path[0];
    case Scope::project:
    case Scope::project_model:
      return of_kind(Level::Kind::project);
    case Scope::account:
    case Scope::account_model:
      return of_kind(Level::Kind::account);
    case Scope::service_model:
    case Scope::service:
    case Scope::host:
      return nullptr;
  }
  return nullptr;
}

/// The rest of one model at a level; of a whole limit group, where the failure concerns what those models share.
Rest& model_rest(Level& level, std::string_view name, bool group) {
  for (ModelRest& each : level.model_rests) {
    if (each.group == group && each.name == name) return each.rest;
  }
  if (level.model_rests.size() >= kMostModelRests) level.model_rests.erase(level.model_rests.begin());
  level.model_rests.push_back({.name = std::string(name), .group = group, .rest = {}});
  return level.model_rests.back().rest;
}

/// Nothing counts, rests or grows on its path, so that a success changes nothing there.
bool leaves_no_trace(const LeaseRecord& record) noexcept {
  return std::all_of(record.path.begin(), record.path.begin() + record.levels,
                     [](const Level* level) { return level->idle() && level->streak.empty(); });
}

}  // namespace

LeaseRecord* PoolState::record_of(std::uint32_t slot, std::uint64_t number) noexcept {
  if (slot >= records_.size() || records_[slot].number != number || number == 0) return nullptr;
  return &records_[slot];
}

AskedModel PoolState::model_of(const LeaseRecord& record) noexcept {
  return record.credential->service->model(record.model);
}

bool PoolState::release(LeaseRecord& record, Nanos pause, TimePoint now) {
  bool changed = false;
  for (std::size_t i = 0; i < record.levels; ++i) {
    Level& level = *record.path[i];
    if (level.idle()) continue;
    bool was_probe = false;
    const auto end_probe = [&](Rest& rest, std::string_view model) {
      if (!rest.release(record.number, pause, now)) return;
      was_probe = true;
      note(*record.credential, level, rest, model, now);
    };
    end_probe(level.rest, {});
    for (ModelRest& each : level.model_rests) {
      if (model_of(record).is(each)) end_probe(each.rest, each.name);
    }
    if (was_probe) wake_members(level);
    changed = changed || was_probe;
  }
  return changed;
}

bool PoolState::wrong_endpoint(LeaseRecord& record, Level& disabled, TimePoint now, bool& changed) {
  std::vector<AuthEvidence::Case>& cases = record.credential->service->evidence.cases;
  std::erase_if(cases, [&](const auto& each) { return now - each.at > kWrongEndpointWithin; });
  Level* account = level_of(record, Scope::account);
  const auto same = std::find_if(cases.begin(), cases.end(), [&](const auto& each) { return each.account == account; });
  if (same != cases.end()) {
    same->at = now;
    same->disabled = &disabled;
  } else {
    cases.push_back({.at = now, .account = account, .disabled = &disabled});
  }
  if (cases.size() < kAccountsForWrongEndpoint) return false;
  for (AuthEvidence::Case& each : cases) {
    each.disabled->rest.revive();
    if (!each.disabled->members.empty())
      note(*each.disabled->members.front(), *each.disabled, each.disabled->rest, {}, now);
    wake_members(*each.disabled);
  }
  changed = true;
  return true;
}

/// Several keys in a row that meet their limit, and are not known to be of different accounts, share it.
void PoolState::count_streak(LeaseRecord& record, const Rest::News& news, std::string_view model, TimePoint now) {
  Level* key = record.path[0];
  const RetryPolicy& policy = record.credential->service->policy;
  const auto is_over = [&](const Level& each) {
    if (model.empty()) return !each.rest.check(now);
    const auto rest = std::find_if(each.model_rests.begin(), each.model_rests.end(),
                                   [&](const ModelRest& one) { return one.group && one.name == model; });
    return rest == each.model_rests.end() || !rest->rest.check(now);
  };
  for (std::size_t i = 1; i < record.levels; ++i) {
    Level& peers = *record.path[i];
    if (peers.kind != Level::Kind::peers || !peers.streak.add(model, key, is_over)) continue;
    Rest& rest = model.empty() ? peers.rest : model_rest(peers, model, true);
    rest.fail(news, policy, now);
    note(*record.credential, peers, rest, model, now);
  }
}

FailureClass PoolState::blame(LeaseRecord& record, const Failure& failure, TimePoint now, bool& changed) {
  const CredentialEffect effect = consequence(failure.failure).credential;
  Level* level = level_of(record, failure.scope);
  // A limit of the call's own, such as a conversation that is busy, is no key's.
  const bool of_call = effect == CredentialEffect::rest && failure.scope == Scope::call;
  if (effect == CredentialEffect::none || level == nullptr || of_call) return failure.failure;
  if (sharing) sharing->rests_changed();

  const RetryPolicy& policy = record.credential->service->policy;
  Rest::News news{.words = failure.message, .status = failure.status.value_or(0)};
  if (failure.retry_after) news.stated = bounded(*failure.retry_after);
  news.turn = level->calendar->day(now).ends;
  news.lease = record.number;
  news.next = next_number_;
  const bool one_model = failure.scope == Scope::key_model || failure.scope == Scope::project_model ||
                         failure.scope == Scope::account_model;
  const auto shared_rest = [&]() -> Rest& {
    return one_model ? model_rest(*level, model_of(record).limited(), true) : level->rest;
  };
  if (effect == CredentialEffect::rest || effect == CredentialEffect::exhaust) {
    meet_limit(record, failure.failure == FailureClass::rate, now);
  }
  switch (effect) {
    case CredentialEffect::rest:
      news.kind = Rest::Kind::cooling;
      shared_rest().fail(news, policy, now);
      if (level->kind == Level::Kind::key)
        count_streak(record, news, one_model ? model_of(record).limited() : std::string_view(), now);
      break;
    case CredentialEffect::exhaust:
      news.kind = Rest::Kind::exhausted;
      shared_rest().fail(news, policy, now);
      break;
    case CredentialEffect::set_aside:
      news.kind = Rest::Kind::aside;
      model_rest(*level, record.model, false).fail(news, policy, now);
      break;
    case CredentialEffect::disable:
      if (wrong_endpoint(record, *level, now, changed)) return FailureClass::config;
      news.kind = Rest::Kind::dead;
      level->rest.fail(news, policy, now);
      break;
    case CredentialEffect::none:
      break;
  }
  const bool aside = effect == CredentialEffect::set_aside;
  const bool about_model = aside || (one_model && effect != CredentialEffect::disable);
  const Rest& rest = aside                                 ? model_rest(*level, record.model, false)
                     : effect == CredentialEffect::disable ? level->rest
                                                           : shared_rest();
  note(*record.credential, *level, rest, about_model ? std::string_view(record.model) : std::string_view(), now);
  // A probe that failed lets the next one pass in its time; who slept for its end sleeps anew until then.
  wake_members(*level);
  rest_members(*level, now);
  return failure.failure;
}

/// What the levels on its path make of it.
Verdict PoolState::weigh(LeaseRecord& record, const Outcome& outcome, TimePoint now, bool& changed) {
  if (outcome.failure && !outcome.failure->limits.empty()) {
    learn_limits(record, outcome.failure->limits, now, now, changed);
  }
  changed = settle(record, outcome, now) || changed;
  if (!outcome.failure) return {};
  const FailureClass failure = blame(record, *outcome.failure, now, changed);
  const bool silent = outcome.failure->failure == FailureClass::cancelled;
  changed = release(record, silent ? Nanos(0) : bounded(record.credential->service->policy.cooldown), now) || changed;
  return {.failure = failure};
}

Verdict PoolState::report(std::uint32_t slot, std::uint64_t number, const Outcome& outcome, TimePoint now,
                          bool& changed) {
  LeaseRecord* record = record_of(slot, number);
  if (record == nullptr) return {};
  Credential& c = *record->credential;
  // Sent at some time unknown between the lending and now; now holds its place longest.
  const bool untold = outcome.sent && !record->sent;
  Verdict verdict;
  if (!outcome.failure && outcome.stated.empty() && leaves_no_trace(*record)) {
    for (std::size_t i = 0; i < record->levels; ++i) --record->path[i]->in_flight;
  } else {
    if (untold) send(*record, now);
    if (!record->learned && !outcome.stated.empty()) {
      // Headers come with the first of the answer, not with its end.
      const TimePoint heard =
          outcome.latency.count() > 0 ? std::min(now, later(record->sent_at, outcome.latency)) : now;
      changed = learn(slot, number, outcome.stated, heard) || changed;
    }
    verdict = weigh(*record, outcome, now, changed);
  }
  if (!outcome.failure) c.service->evidence.cases.clear();
  count(c, outcome, untold ? 1 : 0, now);
  --c.in_flight;
  if (c.in_flight == 0) c.former.clear();
  if (c.lane != nullptr) {
    if (c.lane->has(Order::busy)) c.lane->refresh(c, Order::busy);
    if (c.lane->has(Order::latency)) c.lane->refresh(c, Order::latency);
  }
  record->number = 0;
  record->credential = nullptr;
  free_.push_back(slot);
  if (c.removed && c.in_flight == 0) {
    std::erase_if(buried_, [&](const auto& each) { return each.get() == &c; });
  }
  return verdict;
}

void PoolState::take_back(Lease& lease, TimePoint now) {
  bool changed = false;
  --records_[lease.slot_].credential->cancelled;
  (void)report(lease.slot_, lease.number_, Outcome::cancelled(false), now, changed);
  lease.number_ = 0;
  lease = Lease();
}

void PoolState::clear(Credential& c, TimePoint now) {
  if (sharing) sharing->rests_changed();
  for (Level* level = c.key; level != nullptr; level = level->parent) {
    const bool rested = !level->rest.none() || !level->model_rests.empty();
    level->rest.clear();
    level->model_rests.clear();
    if (rested) note(c, *level, level->rest, {}, now);
    level->streak.clear();
    wake_members(*level);
  }
  c.service->evidence.cases.clear();
  wake_due(*c.service, now);
}

void PoolState::disable(Credential& c, std::string_view reason, TimePoint now) {
  if (sharing) sharing->rests_changed();
  c.key->rest.switch_off(reason);
  note(c, *c.key, c.key->rest, {}, now);
  rest_members(*c.key, now);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
