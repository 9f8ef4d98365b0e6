#include "providers/quota_headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "providers/retry_time.hpp"
#include "providers/text.hpp"
#include "wire/http_date.hpp"
#include "wire/rfc3339.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kMostLimits = 16;
/// Beyond this a number is no count: Hugging Face sends 2^63 for "no limit".
constexpr double kMostCounted = 1e15;
/// Numbers from here on are Unix time, in seconds or milliseconds.
constexpr double kUnixSeconds = 1e9;
constexpr double kUnixMilliseconds = 1e12;

/// What stands behind "x-ratelimit-limit-" and the like.
struct Subject {
  std::string_view name;
  Measure measure;
  milliseconds window{0};
};

constexpr std::array kSubjects = {
    Subject{"requests", Measure::requests, {}},
    Subject{"tokens", Measure::tokens, {}},
    Subject{"input-tokens", Measure::input, {}},
    Subject{"output-tokens", Measure::output, {}},
    Subject{"requests-minute", Measure::requests, minutes(1)},
    Subject{"requests-hour", Measure::requests, hours(1)},
    Subject{"requests-day", Measure::requests, hours(24)},
    Subject{"tokens-minute", Measure::tokens, minutes(1)},
    Subject{"tokens-hour", Measure::tokens, hours(1)},
    Subject{"tokens-day", Measure::tokens, hours(24)},
    Subject{"req-minute", Measure::requests, minutes(1)},
    Subject{"req-second", Measure::requests, seconds(1)},
    Subject{"second", Measure::requests, seconds(1)},
    Subject{"minute", Measure::requests, minutes(1)},
    Subject{"hour", Measure::requests, hours(1)},
    Subject{"day", Measure::requests, hours(24)},
};

enum class Field : std::uint8_t { limit, remaining, reset, renewal };

struct FieldName {
  std::string_view name;
  Field field;
};
constexpr std::array kFields = {
    FieldName{"limit", Field::limit},
    FieldName{"remaining", Field::remaining},
    FieldName{"reset", Field::reset},
    FieldName{"renewalperiod", Field::renewal},
};

/// The number at the start of a header, whatever follows ("400, 400;w=60").
std::optional<double> leading(std::string_view text) noexcept {
  text = trimmed(text);
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> count_of(std::string_view text) noexcept {
  const std::optional<double> value = leading(text);
  if (!value || *value < 0 || *value > kMostCounted) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<double> whole_number(std::string_view text) noexcept {
  text = trimmed(text);
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// One limit while its headers are gathered.
struct Gathering {
  StatedLimit limit{};
  std::string_view reset{};
  bool usable = true;   ///< no header of it holds what cannot be meant
  bool renews = false;  ///< its window was stated by a header of its own
};

class Gatherer {
 public:
  explicit Gatherer(const HttpHead& head, WallTime now) : now_(now) {
    // Absolute times are the provider's: they are read against its clock, not ours.
    if (const auto date = parse_http_date(trimmed(head.find("date")))) now_ = WallTime(*date);
  }

  void add(const Subject& subject, Field field, std::string_view value) {
    const auto same = std::find_if(all_.begin(), all_.end(), [&](const Gathering& each) {
      return each.limit.measure == subject.measure && each.limit.window == subject.window;
    });
    const bool known = same != all_.end();
    if (!known && all_.size() == kMostLimits) return;
    Gathering& into = known ? *same : all_.emplace_back();
    if (!known) into.limit = {.measure = subject.measure, .window = subject.window};
    switch (field) {
      case Field::limit:
        into.limit.limit = count_of(value);
        into.usable = into.usable && into.limit.limit.has_value();
        break;
      case Field::remaining:
        into.limit.remaining = count_of(value);
        into.usable = into.usable && into.limit.remaining.has_value();
        break;
      case Field::reset:
        into.reset = value;
        break;
      case Field::renewal:
        if (const auto length = whole_number(value); length && *length >= 1 && *length <= 1e7) {
          renewals_.push_back({subject.measure, milliseconds(static_cast<std::int64_t>(*length * 1e3))});
        }
        break;
    }
  }

  [[nodiscard]] std::vector<StatedLimit> take() {
    std::vector<StatedLimit> limits;
    for (Gathering& each : all_) {
      if (!each.usable || (!each.limit.limit && !each.limit.remaining)) continue;
      for (const auto& [measure, window] : renewals_) {
        if (measure != each.limit.measure || each.limit.window.count() != 0) continue;
        each.limit.window = window;
        each.renews = true;
      }
      each.limit.reset = reset_of(each);
      limits.push_back(each.limit);
    }
    return limits;
  }

 private:
  [[nodiscard]] std::optional<milliseconds> reset_of(const Gathering& gathering) const {
    const std::string_view text = trimmed(gathering.reset);
    if (text.empty()) return std::nullopt;
    if (const auto time = parse_rfc3339(text)) return std::max(*time - now_, milliseconds(0));
    const std::optional<double> number = whole_number(text);
    if (!number) return parse_span(text);
    if (*number < 0) return std::nullopt;
    if (*number >= kUnixMilliseconds * 10) return std::nullopt;
    if (*number >= kUnixSeconds) {
      const double unix_ms = *number >= kUnixMilliseconds ? *number : *number * 1e3;
      return std::max(WallTime(milliseconds(static_cast<std::int64_t>(unix_ms))) - now_, milliseconds(0));
    }
    const double in_ms = gathering.renews && in_milliseconds(gathering.limit, *number) ? *number : *number * 1e3;
    return milliseconds(static_cast<std::int64_t>(std::ceil(in_ms)));
  }

  /// Azure states bare seconds at one endpoint and bare milliseconds at another: 500 beside one request used of 120 a
  /// minute, 1 beside one used of 50. What fits a bucket better is meant.
  [[nodiscard]] static bool in_milliseconds(const StatedLimit& limit, double number) noexcept {
    if (!limit.limit || !limit.remaining || *limit.remaining >= *limit.limit || number <= 0) return false;
    const double used = static_cast<double>(*limit.limit - *limit.remaining);
    const double full_after = static_cast<double>(limit.window.count()) * used / static_cast<double>(*limit.limit);
    return std::abs(std::log(number / full_after)) < std::abs(std::log(number * 1e3 / full_after));
  }

  struct Renewal {
    Measure measure;
    milliseconds window;
  };
  WallTime now_;
  std::vector<Gathering> all_{};
  std::vector<Renewal> renewals_{};
};

const Subject* subject_of(std::string_view name) noexcept {
  const auto* const found = std::find_if(kSubjects.begin(), kSubjects.end(),
                                         [&](const Subject& each) { return equal_ignoring_case(each.name, name); });
  return found == kSubjects.end() ? nullptr : found;
}

std::optional<Field> field_of(std::string_view name) noexcept {
  for (const FieldName& each : kFields) {
    if (equal_ignoring_case(each.name, name)) return each.field;
  }
  return std::nullopt;
}

/// What stands behind `prefix`; nothing where the name begins otherwise.
std::optional<std::string_view> behind(std::string_view name, std::string_view prefix) noexcept {
  if (name.size() <= prefix.size() || !equal_ignoring_case(name.substr(0, prefix.size()), prefix)) return std::nullopt;
  return name.substr(prefix.size());
}

/// "limit-requests", "limit", "remaining-tokens-day".
void add_field_first(Gatherer& gatherer, std::string_view name, std::string_view value) {
  constexpr Subject kUnnamed{"", Measure::requests, {}};
  const std::size_t dash = name.find('-');
  const std::optional<Field> field = field_of(name.substr(0, dash));
  if (!field) return;
  const Subject* subject = dash == std::string_view::npos ? &kUnnamed : subject_of(name.substr(dash + 1));
  if (subject != nullptr) gatherer.add(*subject, *field, value);
}

/// "input-tokens-limit".
void add_field_last(Gatherer& gatherer, std::string_view name, std::string_view value) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos) return;
  const Subject* subject = subject_of(name.substr(0, dash));
  const std::optional<Field> field = field_of(name.substr(dash + 1));
  if (subject != nullptr && field) gatherer.add(*subject, *field, value);
}

/// "5h-status": of a subscription's window only its end can be kept to, since what it counts is not told.
void add_unified(Gatherer& gatherer, std::string_view name, std::string_view value) {
  struct Window {
    std::string_view name;
    milliseconds length;
  };
  constexpr std::array kWindows = {Window{"5h-", hours(5)}, Window{"7d-", hours(7 * 24)}};
  for (const Window& window : kWindows) {
    const auto field = behind(name, window.name);
    if (!field) continue;
    const Subject subject{{}, Measure::tokens, window.length};
    if (equal_ignoring_case(*field, "reset")) gatherer.add(subject, Field::reset, value);
    if (equal_ignoring_case(*field, "status") && equal_ignoring_case(trimmed(value), "rejected")) {
      gatherer.add(subject, Field::remaining, "0");
    }
  }
}

}  // namespace

StatedQuota read_quota_headers(const HttpHead& head, WallTime now) {
  StatedQuota quota;
  Gatherer gatherer(head, now);
  for (const auto& [name, value] : head.headers) {
    if (const auto unified = behind(name, "anthropic-ratelimit-unified-")) {
      add_unified(gatherer, *unified, value);
    } else if (const auto anthropic = behind(name, "anthropic-ratelimit-")) {
      add_field_last(gatherer, *anthropic, value);
    } else if (equal_ignoring_case(name, "x-ratelimit-over-limit")) {
      quota.over_limit = equal_ignoring_case(trimmed(value), "yes") || equal_ignoring_case(trimmed(value), "true");
    } else if (const auto usual = behind(name, "x-ratelimit-")) {
      add_field_first(gatherer, *usual, value);
    } else if (const auto draft = behind(name, "ratelimit-")) {
      add_field_first(gatherer, *draft, value);
    } else if (equal_ignoring_case(name, "anthropic-organization-id") ||
               equal_ignoring_case(name, "openai-organization")) {
      quota.organization = trimmed(value);
    } else if (equal_ignoring_case(name, "openai-project")) {
      quota.project = trimmed(value);
    }
  }
  quota.limits = gatherer.take();
  return quota;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
