#include "providers/retry_time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "providers/text.hpp"
#include "wire/http_date.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  double milliseconds;
};

constexpr std::array kUnits = {
    Unit{"milliseconds", 1}, Unit{"millisecond", 1}, Unit{"ms", 1},      Unit{"seconds", 1e3},   Unit{"second", 1e3},
    Unit{"secs", 1e3},       Unit{"sec", 1e3},       Unit{"s", 1e3},     Unit{"minutes", 60e3},  Unit{"minute", 60e3},
    Unit{"mins", 60e3},      Unit{"min", 60e3},      Unit{"m", 60e3},    Unit{"hours", 3'600e3}, Unit{"hour", 3'600e3},
    Unit{"hrs", 3'600e3},    Unit{"hr", 3'600e3},    Unit{"h", 3'600e3}, Unit{"days", 86'400e3}, Unit{"day", 86'400e3},
    Unit{"d", 86'400e3},
};

constexpr std::array<std::string_view, 9> kLeads = {
    "try again in",   "try again after", "retry after", "retry in",       "retry your request after",
    "retry again in", "reset after",     "reset in",    "replenished in",
};

bool letter(char c) noexcept { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

std::optional<milliseconds> bounded(double value) noexcept {
  if (!std::isfinite(value) || value < 0) return std::nullopt;
  const auto limit = static_cast<double>(kLongestStatedWait.count());
  return value >= limit ? kLongestStatedWait : milliseconds(static_cast<milliseconds::rep>(std::ceil(value)));
}

std::string_view without_spaces(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

std::optional<double> leading_number(std::string_view& text) noexcept {
  double value = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (fault != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return value;
}

/// The factor of the unit at the start of `text`, which it leaves; 0 when there is none.
double leading_unit(std::string_view& text) noexcept {
  const std::string_view rest = without_spaces(text);
  std::size_t size = 0;
  while (size < rest.size() && letter(rest[size])) ++size;
  for (const Unit& unit : kUnits) {
    if (equal_ignoring_case(rest.substr(0, size), unit.name)) {
      text = rest.substr(size);
      return unit.milliseconds;
    }
  }
  return 0;
}

/// The text has this form, in which a "d" is a digit.
bool has_form(std::string_view text, std::string_view form) noexcept {
  if (text.size() < form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == 'd' ? !digit : text[i] != form[i]) return false;
  }
  return true;
}

int digits(std::string_view text) noexcept {
  int value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  return value;
}

/// "20:30:00", whose form has been looked at.
std::chrono::seconds clock_time(std::string_view text) noexcept {
  return std::chrono::hours(digits(text.substr(0, 2))) + std::chrono::minutes(digits(text.substr(3, 2))) +
         std::chrono::seconds(digits(text.substr(6, 2)));
}

}  // namespace

std::optional<milliseconds> parse_span(std::string_view text) noexcept {
  text = without_spaces(text);
  if (has_form(text, "dd:dd:dd")) return clock_time(text);
  double total = 0;
  bool any = false;
  while (true) {
    std::string_view rest = without_spaces(text);
    const std::optional<double> value = leading_number(rest);
    if (!value || *value < 0) break;
    const double unit = leading_unit(rest);
    if (unit == 0) {
      if (!any) total = *value * 1e3;
      any = true;
      break;
    }
    total += *value * unit;
    any = true;
    text = rest;
  }
  return any ? bounded(total) : std::nullopt;
}

std::optional<milliseconds> stated_in_text(std::string_view text) noexcept {
  std::optional<milliseconds> found;
  for (const std::string_view lead : kLeads) {
    for (std::size_t at = find_ignoring_case(text, lead); at != std::string_view::npos;
         at = find_ignoring_case(text, lead, at + 1)) {
      found = longer(found, parse_span(text.substr(at + lead.size())));
    }
  }
  return found;
}

std::optional<milliseconds> reset_in_text(std::string_view text, WallTime now, std::chrono::hours zone) noexcept {
  if (find_ignoring_case(text, "reset") == std::string_view::npos && text.find("重置") == std::string_view::npos)
    return std::nullopt;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view said = text.substr(at);
    if (!has_form(said, "dddd-dd-dd dd:dd:dd")) continue;
    const std::chrono::year_month_day day{std::chrono::year(digits(said.substr(0, 4))),
                                          std::chrono::month(static_cast<unsigned>(digits(said.substr(5, 2)))),
                                          std::chrono::day(static_cast<unsigned>(digits(said.substr(8, 2))))};
    if (!day.ok()) return std::nullopt;
    const milliseconds wait = WallTime(std::chrono::sys_days(day)) + clock_time(said.substr(11)) - zone - now;
    return wait.count() > 0 ? std::optional(std::min(wait, kLongestStatedWait)) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<milliseconds> stated_in_headers(const HttpHead& head, WallTime now) noexcept {
  std::optional<milliseconds> found;
  const auto count = [&head](std::string_view name) -> std::optional<double> {
    std::string_view value = trimmed(head.find(name));
    const std::optional<double> parsed = leading_number(value);
    return value.empty() ? parsed : std::nullopt;
  };
  for (const std::string_view name : {"retry-after-ms", "x-ms-retry-after-ms"}) {
    if (const auto value = count(name)) found = longer(found, bounded(*value));
  }
  if (const auto value = count("retry-after")) {
    found = longer(found, bounded(*value * 1e3));
  } else if (const std::string_view text = trimmed(head.find("retry-after")); !text.empty()) {
    if (const auto date = parse_http_date(text)) {
      found = longer(found, bounded(static_cast<double>((WallTime(*date) - now).count())));
    } else {
      found = longer(found, parse_span(text));
    }
  }
  return found;
}

std::optional<milliseconds> longer(std::optional<milliseconds> a, std::optional<milliseconds> b) noexcept {
  if (!a || !b) return a ? a : b;
  return std::max(*a, *b);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
