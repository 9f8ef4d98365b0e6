#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "pool/pool_state.hpp"
#include "pool/random.hpp"
#include "router/call.hpp"
#include "router/prices.hpp"

/// Which services a call may use, and in which order it tries them.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

std::uint64_t mix(std::string_view a, std::string_view b) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a, then a finaliser: near names must not stay near
  for (const std::string_view part : {a, b}) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    hash = (hash ^ 0xffU) * 0x100000001b3U;
  }
  hash ^= hash >> 33U;
  hash *= 0xff51afd7ed558ccdU;
  hash ^= hash >> 33U;
  return hash;
}

double headroom(RouterCore& core, const Demand& demand) {
  PoolState& pool = PoolAccess::state(core.pool());
  const std::lock_guard lock(pool.mutex);
  return pool.headroom(demand, pool.clock(core.now()));
}

}  // namespace

Result<std::vector<CallState::Stop>> CallState::plan(std::string_view model) {
  std::vector<Stop> stops;
  if (!options_.service.empty()) {
    for (std::size_t i = 0; i < snapshot_->services.size(); ++i) {
      if (snapshot_->services[i].config.id == options_.service)
        stops.push_back({.candidate = {.service = i, .model = std::string(model)}});
    }
    return stops;
  }
  Result<std::vector<Candidate>> found = snapshot_->routes.find(model, options_.kind);
  if (!found) return std::move(found).error();
  for (Candidate& candidate : *found) stops.push_back({.candidate = std::move(candidate)});
  order(stops);
  return stops;
}

/// Whom an attempt at `stop` was not made with, and why. `services`: those that the line looked at before.
std::vector<PassedOver> CallState::passed_over(std::size_t stop, const Leg& leg,
                                               std::vector<PassedOver> services) const {
  std::vector<PassedOver> all = leg.lease.passed_over();
  for (const Attempt& earlier : attempts_) {
    if (earlier.service != service(stop).config.id || earlier.credential == leg.lease.id()) continue;
    const bool listed = std::any_of(all.begin(), all.end(),
                                    [&](const PassedOver& each) { return each.credential == earlier.credential; });
    if (!listed) all.push_back({.credential = earlier.credential, .why = "tried already", .service = earlier.service});
  }
  const std::size_t credentials = all.size();
  all.insert(all.end(), std::move_iterator(services.begin()), std::move_iterator(services.end()));
  for (std::size_t i = 0; i < stops_.size(); ++i) {
    const std::string& id = service(i).config.id;
    const bool listed = std::any_of(all.begin() + static_cast<std::ptrdiff_t>(credentials), all.end(),
                                    [&](const PassedOver& each) { return each.service == id; });
    if (i == stop || listed) continue;
    const std::string_view why = stops_[i].out            ? "given up by this call after an attempt there"
                                 : stops_[i].failures > 0 ? "failed this call already"
                                 : !affordable(i)         ? "the call may cost more there than its max_cost"
                                                          : std::string_view();
    if (!why.empty()) all.push_back({.why = std::string(why), .service = id});
  }
  return all;
}

/// What the call would cost there; where no price is given, more than anywhere else.
double CallState::likely_price(const ServiceConfig& config, const std::string& model) const {
  const Price* price = price_of(config, model);
  return price == nullptr ? 1e18 : cost_of(*price, std::max<std::int64_t>(estimate_.prompt, 1), estimate_.completion);
}

// Every rule gives each stop a number, and the smallest goes first; priorities come before all of them.
void CallState::order(std::vector<Stop>& stops) {
  if (stops.size() < 2) return;
  const std::uint64_t turn = core_->turn();
  std::vector<double> rank(stops.size());
  for (std::size_t i = 0; i < stops.size(); ++i) {
    const ServiceConfig& config = snapshot_->services[stops[i].candidate.service].config;
    const double weight = std::max(config.weight, 1e-9);
    // An exponential variate divided by the weight: the smallest of these is drawn with a chance in proportion to it.
    const double drawn = -std::log(unit(runtime_.random())) / weight;
    switch (snapshot_->config.balance) {
      case Rotation::first:
        rank[i] = static_cast<double>(i);
        break;
      case Rotation::round_robin:
        rank[i] = static_cast<double>((i + stops.size() - turn % stops.size()) % stops.size());
        break;
      case Rotation::random:
        rank[i] = drawn;
        break;
      case Rotation::hash:
        rank[i] = options_.session.empty() ? drawn : -std::log(unit(mix(options_.session, config.id))) / weight;
        break;
      case Rotation::least_busy:
        rank[i] = (core_->health().in_flight(config.id) + 1) / weight + drawn * 1e-9;
        break;
      case Rotation::least_used:
        rank[i] = drawn * 1e-9 - headroom(*core_, {.service = config.id,
                                                   .model = stops[i].candidate.model,
                                                   .prompt_tokens = estimate_.prompt,
                                                   .completion_tokens = estimate_.completion,
                                                   .region = options_.region});
        break;
      case Rotation::lowest_latency: {
        const double latency = core_->health().expected_latency(config.id, runtime_.now());
        // Whoever is not known yet is tried first, by one call at a time.
        const int flying = core_->health().in_flight(config.id);
        rank[i] = latency >= 0 ? latency / weight : flying == 0 ? -1 : 1e18 + flying;
        break;
      }
      case Rotation::lowest_cost:
        // Of equals, either.
        rank[i] = (likely_price(config, stops[i].candidate.model) + 1e-12) * (1 + 1e-9 * std::min(drawn, 1e3));
        break;
    }
  }
  std::vector<std::size_t> index(stops.size());
  std::iota(index.begin(), index.end(), std::size_t{0});
  std::stable_sort(index.begin(), index.end(), [&](std::size_t a, std::size_t b) {
    const int first = snapshot_->services[stops[a].candidate.service].config.priority;
    const int second = snapshot_->services[stops[b].candidate.service].config.priority;
    return first != second ? first < second : rank[a] < rank[b];
  });
  std::vector<Stop> ordered;
  ordered.reserve(stops.size());
  for (const std::size_t i : index) ordered.push_back(std::move(stops[i]));
  stops = std::move(ordered);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
