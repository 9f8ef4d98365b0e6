#include <algorithm>
#include <cmath>
#include <optional>

#include "pool/pool_state.hpp"

/// What an attempt used: counted, and settled with what was reserved for it.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr double kForgetNs = 10e9;

/// Turned down before anything was generated.
bool turned_down(FailureClass failure) noexcept {
  switch (failure) {
    case FailureClass::rate:
    case FailureClass::quota:
    case FailureClass::auth:
    case FailureClass::token:
    case FailureClass::clock:
    case FailureClass::permission:
    case FailureClass::model:
    case FailureClass::place:
    case FailureClass::request:
    case FailureClass::context:
    case FailureClass::too_big:
    case FailureClass::unsupported:
    case FailureClass::config:
      return true;
    default:
      return false;
  }
}

/// What an attempt used, as far as is known; what was reserved stands for the rest.
Charge used(const Charge& reserved, const Outcome& outcome, const ChargingRule& rule) noexcept {
  const Usage& usage = outcome.usage;
  std::int64_t prompt = reserved.prompt;
  std::int64_t completion = reserved.completion;
  const bool refused = outcome.failure && usage.empty() && turned_down(outcome.failure->failure);
  if (refused) completion = 0;
  if (usage.prompt_tokens) prompt = tokens_of(*usage.prompt_tokens);
  if (usage.completion_tokens) {
    completion = tokens_of(*usage.completion_tokens);
  } else if (usage.total_tokens && usage.prompt_tokens) {
    completion = tokens_of(tokens_of(*usage.total_tokens) - prompt);
  }
  const std::int64_t cached = tokens_of(usage.cached_tokens.value_or(0));
  const std::int64_t cost = outcome.cost > 0 ? micros_of(outcome.cost)
                            : refused        ? 0
                                             : amount_of(Counted::cost, reserved);
  // Charged ahead, the ceiling was taken when the request came, and stays so whatever is written.
  const std::int64_t ceiling = rule.ahead && !refused ? amount_of(Counted::output, reserved) : 0;
  return charge_of(prompt, completion, std::max(completion, ceiling), cached, cost, rule);
}

}  // namespace

void PoolState::count_use(Credential& c, std::int64_t requests, std::int64_t tokens, TimePoint now) {
  const Calendar::Day& day = c.key->calendar->day(now);
  c.requests += static_cast<std::uint64_t>(requests);
  c.recent.add(now, requests, tokens);
  c.today.add(day.number, requests, tokens);
  c.this_month.add(day.month, requests, tokens);
}

void PoolState::count(Credential& c, const Outcome& outcome, std::int64_t requests, TimePoint now) {
  if (!outcome.failure) {
    ++c.successes;
  } else if (outcome.failure->failure == FailureClass::cancelled) {
    ++c.cancelled;
  } else {
    ++c.failures[static_cast<std::size_t>(outcome.failure->error_kind()) % c.failures.size()];
  }
  const Usage& usage = outcome.usage;
  const std::int64_t prompt = tokens_of(usage.prompt_tokens.value_or(0));
  const std::int64_t completion = tokens_of(usage.completion_tokens.value_or(0));
  c.prompt_tokens += prompt;
  c.completion_tokens += completion;
  c.cached_tokens += tokens_of(usage.cached_tokens.value_or(0));
  c.reasoning_tokens += tokens_of(usage.reasoning_tokens.value_or(0));
  if (usage.estimated) c.estimated_tokens += prompt + completion;
  c.cost += micros_of(outcome.cost);
  if (requests + prompt + completion != 0) count_use(c, requests, prompt + completion, now);

  if (!outcome.failure && outcome.latency.count() > 0) {
    const double sample = static_cast<double>(outcome.latency.count());
    const double age = static_cast<double>((now - c.latency_at).count());
    // For answers in quick succession, the line that the curve begins with.
    const double passed = age / kForgetNs;
    const double keep = passed < 1e-3 ? 1 - passed : std::exp(-passed);
    c.latency = c.latency <= 0 || sample > c.latency ? sample : c.latency * keep + sample * (1 - keep);
    c.latency_at = now;
  }
}

void PoolState::sent(std::uint32_t slot, std::uint64_t number, TimePoint now) {
  LeaseRecord* record = record_of(slot, number);
  if (record == nullptr || record->sent) return;
  send(*record, now);
  count_use(*record->credential, 1, 0, now);
}

bool PoolState::send(const Lease& lease, TimePoint now) {
  LeaseRecord* record = record_of(lease.slot_, lease.number_);
  if (record == nullptr || record->sent) return true;
  if (sharing) {
    const auto holds = [&](Ledger& ledger, int in_flight, Calendar& calendar) {
      return ledger.empty() || ledger.holds(record->number, record->charge, in_flight, now, calendar);
    };
    for (std::size_t i = 0; i < record->levels; ++i) {
      Level& level = *record->path[i];
      if (!holds(level.ledger, level.in_flight, *level.calendar)) return false;
    }
    for (Scoped* each : record->scoped) {
      if (!holds(each->ledger, each->in_flight, *each->level->calendar)) return false;
    }
  }
  sent(lease.slot_, lease.number_, now);
  return true;
}

void PoolAccess::count_request(CredentialPool& pool, const Lease& lease, TimePoint now) {
  PoolState& state = *pool.state_;
  const std::lock_guard lock(state.mutex);
  state.count_request(lease, state.clock(now));
}

void PoolState::count_request(const Lease& lease, TimePoint now) {
  if (const LeaseRecord* record = record_of(lease.slot_, lease.number_)) count_use(*record->credential, 1, 0, now);
}

bool PoolAccess::send(CredentialPool& pool, const Lease& lease, TimePoint now) {
  PoolState& state = *pool.state_;
  const std::lock_guard lock(state.mutex);
  return state.send(lease, state.clock(now));
}

void PoolState::send(LeaseRecord& record, TimePoint now) {
  record.sent = true;
  record.sent_at = now;
  for (std::size_t i = 0; i < record.levels; ++i) {
    Level& level = *record.path[i];
    if (!level.ledger.empty()) level.ledger.send(record.number, record.charge, now, *level.calendar);
  }
  for (Scoped* each : record.scoped) each->ledger.send(record.number, record.charge, now, *each->level->calendar);
}

/// An attempt went well, which may end what rests here, or raise a limit. True where it did.
bool PoolState::applaud(Level& level, const LeaseRecord& record) {
  if (!level.streak.empty()) level.streak.served(model_of(record).limited());
  const bool raised = level.ledger.served(record.number, clock_);
  bool ended = !level.rest.none() && level.rest.succeed(record.number);
  if (!level.model_rests.empty()) {
    const AskedModel model = model_of(record);
    const auto gone = std::erase_if(
        level.model_rests, [&](ModelRest& each) { return model.is(each) && each.rest.succeed(record.number); });
    ended = ended || gone != 0;
  }
  if (!ended && !raised) return false;
  wake_members(level);
  if (!ended) return true;
  note(*record.credential, level, Rest(), {}, clock_);
  if (sharing) sharing->rests_changed();
  return true;
}

/// Takes the attempt out of the care of its levels. True where that made room.
bool PoolState::settle(LeaseRecord& record, const Outcome& outcome, TimePoint now) {
  std::optional<Charge> actual;
  const auto leave = [&](Ledger& ledger, Calendar& calendar) {
    if (record.sent) {
      if (!actual) actual = used(record.charge, outcome, record.credential->service->charging);
      return ledger.settle(record.number, record.charge, *actual, record.sent_at, now, calendar) ||
             ledger.has_concurrency();
    }
    ledger.give_back(record.number, record.charge);
    return true;
  };
  const bool refused = outcome.failure && outcome.failure->failure == FailureClass::rate;
  bool changed = false;
  for (std::size_t i = 0; i < record.levels; ++i) {
    Level& level = *record.path[i];
    --level.in_flight;
    if (level.idle() && level.streak.empty()) continue;
    if (!outcome.failure) changed = applaud(level, record) || changed;
    const bool grows = level.growth.ramp.places() != 0;
    if (level.growth.limited) level.growth.end(!outcome.failure, refused, now);
    const bool room = !level.ledger.empty() && leave(level.ledger, *level.calendar);
    if (!room && !grows) continue;
    wake_members(level);
    changed = true;
  }
  for (Scoped* each : record.scoped) {
    --each->in_flight;
    const bool raised = !outcome.failure && each->ledger.served(record.number, clock_);
    if (!leave(each->ledger, *each->level->calendar) && !raised) continue;
    wake_members(*each->level);
    changed = true;
  }
  return changed;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
