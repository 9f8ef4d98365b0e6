#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "pool/provider_rules.hpp"
#include "router/call.hpp"
#include "router/prices.hpp"

/// What a call may use and cost, and what its answers say of the limits that it counts against.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// False: the application's tokenizer threw, and the call has failed of it.
bool CallState::estimate() {
  try {
    estimate_ = operation_->estimate({snapshot_->config.count_tokens, options_.model});
    return true;
  } catch (const std::exception& thrown) {
    fail({.kind = ErrorKind::config, .message = fmt::format("RouterConfig::count_tokens threw: {}", thrown.what())});
    return false;
  }
}

/// Some providers charge a ceiling of their own where the request states none.
std::int64_t CallState::ceiling_at(const ServiceConfig& config) const {
  if (estimate_.completion_stated) return estimate_.completion;
  return std::max(estimate_.completion, rules_of(config).absent_ceiling);
}

double CallState::most_cost(std::size_t stop) const {
  if (!options_.charged) return 0;
  const ServiceConfig& config = service(stop).config;
  const Price* price = price_of(config, model(stop));
  return price == nullptr ? 0 : cost_of(*price, estimate_.prompt, ceiling_at(config));
}

bool CallState::affordable(std::size_t stop, double beside) const {
  constexpr double kRounding = 1e-9;
  return !(options_.max_cost > 0) || spent_.value_or(0) + beside + most_cost(stop) <= options_.max_cost + kRounding;
}

void CallState::fail_for_cost() {
  if (fall_back(FallbackCase::any)) return;
  double least = 0;
  for (std::size_t i = 0; i < stops_.size(); ++i) {
    const double cost = most_cost(i);
    if (!stops_[i].out && (least <= 0 || cost < least)) least = cost;
  }
  std::string reason =
      fmt::format("the call may cost {:g}, and ChatRequest::max_cost is {:g}", least, options_.max_cost);
  if (spent_) reason += fmt::format(", of which earlier attempts cost {:g}", *spent_);
  reason += "; set a lower max_tokens, shorten the input, raise max_cost or take a cheaper model";
  fail_with_last(Unavailable{.kind = ErrorKind::invalid_request, .reason = std::move(reason)});
}

void CallState::charge(const Leg& leg, Outcome& outcome) {
  const Price* price = price_of(service(leg.stop).config, model(leg.stop));
  if (price == nullptr || !options_.charged) return;
  outcome.cost = cost_of(*price, outcome.usage);
  if (!outcome.failure && outcome.usage.empty()) {
    outcome.cost = cost_of(*price, estimate_.prompt, leg.builder.estimated_completion_tokens());
  }
  // What was cut off may have been written, and be charged, to its end.
  const bool timed_out = outcome.failure && outcome.failure->failure == FailureClass::timeout && outcome.sent;
  if (timed_out || (outcome.failure && outcome.usage.estimated)) {
    outcome.cost = std::max(outcome.cost, most_cost(leg.stop));
  }
  spent_ = spent_.value_or(0) + outcome.cost;
}

void CallState::learn(const Leg& leg, const HttpHead& head) {
  const StatedQuota stated = service(leg.stop).transport->stated_quota(head, service_time(leg.stop));
  if (!stated.empty() && leg.lease) PoolAccess::learn(core_->pool(), leg.lease, stated, runtime_.now());
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
