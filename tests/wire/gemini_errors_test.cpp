#include <string>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/gemini.hpp"
#include "wire/transport_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;

namespace {

constexpr detail::Preset kPreset{.name = "gemini", .base_url = "https://generativelanguage.googleapis.com/v1beta"};

Failure classify(int status, std::string_view body) {
  return detail::make_gemini_transport(kPreset)->classify(HttpHead{.status = status, .headers = {}}, body, {});
}

/// An error in Google's form; `details` are the elements of its list.
std::string error(int code, std::string_view status, std::string_view message, std::string_view details = "") {
  return fmt::format(R"({{"error":{{"code":{},"message":"{}","status":"{}","details":[{}]}}}})", code, message, status,
                     details);
}

std::string reason(std::string_view name) {
  return fmt::format(
      R"({{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"{}","domain":"googleapis.com"}})", name);
}

std::string violations(std::string_view list) {
  return fmt::format(R"({{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{}]}})", list);
}

constexpr std::string_view kMinute =
    R"({"quotaMetric":"m","quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaValue":"10"})";
constexpr std::string_view kDay =
    R"({"quotaMetric":"m","quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaValue":"250"})";
constexpr std::string_view kNever =
    R"({"quotaMetric":"m","quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaValue":"0"})";
constexpr std::string_view kRetry = R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"36.5s"})";
constexpr std::string_view kBilling = "You exceeded your current quota, please check your plan and billing details.";

}  // namespace

TEST_CASE("each of Google's errors is blamed on whom it concerns", "[gemini]") {
  struct Row {
    int status;
    std::string body;
    FailureClass failure;
    Scope scope;
  };
  using enum FailureClass;
  const std::vector<Row> rows = {
      {400,
       error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason("API_KEY_INVALID")),
       auth, Scope::key},
      {400, error(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), auth, Scope::key},
      {400, error(400, "INVALID_ARGUMENT", "Invalid value at 'contents'"), request, Scope::call},
      {400,
       error(400, "INVALID_ARGUMENT",
             "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."),
       context, Scope::call},
      {400, error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), place, Scope::host},
      {401, error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), auth, Scope::key},
      {402, error(402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), quota, Scope::account},
      {403, error(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."), auth,
       Scope::key},
      {403,
       error(403, "PERMISSION_DENIED",
             "Generative Language API has not been used in project 1 before or it is disabled.",
             reason("SERVICE_DISABLED")),
       permission, Scope::project},
      {403, error(403, "PERMISSION_DENIED", "Requests to this API are blocked.", reason("API_KEY_SERVICE_BLOCKED")),
       permission, Scope::key},
      {403,
       error(403, "PERMISSION_DENIED", "The provided API key has an IP address restriction.",
             reason("API_KEY_IP_ADDRESS_BLOCKED")),
       place, Scope::host},
      {403, error(403, "PERMISSION_DENIED", "Consumer has been suspended.", reason("CONSUMER_SUSPENDED")), auth,
       Scope::project},
      {403, "<!DOCTYPE html><title>Error 403 (Forbidden)!!1</title>", place, Scope::host},
      {404, error(404, "NOT_FOUND", "models/x is not found for API version v1beta"), model, Scope::key_model},
      {429, error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), capacity,
       Scope::service_model},
      {429, error(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later."), capacity,
       Scope::service_model},
      {429, "[" + error(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.") + "]", capacity,
       Scope::service_model},
      {429, error(429, "RESOURCE_EXHAUSTED", kBilling), rate, Scope::project_model},
      {429, error(429, "RESOURCE_EXHAUSTED", kBilling, violations(kMinute)), rate, Scope::project_model},
      {429, error(429, "RESOURCE_EXHAUSTED", kBilling, violations(kDay)), quota, Scope::project_model},
      {429, error(429, "RESOURCE_EXHAUSTED", kBilling, violations(fmt::format("{},{}", kMinute, kDay))), quota,
       Scope::project_model},
      {429, error(429, "RESOURCE_EXHAUSTED", kBilling, violations(fmt::format("{},{}", kDay, kMinute))), quota,
       Scope::project_model},
      {429, error(429, "RESOURCE_EXHAUSTED", kBilling, violations(fmt::format("{},{}", kNever, kMinute))), permission,
       Scope::project_model},
      {429, error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 0, model: y", violations(kMinute)),
       permission, Scope::project_model},
      {429, error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 20, model: y", violations(kMinute)),
       rate, Scope::project_model},
      {500, error(500, "INTERNAL", "An internal error has occurred."), server, Scope::service_model},
      {503, error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), capacity,
       Scope::service_model},
      {504, error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."), timeout,
       Scope::service_model},
      {502, "<html><head><title>502 Bad Gateway</title></head></html>", server, Scope::service},
      {500, "", server, Scope::service_model},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    const Failure failure = classify(row.status, row.body);
    CHECK(to_string(failure.failure) == to_string(row.failure));
    CHECK(to_string(failure.scope) == to_string(row.scope));
    CHECK(failure.status == row.status);
    CHECK_FALSE(failure.message.empty());
  }
}

TEST_CASE("Google's stated wait is kept, whatever the class", "[gemini]") {
  const auto wait = [](std::string_view details, std::string_view message = kBilling) {
    return classify(429, error(429, "RESOURCE_EXHAUSTED", message, details)).retry_after;
  };
  CHECK(wait(kRetry) == std::chrono::milliseconds(36'500));
  CHECK(wait(fmt::format("{},{}", violations(kDay), kRetry)) == std::chrono::milliseconds(36'500));
  CHECK(wait("", "Please retry in 26.4s.") == std::chrono::milliseconds(26'400));
  CHECK(wait(kRetry, "Please retry in 2m.") == std::chrono::milliseconds(120'000));
  CHECK_FALSE(wait(""));
  CHECK_FALSE(wait(R"({"retryDelay":"soon"})"));
  CHECK_FALSE(wait(R"({"retryDelay":"-5s"})"));
}

TEST_CASE("a code is the most exact word that Google has for the failure", "[gemini]") {
  CHECK(classify(400, error(400, "INVALID_ARGUMENT", "x", reason("API_KEY_INVALID"))).code == "API_KEY_INVALID");
  CHECK(classify(429, error(429, "RESOURCE_EXHAUSTED", "x")).code == "RESOURCE_EXHAUSTED");
}

TEST_CASE("details of the wrong shape do no harm", "[gemini]") {
  for (const std::string_view details : {"1", "null", "[]", R"({"violations":7})", R"({"violations":[7,null]})",
                                         R"({"reason":9})", R"({"violations":[{"quotaId":{}}]})"}) {
    CHECK(classify(429, error(429, "RESOURCE_EXHAUSTED", "x", details)).failure == FailureClass::rate);
  }
  CHECK(classify(429, R"({"error":"text"})").failure == FailureClass::rate);
  CHECK(classify(429, "[]").failure == FailureClass::rate);
  CHECK(classify(400, R"({"error":{"code":"x","details":{}}})").failure == FailureClass::request);
}
