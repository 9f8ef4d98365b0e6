#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "wire/error_rows.hpp"
#include "wire/event_stream_frames.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

std::string claude(std::string_view type, std::string_view message, std::string_view more = "") {
  return fmt::format(R"({{"type":"error","error":{{"type":"{}","message":"{}"{}}},"request_id":"req_1"}})", type,
                     message, more);
}

std::string google(int code, std::string_view status, std::string_view message, std::string_view details = "") {
  return fmt::format(R"({{"error":{{"code":{},"message":"{}","status":"{}","details":[{}]}}}})", code, message, status,
                     details);
}

std::string reason(std::string_view name) {
  return fmt::format(R"({{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"{}"}})", name);
}

std::string violations(std::initializer_list<std::string_view> ids, std::string_view delay = "36s") {
  std::string list;
  for (const std::string_view id : ids) list += fmt::format(R"({}{{"quotaId":"{}"}})", list.empty() ? "" : ",", id);
  return fmt::format(R"({{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{}]}},)"
                     R"({{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{}"}})",
                     list, delay);
}

ErrorRow bedrock(int status, std::string_view type, std::string_view message, FailureClass failure, Scope scope) {
  return {"bedrock", status, fmt::format(R"({{"message":"{}"}})", message), failure, scope,
          {},        {},     {{"x-amzn-ErrorType", std::string(type)}}};
}

}  // namespace

TEST_CASE("Anthropic's errors", "[errors][rows]") {
  using enum FailureClass;
  const std::string invalid = "invalid_request_error";
  check_rows({
      {"claude", 400, claude(invalid, "Your credit balance is too low to access the Anthropic API."), quota,
       Scope::account},
      {"claude", 402, claude("billing_error", "Check your payment details."), quota, Scope::account},
      {"claude", 400,
       claude(invalid,
              "You have reached your specified API usage limits. You will regain access on "
              "2026-12-01 at 00:00 UTC."),
       quota, Scope::account, 7 * 24h + 12h},
      {"claude", 400,
       claude(invalid,
              "You have reached your specified workspace API usage limits. You will regain "
              "access on 2026-11-24 at 06:30 UTC."),
       quota, Scope::project, 18h + 30min},
      {"claude", 429,
       claude("rate_limit_error", "Spend limit.", R"(,"details":{"error_code":"enforced_spend_limit_reached"})"), quota,
       Scope::account},
      {"claude", 400, claude(invalid, "This organization has been disabled."), auth, Scope::account},
      {"claude", 403, claude("permission_error", "This organization has been disabled."), auth, Scope::account},
      {"claude", 401, claude("authentication_error", "invalid x-api-key"), auth, Scope::key},
      {"claude", 403, claude("permission_error", "Not for your key."), permission, Scope::key_model},
      {"claude", 404, claude("not_found_error", "model: claude-9"), model, Scope::key_model},
      {"claude", 403, R"({"error":{"type":"forbidden","message":"Request not allowed"}})", place, Scope::host},
      {"claude",
       429,
       claude("rate_limit_error",
              "This request would exceed the rate limit for your organization "
              "(org-id) of 50,000 input tokens per minute."),
       rate,
       Scope::account_model,
       41s,
       {},
       {{"retry-after", "41"}}},
      {"claude", 429, claude("rate_limit_error", "This request would exceed your account's rate limit."), rate,
       Scope::account},
      {"claude", 429, claude("rate_limit_error", "Your acceleration limit is reached."), rate, Scope::account},
      {"claude", 429, claude("rate_limit_error", "Extra usage is required for long context requests."), permission,
       Scope::key_model},
      {"claude", 429, claude("rate_limit_error", "Usage credits are required for long context requests."), permission,
       Scope::key_model},
      {"claude", 413, claude("request_too_large", "Request exceeds the maximum size"), request, Scope::call},
      {"claude", 413, "<html><title>413 Payload Too Large</title></html>", request, Scope::call},
      {"claude", 400, claude(invalid, "prompt is too long: 210000 tokens > 200000 maximum"), context, Scope::call},
      {"claude", 409, claude("conflict_error", "Conflict"), server, Scope::service_model},
      {"claude", 504, claude("timeout_error", "Timed out"), timeout, Scope::service_model},
      {"claude", 500, claude("api_error", "Internal server error"), server, Scope::service_model},
      {"claude", 529, claude("overloaded_error", "Overloaded"), capacity, Scope::service_model},
      {"claude", 200, sse(claude("overloaded_error", "Overloaded"), "error"), capacity, Scope::service_model},
      {"claude", 200, sse(claude("api_error", "Internal server error"), "error"), server, Scope::service_model},
      {"claude", 200, sse(claude("rate_limit_error", "Slow"), "error"), rate, Scope::account_model},
  });
}

TEST_CASE("Gemini's errors", "[errors][rows]") {
  using enum FailureClass;
  const std::string invalid = "INVALID_ARGUMENT";
  const std::string denied = "PERMISSION_DENIED";
  const std::string exhausted = "RESOURCE_EXHAUSTED";
  const std::string billing = "You exceeded your current quota, please check your plan and billing details.";
  check_rows({
      {"gemini", 400, google(400, invalid, "API key not valid.", reason("API_KEY_INVALID")), auth, Scope::key},
      {"gemini", 400, google(400, invalid, "API key expired.", reason("API_KEY_INVALID")), auth, Scope::key},
      {"gemini", 400, google(400, invalid, "API Key not found."), auth, Scope::key},
      {"gemini", 400, google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), place,
       Scope::host},
      {"gemini", 403, google(403, denied, "x has not been used", reason("SERVICE_DISABLED")), permission,
       Scope::project},
      {"gemini", 403, google(403, denied, "blocked", reason("API_KEY_SERVICE_BLOCKED")), permission, Scope::key},
      {"gemini", 403, google(403, denied, "IP", reason("API_KEY_IP_ADDRESS_BLOCKED")), place, Scope::host},
      {"gemini", 403, google(403, denied, "referrer", reason("API_KEY_HTTP_REFERRER_BLOCKED")), permission, Scope::key},
      {"gemini", 403, google(403, denied, "Your API key was reported as leaked."), auth, Scope::key},
      {"gemini", 403, google(403, denied, "Consumer 'x' has been suspended.", reason("CONSUMER_SUSPENDED")), auth,
       Scope::project},
      {"gemini", 429, google(429, exhausted, billing, violations({"GenerateRequestsPerMinutePerProjectPerModel"})),
       rate, Scope::project_model, 36s},
      {"gemini", 429, google(429, exhausted, billing, violations({"GenerateRequestsPerDayPerProjectPerModel"})), quota,
       Scope::project_model, 36s},
      {"gemini", 429,
       google(429, exhausted, billing,
              violations({"GenerateRequestsPerDayPerProjectPerModel", "GenerateRequestsPerMinutePerProjectPerModel"})),
       quota, Scope::project_model, 36s},
      {"gemini", 429, google(429, exhausted, billing + " * Quota exceeded for metric: m, limit: 0, model: x"),
       permission, Scope::project_model},
      {"gemini", 429, google(429, exhausted, "Resource has been exhausted (e.g. check quota)."), capacity,
       Scope::service_model},
      {"gemini", 402, google(402, exhausted, "Your prepayment credits are depleted."), quota, Scope::account},
      {"gemini", 402, google(402, "payment_required", "Pay."), quota, Scope::account},
      {"gemini", 404, google(404, "NOT_FOUND", "models/x is not found for API version v1beta"), model,
       Scope::key_model},
      {"gemini", 503, google(503, "UNAVAILABLE", "The model is overloaded."), capacity, Scope::service_model},
      {"gemini", 504, google(504, "DEADLINE_EXCEEDED", "Deadline expired"), timeout, Scope::service_model},
      {"gemini", 500, google(500, "INTERNAL", "An internal error has occurred"), server, Scope::service_model},
      {"gemini", 200, sse(google(503, "UNAVAILABLE", "The model is overloaded.")), capacity, Scope::service_model},
      {"gemini", 200, "[" + google(429, exhausted, billing, violations({"GenerateRequestsPerDay"})) + "]", quota,
       Scope::project_model, 36s},
      {"gemini", 200, R"({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}})", filter, Scope::call},
      {"gemini", 200, R"({"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","index":0}]})", output, Scope::call},
      {"gemini", 200, sse(R"({"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","index":0}]})"), output,
       Scope::call},
  });
}

TEST_CASE("Vertex AI's errors", "[errors][rows]") {
  using enum FailureClass;
  const std::string exhausted = "RESOURCE_EXHAUSTED";
  check_rows({
      {"vertexai", 429, google(429, exhausted, "Resource exhausted. Please try again later."), capacity,
       Scope::service_model},
      {"vertexai", 429,
       google(429, exhausted,
              "Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_"
              "model with base model: gemini-pro."),
       rate, Scope::project_model},
      {"vertexai", 429, google(429, exhausted, "Too many requests. Exceeded the Provisioned Throughput."), rate,
       Scope::project_model},
      {"vertexai", 401, google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), token,
       Scope::key},
      {"vertexai", 401, google(401, "UNAUTHENTICATED", "Expired.", reason("ACCESS_TOKEN_EXPIRED")), token, Scope::key},
      {"vertexai", 400,
       R"({"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token )"
       R"((60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."})",
       clock, Scope::host},
      {"vertexai", 400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})", auth, Scope::key},
      {"vertexai", 400, R"({"error":"invalid_grant","error_description":"Account is not associated with a project"})",
       auth, Scope::key},
      {"vertexai", 429, "[" + google(429, exhausted, "Resource exhausted. Please try again later.") + "]", capacity,
       Scope::service_model},
  });
}

TEST_CASE("Bedrock's errors", "[errors][rows]") {
  using enum FailureClass;
  const std::string denied = "AccessDeniedException";
  const std::string invalid = "ValidationException";
  check_rows({
      bedrock(403, "ExpiredTokenException", "The security token included in the request is expired", auth, Scope::key),
      bedrock(403, "ExpiredToken", "The security token included in the request is expired", auth, Scope::key),
      bedrock(403, "InvalidSignatureException",
              "Signature expired: 20261123T110000Z is now earlier than 20261123T115500Z", clock, Scope::host),
      bedrock(403, "InvalidSignatureException",
              "Signature not yet current: 20261123T130000Z is still later than 20261123T120500Z", clock, Scope::host),
      bedrock(400, "RequestExpired", "Request has expired.", clock, Scope::host),
      bedrock(403, "UnrecognizedClientException", "The security token included in the request is invalid.", auth,
              Scope::key),
      bedrock(403, "InvalidClientTokenId", "The security token included in the request is invalid.", auth, Scope::key),
      bedrock(403, denied, "You don't have access to the model with the specified model ID.", permission,
              Scope::account_model),
      // Whose policy it is decides: the user's own, or the one that holds for the whole account.
      bedrock(403, denied,
              "User: arn:x is not authorized to perform: bedrock:InvokeModel because no identity-based "
              "policy allows the bedrock:InvokeModel action",
              permission, Scope::key_model),
      bedrock(403, denied,
              "User: arn:x is not authorized to perform: bedrock:InvokeModel with an explicit deny in a "
              "service control policy",
              permission, Scope::account_model),
      bedrock(404, "ResourceNotFoundException", "Model use case details have not been submitted for this account.",
              permission, Scope::account_model),
      bedrock(404, "FTUFormNotFilled", "Fill out the form.", permission, Scope::account_model),
      bedrock(400, invalid, "The provided model identifier is invalid.", model, Scope::key_model),
      bedrock(400, invalid, "Invocation of model ID x with on-demand throughput isn’t supported.", model,
              Scope::service_model),
      bedrock(404, "ResourceNotFoundException", "This model version has reached the end of its life.", model,
              Scope::service_model),
      bedrock(429, "ThrottlingException", "Too many requests, please wait before trying again.", rate,
              Scope::account_model),
      bedrock(429, "ThrottlingException", "Too many tokens, please wait before trying again.", rate,
              Scope::account_model),
      bedrock(429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", quota,
              Scope::account_model),
      bedrock(400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account.", quota,
              Scope::account),
      bedrock(429, "ModelNotReadyException", "The model is not ready", capacity, Scope::service_model),
      bedrock(503, "ServiceUnavailableException", "Try again", capacity, Scope::service_model),
      bedrock(503, "ServiceUnavailable", "Try again", capacity, Scope::service_model),
      bedrock(408, "ModelTimeoutException", "Timed out", timeout, Scope::service_model),
      bedrock(424, "ModelErrorException", "The model failed", server, Scope::service_model),
  });
}

TEST_CASE("an agreement that Bedrock is making takes the quarter of an hour that its pages name", "[errors][rows]") {
  using enum FailureClass;
  ErrorRow row = bedrock(403, "AccessDeniedException", "Your request is being processed: MPAgreementBeingCreated",
                         permission, Scope::account_model);
  row.wait = 15min;
  check_rows({row});
}

TEST_CASE("Bedrock's errors in a stream", "[errors][rows]") {
  using enum FailureClass;
  const auto exception = [](std::string_view name) {
    return frame(string_header(":message-type", "exception") + string_header(":exception-type", name),
                 R"({"message":"x"})");
  };
  const std::vector<HttpHeader> head = {{"Content-Type", "application/vnd.amazon.eventstream"}};
  check_rows({
      {"bedrock", 200, exception("modelStreamErrorException"), server, Scope::service_model, {}, {}, head},
      {"bedrock", 200, exception("throttlingException"), rate, Scope::account_model, {}, {}, head},
      {"bedrock", 200, exception("internalServerException"), server, Scope::service_model, {}, {}, head},
      {"bedrock", 200, exception("serviceUnavailableException"), capacity, Scope::service_model, {}, {}, head},
  });
}
