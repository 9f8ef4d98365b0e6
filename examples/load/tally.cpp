#include "tally.hpp"

#include <algorithm>
#include <cmath>

namespace {

double milliseconds_between(Tally::Clock::time_point from, Tally::Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

std::optional<Percentiles> percentiles(std::vector<double> times) {
  if (times.empty()) return std::nullopt;
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(times.size())));
    return times[std::max<std::size_t>(rank, 1) - 1];
  };
  return Percentiles{.p50 = at(0.50), .p90 = at(0.90), .p99 = at(0.99), .max = times.back()};
}

Tally::Tally(std::uint64_t requests) {
  constexpr std::uint64_t kMost = 10'000'000;
  counts_.latency_ms.reserve(std::min(requests, kMost));
}

void Tally::add(const keywheel::Result<keywheel::ChatResponse>& reply, Clock::time_point began,
                std::optional<Clock::time_point> first) {
  const Clock::time_point now = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    if (reply) {
      ++counts_.succeeded;
      counts_.latency_ms.push_back(milliseconds_between(began, now));
      if (first) counts_.ttft_ms.push_back(milliseconds_between(began, *first));
    } else {
      ++counts_.failed;
      ++counts_.errors[reply.error().kind];
    }
  }
  changed_.notify_all();
}

Tally::Counts Tally::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::uint64_t Tally::wait_for(std::uint64_t ended, std::chrono::nanoseconds patience) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return counts_.ended() >= ended; });
  return counts_.ended();
}
