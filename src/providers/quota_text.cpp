#include <array>
#include <cstddef>

#include "providers/quota_headers.hpp"
#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

struct Kind {
  std::string_view words;
  Measure measure;
  milliseconds window;
};

// https://platform.openai.com/docs/guides/rate-limits and console.groq.com/docs/errors name the kind in brackets.
constexpr std::array kInBrackets = {
    Kind{"(RPM)", Measure::requests, minutes(1)}, Kind{"(RPD)", Measure::requests, hours(24)},
    Kind{"(TPM)", Measure::tokens, minutes(1)},   Kind{"(TPD)", Measure::tokens, hours(24)},
    Kind{"(ITPM)", Measure::input, minutes(1)},   Kind{"(OTPM)", Measure::output, minutes(1)},
};

// Anthropic: "your organization's rate limit of 50,000 input tokens per minute".
constexpr std::array kInWords = {
    Kind{" requests per minute", Measure::requests, minutes(1)},
    Kind{" input tokens per minute", Measure::input, minutes(1)},
    Kind{" output tokens per minute", Measure::output, minutes(1)},
    Kind{" tokens per minute", Measure::tokens, minutes(1)},
};

/// The number at the start of `text`, which it leaves; commas group its digits. 0: none, or beyond all counting.
std::int64_t leading_count(std::string_view& text) noexcept {
  constexpr std::int64_t kMost = 1'000'000'000'000;
  std::int64_t value = 0;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool grouping =
        text[at] == ',' && at != 0 && at + 1 < text.size() && text[at + 1] >= '0' && text[at + 1] <= '9';
    if (grouping) continue;
    if (text[at] < '0' || text[at] > '9') break;
    if (value > kMost) return 0;
    value = value * 10 + (text[at] - '0');
  }
  text.remove_prefix(at);
  return value;
}

}  // namespace

std::vector<StatedLimit> limits_in_text(std::string_view text) {
  std::vector<StatedLimit> limits;
  constexpr std::string_view kLimit = "limit ";
  for (const Kind& kind : kInBrackets) {
    const std::size_t named = text.find(kind.words);
    if (named == std::string_view::npos) continue;
    const std::size_t at = find_ignoring_case(text, kLimit, named);
    if (at == std::string_view::npos) continue;
    std::string_view rest = text.substr(at + kLimit.size());
    if (const std::int64_t limit = leading_count(rest); limit > 0) {
      limits.push_back({.measure = kind.measure, .window = kind.window, .limit = limit});
    }
  }
  constexpr std::string_view kOf = "rate limit of ";
  if (const std::size_t at = find_ignoring_case(text, kOf); at != std::string_view::npos) {
    std::string_view rest = text.substr(at + kOf.size());
    const std::int64_t limit = leading_count(rest);
    for (const Kind& kind : kInWords) {
      if (limit <= 0 || !rest.starts_with(kind.words)) continue;
      limits.push_back({.measure = kind.measure, .window = kind.window, .limit = limit});
    }
  }
  return limits;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
