#include "providers/quota_headers.hpp"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "providers/gemini_errors.hpp"
#include "wire/rfc3339.hpp"

using namespace keywheel;
using namespace std::chrono_literals;
using detail::limits_in_text;
using detail::parse_rfc3339;
using detail::read_quota_headers;

namespace {

constexpr WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 1 / 20) + 9h + 49min + 20s;

StatedQuota read(std::vector<HttpHeader> headers, WallTime now = kNow) {
  return read_quota_headers({.status = 200, .headers = std::move(headers)}, now);
}

/// "requests/60s 9999 of 10000 reset 6ms", one limit a line.
std::string words(const std::vector<StatedLimit>& limits) {
  std::string text;
  for (const StatedLimit& each : limits) {
    constexpr const char* kNames[] = {"requests", "tokens", "input", "output"};
    text += kNames[static_cast<int>(each.measure)];
    text += each.window.count() != 0 ? "/" + std::to_string(each.window.count() / 1000) + "s" : "";
    text += " " + (each.remaining ? std::to_string(*each.remaining) : "?");
    text += " of " + (each.limit ? std::to_string(*each.limit) : "?");
    if (each.reset) text += " reset " + std::to_string(each.reset->count()) + "ms";
    text += "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("OpenAI's headers, with Go's durations", "[quota]") {
  const StatedQuota quota = read({{"x-ratelimit-limit-requests", "10000"},
                                  {"x-ratelimit-limit-tokens", "30000000"},
                                  {"X-RateLimit-Remaining-Requests", "9999"},
                                  {"x-ratelimit-remaining-tokens", "29999965"},
                                  {"x-ratelimit-reset-requests", "6ms"},
                                  {"x-ratelimit-reset-tokens", "6m0s"},
                                  {"x-ratelimit-limit-tokens_usage_based", "250000"},
                                  {"x-ratelimit-limit-input-images", "50000"},
                                  {"openai-organization", "acme"},
                                  {"openai-project", "proj_1"}});
  CHECK(words(quota.limits) ==
        "requests 9999 of 10000 reset 6ms\n"
        "tokens 29999965 of 30000000 reset 360000ms\n");
  CHECK(quota.organization == "acme");
  CHECK(quota.project == "proj_1");
  CHECK_FALSE(quota.over_limit);
}

TEST_CASE("Groq's durations have minutes and fractions", "[quota]") {
  CHECK(words(read({{"x-ratelimit-limit-requests", "1000"},
                    {"x-ratelimit-remaining-requests", "984"},
                    {"x-ratelimit-reset-requests", "23m2.4s"}})
                  .limits) == "requests 984 of 1000 reset 1382400ms\n");
}

TEST_CASE("Anthropic's resets are times, taken against the answer's own clock", "[quota]") {
  // Our clock is ten minutes slow.
  const StatedQuota quota = read({{"date", "Tue, 20 Jan 2026 09:59:20 GMT"},
                                  {"anthropic-organization-id", "f00-ba5"},
                                  {"anthropic-ratelimit-requests-limit", "50"},
                                  {"anthropic-ratelimit-requests-remaining", "49"},
                                  {"anthropic-ratelimit-requests-reset", "2026-01-20T09:59:52Z"},
                                  {"anthropic-ratelimit-input-tokens-limit", "40000"},
                                  {"anthropic-ratelimit-input-tokens-remaining", "39000"},
                                  {"anthropic-ratelimit-input-tokens-reset", "2026-01-20T09:59:19Z"},
                                  {"anthropic-ratelimit-output-tokens-limit", "8000"},
                                  {"anthropic-ratelimit-output-tokens-remaining", "8000"}});
  CHECK(words(quota.limits) ==
        "requests 49 of 50 reset 32000ms\n"
        "input 39000 of 40000 reset 0ms\n"
        "output 8000 of 8000\n");
  CHECK(quota.organization == "f00-ba5");
}

TEST_CASE("a subscription's window is kept to once it is used up", "[quota]") {
  CHECK(read({{"anthropic-ratelimit-unified-5h-status", "allowed"},
              {"anthropic-ratelimit-unified-5h-utilization", "0.4"},
              {"anthropic-ratelimit-unified-5h-reset", "1768910400"}})
            .empty());
  CHECK(words(read({{"anthropic-ratelimit-unified-5h-status", "rejected"},
                    {"anthropic-ratelimit-unified-5h-reset", "1768906160"}})
                  .limits) == "tokens/18000s 0 of ? reset 3600000ms\n");
}

TEST_CASE("windows that are named: Cerebras, Hugging Face, Mistral, Kong", "[quota]") {
  CHECK(words(read({{"x-ratelimit-limit-requests-day", "1440000"},
                    {"x-ratelimit-remaining-requests-day", "1439999"},
                    {"x-ratelimit-reset-requests-day", "24483.543672561646"},
                    {"x-ratelimit-limit-tokens-minute", "1000000"},
                    {"x-ratelimit-remaining-tokens-minute", "999789"},
                    {"x-ratelimit-reset-tokens-minute", "57.11310625076294"}})
                  .limits) ==
        "requests/86400s 1439999 of 1440000 reset 24483544ms\n"
        "tokens/60s 999789 of 1000000 reset 57114ms\n");
  CHECK(words(read({{"x-ratelimit-remaining-requests-minute", "1996"},
                    {"x-ratelimit-remaining-requests-hour", "119996"},
                    {"x-ratelimit-remaining-tokens-minute", "9223372036854767616"}})
                  .limits) ==
        "requests/60s 1996 of ?\n"
        "requests/3600s 119996 of ?\n");
  CHECK(words(read({{"x-ratelimit-limit-tokens-minute", "200000"},
                    {"x-ratelimit-remaining-tokens-minute", "199533"},
                    {"x-ratelimit-tokens-query-cost", "210"},
                    {"x-ratelimit-limit-audio-seconds-minute", "2000"},
                    {"x-ratelimit-limit-req-minute", "360"},
                    {"x-ratelimit-remaining-req-minute", "358"}})
                  .limits) ==
        "tokens/60s 199533 of 200000\n"
        "requests/60s 358 of 360\n");
  CHECK(words(read({{"ratelimit-limit", "400"},
                    {"ratelimit-remaining", "398"},
                    {"ratelimit-reset", "18"},
                    {"x-ratelimit-limit-minute", "400"},
                    {"x-ratelimit-remaining-minute", "398"}})
                  .limits) ==
        "requests 398 of 400 reset 18000ms\n"
        "requests/60s 398 of 400\n");
}

TEST_CASE("Azure's bare numbers are seconds or milliseconds, whichever fits its window", "[quota]") {
  CHECK(words(read({{"x-ratelimit-limit-requests", "120"},
                    {"x-ratelimit-remaining-requests", "119"},
                    {"x-ratelimit-reset-requests", "500"},
                    {"x-ratelimit-renewalperiod-requests", "60"}})
                  .limits) == "requests/60s 119 of 120 reset 500ms\n");
  CHECK(words(read({{"x-ratelimit-limit-requests", "50"},
                    {"x-ratelimit-remaining-requests", "49"},
                    {"x-ratelimit-reset-requests", "1"},
                    {"x-ratelimit-renewalperiod-requests", "60"},
                    {"x-ratelimit-abusepenalty-active", "False"},
                    {"x-ratelimit-key", "gpt-5-nano"}})
                  .limits) == "requests/60s 49 of 50 reset 1000ms\n");
  CHECK(words(read({{"x-ratelimit-remaining-requests", "119"}, {"x-ratelimit-remaining-tokens", "119984"}}).limits) ==
        "requests 119 of ?\n"
        "tokens 119984 of ?\n");
}

TEST_CASE("resets as Unix time, in seconds and milliseconds", "[quota]") {
  const std::string reset = GENERATE(std::string("1768902600"), std::string("1768902600000"));
  CHECK(
      words(read({{"X-RateLimit-Limit", "20"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", reset}}).limits) ==
      "requests 0 of 20 reset 40000ms\n");
}

TEST_CASE("a limit alone is a statement: Qianfan", "[quota]") {
  CHECK(words(read({{"x-ratelimit-limit-tokens", "300000"}, {"x-ratelimit-limit-requests", "3000"}}).limits) ==
        "tokens ? of 300000\n"
        "requests ? of 3000\n");
}

TEST_CASE("Fireworks' warning", "[quota]") {
  CHECK(read({{"x-ratelimit-over-limit", "yes"}}).over_limit);
  CHECK_FALSE(read({{"x-ratelimit-over-limit", "no"}}).over_limit);
}

TEST_CASE("numbers that cannot be meant are left out, with the limit they belong to", "[quota]") {
  const std::string bad =
      GENERATE(std::string("-1"), std::string("1e400"), std::string("nan"), std::string("many"), std::string(""),
               std::string("99999999999999999999999"), std::string("inf"), std::string("0x10000000000000000"));
  CAPTURE(bad);
  const StatedQuota quota = read({{"x-ratelimit-limit-tokens", bad},
                                  {"x-ratelimit-remaining-tokens", "5"},
                                  {"x-ratelimit-limit-requests", "60"},
                                  {"x-ratelimit-reset-requests", bad}});
  REQUIRE(quota.limits.size() >= 1);
  const StatedLimit& requests = quota.limits.back();
  CHECK(requests.limit == 60);
  if (requests.reset) CHECK(requests.reset->count() >= 0);
}

TEST_CASE("no headers say nothing, and a thousand say no more than sixteen limits", "[quota]") {
  CHECK(read({}).empty());
  CHECK(read({{"x-ratelimit-", "1"},
              {"x-ratelimit-limit-", "1"},
              {"anthropic-ratelimit-", "x"},
              {"x-ratelimit-reset", "5"}})
            .empty());
  std::vector<HttpHeader> many;
  for (int i = 0; i < 1000; ++i) many.push_back({"x-ratelimit-limit-tokens", std::to_string(i)});
  CHECK(read(many).limits.size() <= 16);
}

TEST_CASE("refusals name their limit: OpenAI, Groq, Anthropic", "[quota]") {
  CHECK(words(limits_in_text("Rate limit reached for gpt-4 in organization org-x on tokens per min (TPM): Limit 10000, "
                             "Used 9500, Requested 1000. Please try again in 3s.")) == "tokens/60s ? of 10000\n");
  CHECK(words(limits_in_text("Rate limit reached on requests per day (RPD): Limit 200, Used 200")) ==
        "requests/86400s ? of 200\n");
  CHECK(words(limits_in_text("This request would exceed your organization's rate limit of 50,000 input tokens per "
                             "minute (org: x, model: y).")) == "input/60s ? of 50000\n");
  CHECK(limits_in_text("limit").empty());
  CHECK(limits_in_text("(TPM): Limit none").empty());
  CHECK(limits_in_text("(TPM): Limit 99999999999999999999999999999").empty());
  CHECK(limits_in_text("rate limit of 0 requests per minute").empty());
}

TEST_CASE("Gemini's QuotaFailure names its limits", "[quota]") {
  const char* body = R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"You exceeded your current quota",
    "details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[
      {"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaValue":"10"},
      {"quotaId":"GenerateContentInputTokensPerModelPerMinute-FreeTier","quotaValue":"250000"},
      {"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaValue":"0"},
      {"quotaId":"Other","quotaValue":"7"}]},
     {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"36s"}]}})";
  const Failure failure = detail::classify_google_answer({.status = 429}, body, kNow);
  CHECK(words(failure.limits) ==
        "requests/60s ? of 10\n"
        "input/60s ? of 250000\n");
  CHECK(failure.retry_after == 36s);
}

TEST_CASE("RFC 3339", "[quota]") {
  CHECK(parse_rfc3339("2026-01-20T09:49:20Z") == kNow);
  CHECK(parse_rfc3339("2026-01-20t17:49:20.250+08:00") == kNow + 250ms);
  CHECK(parse_rfc3339("2026-01-20 09:49:20.5") == kNow + 500ms);
  const std::string bad = GENERATE(std::string(""), std::string("2026-01-20"), std::string("2026-13-20T09:49:20Z"),
                                   std::string("2026-02-30T09:49:20Z"), std::string("2026-01-20T25:49:20Z"),
                                   std::string("2026-01-20T09:49:20+8"), std::string("2026-01-20T09:49:20.Z"),
                                   std::string("20x6-01-20T09:49:20Z"), std::string("1768902600"));
  CAPTURE(bad);
  CHECK_FALSE(parse_rfc3339(bad));
}
