#include "pool/calendar.hpp"

#include <array>
#include <charconv>
#include <system_error>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

/// Los Angeles: UTC-7 from the second Sunday of March, 2:00, to the first Sunday of November, 2:00 (Energy Policy Act
/// of 2005), UTC-8 otherwise.
std::chrono::minutes pacific_offset(sys_seconds at) noexcept {
  using namespace std::chrono;
  const year y = year_month_day(floor<days>(at)).year();
  const sys_seconds summer = sys_days(y / March / Sunday[2]) + hours(2 + 8);
  const sys_seconds winter = sys_days(y / November / Sunday[1]) + hours(2 + 7);
  return at >= summer && at < winter ? hours(-7) : hours(-8);
}

std::optional<int> two_digits(std::string_view text) noexcept {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<DayZone> parse_day_zone(std::string_view text) noexcept {
  if (text == "UTC" || text == "utc") return DayZone{};
  if (text == "Pacific" || text == "pacific") return DayZone{.offset = {}, .pacific = true};
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const std::optional<int> hours = two_digits(text.substr(1, 2));
  const std::optional<int> minutes = two_digits(text.substr(4, 2));
  if (!hours || !minutes || *hours > 14 || *minutes > 59) return std::nullopt;
  const std::chrono::minutes offset(*hours * 60 + *minutes);
  return DayZone{.offset = text[0] == '-' ? -offset : offset};
}

DayZone day_zone_of(std::string_view provider) noexcept {
  if (provider == "gemini") return {.offset = {}, .pacific = true};
  constexpr std::array<std::string_view, 11> kBeijing = {"bailian", "coze",    "cozecn",  "dashscope",
                                                         "huoshan", "hunyuan", "minimax", "moonshot",
                                                         "qianfan", "xinghuo", "zhipu"};
  for (const std::string_view name : kBeijing) {
    if (provider == name) return {.offset = std::chrono::hours(8)};
  }
  return {};
}

void Calendar::find(TimePoint now) noexcept {
  using namespace std::chrono;
  const auto offset_at = [this](sys_seconds at) { return zone_.pacific ? pacific_offset(at) : zone_.offset; };
  const sys_time<nanoseconds> wall(now.time_since_epoch() + wall_at_zero_);
  const minutes offset = offset_at(floor<seconds>(wall));
  const sys_days midnight = floor<days>(wall + offset);
  // Clocks change at 2:00, so each midnight has an offset of its own.
  const auto pool_time = [&](sys_days local_midnight) {
    const sys_seconds guess = sys_seconds(local_midnight) - offset;
    const sys_seconds at = sys_seconds(local_midnight) - offset_at(guess);
    return TimePoint(duration_cast<nanoseconds>(at.time_since_epoch()) - wall_at_zero_);
  };
  day_.number = midnight.time_since_epoch().count();
  begins_ = pool_time(midnight);
  day_.ends = pool_time(midnight + days(1));
  const year_month_day date(midnight);
  const year_month month(date.year(), date.month());
  day_.month = static_cast<int>(date.year()) * std::int64_t{12} + static_cast<unsigned>(date.month());
  day_.month_ends = pool_time(sys_days((month + months(1)) / 1));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
