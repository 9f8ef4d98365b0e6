#include "router/service_health.hpp"

#include <algorithm>
#include <cmath>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using View = std::pair<std::string_view, std::string_view>;

constexpr std::chrono::seconds kForget{10};
/// A rest that is stated longer is tried out once an hour.
constexpr std::chrono::hours kProbeEvery{1};
constexpr int kPlacesAfterProbe = 2;

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

std::chrono::nanoseconds doubled(std::chrono::nanoseconds first, int times, std::chrono::nanoseconds most) noexcept {
  for (int i = 0; i < times && first < most; ++i) first *= 2;
  return std::min(first, std::max(most, std::chrono::nanoseconds(0)));
}

}  // namespace

void ServiceHealth::configure(CircuitBreakerConfig config) {
  const std::lock_guard lock(mutex_);
  config_ = config;
}

/// When somebody in flight is likely to have made place.
std::chrono::nanoseconds ServiceHealth::next_place(std::string_view service) const {
  using std::chrono::milliseconds;
  const auto it = loads_.find(service);
  const double latency = it == loads_.end() ? 0 : it->second.latency;
  const std::chrono::nanoseconds half(static_cast<std::int64_t>(std::min(latency / 2, 1e10)));
  return std::clamp<std::chrono::nanoseconds>(half, milliseconds(20), milliseconds(1'000));
}

ServiceHealth::Verdict ServiceHealth::judge(const Entry& entry, std::string_view service, TimePoint now) const {
  if (entry.rest_until > now) return {.allowed = false, .at = entry.rest_until};
  if (config_.enabled && entry.open_until) {
    if (*entry.open_until > now) return {.allowed = false, .at = *entry.open_until};
    // Half open: a place may be had when one of the probes ends, which no clock tells.
    if (entry.probes >= config_.half_open_max_requests) return {.allowed = false, .at = now + config_.recovery_timeout};
    return {};
  }
  if (entry.ramp.full(entry.in_flight)) return {.allowed = false, .at = now + next_place(service)};
  return {};
}

ServiceHealth::Verdict ServiceHealth::ask(std::string_view service, std::string_view model, TimePoint now) const {
  const std::lock_guard lock(mutex_);
  for (const std::string_view name : {model, std::string_view{}}) {
    if (const auto it = entries_.find(View(service, name)); it != entries_.end()) {
      if (const Verdict verdict = judge(it->second, service, now); !verdict.allowed) return verdict;
    }
  }
  return {};
}

bool ServiceHealth::begin(std::string_view service, std::string_view model, TimePoint now) {
  const std::lock_guard lock(mutex_);
  const auto whole = model.empty() ? entries_.end() : entries_.find(View(service, std::string_view{}));
  if (whole != entries_.end() && !judge(whole->second, service, now).allowed) return false;
  Entry& entry = at(entries_, service, model);
  if (!judge(entry, service, now).allowed) return false;
  if (config_.enabled && entry.open_until) ++entry.probes;
  ++entry.in_flight;
  if (whole != entries_.end()) ++whole->second.in_flight;
  ++at(loads_, service).in_flight;
  return true;
}

std::optional<bool> ServiceHealth::end(std::string_view service, std::string_view model, End how,
                                       std::optional<std::chrono::nanoseconds> latency, TimePoint now) {
  const std::lock_guard lock(mutex_);
  Load& load = at(loads_, service);
  load.in_flight = std::max(0, load.in_flight - 1);
  if (latency) {
    const double sample = static_cast<double>(latency->count());
    const double keep = std::exp(-std::chrono::duration<double>(now - load.latency_at) / kForget);
    load.latency = load.latency <= 0 || sample > load.latency ? sample : load.latency * keep + sample * (1 - keep);
    load.latency_at = now;
  }
  if (const auto whole = entries_.find(View(service, std::string_view{})); whole != entries_.end() && !model.empty()) {
    Entry& all = whole->second;
    all.in_flight = std::max(0, all.in_flight - 1);
    if (how == End::good) {
      all.rests = 0;
      all.ramp.answered();
    }
  }
  Entry& entry = at(entries_, service, model);
  entry.in_flight = std::max(0, entry.in_flight - 1);
  const bool probing = entry.open_until.has_value();
  if (probing) entry.probes = std::max(0, entry.probes - 1);
  switch (how) {
    case End::neutral:
      break;
    case End::good:
      // Keep a rest that a parallel answer has set; everything else starts afresh.
      entry.failures = 0;
      entry.rests = 0;
      entry.open_until.reset();
      entry.probes = 0;
      entry.ramp.answered();
      if (probing) entry.ramp.begin(kPlacesAfterProbe);
      if (probing) return false;
      break;
    case End::failed:
      ++entry.failures;
      entry.troubled = true;
      entry.ramp.failed();
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

void ServiceHealth::rest(std::string_view service, std::string_view model, const RestLength& length, TimePoint now) {
  const std::lock_guard lock(mutex_);
  Entry& entry = at(entries_, service, model);
  entry.troubled = true;
  // Those that were in flight together say the same thing once.
  if (entry.rest_until <= now) ++entry.rests;
  std::chrono::nanoseconds how_long = doubled(length.first, std::max(entry.rests - 1, 0), length.most);
  if (length.stated && length.stated->count() > 0) {
    how_long = bounded(*length.stated);
    if (how_long > kProbeEvery) {
      how_long = kProbeEvery;
      entry.ramp.begin(1);
    }
  }
  entry.rest_until = std::max(entry.rest_until, later(now, how_long));
}

int ServiceHealth::in_flight(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  const auto it = loads_.find(service);
  return it == loads_.end() ? 0 : it->second.in_flight;
}

double ServiceHealth::expected_latency(std::string_view service, TimePoint now) const {
  const std::lock_guard lock(mutex_);
  const auto it = loads_.find(service);
  if (it == loads_.end() || it->second.latency <= 0) return -1;
  const Load& load = it->second;
  return load.latency * std::exp(-std::chrono::duration<double>(now - load.latency_at) / kForget) *
         (load.in_flight + 1);
}

std::vector<BreakerStatus> ServiceHealth::status(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  std::vector<BreakerStatus> all;
  for (const auto& [key, entry] : entries_) {
    if (!entry.troubled) continue;
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
