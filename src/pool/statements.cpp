#include <algorithm>
#include <utility>

#include "pool/pool_state.hpp"

/// What the pool makes of what answers state of limits.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Models at one level whose limits are learned; what is stated of more is not kept.
constexpr std::size_t kMostScoped = 256;
/// So many keys that nobody knows the owner of are not yet a crowd.
constexpr std::size_t kFew = 8;

/// The level whose limits a provider states; the key, where the owner is not known. A key that names its project is
/// alone there as long as no other names it, too.
Level& owner_of(const LeaseRecord& record, LimitOwner owner) noexcept {
  Level* const key = record.path[0];
  Level* project = nullptr;
  Level* account = key;
  for (std::size_t i = 0; i < record.levels; ++i) {
    if (record.path[i]->kind == Level::Kind::project) project = record.path[i];
    if (record.path[i]->kind == Level::Kind::account) account = record.path[i];
  }
  switch (owner) {
    case LimitOwner::key:
      break;
    case LimitOwner::project:
      if (project != nullptr) return *project;
      if (!key->stated_organization.empty() && key->stated_project.empty()) return *account;
      break;
    case LimitOwner::account:
      return *account;
  }
  return *key;
}

}  // namespace

Scoped* PoolState::scoped_for(Level& level, std::string_view name) {
  if (Scoped* known = level.scoped_as(name)) return known;
  if (level.scoped.size() >= kMostScoped) return nullptr;
  auto made = std::make_unique<Scoped>();
  made->name = name;
  made->level = &level;
  Scoped* scoped = made.get();
  level.scoped.push_back(std::move(made));
  for (LeaseRecord& record : records_) {
    if (record.number == 0 || !model_of(record).is(scoped->name)) continue;
    const auto end = record.path.begin() + record.levels;
    if (std::find(record.path.begin(), end, &level) == end) continue;
    record.scoped.push_back(scoped);
    ++scoped->in_flight;
  }
  return scoped;
}

/// A gauge that is new counts what is under way below it.
void PoolState::adopt(Gauge& gauge, const Level& level, const Scoped* scoped) {
  std::vector<const LeaseRecord*> flying;
  for (const LeaseRecord& record : records_) {
    if (record.number == 0) continue;
    const auto end = record.path.begin() + record.levels;
    const bool below = scoped != nullptr
                           ? std::find(record.scoped.begin(), record.scoped.end(), scoped) != record.scoped.end()
                           : std::find(record.path.begin(), end, &level) != end;
    if (below) flying.push_back(&record);
  }
  std::sort(flying.begin(), flying.end(),
            [](const LeaseRecord* a, const LeaseRecord* b) { return a->sent_at < b->sent_at; });
  for (const LeaseRecord* record : flying) {
    Ledger::adopt(gauge, record->charge, record->sent, record->sent_at, *level.calendar);
  }
}

std::optional<PoolState::Owner> PoolState::owner_of_limits(const LeaseRecord& record) {
  const ProviderRules& rules = *record.credential->service->rules;
  Level& level = owner_of(record, rules.owner);
  if (!rules.by_model) return Owner{.level = level, .ledger = level.ledger, .in_flight = level.in_flight};
  // What has no model, as a listing, tells of none.
  if (record.model.empty()) return std::nullopt;
  Scoped* scoped = scoped_for(level, model_of(record).limited());
  if (scoped == nullptr) return std::nullopt;
  return Owner{.level = level, .scoped = scoped, .ledger = scoped->ledger, .in_flight = scoped->in_flight};
}

void PoolState::learn_limits(LeaseRecord& record, const std::vector<StatedLimit>& limits, TimePoint at, TimePoint now,
                             bool& changed) {
  if (limits.empty()) return;
  const std::optional<Owner> owner = owner_of_limits(record);
  if (!owner) return;
  std::int64_t rpm = 0;
  for (std::size_t i = 0; i < record.levels && rpm == 0; ++i) rpm = record.path[i]->ledger.configured_rpm();
  for (const Scoped* each : record.scoped) rpm = rpm == 0 ? each->ledger.configured_rpm() : rpm;
  const Ledger::Source source{.lease = record.number,
                              .sent = record.sent_at,
                              .at = at,
                              .rules = record.credential->service->rules,
                              .guard = bounded(record.credential->config->limits.guard),
                              .in_flight = owner->in_flight,
                              .configured_rpm = rpm};
  for (StatedLimit stated : limits) {
    bool fresh = false;
    Gauge* gauge = owner->ledger.learned_gauge(stated, source, fresh);
    if (gauge == nullptr) continue;
    if (fresh) adopt(*gauge, owner->level, owner->scoped);
    const std::int64_t before = gauge->limit;
    const bool room = owner->ledger.learn(*gauge, stated, source, now, *owner->level.calendar);
    if (gauge->limit != before) {
      note_limit(*record.credential, owner->level,
                 owner->scoped != nullptr ? std::string_view(owner->scoped->name) : std::string_view(), *gauge);
    }
    if (!room) continue;
    wake_members(owner->level);
    changed = true;
  }
}

void PoolState::watch_refusals(LeaseRecord& record, TimePoint now) {
  const std::optional<Owner> owner = owner_of_limits(record);
  if (!owner) return;
  const Ledger::Source source{.at = now, .guard = bounded(record.credential->config->limits.guard)};
  if (Gauge* gauge = owner->ledger.gauge_of_refusals(source)) adopt(*gauge, owner->level, owner->scoped);
}

/// A refusal is the word of a limit. Where none of those stated is used up, it overrules them; where none is known, it
/// is to be found.
void PoolState::meet_limit(LeaseRecord& record, bool rate, TimePoint now) {
  bool told = false;
  bool paced = false;
  bool crowd = false;
  const auto hear = [&](Ledger& ledger) {
    ledger.refused();
    told = told || ledger.used_up(record.charge);
    paced = paced || ledger.has_pace();
  };
  for (std::size_t i = 0; i < record.levels; ++i) {
    Level& level = *record.path[i];
    hear(level.ledger);
    crowd = crowd || (level.kind == Level::Kind::peers && level.members.size() > kFew);
  }
  for (Scoped* each : record.scoped) hear(each->ledger);
  if (!rate || told) return;
  if (!paced) watch_refusals(record, now);
  const auto find = [&](Ledger& ledger, const Level& level, std::string_view group) {
    for (const Gauge* gauge : ledger.refused_all_the_same(record.charge, crowd, now, *level.calendar)) {
      note_limit(*record.credential, level, group, *gauge);
    }
  };
  for (std::size_t i = 0; i < record.levels; ++i) find(record.path[i]->ledger, *record.path[i], {});
  for (Scoped* each : record.scoped) find(each->ledger, *each->level, each->name);
}

void PoolAccess::learn(CredentialPool& pool, const Lease& lease, const StatedQuota& stated, TimePoint now) {
  PoolState& state = PoolAccess::state(pool);
  bool changed = false;
  {
    const std::lock_guard lock(state.mutex);
    changed = state.learn(lease, stated, state.clock(now));
  }
  state.publish();
  if (changed && state.listener) state.listener();
}

bool PoolState::learn(std::uint32_t slot, std::uint64_t number, const StatedQuota& stated, TimePoint now) {
  LeaseRecord* record = record_of(slot, number);
  if (record == nullptr || !record->sent || record->learned) return false;
  record->learned = true;
  bool changed = false;
  if (!stated.organization.empty() || !stated.project.empty()) join(*record, stated.organization, stated.project);
  learn_limits(*record, stated.limits, now, clock_, changed);
  if (stated.over_limit) {
    // Served for once: so much a minute is more than is promised.
    const std::int64_t lately = record->credential->recent.requests(clock_);
    learn_limits(*record,
                 {{.measure = Measure::requests,
                   .window = std::chrono::minutes(1),
                   .limit = std::max<std::int64_t>(lately - 1, 1)}},
                 now, clock_, changed);
  }
  return changed;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
