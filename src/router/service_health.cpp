#include "router/service_health.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using View = std::pair<std::string_view, std::string_view>;

template <class Map>
auto& at(Map& map, std::string_view key) {
  auto it = map.find(key);
  if (it == map.end()) it = map.emplace(std::string(key), typename Map::mapped_type{}).first;
  return it->second;
}

template <class Map>
auto& at(Map& map, std::string_view service, std::string_view model) {
  auto it = map.find(View(service, model));
  if (it == map.end()) {
    it = map.emplace(typename Map::key_type(service, model), typename Map::mapped_type{}).first;
  }
  return it->second;
}

}  // namespace

void ServiceHealth::configure(CircuitBreakerConfig config) {
  const std::lock_guard lock(mutex_);
  config_ = config;
}

ServiceHealth::Verdict ServiceHealth::judge(const Entry& entry, TimePoint now) const {
  if (entry.rest_until > now) return {.allowed = false, .at = entry.rest_until};
  if (!config_.enabled || !entry.open_until) return {};
  if (*entry.open_until > now) return {.allowed = false, .at = *entry.open_until};
  // Half open: a place may be had when one of the probes ends, which no clock tells.
  if (entry.probes >= config_.half_open_max_requests) return {.allowed = false, .at = now + config_.recovery_timeout};
  return {};
}

ServiceHealth::Verdict ServiceHealth::ask(std::string_view service, std::string_view model, TimePoint now) const {
  const std::lock_guard lock(mutex_);
  for (const std::string_view name : {model, std::string_view{}}) {
    if (const auto it = entries_.find(View(service, name)); it != entries_.end()) {
      if (const Verdict verdict = judge(it->second, now); !verdict.allowed) return verdict;
    }
  }
  return {};
}

bool ServiceHealth::begin(std::string_view service, std::string_view model, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (const auto it = entries_.find(View(service, model)); it != entries_.end()) {
    if (!judge(it->second, now).allowed) return false;
    if (config_.enabled && it->second.open_until) ++it->second.probes;
  }
  Load& load = at(loads_, service);
  ++load.in_flight;
  ++load.started;
  return true;
}

std::optional<bool> ServiceHealth::end(std::string_view service, std::string_view model, End how,
                                       std::optional<std::chrono::nanoseconds> latency, TimePoint now) {
  const std::lock_guard lock(mutex_);
  Load& load = at(loads_, service);
  load.in_flight = std::max(0, load.in_flight - 1);
  if (latency) {
    // Rises at once, falls slowly: a service that has become slow is noticed with the first answer.
    load.latency = *latency > load.latency ? *latency : load.latency - (load.latency - *latency) / 8;
  }
  const auto found = entries_.find(View(service, model));
  if (found == entries_.end() && how != End::failed) return std::nullopt;
  Entry& entry = found != entries_.end() ? found->second : at(entries_, service, model);
  const bool probing = entry.open_until.has_value();
  if (probing) entry.probes = std::max(0, entry.probes - 1);
  switch (how) {
    case End::neutral:
      break;
    case End::good:
      // Keep a rest that a parallel answer has set; everything else starts afresh.
      entry.failures = 0;
      entry.open_until.reset();
      entry.probes = 0;
      if (probing) return false;
      break;
    case End::failed:
      ++entry.failures;
      if (config_.enabled && (probing || entry.failures >= config_.failure_threshold)) {
        entry.open_until = now + config_.recovery_timeout;
        if (!probing) return true;
      }
      break;
  }
  return std::nullopt;
}

bool ServiceHealth::failing(std::string_view service, std::string_view model) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(View(service, model));
  return it != entries_.end() && (it->second.failures > 0 || it->second.open_until);
}

void ServiceHealth::rest(std::string_view service, std::string_view model, TimePoint until) {
  const std::lock_guard lock(mutex_);
  Entry& entry = at(entries_, service, model);
  entry.rest_until = std::max(entry.rest_until, until);
}

int ServiceHealth::in_flight(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  const auto it = loads_.find(service);
  return it == loads_.end() ? 0 : it->second.in_flight;
}

std::uint64_t ServiceHealth::started(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  const auto it = loads_.find(service);
  return it == loads_.end() ? 0 : it->second.started;
}

std::chrono::nanoseconds ServiceHealth::latency(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  const auto it = loads_.find(service);
  return it == loads_.end() ? std::chrono::nanoseconds{0} : it->second.latency;
}

std::vector<BreakerStatus> ServiceHealth::status(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  std::vector<BreakerStatus> all;
  for (const auto& [key, entry] : entries_) {
    const TimePoint until = std::max(entry.open_until.value_or(TimePoint{}), entry.rest_until);
    all.push_back({.service = key.first,
                   .model = key.second,
                   .open = entry.open_until.has_value() || entry.rest_until > now,
                   .failures = entry.failures,
                   .probe_in = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::max(until - now, std::chrono::nanoseconds{0}))});
  }
  return all;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
