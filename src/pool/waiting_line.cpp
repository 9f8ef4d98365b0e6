#include "pool/waiting_line.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Sizes within a half of an octave stand in one queue.
unsigned size_class(const Demand& demand) noexcept {
  const auto tokens = static_cast<std::uint64_t>(std::max<std::int64_t>(demand.prompt_tokens, 0)) +
                      static_cast<std::uint64_t>(std::max<std::int64_t>(demand.completion_tokens, 0));
  if (tokens < 2) return static_cast<unsigned>(tokens);
  const auto octave = static_cast<unsigned>(std::bit_width(tokens));
  return 2 * octave + static_cast<unsigned>((tokens >> (octave - 2)) & 1U);
}

/// Two calls with the same signature can use the same credentials.
std::string signature_of(PoolState& pool, const std::vector<Demand>& demands) {
  std::string signature;
  for (const Demand& demand : demands) {
    signature += demand.service;
    signature += '\n';
    signature += demand.model;
    signature += '\n';
    signature += std::to_string(size_class(demand));
    // Who waits for a credential of its own stands in nobody else's way.
    if (const Credential* own = pool.own_to_wait_for(demand)) {
      signature += '\n';
      signature += own->config->id;
    }
    if (demand.exclude != nullptr) {
      std::vector<std::string_view> excluded(demand.exclude->begin(), demand.exclude->end());
      std::sort(excluded.begin(), excluded.end());
      for (const std::string_view id : excluded) {
        signature += '\n';
        signature += id;
      }
    }
    signature += "\n\n";
  }
  return signature;
}

}  // namespace

WaitingLine::WaitingLine(std::shared_ptr<CredentialPool> pool, ServiceHealth& health)
    : pool_(std::move(pool)), state_(&PoolAccess::state(*pool_)), health_(&health) {}

WaitingLine::~WaitingLine() {
  const std::lock_guard lock(state_->mutex);
  for (auto& [ticket, waiting] : waiting_) let_go(*waiting);
}

WaitingLine::Attempted WaitingLine::try_to_lend(const std::vector<Demand>& demands, std::uint64_t ticket,
                                                const Rank& rank, std::optional<TimePoint> since, TimePoint now) {
  // What is kept for calls behind this one is not kept from it.
  std::vector<std::pair<Level*, std::uint64_t>> set_aside;
  for (const Waiting* keeper : keepers_) {
    if (keeper->ticket == ticket || keeper->kept_build != state_->builds() || keeper->place->rank < rank) continue;
    set_aside.emplace_back(keeper->kept, std::exchange(keeper->kept->kept_for, 0));
  }
  Attempted result;
  for (std::size_t i = 0; i < demands.size(); ++i) {
    const ServiceHealth::Verdict health = health_->ask(demands[i].service, demands[i].model, now);
    if (!health.allowed) {
      result.by_event = result.by_event || health.by_event;
      result.too_big = false;
      // What is not there is not waited for.
      if (health.kind != ErrorKind::not_found) result.timeout = std::max(result.timeout, health_->patience());
      if (health.at < result.at) {
        result.at = health.at;
        result.tight = nullptr;
        result.why = Block::Why::none;
      }
      result.refusals.push_back({.service = demands[i].service, .health = health});
      continue;
    }
    Refusal refusal;
    if (state_->lend(demands[i], now, ticket, result.grant.lease, refusal, since)) {
      PoolState::bind(result.grant.lease, pool_);
      result.grant.demand = i;
      result.granted = true;
      break;
    }
    result.by_event = result.by_event || refusal.by_event;
    result.too_big = result.too_big && refusal.first != nullptr && refusal.too_big;
    if (refusal.at < result.at) {
      result.at = refusal.at;
      result.tight = refusal.tight;
      result.why = refusal.block.why;
    }
    result.timeout = std::max(result.timeout, refusal.timeout);
    if (refusal.for_own) break;
    if (i + 1 < demands.size()) result.refusals.push_back({.service = demands[i].service, .block = refusal.block});
  }
  for (const auto& [level, keeper] : set_aside) {
    if (level->kept_for == 0) level->kept_for = keeper;
  }
  return result;
}

Unavailable WaitingLine::explain(const std::vector<Demand>& demands, const Attempted& attempted, TimePoint now) {
  Unavailable answer;
  bool first = true;
  for (const Demand& demand : demands) {
    const ServiceHealth::Verdict health = health_->ask(demand.service, demand.model, now);
    Unavailable one =
        health.allowed
            ? state_->explain(demand, attempted.why, now)
            : Unavailable{.kind = health.kind, .reason = fmt::format("service {} {}", demand.service, health.reason)};
    if (first || one.kind == ErrorKind::rate_limited) answer.kind = one.kind;
    answer.too_big = one.too_big && (first || answer.too_big);
    if (!first) answer.reason += " | ";
    answer.reason += one.reason;
    first = false;
  }
  if (attempted.at != kNever) answer.at = attempted.at;
  return answer;
}

Grant WaitingLine::conclude(const std::vector<Demand>& demands, Attempted& attempted, TimePoint now) {
  const Demand& demand = demands[attempted.grant.demand];
  attempted.grant.visit = health_->begin(demand.service, demand.model);
  for (const ServiceRefusal& each : attempted.refusals) {
    PassedOver passed{.service = std::string(each.service)};
    passed.why = each.health.allowed ? PoolState::words(each.block, now) : each.health.words(now);
    attempted.grant.passed_over.push_back(std::move(passed));
  }
  return std::move(attempted.grant);
}

std::uint64_t WaitingLine::changes_of(const Queue& queue) const {
  std::uint64_t sum = state_->builds() << 32U;
  for (const std::string& id : queue.services) {
    if (const Service* service = state_->find_service(id)) sum += service->changes;
    sum += health_->changes(id);
  }
  return sum;
}

bool WaitingLine::due(const Queue& queue, TimePoint now) const {
  return queue.retry <= now || changes_of(queue) != queue.seen;
}

/// Somebody of better rank could take a place of this waiter's services now, or stands before it in its own queue.
bool WaitingLine::someone_is_first(const Waiter& waiter, const Queue* own, const Rank& rank, TimePoint now) const {
  if (own != nullptr && first_rank(*own) < rank) return true;
  for (const Demand& demand : waiter.demands) {
    const auto found = by_service_.find(demand.service);
    if (found == by_service_.end()) continue;
    for (const Queue* queue : found->second) {
      if (queue != own && first_rank(*queue) < rank && due(*queue, now)) return true;
    }
  }
  return false;
}

/// Whether somebody of better rank, who is not due, has room all the same. A prediction may be late: less was used than
/// was to be feared.
bool WaitingLine::someone_could_go(const Waiter& waiter, const Queue* own, const Rank& rank, Lease& lease,
                                   TimePoint now) {
  std::set<std::pair<Rank, Queue*>> before;
  for (const Demand& demand : waiter.demands) {
    const auto found = by_service_.find(demand.service);
    if (found == by_service_.end()) continue;
    for (Queue* queue : found->second) {
      if (queue != own && first_rank(*queue) < rank) before.emplace(first_rank(*queue), queue);
    }
  }
  if (before.empty()) return false;
  state_->take_back(lease, now);
  const bool could = std::any_of(before.begin(), before.end(), [&](const auto& each) {
    const Waiting& first = **each.second->order.begin()->second->calls.begin();
    Attempted attempted = try_to_lend(first.demands, first.ticket, each.first, first.entered, now);
    if (attempted.granted) state_->take_back(attempted.grant.lease, now);
    return attempted.granted;
  });
  // What was taken back is no news to those who have looked since.
  if (!could) {
    for (const auto& [its, queue] : before) queue->seen = changes_of(*queue);
  }
  return could;
}

LineAnswer WaitingLine::enter(const Waiter& waiter, TimePoint now) {
  const std::lock_guard lock(state_->mutex);
  now = state_->clock(now);
  const bool contested = std::any_of(waiter.demands.begin(), waiter.demands.end(), [this](const Demand& demand) {
    return by_service_.find(demand.service) != by_service_.end();
  });
  const std::uint64_t ticket = next_ticket_++;
  Attempted attempted;
  std::string signature;
  Queue* own = nullptr;
  Rank rank{.share = had_, .deadline = waiter.deadline.value_or(kNever), .ticket = ticket};
  bool tried = true;
  if (contested) {
    signature = signature_of(*state_, waiter.demands);
    if (const auto found = queues_.find(signature); found != queues_.end()) own = found->second.get();
    const Tenant& tenant = tenant_of(waiter.tenant);
    rank.share = tenant.places.empty() ? std::max(tenant.had, had_) : tenant.had;
    tried = !someone_is_first(waiter, own, rank, now);
  }
  if (tried) {
    // Who does not wait takes whom it can get.
    const bool waits = !waiter.max_wait || waiter.max_wait->count() > 0;
    const auto since = waits ? std::optional(now) : std::nullopt;
    attempted = try_to_lend(waiter.demands, ticket, rank, since, now);
    if (attempted.granted && contested) {
      tried = !someone_could_go(waiter, own, rank, attempted.grant.lease, now);
      if (tried && !attempted.grant.lease) attempted = try_to_lend(waiter.demands, ticket, rank, since, now);
    }
    if (tried && attempted.granted) {
      if (contested) served(tenant_of(waiter.tenant));
      return conclude(waiter.demands, attempted, now);
    }
  }
  // As its queue's first was told, or, the first of its own queue, as soon as those before it have had their turn.
  const bool leads = own == nullptr || rank < first_rank(*own);
  if (!tried) {
    attempted = {};
    attempted.at = leads ? now : std::max(own->retry, now);
    attempted.by_event = leads || own->by_event;
    attempted.too_big = false;
    attempted.timeout = own != nullptr ? own->timeout : state_->timeout_of(waiter.demands);
  }

  TimePoint limit = waiter.deadline.value_or(kNever);
  limit = std::min(limit, later(now, waiter.max_wait ? bounded(*waiter.max_wait) : attempted.timeout));
  const bool in_time = (attempted.by_event || (attempted.at != kNever && attempted.at <= limit)) && limit > now;
  if (!in_time || attempted.too_big) return explain(waiter.demands, attempted, now);

  Waiting& waiting = admit(waiter, ticket, limit, now);
  if (signature.empty()) signature = signature_of(*state_, waiter.demands);
  Queue& queue = queue_of(std::move(signature), waiter.demands);
  forget_idle_tenants();
  put(waiting, queue, tenant_of(waiter.tenant));
  if (tried) {
    let_go(queue);
    keep(waiting, attempted.tight, attempted.at);
    queue.retry = attempted.at;
    queue.by_event = attempted.by_event;
    queue.timeout = attempted.timeout;
    queue.seen = changes_of(queue);
  } else if (leads) {
    queue.retry = now;
    queue.by_event = true;
    queue.timeout = attempted.timeout;
  }
  file(queue);
  return Queued{ticket};
}

void WaitingLine::leave(std::uint64_t ticket) {
  const auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return;
  const std::lock_guard lock(state_->mutex);
  Waiting& waiting = *found->second;
  Queue& queue = *waiting.place->queue;
  // The next one may be smaller; and what was kept for it, others may use.
  const bool frees = waiting.kept != nullptr;
  const bool last = queue.by_limit.size() == 1;
  remove(waiting);
  if (frees) freed_at_ = state_->clock();
  if (last) return;
  if (frees) queue.retry = state_->clock();
  file(queue);
}

void WaitingLine::refuse(Waiting& waiting, const Attempted& attempted, TimePoint now, std::vector<LineGrant>& grants) {
  grants.push_back({.ticket = waiting.ticket, .answer = explain(waiting.demands, attempted, now)});
  remove(waiting);
}

/// Grants from one queue while there is room; then sets when to try again.
void WaitingLine::serve(Queue& queue, TimePoint now, std::vector<LineGrant>& grants) {
  Place& place = *queue.order.begin()->second;
  Waiting& first = **place.calls.begin();
  const std::uint64_t ticket = first.ticket;
  // Whoever kept something may not be the first any more.
  let_go(queue);
  Attempted attempted = try_to_lend(first.demands, ticket, place.rank, first.entered, now);
  if (attempted.granted) {
    Tenant& tenant = *place.tenant;
    grants.push_back({.ticket = ticket, .answer = conclude(first.demands, attempted, now)});
    remove(first);
    served(tenant);
    return;
  }
  const bool possible = attempted.by_event || attempted.at <= first.limit;
  if (!possible || attempted.too_big) return refuse(first, attempted, now, grants);
  // Nobody behind it has room before it has.
  while (!attempted.by_event && (*queue.by_limit.begin())->limit < attempted.at) {
    refuse(**queue.by_limit.begin(), attempted, now, grants);
  }
  keep(first, attempted.tight, attempted.at);
  queue.retry = attempted.at;
  queue.by_event = attempted.by_event;
  queue.timeout = attempted.timeout;
  queue.seen = changes_of(queue);
}

std::vector<LineGrant> WaitingLine::poll(TimePoint now) {
  const std::lock_guard lock(state_->mutex);
  now = state_->clock(now);
  std::vector<LineGrant> grants;
  freed_at_.reset();
  if (waiting_.empty()) return grants;

  // In the order of rank, so that what is scarce goes to the first who can use it. Who is not due, but stands before
  // one who is, is asked as well: room may have come before the time that was predicted.
  std::set<std::pair<Rank, Queue*>> todo;
  std::set<const Queue*> asked;
  const auto add_those_before = [&](const Queue& served, const Rank& rank) {
    bool added = false;
    for (const std::string& service : served.services) {
      for (Queue* queue : by_service_.find(service)->second) {
        if (queue == &served || !(first_rank(*queue) < rank) || !asked.insert(queue).second) continue;
        todo.emplace(first_rank(*queue), queue);
        added = true;
      }
    }
    return added;
  };
  const auto consider = [&](Queue& queue) {
    if (due(queue, now) && asked.insert(&queue).second) todo.emplace(first_rank(queue), &queue);
  };
  for (auto it = agenda_.begin(); it != agenda_.end() && it->first <= now; ++it) consider(*it->second);
  for (auto& [service, queues] : by_service_) {
    for (Queue* queue : queues) consider(*queue);
  }
  while (!todo.empty()) {
    const auto [rank, queue] = *todo.begin();
    todo.erase(todo.begin());
    if (const Rank current = first_rank(*queue); current != rank) {
      todo.emplace(current, queue);
      continue;
    }
    if (add_those_before(*queue, rank)) {
      todo.emplace(rank, queue);
      continue;
    }
    const std::string signature = queue->signature;
    const std::size_t before = grants.size();
    serve(*queue, now, grants);
    if (queues_.find(signature) == queues_.end()) continue;
    if (grants.size() != before) {
      todo.emplace(first_rank(*queue), queue);
    } else {
      file(*queue);
    }
  }
  // Who cannot be served in time any more, as the ledger stands.
  while (!agenda_.empty() && agenda_.begin()->first <= now) {
    Queue& queue = *agenda_.begin()->second;
    Waiting& over = **queue.by_limit.begin();
    if (over.limit > now) {
      file(queue);
      if (queue.filed <= now) break;
      continue;
    }
    const bool last = queue.by_limit.size() == 1;
    refuse(over, {.at = queue.retry}, now, grants);
    if (!last) file(queue);
  }
  return grants;
}

std::optional<TimePoint> WaitingLine::next_time() const {
  if (freed_at_ && !waiting_.empty()) return freed_at_;
  if (agenda_.empty() || agenda_.begin()->first == kNever) return std::nullopt;
  return agenda_.begin()->first;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
