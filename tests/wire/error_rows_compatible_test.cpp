#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "wire/error_rows.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// Mistral's and Cerebras's form: the error's members stand at the top.
std::string flat(std::string_view message, std::string_view type, std::string_view code) {
  return fmt::format(R"({{"object":"error","message":"{}","type":"{}","param":null,"code":{}}})", message, type, code);
}

std::string openrouter(int code, std::string_view message, std::string_view metadata = "{}") {
  return fmt::format(R"({{"error":{{"message":"{}","code":{},"metadata":{}}}}})", message, code, metadata);
}

std::string cloudflare(int code, std::string_view message) {
  return fmt::format(R"({{"result":null,"success":false,"errors":[{{"code":{},"message":"{}"}}],"messages":[]}})", code,
                     message);
}

}  // namespace

TEST_CASE("Groq's errors", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      {"groq", 401, openai_error("Invalid API Key", "invalid_api_key"), auth, Scope::key},
      {"groq", 400, openai_error("Organization has been restricted.", "organization_restricted"), auth, Scope::account},
      {"groq", 403, openai_error("Organization has been restricted.", "organization_restricted"), auth, Scope::account},
      {"groq", 413,
       openai_error("Request too large for model `m` in organization `org_x` service tier `on_demand` on tokens per "
                    "minute (TPM): Limit 6000, Requested 7000, please reduce your message size and try again.",
                    "rate_limit_exceeded", "tokens"),
       too_big, Scope::account_model},
      {"groq", 429,
       openai_error("Rate limit reached for model `m` in organization `org_x` service tier `on_demand` on requests per "
                    "minute (RPM): Limit 30, Used 30, Requested 1. Please try again in 1.5s.",
                    "rate_limit_exceeded", "requests"),
       rate, Scope::account_model, 1500ms},
      {"groq", 429,
       openai_error("Rate limit reached on tokens per day (TPD): Limit 100000, Used 99880, Requested 9000. Please try "
                    "again in 1h7m12s.",
                    "rate_limit_exceeded", "tokens"),
       quota, Scope::account_model, 4032s},
      {"groq", 429,
       openai_error(
           "Rate limit reached on requests per day (RPD): Limit 1000, Used 1000, Requested 1. Please try again "
           "in 43s.",
           "rate_limit_exceeded", "requests"),
       quota, Scope::account_model, 43s},
      {"groq", 498, openai_error("Flex tier capacity exceeded", "capacity_exceeded"), capacity, Scope::service_model},
      {"groq", 498, "", capacity, Scope::service_model},
      {"groq", 400, openai_error("Failed to call a function.", "tool_use_failed"), output, Scope::call},
      {"groq", 400, openai_error("Failed to generate JSON.", "json_validate_failed"), output, Scope::call},
      {"groq", 200, sse(openai_error("Failed to generate JSON.", "json_validate_failed"), "error"), output,
       Scope::call},
      {"groq", 200, sse(openai_error("Rate limit reached", "rate_limit_exceeded", "tokens"), "error"), rate,
       Scope::account_model},
      {"groq", 404, openai_error("The model `x` does not exist or you do not have access to it.", "model_not_found"),
       model, Scope::service_model},
      {"groq", 400, openai_error("The model `x` has been decommissioned.", "model_decommissioned"), model,
       Scope::service_model},
  });
}

TEST_CASE("Cerebras's and Mistral's errors", "[errors][rows]") {
  using enum FailureClass;
  const std::string too_many = "too_many_requests_error";
  check_rows({
      {"cerebras", 429, flat("Requests per minute limit exceeded", too_many, R"("request_quota_exceeded")"), rate,
       Scope::account_model},
      {"cerebras",
       429,
       flat("Tokens per minute limit exceeded", too_many, R"("token_quota_exceeded")"),
       rate,
       Scope::account_model,
       12s,
       {},
       {{"retry-after", "12"}}},
      {"cerebras", 429, flat("Tokens per day limit exceeded", too_many, R"("token_quota_exceeded")"), quota,
       Scope::account_model},
      {"cerebras", 429, flat("We're experiencing high traffic right now!", too_many, R"("queue_exceeded")"), capacity,
       Scope::service_model},
      {"cerebras", 200, sse(flat("High traffic", too_many, R"("queue_exceeded")")), capacity, Scope::service_model},
      {"mistral", 401, R"({"detail":"Unauthorized"})", auth, Scope::key},
      {"mistral", 402, R"({"detail":"Payment required"})", quota, Scope::account},
      {"mistral", 429, flat("Requests rate limit exceeded", "rate_limited", R"("1300")"), rate, Scope::account},
      {"mistral", 429, R"({"message":"Requests rate limit exceeded"})", rate, Scope::account},
      {"mistral", 429,
       flat("Service tier capacity exceeded for this model.", "service_tier_capacity_exceeded", R"("3505")"), capacity,
       Scope::service_model},
      {"mistral", 429, flat("Busy.", "invalid_request_error", "3505"), capacity, Scope::service_model},
      {"mistral", 503, flat("Service tier capacity exceeded for this model.", "invalid_request_error", "null"),
       capacity, Scope::service_model},
      {"mistral", 400,
       flat("Too many inputs in request, split into more batches.", "invalid_request_prompt", R"("3210")"), request,
       Scope::call},
  });
}

TEST_CASE("xAI's, DeepSeek's and Perplexity's errors", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      {"xai", 400, R"({"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***yz."})",
       auth, Scope::key},
      {"xai", 403, R"("Your newly created team doesn't have any credits yet.")", quota, Scope::account},
      {"xai", 403, R"({"code":"permission-denied","error":"Your team has run out of credits."})", quota,
       Scope::account},
      {"xai", 429,
       R"({"code":"resource-exhausted","error":"Your team has used all available credits or reached its monthly )"
       R"(spending limit."})",
       quota, Scope::account},
      {"xai", 403, R"({"code":"permission-denied","error":"Content violates usage guidelines."})", filter, Scope::call},
      {"deepseek", 401, openai_error("Authentication Fails (no such user)", "", "authentication_error"), auth,
       Scope::key},
      {"deepseek", 402, openai_error("Insufficient Balance", "", "unknown_error"), quota, Scope::account},
      {"deepseek", 422, openai_error("Failed to deserialize the JSON body"), request, Scope::call},
      {"deepseek", 400, openai_error("The supported API model names are deepseek-chat."), model, Scope::service_model},
      {"deepseek", 400, openai_error("Content Exists Risk"), filter, Scope::call},
      {"deepseek", 429, openai_error("Too many requests", "", "rate_limit_error"), rate, Scope::account_model},
      {"deepseek", 503, openai_error("Service is too busy.", "", "service_unavailable_error"), capacity,
       Scope::service_model},
      {"deepseek", 200, openai_finish("insufficient_system_resource"), capacity, Scope::service_model},
      // It lets a request wait within the answer, and closes it in the end.
      {"deepseek", 200, "\n\n\n\n", capacity, Scope::service},
      {"deepseek",
       200,
       ": keep-alive\n\n: keep-alive\n\n",
       capacity,
       Scope::service,
       {},
       {},
       {{"Content-Type", "text/event-stream"}}},
      {"perplexity", 401, openai_error("You exceeded your current quota", "401", "insufficient_quota"), quota,
       Scope::account},
      {"perplexity", 401, "<html><title>401 Authorization Required</title></html>", auth, Scope::key},
  });
}

TEST_CASE("OpenRouter's errors, and those that it passes on", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      {"openrouter", 401, openrouter(401, "No auth credentials found"), auth, Scope::key},
      {"openrouter", 402, openrouter(402, "Insufficient credits", R"({"limit_source":"openrouter_credits"})"), quota,
       Scope::account},
      {"openrouter", 402, openrouter(402, "This request requires more credits"), quota, Scope::account},
      {"openrouter", 402, openrouter(402, "Key limit", R"({"limit_source":"openrouter_key_limit"})"), quota,
       Scope::key},
      {"openrouter",
       402,
       openrouter(402, "Too much in flight", R"({"reason":"in_flight_budget_exhausted"})"),
       rate,
       Scope::account,
       2s,
       {},
       {{"retry-after", "2"}}},
      {"openrouter", 402, openrouter(402, "Lower max_tokens", R"({"reason":"weight_exceeds_budget"})"), too_big,
       Scope::account},
      {"openrouter", 403, openrouter(403, "Flagged", R"({"reasons":["violence"],"flagged_input":"…"})"), filter,
       Scope::call},
      {"openrouter", 403,
       openrouter(403, "Provider returned error", R"({"raw":"Your input was refused by content moderation"})"), filter,
       Scope::call},
      {"openrouter", 403, openrouter(403, "Budget limit exceeded"), quota, Scope::key},
      {"openrouter", 429,
       openrouter(429, "Provider returned error",
                  R"({"raw":"m is temporarily rate-limited upstream. Please retry shortly."})"),
       capacity, Scope::service_model},
      {"openrouter", 429, openrouter(429, "Rate limit exceeded: free-models-per-day. Add 10 credits"), quota,
       Scope::account},
      {"openrouter", 429, openrouter(429, "Rate limit exceeded: free-models-per-min."), rate, Scope::account},
      {"openrouter", 404, openrouter(404, "No endpoints found that support tool use."), request, Scope::call},
      {"openrouter", 404, openrouter(404, "No endpoints found for x/y."), model, Scope::service_model},
      {"openrouter", 400, openrouter(400, "Model x/y does not exist"), model, Scope::service_model},
      {"openrouter", 408, openrouter(408, "Timed out"), timeout, Scope::service_model},
      {"openrouter", 502, openrouter(502, "Provider returned error"), server, Scope::service_model},
      {"openrouter", 503, openrouter(503, "No available provider meets your routing requirements"), capacity,
       Scope::service_model},
      {"openrouter", 200, openrouter(502, "Upstream died"), server, Scope::service_model},
      {"openrouter", 200, openrouter(429, "Provider returned error", R"({"raw":"m is rate-limited upstream"})"),
       capacity, Scope::service_model},
      {"openrouter", 200, sse(openrouter(503, "No available provider")), capacity, Scope::service_model},
      {"openrouter", 200, sse(openrouter(401, "User not found.")), auth, Scope::key},
      {"openrouter", 200,
       sse(R"({"id":"1","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error",)"
           R"("error":{"code":502,"message":"Upstream died"}}]})"),
       server, Scope::service_model},
      {"openrouter", 200, openai_finish("error"), server, Scope::service_model},
  });
}

TEST_CASE("Cloudflare's errors", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      {"cloudflare", 401, cloudflare(10000, "Authentication error"), auth, Scope::key},
      {"cloudflare", 429, cloudflare(3036, "You have used up your daily free allocation of 10,000 neurons"), quota,
       Scope::account},
      {"cloudflare", 429, cloudflare(3040, "Capacity temporarily exceeded"), capacity, Scope::service_model},
      {"cloudflare", 400, cloudflare(5007, "No such model"), model, Scope::service_model},
      {"cloudflare", 403, cloudflare(5016, "This model's terms are not agreed to"), permission, Scope::key_model},
      {"cloudflare", 403, cloudflare(5018, "No access"), permission, Scope::key_model},
      {"cloudflare", 403, cloudflare(3041, "No access"), permission, Scope::key_model},
      {"cloudflare", 403, cloudflare(3023, "Account blocked"), permission, Scope::account},
      {"cloudflare", 408, cloudflare(3007, "Timeout"), timeout, Scope::service_model},
      {"cloudflare", 413, cloudflare(3006, "Request too large"), request, Scope::call},
      {"cloudflare/run", 429, cloudflare(3036, "Used up"), quota, Scope::account},
      {"cloudflare/run", 200, cloudflare(3040, "Capacity temporarily exceeded"), capacity, Scope::service_model},
  });
}

TEST_CASE("Cohere's errors, whose cases only their words tell apart", "[errors][rows]") {
  using enum FailureClass;
  const auto said = [](std::string_view message) { return fmt::format(R"({{"id":"1","message":"{}"}})", message); };
  check_rows({
      {"cohere", 401, said("invalid api token"), auth, Scope::key},
      {"cohere", 498, said("invalid token"), auth, Scope::key},
      {"cohere", 402, said("Please add or update your payment method"), quota, Scope::key},
      {"cohere", 429, said("You are using a Trial key, which is limited to 1000 API calls / month."), quota,
       Scope::key},
      {"cohere", 429, said("You are using a Trial key, which is limited to 40 API calls / minute."), rate, Scope::key},
      {"cohere", 404, said("model 'command-r' was removed on September 15, 2025."), model, Scope::service_model},
      {"cohere", 400, said("too many tokens: size limit exceeded by 12 tokens."), context, Scope::call},
      {"cohere", 499, said("request cancelled"), server, Scope::service_model},
  });
}

TEST_CASE("errors of those who serve open models", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      {"huggingface", 402, R"({"error":"You have exceeded your monthly included credits for Inference Providers."})",
       quota, Scope::account},
      {"huggingface", 503, R"({"error":"Model m is currently loading","estimated_time":20.0})", capacity,
       Scope::service_model},
      {"together", 402, openai_error("You have exceeded your monthly included credits."), quota, Scope::account},
      {"fireworks", 503, openai_error("The model is loading."), capacity, Scope::service_model},
      {"siliconflow", 403, R"({"code":30001,"message":"Sorry, your account balance is insufficient","data":null})",
       quota, Scope::account},
      {"siliconflow", 429, R"({"message":"Request was rejected due to rate limiting. Details:TPM limit reached."})",
       rate, Scope::account_model},
      {"siliconflow", 429, R"({"message":"Request was rejected due to rate limiting. Details:RPM limit reached."})",
       rate, Scope::account_model},
      {"nvidia", 400,
       R"({"status":400,"title":"Bad Request","detail":"Function id 'x': DEGRADED function cannot be )"
       R"(invoked"})",
       server, Scope::service_model},
      {"llamacpp", 400,
       R"({"error":{"code":400,"message":"the request exceeds the available context size","type":)"
       R"("exceed_context_size_error","n_prompt_tokens":9,"n_ctx":8}})",
       context, Scope::call},
      {"llamacpp", 500, R"({"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}})",
       request, Scope::call},
      {"llamacpp", 500, R"({"error":{"code":500,"message":"image input is not supported","type":"server_error"}})",
       request, Scope::call},
      {"llamacpp", 500,
       R"({"error":{"code":500,"message":"input (9000 tokens) is too large to process. increase the physical batch )"
       R"(size","type":"server_error"}})",
       context, Scope::call},
      {"llamacpp", 503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})", capacity,
       Scope::service_model},
      {"ollama", 404, R"({"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error"}})",
       model, Scope::service_model},
      {"ollama", 503, R"({"error":{"message":"server busy, please try again. maximum pending requests exceeded"}})",
       capacity, Scope::service_model},
      {"ollama/native", 404, R"({"error":"model \"x\" not found, try pulling it first"})", model, Scope::service_model},
      {"ollama/native", 503, R"({"error":"server busy, please try again. maximum pending requests exceeded"})",
       capacity, Scope::service_model},
      {"ollama/native", 400, R"({"error":"prompt too long; exceeded max context length by 3 tokens"})", context,
       Scope::call},
      {"ollama", 400, R"({"error":{"message":"prompt too long; exceeded max context length by 3 tokens"}})", context,
       Scope::call},
  });
}
