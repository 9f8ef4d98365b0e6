#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Where a provider's day begins.
struct DayZone {
  std::chrono::minutes offset{0};  ///< east of UTC
  bool pacific = false;            ///< Los Angeles, with its summer time; `offset` is then not used

  friend bool operator==(const DayZone&, const DayZone&) = default;
};

/// "UTC", "Pacific", "+08:00", "-05:30". Nothing when it is none of these.
[[nodiscard]] std::optional<DayZone> parse_day_zone(std::string_view text) noexcept;

/// The zone in which a provider counts its days, where it is known (Gemini: midnight Pacific,
/// ai.google.dev/gemini-api/docs/rate-limits; the Chinese providers: UTC+8); UTC for all others.
[[nodiscard]] DayZone day_zone_of(std::string_view provider) noexcept;

/// Turns the pool's time into a provider's days.
class Calendar {
 public:
  struct Day {
    std::int64_t number = 0;
    TimePoint ends{};
    std::int64_t month = 0;  ///< number of its month
    TimePoint month_ends{};
  };

  explicit Calendar(DayZone zone) noexcept : zone_(zone) {}

  /// What the wall clock shows at time 0 of the pool.
  void align(Nanos wall_at_zero) noexcept {
    wall_at_zero_ = wall_at_zero;
    begins_ = kNever;
  }

  /// The day that `now` lies in.
  [[nodiscard]] const Day& day(TimePoint now) noexcept {
    if (now < begins_ || now >= day_.ends) find(now);
    return day_;
  }

 private:
  void find(TimePoint now) noexcept;

  DayZone zone_;
  Nanos wall_at_zero_{0};
  TimePoint begins_ = kNever;
  Day day_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
