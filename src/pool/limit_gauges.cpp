#include <algorithm>
#include <cmath>

#include "pool/ledger.hpp"

/// From limits as they are configured to gauges that hold them.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class Gauges {
 public:
  explicit Gauges(const Limits& limits) noexcept : limits_(limits) {}

  void sliding(Counted counts, std::int64_t limit, Nanos window, bool soft = false) {
    if (limit <= 0) return;
    all_.push_back({.counts = counts, .span = Span::sliding, .soft = soft, .limit = limit, .window = window});
    all_.back().guard = guard_of(limits_.guard, window);
  }
  /// `burst` windows hold a minute's limit in proportion; where that is less than one, it becomes a pace.
  void minute(Counted counts, std::int64_t limit, Nanos burst) {
    sliding(counts, limit, minutes(1));
    if (limit <= 0 || burst <= Nanos(0) || burst >= minutes(1)) return;
    const double share = static_cast<double>(burst.count()) / static_cast<double>(Nanos(minutes(1)).count());
    const double part = std::floor(static_cast<double>(limit) * share + 1e-9);
    if (part >= 1) {
      sliding(counts, static_cast<std::int64_t>(part), burst, true);
    } else {
      sliding(counts, 1, Nanos(minutes(1)) / limit, true);
    }
  }
  void calendar(Counted counts, Span span, std::int64_t limit, bool total = false) {
    if (limit <= 0) return;
    all_.push_back({.counts = counts, .span = span, .total = total, .limit = limit});
    if (span != Span::life) all_.back().guard = guard_of(limits_.guard, hours(24));
  }
  [[nodiscard]] std::vector<Gauge> take() noexcept { return std::move(all_); }

 private:
  const Limits& limits_;
  std::vector<Gauge> all_{};
};

Span span_of(Period period) noexcept {
  switch (period) {
    case Period::life:
      return Span::life;
    case Period::day:
      return Span::day;
    case Period::month:
      return Span::month;
  }
  return Span::life;
}

void pace(Gauges& gauges, double qps) {
  if (!(qps > 0)) return;
  // floor(q) in any second bounds any ten seconds by 10 floor(q) <= floor(10 q), so one window says it all.
  constexpr double kRounding = 1e-9;
  if (qps + kRounding >= 1) {
    const double whole = std::min(std::floor(qps + kRounding), 1e15);
    gauges.sliding(Counted::requests, static_cast<std::int64_t>(whole), seconds(1));
  } else {
    const double apart = std::min(std::ceil(1e9 / qps - kRounding), 3e16);
    gauges.sliding(Counted::requests, 1, Nanos(static_cast<std::int64_t>(apart)));
  }
}

}  // namespace

Nanos guard_of(std::chrono::milliseconds guard, Nanos window) noexcept { return std::min(bounded(guard), window / 20); }

std::vector<Gauge> gauges_of(const Limits& limits, const ProviderRules& rules) {
  Gauges gauges(limits);
  const bool own_burst = limits.burst.count() > 0;
  const Nanos requests = own_burst ? bounded(limits.burst) : Nanos(rules.request_burst);
  const Nanos tokens = own_burst ? bounded(limits.burst) : Nanos(rules.token_burst);
  pace(gauges, limits.qps);
  gauges.minute(Counted::requests, limits.rpm, requests);
  gauges.minute(Counted::tokens, limits.tpm, tokens);
  gauges.minute(Counted::input, limits.itpm, tokens);
  gauges.minute(Counted::output, limits.otpm, tokens);
  gauges.calendar(Counted::requests, Span::day, limits.rpd);
  gauges.calendar(Counted::tokens, Span::day, limits.tpd);
  const Span period = span_of(limits.period);
  gauges.calendar(Counted::requests, period, limits.max_requests, true);
  gauges.calendar(Counted::all_tokens, period, limits.max_tokens, true);
  gauges.calendar(Counted::cost, period, micros_of(limits.max_cost), true);
  return gauges.take();
}

bool has_any(const Limits& limits) noexcept {
  return limits.qps > 0 || limits.rpm > 0 || limits.rpd > 0 || limits.tpm > 0 || limits.itpm > 0 || limits.otpm > 0 ||
         limits.tpd > 0 || limits.concurrency > 0 || limits.max_requests > 0 || limits.max_tokens > 0 ||
         limits.max_cost > 0;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
