#include "auth/utc.hpp"

#include <array>
#include <chrono>
#include <string_view>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

std::chrono::year_month_day day_of(WallTime time) { return std::chrono::floor<std::chrono::days>(time); }

std::chrono::hh_mm_ss<std::chrono::seconds> clock_of(WallTime time) {
  return std::chrono::hh_mm_ss(
      std::chrono::floor<std::chrono::seconds>(time - std::chrono::floor<std::chrono::days>(time)));
}

}  // namespace

std::string utc_date(WallTime time) {
  const auto day = day_of(time);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::string utc_basic(WallTime time) {
  const auto day = day_of(time);
  const auto clock = clock_of(time);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::string http_date(WallTime time) {
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = day_of(time);
  const auto clock = clock_of(time);
  return fmt::format(
      "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(std::chrono::sys_days(day)).c_encoding()],
      static_cast<unsigned>(day.day()), kMonths[static_cast<unsigned>(day.month()) - 1], static_cast<int>(day.year()),
      clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string unix_seconds(WallTime time) {
  return fmt::format("{}", std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
