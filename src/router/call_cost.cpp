#include <algorithm>

#include <fmt/format.h>

#include "pool/provider_rules.hpp"
#include "router/call.hpp"
#include "router/prices.hpp"

/// What a call may use and cost, and what its answers say of the limits that it counts against.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Some providers charge a ceiling of their own where the request states none.
std::int64_t CallState::ceiling_at(const ServiceConfig& config) const {
  if (estimate_.completion_stated) return estimate_.completion;
  return std::max(estimate_.completion, rules_of(config).absent_ceiling);
}

double CallState::most_cost(const Stop& stop) const {
  if (!options_.charged) return 0;
  const ServiceConfig& config = snapshot_->services[stop.candidate.service].config;
  const Price* price = price_of(config, stop.candidate.model);
  return price == nullptr ? 0 : cost_of(*price, estimate_.prompt, ceiling_at(config));
}

bool CallState::affordable(const Stop& stop) const {
  constexpr double kRounding = 1e-9;
  return !(options_.max_cost > 0) || spent_.value_or(0) + most_cost(stop) <= options_.max_cost + kRounding;
}

void CallState::fail_for_cost() {
  if (fall_back(FallbackCase::any)) return;
  double least = 0;
  for (const Stop& stop : stops_) {
    const double cost = most_cost(stop);
    if (!stop.out && (least <= 0 || cost < least)) least = cost;
  }
  std::string reason =
      fmt::format("the call may cost {:g}, and ChatRequest::max_cost is {:g}", least, options_.max_cost);
  if (spent_) reason += fmt::format(", of which earlier attempts cost {:g}", *spent_);
  reason += "; set a lower max_tokens, shorten the input, raise max_cost or take a cheaper model";
  fail_with_last(Unavailable{.kind = ErrorKind::invalid_request, .reason = std::move(reason)});
}

void CallState::charge(Outcome& outcome) {
  const Price* price = price_of(service().config, stops_[current_].candidate.model);
  if (price == nullptr || !options_.charged) return;
  outcome.cost = cost_of(*price, outcome.usage);
  if (!outcome.failure && outcome.usage.empty()) {
    outcome.cost = cost_of(*price, estimate_.prompt, builder_.estimated_completion_tokens());
  }
  spent_ = spent_.value_or(0) + outcome.cost;
}

void CallState::learn(const HttpHead& head) {
  const StatedQuota stated = service().transport->stated_quota(head, service_time());
  if (!stated.empty() && lease_) PoolAccess::learn(core_->pool(), lease_, stated, runtime_.now());
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
