#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>

#include "providers/anthropic_body.hpp"
#include "providers/retry_time.hpp"
#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using enum FailureClass;

// https://platform.claude.com/docs/en/api/errors and …/api/rate-limits; the phrases as the API was seen to say them.
// A rule with a phrase stands before the one that has its type alone.
constexpr std::array kRules = {
    ErrorRule{0, "enforced_spend_limit_reached", {}, quota, Scope::account},
    ErrorRule{0, "billing_error", {}, quota, Scope::account},
    ErrorRule{0, "invalid_request_error", "credit balance is too low", quota, Scope::account},
    ErrorRule{0, "invalid_request_error", "reached your specified workspace api usage limits", quota, Scope::project},
    ErrorRule{0, "invalid_request_error", "reached your specified api usage limits", quota, Scope::account},
    ErrorRule{0, "invalid_request_error", "organization has been disabled", auth, Scope::account},
    ErrorRule{0, "invalid_request_error", "prompt is too long", context, Scope::call},
    ErrorRule{0, "invalid_request_error", "exceed context limit", context, Scope::call},
    ErrorRule{0, "invalid_request_error", "blocked by content filtering", filter, Scope::call},
    ErrorRule{0, "invalid_request_error", {}, request, Scope::call},
    ErrorRule{0, "authentication_error", {}, auth, Scope::key},
    ErrorRule{0, "permission_error", "organization has been disabled", auth, Scope::account},
    ErrorRule{0, "permission_error", "unsupported countries, regions", place, Scope::host},
    ErrorRule{0, "permission_error", {}, permission, Scope::key_model},
    ErrorRule{0, "forbidden", {}, place, Scope::host},
    ErrorRule{0, "not_found_error", "model", model, Scope::key_model},
    ErrorRule{0, "not_found_error", {}, request, Scope::call, ErrorKind::not_found},
    ErrorRule{0, "request_too_large", {}, request, Scope::call},
    // Asks for a purchase, at every hour of the day.
    ErrorRule{0, "rate_limit_error", "required for long context requests", permission, Scope::key_model},
    // The ramp was too steep: no model's window, but the whole account's.
    ErrorRule{0, "rate_limit_error", "account's rate limit", rate, Scope::account},
    ErrorRule{0, "rate_limit_error", "acceleration limit", rate, Scope::account},
    ErrorRule{0, "rate_limit_error", {}, rate, Scope::account_model},
    ErrorRule{0, "overloaded_error", {}, capacity, Scope::service_model},
    ErrorRule{0, "timeout_error", {}, timeout, Scope::service_model},
    ErrorRule{0, "api_error", {}, server, Scope::service_model},
    ErrorRule{409, {}, {}, server, Scope::service_model},
};

/// The wait until the date in "You will regain access on 2026-04-01 at 00:00 UTC."
std::optional<std::chrono::milliseconds> until_access(std::string_view message, WallTime now) {
  constexpr std::string_view kLead = "regain access on ";
  const std::size_t lead = find_ignoring_case(message, kLead);
  if (lead == std::string_view::npos) return std::nullopt;
  const std::string_view text = message.substr(lead + kLead.size());
  const auto number = [text](std::size_t begin, std::size_t size) {
    int value = -1;
    if (begin + size <= text.size()) std::from_chars(text.data() + begin, text.data() + begin + size, value);
    return value;
  };
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (number(0, 4) < 2000 || !day.ok()) return std::nullopt;
  // "2026-04-01 at 00:00 UTC"
  const int hour = number(14, 2);
  const int minute = number(17, 2);
  const bool timed = hour >= 0 && hour < 24 && minute >= 0 && minute < 60;
  const WallTime then =
      std::chrono::sys_days(day) + std::chrono::hours(timed ? hour : 0) + std::chrono::minutes(timed ? minute : 0);
  if (then <= now) return std::nullopt;
  return std::min<std::chrono::milliseconds>(then - now, kLongestStatedWait);
}

}  // namespace

std::span<const ErrorRule> anthropic_error_rules() noexcept { return kRules; }

Failure classify_anthropic_answer(const HttpHead& head, std::string_view body, WallTime now) {
  Failure failure = classify_answer(head, body, now, kRules);
  failure.retry_after = longer(failure.retry_after, until_access(failure.message, now));
  return failure;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
