#include "wire/http_date.hpp"

#include <array>
#include <charconv>
#include <cstddef>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> number(std::string_view text) noexcept {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  return fault == std::errc() && stop == end && value >= 0 ? std::optional(value) : std::nullopt;
}

std::optional<int> month(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (kMonths[i] == text) return static_cast<int>(i) + 1;
  }
  return std::nullopt;
}

std::optional<std::chrono::seconds> time_of_day(std::string_view text) noexcept {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto hour = number(text.substr(0, 2));
  const auto minute = number(text.substr(3, 2));
  const auto second = number(text.substr(6, 2));
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

std::optional<std::chrono::sys_seconds> compose(std::optional<int> y, std::optional<int> m, std::optional<int> d,
                                                std::optional<std::chrono::seconds> time) noexcept {
  if (!y || !m || !d || !time) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*m)),
                                         std::chrono::day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + *time;
}

/// RFC 850 gives two digits of the year; one more than 50 years ahead means the past, and no server is that old.
std::optional<int> century(std::optional<int> year) noexcept {
  if (!year || *year > 99) return year;
  return *year + (*year < 70 ? 2000 : 1900);
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) noexcept {
  std::array<std::string_view, 6> word{};
  std::size_t words = 0;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::size_t size = text.substr(0, text.find(' ')).size();
    if (words == word.size()) return std::nullopt;
    word[words++] = text.substr(0, size);
    text.remove_prefix(size);
  }
  if (words == 6 && word[5] == "GMT") {  // Sun, 06 Nov 1994 08:49:37 GMT
    return compose(number(word[3]), month(word[2]), number(word[1]), time_of_day(word[4]));
  }
  if (words == 4 && word[3] == "GMT" && word[1].size() == 9) {  // Sunday, 06-Nov-94 08:49:37 GMT
    return compose(century(number(word[1].substr(7))), month(word[1].substr(3, 3)), number(word[1].substr(0, 2)),
                   time_of_day(word[2]));
  }
  if (words == 5) {  // Sun Nov  6 08:49:37 1994
    return compose(number(word[4]), month(word[1]), number(word[2]), time_of_day(word[3]));
  }
  return std::nullopt;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
