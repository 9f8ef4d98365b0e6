#include "wire/rfc3339.hpp"

#include <cstddef>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// The digits of a number of fixed width; -1: there are others among them.
int number(std::string_view text, std::size_t begin, std::size_t size) noexcept {
  if (begin + size > text.size()) return -1;
  int value = 0;
  for (const char c : text.substr(begin, size)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool within(int value, int least, int most) noexcept { return value >= least && value <= most; }

}  // namespace

std::optional<std::chrono::sys_time<std::chrono::milliseconds>> parse_rfc3339(std::string_view text) noexcept {
  constexpr std::size_t kSeconds = 19;  // "2026-01-20T09:49:19"
  if (text.size() < kSeconds || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
  const int year = number(text, 0, 4);
  const int month = number(text, 5, 2);
  const int day = number(text, 8, 2);
  const int hour = number(text, 11, 2);
  const int minute = number(text, 14, 2);
  const int second = number(text, 17, 2);
  if (!within(year, 1970, 9999) || !within(month, 1, 12) || !within(day, 1, 31)) return std::nullopt;
  if (!within(hour, 0, 23) || !within(minute, 0, 59) || !within(second, 0, 60)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  std::chrono::sys_time<std::chrono::milliseconds> time = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                                                          std::chrono::minutes(minute) + std::chrono::seconds(second);

  std::string_view rest = text.substr(kSeconds);
  if (!rest.empty() && rest[0] == '.') {
    int digits = 0;
    int fraction = 0;
    std::size_t at = 1;
    for (; at < rest.size() && rest[at] >= '0' && rest[at] <= '9'; ++at) {
      if (digits < 3) fraction = fraction * 10 + (rest[at] - '0');
      ++digits;
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) fraction *= 10;
    time += std::chrono::milliseconds(fraction);
    rest.remove_prefix(at);
  }
  if (rest.empty() || rest == "Z" || rest == "z") return time;
  const int hours = number(rest, 1, 2);
  const int minutes = number(rest, 4, 2);
  const bool signed_offset = rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':';
  if (!signed_offset || !within(hours, 0, 23) || !within(minutes, 0, 59)) return std::nullopt;
  const std::chrono::minutes offset(hours * 60 + minutes);
  return rest[0] == '+' ? time - offset : time + offset;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
