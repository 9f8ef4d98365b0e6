#include "pool/service_health.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using View = std::pair<std::string_view, std::string_view>;

constexpr std::chrono::seconds kForget{10};
/// A rest that is stated longer is tried out once an hour.
constexpr std::chrono::hours kProbeEvery{1};
constexpr int kPlacesAfterProbe = 2;

template <class Map>
auto at(Map& map, std::string_view key) {
  const auto it = map.find(key);
  return it != map.end() ? it : map.emplace(std::string(key), typename Map::mapped_type{}).first;
}

template <class Map>
auto at(Map& map, std::string_view service, std::string_view model) {
  const auto it = map.find(View(service, model));
  if (it != map.end()) return it;
  return map.emplace(typename Map::key_type(service, model), typename Map::mapped_type{}).first;
}

Nanos doubled(Nanos first, int times, Nanos most) noexcept {
  for (int i = 0; i < times && first < most; ++i) first *= 2;
  return std::min(first, std::max(most, Nanos(0)));
}

std::string_view words_of_rest(ErrorKind why) noexcept {
  switch (why) {
    case ErrorKind::overloaded:
      return "rests, since it is full";
    case ErrorKind::not_found:
      return "does not serve the model";
    case ErrorKind::rate_limited:
    case ErrorKind::quota_exhausted:
      return "rests, since a limit is met that is no key's own";
    default:
      return "rests, since it does not serve us from here";
  }
}

}  // namespace

std::string ServiceHealth::Verdict::words(TimePoint now) const {
  if (by_event) return std::string(reason);
  return fmt::format("{}, for {} ms", reason, std::chrono::ceil<std::chrono::milliseconds>(at - now).count());
}

void ServiceHealth::configure(CircuitBreakerConfig config, Nanos patience) {
  const std::lock_guard lock(mutex_);
  config_ = config;
  patience_ = patience;
}

Nanos ServiceHealth::patience() const {
  const std::lock_guard lock(mutex_);
  return patience_;
}

/// When somebody in flight is likely to have made place.
Nanos ServiceHealth::next_place(std::string_view service) const {
  using std::chrono::milliseconds;
  const auto it = loads_.find(service);
  const double latency = it == loads_.end() ? 0 : it->second.latency;
  const Nanos half(static_cast<std::int64_t>(std::min(latency / 2, 1e10)));
  return std::clamp<Nanos>(half, milliseconds(20), milliseconds(1'000));
}

ServiceHealth::Verdict ServiceHealth::judge(const Entry& entry, std::string_view service, TimePoint now) const {
  if (entry.rest_until > now) {
    return {.allowed = false, .at = entry.rest_until, .reason = words_of_rest(entry.rest_why), .kind = entry.rest_why};
  }
  if (config_.enabled && entry.open_until) {
    if (*entry.open_until > now) {
      return {.allowed = false, .at = *entry.open_until, .reason = "rests after failures (circuit breaker)"};
    }
    if (entry.probes < config_.half_open_max_requests) return {};
    return {.allowed = false,
            .at = now + config_.recovery_timeout,
            .by_event = true,
            .reason = "is tried out after failures (circuit breaker)"};
  }
  if (!entry.ramp.full(entry.in_flight)) return {};
  return {.allowed = false,
          .at = now + next_place(service),
          .by_event = true,
          .reason = "takes up its traffic again little by little"};
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

ServiceHealth::Visit ServiceHealth::begin(std::string_view service, std::string_view model) {
  const std::lock_guard lock(mutex_);
  const auto whole = model.empty() ? entries_.end() : entries_.find(View(service, std::string_view{}));
  const auto it = at(entries_, service, model);
  Entry& entry = it->second;
  const bool trial = config_.enabled && entry.open_until;
  if (trial) ++entry.probes;
  ++entry.in_flight;
  if (whole != entries_.end()) ++whole->second.in_flight;
  ++at(loads_, service)->second.in_flight;
  return {*this, *it, trial};
}

std::optional<bool> ServiceHealth::end(Entries::value_type& which, End how, std::optional<Nanos> latency,
                                       TimePoint now) {
  std::optional<bool> breaker;
  bool makes_place = false;
  {
    const std::lock_guard lock(mutex_);
    auto& [key, entry] = which;
    const auto& [service, model] = key;
    Load& load = at(loads_, service)->second;
    load.in_flight = std::max(0, load.in_flight - 1);
    if (latency) {
      const double sample = static_cast<double>(latency->count());
      const double keep = std::exp(-std::chrono::duration<double>(now - load.latency_at) / kForget);
      load.latency = load.latency <= 0 || sample > load.latency ? sample : load.latency * keep + sample * (1 - keep);
      load.latency_at = now;
    }
    makes_place = entry.counts_places();
    const auto whole = model.empty() ? entries_.end() : entries_.find(View(service, std::string_view{}));
    if (whole != entries_.end()) {
      Entry& all = whole->second;
      makes_place = makes_place || all.counts_places();
      all.in_flight = std::max(0, all.in_flight - 1);
      if (how == End::good) {
        all.rests = 0;
        all.ramp.answered();
      }
    }
    entry.in_flight = std::max(0, entry.in_flight - 1);
    breaker = judge_by(entry, how, now);
    if (makes_place) {
      ++load.changes;
      changed_.store(true, std::memory_order_relaxed);
    }
  }
  if (makes_place && listener_) listener_();
  return breaker;
}

/// What the end of an attempt says of its service.
std::optional<bool> ServiceHealth::judge_by(Entry& entry, End how, TimePoint now) const {
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

std::uint64_t ServiceHealth::changes(std::string_view service) const {
  if (!changed_.load(std::memory_order_relaxed)) return 0;
  const std::lock_guard lock(mutex_);
  const auto it = loads_.find(service);
  return it == loads_.end() ? 0 : it->second.changes;
}

bool ServiceHealth::failing(std::string_view service, std::string_view model) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(View(service, model));
  return it != entries_.end() && (it->second.failures > 0 || it->second.open_until);
}

TimePoint ServiceHealth::rest(std::string_view service, std::string_view model, const RestLength& length,
                              TimePoint now) {
  const std::lock_guard lock(mutex_);
  Entry& entry = at(entries_, service, model)->second;
  entry.troubled = true;
  entry.rest_why = length.why;
  // Those that were in flight together say the same thing once.
  if (entry.rest_until <= now) ++entry.rests;
  Nanos how_long = doubled(length.first, std::max(entry.rests - 1, 0), length.most);
  if (length.stated && length.stated->count() > 0) {
    how_long = bounded(*length.stated);
    if (how_long > kProbeEvery) {
      how_long = kProbeEvery;
      entry.ramp.begin(1);
    }
  }
  return entry.rest_until = std::max(entry.rest_until, later(now, how_long));
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

std::vector<ServiceHealth::Status> ServiceHealth::status(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  std::vector<Status> all;
  for (const auto& [key, entry] : entries_) {
    if (!entry.troubled) continue;
    const TimePoint until = std::max(entry.open_until.value_or(TimePoint{}), entry.rest_until);
    all.push_back({.service = key.first,
                   .model = key.second,
                   .open = entry.open_until.has_value() || entry.rest_until > now,
                   .failures = entry.failures,
                   .probe_in = std::max(until - now, Nanos{0})});
  }
  return all;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
