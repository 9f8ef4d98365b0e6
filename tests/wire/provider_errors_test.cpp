#include <chrono>
#include <string>
#include <string_view>

#include <keywheel/failure.hpp>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/error_body.hpp"
#include "providers/openai_errors.hpp"
#include "providers/retry_time.hpp"
#include "wire/json_writer.hpp"
#include "wire/openai_fixture.hpp"

using namespace keywheel;          // NOLINT(google-build-using-namespace)
using namespace keywheel::detail;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;

TEST_CASE("no row of an error table is hidden by another", "[errors]") {
  for (const Preset& preset : presets()) {
    for (const ErrorRule& rule : rules_of(preset)) {
      INFO(preset.name << ": " << rule.status << " " << rule.code << " " << rule.phrase);
      std::string body;
      JsonWriter writer(body);
      writer.begin_object().key("error").begin_object().member("code", rule.code);
      writer.member("message", rule.phrase).end_object().end_object();
      const HttpHead head{.status = rule.status == 0 ? 418 : rule.status};
      const Failure failure = classify_answer(head, body, {}, rules_of(preset));
      CHECK(failure.failure == rule.failure);
      CHECK(failure.scope == rule.scope);
    }
  }
}

TEST_CASE("what providers' errors mean", "[errors]") {
  struct Row {
    std::string_view provider;
    int status;
    std::string_view body;
    FailureClass failure;
    Scope scope;
  };
  using enum FailureClass;
  const Row rows[] = {
      // Six meanings of 429.
      {"openai", 429,
       R"({"error":{"message":"Rate limit reached for gpt-4o (for limit gpt-4o) in organization org-x on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.","type":"requests","code":"rate_limit_exceeded"}})",
       rate, Scope::account_model},
      {"openai", 429,
       R"({"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389.","type":"tokens","code":"rate_limit_exceeded"}})",
       too_big, Scope::account_model},
      {"openai", 429,
       R"({"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}})",
       quota, Scope::account},
      {"openai", 429, R"({"error":{"message":"x","type":"insufficient_quota","code":"project_spend_limit_exceeded"}})",
       quota, Scope::project},
      {"openai", 503,
       R"({"error":{"message":"The engine is currently overloaded, please try again later","type":"server_error"}})",
       capacity, Scope::service_model},
      {"zhipu", 429, R"({"error":{"code":"1113","message":"您的账户已欠费"}})", quota, Scope::account},
      {"zhipu", 429, R"({"error":{"code":"1112","message":"x"}})", auth, Scope::account},
      {"zhipu", 429, R"({"error":{"code":"1302","message":"x"}})", rate, Scope::account_model},
      {"zhipu", 429, R"({"error":{"code":1305,"message":"x"}})", capacity, Scope::service_model},
      // "Quota" said of a minute.
      {"bailian", 429,
       R"({"error":{"code":"insufficient_quota","message":"You exceeded your current quota, please check your plan and billing details."}})",
       rate, Scope::account_model},
      {"bailian", 429, R"({"code":"Throttling.AllocationQuota","message":"Free allocated quota exceeded."})", quota,
       Scope::account_model},
      {"cerebras", 429,
       R"({"message":"Requests per minute limit exceeded - too many requests sent.","type":"too_many_requests_error","param":"quota","code":"request_quota_exceeded"})",
       rate, Scope::account_model},
      // 401 that is no dead key, 400 that is one.
      {"qianfan", 401,
       R"({"error":{"code":"invalid_model","message":"The model does not exist or you do not have access to it.","type":"invalid_request_error"}})",
       model, Scope::key_model},
      {"perplexity", 401,
       R"({"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":401}})", quota,
       Scope::account},
      {"openai", 401,
       R"({"error":{"message":"You must be a member of an organization to use the API.","type":"invalid_request_error"}})",
       permission, Scope::key},
      {"xai", 400,
       R"({"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai."})",
       auth, Scope::key},
      {"xai", 403, R"("Your newly created team doesn't have any credits yet.")", quota, Scope::account},
      // 403 and 404.
      {"openai", 403, "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title>", place, Scope::host},
      {"openai", 403,
       R"({"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","code":"unsupported_country_region_territory"}})",
       place, Scope::host},
      {"openai", 404,
       R"({"error":{"message":"tools is not supported in this model.","type":"invalid_request_error","code":null}})",
       request, Scope::call},
      {"openai", 404,
       R"({"error":{"message":"The model `x` does not exist or you do not have access to it.","type":"invalid_request_error","code":"model_not_found"}})",
       model, Scope::key_model},
      {"openai", 404, "404 page not found", unknown, Scope::call},
      {"openrouter", 403,
       R"({"error":{"code":403,"message":"x","metadata":{"reasons":["violence"],"flagged_input":"…"}}})", filter,
       Scope::call},
      {"openrouter", 402, R"({"error":{"code":402,"message":"x","metadata":{"limit_source":"openrouter_key_limit"}}})",
       quota, Scope::key},
      {"openrouter", 429, R"({"error":{"code":429,"message":"Rate limit exceeded: free-models-per-day"}})", quota,
       Scope::account},
      // The rest of what statuses mean, and do not.
      {"deepseek", 402, R"({"error":{"message":"Insufficient Balance","type":"unknown_error"}})", quota,
       Scope::account},
      {"groq", 413,
       R"({"error":{"message":"Request too large for model `x` TPM: Limit 6000, Requested 7000","code":"rate_limit_exceeded"}})",
       too_big, Scope::account_model},
      {"groq", 498, "", capacity, Scope::service_model},
      {"groq", 429,
       R"({"error":{"message":"Rate limit reached on tokens per day (TPD): Limit 100000. Please try again in 7m12.5s.","code":"rate_limit_exceeded"}})",
       quota, Scope::account_model},
      {"mistral", 429,
       R"({"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","param":null,"code":"3505"})",
       capacity, Scope::service_model},
      {"cloudflare", 429, R"({"success":false,"errors":[{"code":3036,"message":"x"}],"messages":[]})", quota,
       Scope::account},
      {"llamacpp", 500, R"({"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}})",
       request, Scope::call},
      {"openai", 400, R"({"error":{"message":"prompt too long; exceeded max context length by 3 tokens"}})", context,
       Scope::call},
      {"openai", 400, R"({"detail":"nope"})", request, Scope::call},
      {"openai", 422, R"({"detail":[{"loc":["body"],"msg":"field required"}]})", request, Scope::call},
      {"openai", 400, "bad request", unknown, Scope::call},
      {"openai", 500, "", server, Scope::service_model},
      {"openai", 502, "<html>502</html>", server, Scope::service},
      {"openai", 529, "", capacity, Scope::service_model},
      {"openai", 504, "upstream request timeout", server, Scope::service},
      {"openai", 418, R"({"error":{"message":"I'm a teapot"}})", unknown, Scope::call},
      {"openai", 429, "", rate, Scope::key},
  };
  for (const Row& row : rows) {
    INFO(row.provider << " " << row.status << " " << row.body);
    const Failure failure = OpenAiFixture(row.provider).classify(row.status, row.body);
    CHECK(to_string(failure.failure) == to_string(row.failure));
    CHECK(to_string(failure.scope) == to_string(row.scope));
    CHECK(failure.status == row.status);
    CHECK_FALSE(failure.message.empty());
  }
}

TEST_CASE("no bare word decides", "[errors]") {
  OpenAiFixture f;
  for (const std::string_view word : {"quota", "credit", "billing", "balance", "exceeded"}) {
    CHECK(f.classify(429, fmt::format(R"({{"error":{{"message":"{}"}}}})", word)).failure == FailureClass::rate);
    CHECK(f.classify(400, fmt::format(R"({{"error":{{"message":"{}"}}}})", word)).failure == FailureClass::request);
  }
}

TEST_CASE("a quota that is over within the hour is a rate, and a rate that lasts longer is a quota", "[errors]") {
  OpenAiFixture xai("xai");
  const std::string_view body =
      R"({"error":"You have used all available credits or reached its monthly spending limit"})";
  CHECK(xai.classify(429, body).failure == FailureClass::quota);
  CHECK(xai.classify(429, body, {{"Retry-After", "30"}}).failure == FailureClass::rate);
  CHECK(xai.classify(429, body, {{"Retry-After", "7200"}}).failure == FailureClass::quota);
  OpenAiFixture f;
  CHECK(f.classify(429, "{}", {{"Retry-After", "60"}}).failure == FailureClass::rate);
  CHECK(f.classify(429, "{}", {{"Retry-After", "86400"}}).failure == FailureClass::quota);
  CHECK(f.classify(402, "{}", {{"Retry-After", "1"}}).failure == FailureClass::rate);
  CHECK(f.classify(402, "{}").failure == FailureClass::quota);
}

TEST_CASE("the longest of the stated waits holds", "[errors]") {
  OpenAiFixture f;
  const auto wait = [&f](std::vector<HttpHeader> headers, std::string_view message = "") {
    return f.classify(429, fmt::format(R"({{"error":{{"message":"{}"}}}})", message), std::move(headers)).retry_after;
  };
  CHECK_FALSE(wait({}));
  CHECK(wait({{"retry-after", "1"}, {"retry-after-ms", "0"}}) == milliseconds(1000));
  CHECK(wait({{"retry-after", "1"}, {"x-ms-retry-after-ms", "1500"}}) == milliseconds(1500));
  CHECK(wait({{"retry-after", "0.25"}}) == milliseconds(250));
  CHECK(wait({{"retry-after", "2"}}, "Please try again in 7m12s.") == milliseconds(432'000));
  CHECK(wait({{"retry-after", "20"}}, "Please try again in 174ms.") == milliseconds(20'000));
  CHECK(wait({}, "Please retry after 8 seconds.") == milliseconds(8000));
  CHECK(wait({}, "try again after 1 seconds") == milliseconds(1000));
  // 1763900000 is Sun, 23 Nov 2025 12:13:20 GMT.
  CHECK(wait({{"retry-after", "Sun, 23 Nov 2025 12:14:20 GMT"}}) == milliseconds(60'000));
  CHECK(wait({{"retry-after", "Sunday, 23-Nov-25 12:13:30 GMT"}}) == milliseconds(10'000));
  CHECK(wait({{"retry-after", "Sun Nov 23 12:13:25 2025"}}) == milliseconds(5000));
  CHECK_FALSE(wait({{"retry-after", "Sun, 23 Nov 2025 12:13:00 GMT"}}));
  CHECK_FALSE(wait({{"retry-after", "soon"}}));
  CHECK_FALSE(wait({{"retry-after", "-5"}}));
  CHECK_FALSE(wait({{"retry-after", "nan"}}));
  CHECK(wait({{"retry-after", "99999999999999999999"}}) == std::chrono::hours(24 * 366));
}

TEST_CASE("spans of time are read in every vendor's spelling", "[errors]") {
  CHECK(parse_span("174ms") == milliseconds(174));
  CHECK(parse_span("36.5s") == milliseconds(36'500));
  CHECK(parse_span(" 7m12s.") == milliseconds(432'000));
  CHECK(parse_span("1h2m3.5s") == milliseconds(3'723'500));
  CHECK(parse_span("24h0m0s") == milliseconds(86'400'000));
  CHECK(parse_span("2 minutes 3 seconds") == milliseconds(123'000));
  CHECK(parse_span("02:03:04.") == milliseconds(7'384'000));
  CHECK(parse_span("1 day") == milliseconds(86'400'000));
  CHECK(parse_span("3") == milliseconds(3000));
  CHECK(parse_span("3 requests") == milliseconds(3000));
  CHECK_FALSE(parse_span("soon"));
  CHECK_FALSE(parse_span("-1s"));
  CHECK_FALSE(parse_span(""));
}

TEST_CASE("an error keeps the provider's words, code, request id and wish", "[errors]") {
  OpenAiFixture f;
  const Failure failure = f.classify(500, R"({"error":{"message":"it broke","code":"x","type":"y"}})",
                                     {{"X-Request-ID", "req_1"}, {"x-should-retry", "false"}});
  CHECK(failure.message == "it broke");
  CHECK(failure.code == "x");
  CHECK(failure.request_id == "req_1");
  CHECK(failure.should_retry == false);
  CHECK(f.classify(500, "").message == "HTTP status 500 with an empty body");
  CHECK(f.classify(500, "<html><head><title> Bad Gateway </title>").message == "Bad Gateway");
}

TEST_CASE("an error body is read whatever its shape", "[errors]") {
  struct Row {
    std::string_view body;
    std::string_view message;
    std::string_view code;
  };
  const Row rows[] = {
      {R"({"error":{"message":"m","code":"c"}})", "m", "c"},
      {R"([{"error":{"message":"m","code":404,"status":"NOT_FOUND"}}])", "m", "404"},
      {R"({"error":"m"})", "m", ""},
      {R"({"error":"short","message":"m","code":"c"})", "m", "c"},
      {R"({"error":{"message":["m","n"]}})", "m; n", ""},
      {R"({"message":"m","type":"t","param":null,"code":"c"})", "m", "c"},
      {R"({"detail":"m"})", "m", ""},
      {R"({"detail":[{"msg":"m"},{"msg":"n"}]})", "m; n", ""},
      {R"({"errors":[{"message":"m","code":3036}]})", "m", "3036"},
      {R"({"code":4100,"msg":"m"})", "m", "4100"},
      {R"({"Message":"m"})", "m", ""},
      {R"({"error_code":17,"error_msg":"m"})", "m", "17"},
      {R"("m")", "m", ""},
      {"data: {\"error\":{\"message\":\"m\"}}\n\n", "m", ""},
      {"plain words\n", "plain words", ""},
      {"<p>page</p>", "an HTML page", ""},
      {"  ", "", ""},
      {R"({"unknown":1})", R"({"unknown":1})", ""},
      {"{\"error\":", "{\"error\":", ""},
  };
  for (const Row& row : rows) {
    INFO(row.body);
    const ErrorBody error = read_error_body(row.body);
    CHECK(error.message == row.message);
    CHECK(error.code == row.code);
  }
  CHECK(read_error_body("\xFF\xFE").message == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(read_error_body(std::string(1'000'000, 'x')).message.size() == 4096);
}

TEST_CASE("every preset can be called", "[presets]") {
  for (const std::string_view name : provider_names()) {
    INFO(name);
    const Preset* preset = find_preset(name);
    REQUIRE(preset != nullptr);
    // Azure, Bedrock and Vertex have an address for each customer or region.
    CHECK((preset->base_url.empty() || preset->base_url.starts_with("https://") ||
           preset->base_url.starts_with("http://127.0.0.1:")));
    CHECK_FALSE(preset->base_url.ends_with('/'));
    CHECK((preset->day_zone == "UTC" || preset->day_zone == "Asia/Shanghai" ||
           preset->day_zone == "America/Los_Angeles"));
    CHECK(make_transport(name, "") != nullptr);
  }
  CHECK(make_transport("nobody", "") == nullptr);
  CHECK(make_transport("openai", "nothing") == nullptr);
  CHECK(make_transport("openai", "chat") != nullptr);
  CHECK(find_preset("nobody") == nullptr);
}
