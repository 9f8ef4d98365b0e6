#include <algorithm>
#include <utility>

#include "pool/pool_state.hpp"
#include "router/core.hpp"

/// Whether there is room for a call, and when: asked of the ledger and of the services' health, taking nothing.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

std::chrono::milliseconds from_now(TimePoint when, TimePoint now) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::max(when - now, std::chrono::nanoseconds{0}));
}

}  // namespace

Result<Capacity> RouterCore::capacity(std::string_view model, std::int64_t tokens) {
  const std::shared_ptr<const Snapshot> current = snapshot();
  Result<std::vector<Candidate>> found = current->routes.find(model, Routes::Kind::chat);
  if (!found) return std::move(found).error();
  const auto priority = [&](const Candidate& c) { return current->services[c.service].config.priority; };
  std::stable_sort(found->begin(), found->end(),
                   [&](const Candidate& a, const Candidate& b) { return priority(a) < priority(b); });

  const TimePoint at = now();
  std::optional<Capacity> best;
  PoolState& pool = PoolAccess::state(*pool_);
  for (const Candidate& candidate : *found) {
    const std::string& id = current->services[candidate.service].config.id;
    const ServiceHealth::Verdict health = health_.ask(id, candidate.model, at);
    const Demand demand{.service = id, .model = candidate.model, .prompt_tokens = std::max<std::int64_t>(tokens, 0)};
    Capacity one{.service = id};
    {
      const std::lock_guard lock(pool.mutex);
      const TimePoint then = pool.clock(at);
      Refusal refusal;
      if (const Credential* c = pool.next_to_lend(demand, then, refusal)) {
        one.in = std::chrono::milliseconds(0);
        one.credential = c->config->id;
      } else {
        if (refusal.at != kNever) one.in = from_now(refusal.at, then);
        if (refusal.first != nullptr && one.in) one.credential = refusal.first->config->id;
        one.reason = pool.explain(demand, refusal.block.why, then).reason;
      }
    }
    if (!health.allowed) {
      one.reason = "the service " + std::string(health.reason);
      if (one.in) one.in = std::max(*one.in, from_now(health.at, at));
    }
    if (!best || (one.in && (!best->in || *one.in < *best->in))) best = std::move(one);
    if (best->in == std::chrono::milliseconds(0)) break;
  }
  return best.value_or(Capacity{.reason = "no service serves the model"});
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
