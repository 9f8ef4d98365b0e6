#include <catch2/catch_test_macros.hpp>

#include "wire/error_rows.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

TEST_CASE("OpenAI's errors", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      {"openai", 401, openai_error("Incorrect API key provided: sk-ab***yz.", "invalid_api_key"), auth, Scope::key},
      {"openai", 401, openai_error("Incorrect API key provided: sk-ab***yz."), auth, Scope::key},
      {"openai", 401, openai_error("You must be a member of an organization to use the API"), permission, Scope::key},
      {"openai", 401, openai_error("No such organization: org-x.", "mismatched_organization"), permission, Scope::key},
      {"openai", 401, openai_error("Wrong project in OpenAI-Project.", "mismatched_project"), permission, Scope::key},
      {"openai", 401, openai_error("Your IP is not authorized: 192.0.2.1", "ip_not_authorized"), place, Scope::host},
      {"openai", 401, openai_error("IP not authorized"), place, Scope::host},
      {"openai", 403,
       openai_error("Country, region, or territory not supported", "unsupported_country_region_territory",
                    "request_forbidden"),
       place, Scope::host},
      {"openai", 403, "<!DOCTYPE html><title>Attention Required! | Cloudflare</title><h1>You have been blocked</h1>",
       place, Scope::host},
      {"openai", 403, openai_error("You are not allowed to sample from this model"), permission, Scope::key_model},
      {"openai", 404,
       openai_error("The model `gpt-9` does not exist or you do not have access to it.", "model_not_found"), model,
       Scope::key_model},
      {"openai", 404, openai_error("The model `gpt-9` does not exist or you do not have access to it."), model,
       Scope::key_model},
      {"openai/responses", 400, openai_error("The requested model 'gpt-9' does not exist.", "model_not_found"), model,
       Scope::key_model},
      {"openai", 404, openai_error("tools is not supported in this model. For a list of supported models, refer to …"),
       request, Scope::call},
      {"openai", 429,
       openai_error("Rate limit reached for gpt-4.1-2025-04-14 (for limit gpt-4.1) in organization org-x on tokens per "
                    "min (TPM): Limit 30000, Used 29600, Requested 900. Please try again in 174ms.",
                    "rate_limit_exceeded", "tokens"),
       rate, Scope::account_model, 174ms},
      {"openai", 429,
       openai_error(
           "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested "
           "342389.",
           "rate_limit_exceeded", "tokens"),
       too_big, Scope::account_model},
      {"openai", 429,
       openai_error("You exceeded your current quota, please check your plan and billing details.",
                    "insufficient_quota", "insufficient_quota"),
       quota, Scope::account},
      {"openai", 429, openai_error("Buy more.", "credit_balance_exhausted", "insufficient_quota"), quota,
       Scope::account},
      {"openai", 429, openai_error("At its end.", "organization_usage_limit_exceeded", "insufficient_quota"), quota,
       Scope::account},
      {"openai", 429, openai_error("At its end.", "organization_spend_limit_exceeded", "insufficient_quota"), quota,
       Scope::account},
      {"openai", 429, openai_error("At its end.", "project_spend_limit_exceeded", "insufficient_quota"), quota,
       Scope::project},
      {"openai", 429, openai_error("Slow down", "slow_down"), capacity, Scope::service_model},
      {"openai", 503, openai_error("Slow down", "slow_down"), capacity, Scope::service_model},
      {"openai", 503, openai_error("Busy", "server_is_overloaded", "service_unavailable_error"), capacity,
       Scope::service_model},
      {"openai", 503, openai_error("The engine is currently overloaded, please try again later", "", "server_error"),
       capacity, Scope::service_model},
      {"openai", 429, openai_error("That model's engine overloaded", "", "server_error"), capacity,
       Scope::service_model},
      {"openai", 400, openai_error("This model's maximum context length is 8192 tokens.", "context_length_exceeded"),
       context, Scope::call},
      {"openai", 400, openai_error("Invalid 'input': string too long.", "string_above_max_length"), context,
       Scope::call},
      {"openai", 400, openai_error("Error while downloading https://example.com/cat.png."), request, Scope::call},
      {"openai", 400, openai_error("Failed to download the image.", "invalid_image_url"), request, Scope::call},
      // The code inside an answer or a stream.
      {"openai", 200, sse(openai_error("Rate limit reached", "rate_limit_exceeded", "requests")), rate,
       Scope::account_model},
      {"openai", 200, sse(openai_error("Over", "insufficient_quota", "insufficient_quota")), quota, Scope::account},
      {"openai", 200, sse(openai_error("The server had an error", "", "server_error"), "error"), server,
       Scope::service_model},
      {"openai/responses", 200,
       sse(R"({"type":"error","code":"rate_limit_exceeded","message":"Rate limit reached. Please try again in 6s."})",
           "error"),
       rate, Scope::account_model, 6s},
      {"openai/responses", 200,
       sse(R"({"type":"response.failed","response":{"id":"r","status":"failed","error":{"code":"server_error","message":"It broke"}}})",
           "response.failed"),
       server, Scope::service_model},
      {"openai/responses", 200,
       sse(R"({"type":"response.failed","response":{"id":"r","status":"failed","error":{"code":"insufficient_quota","message":"x"}}})",
           "response.failed"),
       quota, Scope::account},
  });
}

TEST_CASE("Azure's errors", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      {"azure", 401,
       openai_error("Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid "
                    "key for an active subscription and use a correct regional API endpoint for your resource.",
                    "401"),
       auth, Scope::key},
      {"azure", 401, openai_error("Token audience is incorrect.", "Unauthorized"), token, Scope::key},
      {"azure", 401,
       R"({"statusCode":401,"message":"Unauthorized. Access token is missing, invalid, audience is )"
       R"(incorrect (https://cognitiveservices.azure.com), or have expired."})",
       token, Scope::key},
      {"azure", 401, openai_error("IDX10223: the token is expired.", "InvalidAuthenticationToken"), token, Scope::key},
      {"azure", 403, openai_error("Access denied due to Virtual Network/Firewall rules.", "AccessDenied"), place,
       Scope::host},
      {"azure", 403, openai_error("Public access is disabled. Please configure private endpoint.", "403"), place,
       Scope::host},
      {"azure", 403,
       openai_error("Your resource has been temporarily blocked because we detected unusual behavior", "403"), quota,
       Scope::account, 10min},
      {"azure", 403,
       R"({"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 02:03:04."})", quota,
       Scope::key, 7384s},
      {"azure", 404,
       openai_error(
           "The API deployment for this resource does not exist. If you created the deployment within the last "
           "5 minutes, please wait a moment and try again.",
           "DeploymentNotFound"),
       model, Scope::key_model},
      {"azure", 429,
       openai_error("Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have "
                    "exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 8 seconds.",
                    "429"),
       rate, Scope::account_model, 8s},
      {"azure",
       429,
       openai_error("Your requests have exceeded call rate limit. Please retry after 8 seconds.", "RateLimitReached"),
       rate,
       Scope::account_model,
       9s,
       {},
       {{"retry-after", "9"}}},
      {"azure",
       429,
       openai_error("Slow", "429"),
       rate,
       Scope::account_model,
       1s,
       {},
       {{"retry-after", "1"}, {"retry-after-ms", "0"}}},
      {"azure", 429,
       openai_error("The system is currently experiencing high demand and cannot process your request.", "429"),
       capacity, Scope::service_model},
      {"azure", 429, openai_error("We are temporarily unable to process your request.", "429"), capacity,
       Scope::service_model},
      {"azure", 429, openai_error("Token budget exceeded by request parameters", "429"), too_big, Scope::account_model},
      {"azure", 400,
       R"({"error":{"message":"The response was filtered.","type":null,"code":"content_filter","status":400,)"
       R"("innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{}}}})",
       filter, Scope::call},
      {"azure", 400, R"({"error":{"message":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}})", filter,
       Scope::call},
  });
}

TEST_CASE("the pages of edges, and errors nothing is known of", "[errors][rows]") {
  using enum FailureClass;
  const std::string page = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
  for (const int status : {502, 504, 520, 521, 522, 523, 524, 525, 526, 530})
    check_rows({{"openai", status, page, server, Scope::service}});
  for (const std::string_view provider : {"claude", "gemini", "bedrock", "zhipu", "dify"})
    check_rows({{provider, 502, page, server, Scope::service}, {provider, 504, page, server, Scope::service}});
  check_rows({
      {"openai", 504, "upstream request timeout", server, Scope::service},
      {"openai", 520, "error code: 520", server, Scope::service},
      {"openai", 504, openai_error("The request timed out."), timeout, Scope::service_model},
      {"openai", 500, openai_error("Oops"), server, Scope::service_model},
      {"openai", 403, "Forbidden", permission, Scope::key_model},
      {"openai", 402, "", quota, Scope::account},
      {"openai", 402, "", rate, Scope::account, 5s, {}, {{"retry-after", "5"}}},
      {"openai", 418, openai_error("I'm a teapot"), unknown, Scope::call},
      {"openai", 404, "404 page not found", unknown, Scope::call, {}, ErrorKind::not_found},
      {"openai", 400, "bad request", unknown, Scope::call},
      {"openai", 429, "", rate, Scope::key, 60s, {}, {{"retry-after", "60"}}},
      {"openai", 429, "", quota, Scope::account, 7200s, {}, {{"retry-after", "7200"}}},
  });
}
