#include "providers/gemini_errors.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "providers/retry_time.hpp"
#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using enum FailureClass;

constexpr std::array kRules = {
    // Google's token endpoint (RFC 6749, section 5.2).
    ErrorRule{0, "invalid_grant", "reasonable timeframe", clock, Scope::host},
    ErrorRule{0, "invalid_grant", "iat and exp", clock, Scope::host},
    ErrorRule{0, "invalid_grant", {}, auth, Scope::key},
    ErrorRule{0, "invalid_client", {}, auth, Scope::key},
    ErrorRule{0, "unauthorized_client", {}, auth, Scope::key},
    ErrorRule{0, "invalid_scope", {}, permission, Scope::key},

    ErrorRule{0, "INVALID_ARGUMENT", "api key not valid", auth, Scope::key},
    ErrorRule{0, "INVALID_ARGUMENT", "api key expired", auth, Scope::key},
    ErrorRule{0, "INVALID_ARGUMENT", "api key not found", auth, Scope::key},
    ErrorRule{0, "INVALID_ARGUMENT", "exceeds the maximum number of tokens", context, Scope::call},
    ErrorRule{0, "INVALID_ARGUMENT", "input token count", context, Scope::call},
    ErrorRule{0, "INVALID_ARGUMENT", {}, request, Scope::call},
    ErrorRule{0, "OUT_OF_RANGE", {}, request, Scope::call},
    ErrorRule{0, "FAILED_PRECONDITION", "location is not supported", place, Scope::host},
    ErrorRule{0, "FAILED_PRECONDITION", "not available in your country", place, Scope::host},
    ErrorRule{0, "PERMISSION_DENIED", "reported as leaked", auth, Scope::key},
    ErrorRule{0, "PERMISSION_DENIED", "has been suspended", auth, Scope::project},
    ErrorRule{0, "PERMISSION_DENIED", "denied access", auth, Scope::project},
    ErrorRule{0, "UNAUTHENTICATED", {}, token, Scope::key},
    ErrorRule{0, "NOT_FOUND", {}, model, Scope::key_model},
    ErrorRule{402, {}, {}, quota, Scope::account},
    ErrorRule{0, "RESOURCE_EXHAUSTED", "limit: 0", permission, Scope::project_model},
    ErrorRule{0, "RESOURCE_EXHAUSTED", "provisioned throughput", rate, Scope::project_model},
    // A dynamic quota that all customers share: nobody's limit, though it speaks of one.
    ErrorRule{0, "RESOURCE_EXHAUSTED", "resource exhausted", capacity, Scope::service_model},
    ErrorRule{0, "RESOURCE_EXHAUSTED", "resource has been exhausted", capacity, Scope::service_model},
    ErrorRule{0, "RESOURCE_EXHAUSTED", "per_day", quota, Scope::project_model},
    ErrorRule{0, "RESOURCE_EXHAUSTED", "prepayment credits", quota, Scope::account},
    ErrorRule{0, "RESOURCE_EXHAUSTED", {}, rate, Scope::project_model},
    ErrorRule{0, "UNAVAILABLE", {}, capacity, Scope::service_model},
    ErrorRule{0, "DEADLINE_EXCEEDED", {}, timeout, Scope::service_model},
    ErrorRule{0, "INTERNAL", {}, server, Scope::service_model},
    ErrorRule{0, "CANCELLED", {}, server, Scope::service_model},
    ErrorRule{0, "ABORTED", {}, server, Scope::service_model},
    ErrorRule{0, "UNIMPLEMENTED", {}, model, Scope::key_model},
};

/// What google.rpc.ErrorInfo's reason says, which is more exact than the status.
struct Reason {
  std::string_view name;
  FailureClass failure;
  Scope scope;
};

constexpr std::array kReasons = {
    Reason{"API_KEY_INVALID", auth, Scope::key},
    Reason{"API_KEY_SERVICE_BLOCKED", permission, Scope::key},
    Reason{"API_KEY_HTTP_REFERRER_BLOCKED", permission, Scope::key},
    Reason{"API_KEY_IP_ADDRESS_BLOCKED", place, Scope::host},
    Reason{"API_KEY_ANDROID_APP_BLOCKED", permission, Scope::key},
    Reason{"API_KEY_IOS_APP_BLOCKED", permission, Scope::key},
    Reason{"SERVICE_DISABLED", permission, Scope::project},
    Reason{"IAM_PERMISSION_DENIED", permission, Scope::key_model},
    Reason{"CONSUMER_SUSPENDED", auth, Scope::project},
    Reason{"CONSUMER_INVALID", auth, Scope::project},
    Reason{"BILLING_DISABLED", quota, Scope::project},
    Reason{"ACCOUNT_STATE_INVALID", auth, Scope::key},
    Reason{"ACCESS_TOKEN_EXPIRED", token, Scope::key},
    Reason{"CREDENTIALS_MISSING", auth, Scope::key},
    Reason{"LOCATION_POLICY_VIOLATED", place, Scope::host},
    Reason{"SECURITY_POLICY_VIOLATED", place, Scope::host},
};

/// What the quota violations of one answer come to. The worst holds: a key that is out for the day gains nothing by
/// waiting for the minute.
enum class Violation : std::uint8_t { none, minute, day, never };

Violation worst_violation(JsonValue details) {
  Violation worst = Violation::none;
  for (const JsonValue detail : details.items()) {
    for (const JsonValue violation : detail["violations"].items()) {
      const std::string_view id = violation["quotaId"].string();
      Violation found = Violation::minute;
      if (contains_ignoring_case(id, "PerDay") || contains_ignoring_case(id, "PerMonth")) found = Violation::day;
      // A tier without the model has a limit of none, which no waiting lifts.
      if (violation["quotaValue"].string_or_number() == "0") found = Violation::never;
      worst = std::max(worst, found);
    }
  }
  return worst;
}

/// Which limit a violation is of: "GenerateContentInputTokensPerModelPerMinute-FreeTier", quotaValue "250000".
std::optional<StatedLimit> limit_of(JsonValue violation) {
  const std::string_view id = violation["quotaId"].string();
  const std::string_view text = violation["quotaValue"].string_or_number();
  StatedLimit limit;
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  limit.limit = value;
  if (contains_ignoring_case(id, "PerMinute")) {
    limit.window = std::chrono::minutes(1);
  } else if (contains_ignoring_case(id, "PerDay")) {
    limit.window = std::chrono::hours(24);
  } else {
    return std::nullopt;
  }
  if (contains_ignoring_case(id, "InputToken")) {
    limit.measure = Measure::input;
  } else if (contains_ignoring_case(id, "Token")) {
    limit.measure = Measure::tokens;
  } else if (!contains_ignoring_case(id, "Requests")) {
    return std::nullopt;
  }
  return limit;
}

void apply(Violation worst, Failure& failure) {
  switch (worst) {
    case Violation::none:
      return;
    case Violation::minute:
      // The text of such an answer may still state a limit of 0 (`limit: 0`), which the rules have seen.
      if (failure.failure != permission) failure.failure = rate;
      break;
    case Violation::day:
      if (failure.failure != permission) failure.failure = quota;
      break;
    case Violation::never:
      failure.failure = permission;
      break;
  }
  failure.scope = Scope::project_model;
  failure.kind.reset();
}

/// Adds what the error's details say.
void refine(JsonValue root, Failure& failure) {
  const JsonValue error = (root.is_array() ? root.at(0) : root)["error"];
  if (!error.is_object()) return;
  if (const std::string_view status = error["status"].string(); !status.empty()) failure.code = status;
  const JsonValue details = error["details"];
  for (const JsonValue detail : details.items()) {
    failure.retry_after = longer(failure.retry_after, parse_span(detail["retryDelay"].string()));
    const std::string_view name = detail["reason"].string();
    const auto reason = std::find_if(kReasons.begin(), kReasons.end(), [&](const Reason& r) { return r.name == name; });
    if (reason == kReasons.end()) continue;
    failure.failure = reason->failure;
    failure.scope = reason->scope;
    failure.kind.reset();
    failure.code = name;
  }
  constexpr std::size_t kMostLimits = 16;
  for (const JsonValue detail : details.items()) {
    for (const JsonValue violation : detail["violations"].items()) {
      const std::optional<StatedLimit> limit = limit_of(violation);
      if (limit && failure.limits.size() < kMostLimits) failure.limits.push_back(*limit);
    }
  }
  apply(worst_violation(details), failure);
  // "Resource exhausted" with a quota's own wait is that quota's.
  if (failure.failure == capacity && failure.retry_after && error["status"].string() == "RESOURCE_EXHAUSTED") {
    failure.failure = rate;
    failure.scope = Scope::project_model;
  }
}

}  // namespace

Failure classify_google_answer(const HttpHead& head, std::string_view body, WallTime now) {
  Failure failure = classify_answer(head, body, now, kRules);
  JsonDoc doc;
  if (doc.parse(body)) refine(doc.root(), failure);
  return failure;
}

Failure classify_google_error(JsonValue root) {
  const JsonValue error = (root.is_array() ? root.at(0) : root)["error"];
  std::optional<int> status;
  if (const std::int64_t code = error["code"].integer_or(0); code >= 400 && code < 600) status = static_cast<int>(code);
  Failure failure = classify_error(read_error_value(root), status, std::nullopt, kRules);
  refine(root, failure);
  return failure;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
