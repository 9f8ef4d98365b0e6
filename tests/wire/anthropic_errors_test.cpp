#include <chrono>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/answer_script.hpp"

using namespace keywheel;
using keywheel::testing::DialectUnderTest;

namespace {

std::string verdict(int status, std::string_view type, std::string_view message, std::vector<HttpHeader> headers = {}) {
  const Failure failure = DialectUnderTest("claude").classify(
      status, fmt::format(R"({{"type":"error","error":{{"type":"{}","message":"{}"}}}})", type, message),
      std::move(headers));
  CHECK(failure.message == message);
  CHECK(failure.code == type);
  CHECK(failure.status == status);
  return fmt::format("{} {} {}", to_string(failure.failure), to_string(failure.scope), to_string(failure.error_kind()));
}

}  // namespace

TEST_CASE("each of Anthropic's errors blames whom it should", "[anthropic]") {
  CHECK(verdict(400, "invalid_request_error", "messages: Field required") == "request call invalid_request");
  CHECK(verdict(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.") ==
        "quota account quota_exhausted");
  CHECK(verdict(402, "billing_error", "Pay first") == "quota account quota_exhausted");
  CHECK(verdict(400, "invalid_request_error", "This organization has been disabled.") == "auth account authentication");
  CHECK(verdict(403, "permission_error", "This organization has been disabled.") == "auth account authentication");
  CHECK(verdict(400, "invalid_request_error", "prompt is too long: 215000 tokens > 200000 maximum") ==
        "context call context_length");
  CHECK(verdict(400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2") ==
        "context call context_length");
  CHECK(verdict(400, "invalid_request_error", "Output blocked by content filtering policy") ==
        "filter call content_filter");
  CHECK(verdict(401, "authentication_error", "invalid x-api-key") == "auth key authentication");
  CHECK(verdict(403, "permission_error", "Not for you") == "permission key_model permission");
  CHECK(verdict(403, "forbidden", "Request not allowed") == "place host permission");
  CHECK(verdict(404, "not_found_error", "model: claude-sonet") == "model key_model not_found");
  CHECK(verdict(404, "not_found_error", "File not found: file_1") == "request call not_found");
  CHECK(verdict(413, "request_too_large", "Too large") == "request call invalid_request");
  CHECK(verdict(429, "rate_limit_error", "This request would exceed your organization's rate limit of 50,000") ==
        "rate account_model rate_limited");
  CHECK(verdict(429, "rate_limit_error", "This request would exceed your account's rate limit") ==
        "rate account rate_limited");
  CHECK(verdict(429, "rate_limit_error", "Extra usage is required for long context requests.") ==
        "permission key_model permission");
  CHECK(verdict(500, "api_error", "Internal server error") == "server service_model server_error");
  CHECK(verdict(504, "timeout_error", "Timed out") == "timeout service_model timeout");
  CHECK(verdict(529, "overloaded_error", "Overloaded") == "capacity service_model overloaded");
  CHECK(verdict(409, "conflict_error", "Conflict") == "server service_model server_error");
}

TEST_CASE("a spending limit rests its account until the date it names", "[anthropic]") {
  const Failure limit = DialectUnderTest("claude").classify(
      400, R"({"error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. )"
           R"(You will regain access on 2026-12-01 at 06:30 UTC."}})");
  CHECK(limit.failure == FailureClass::quota);
  CHECK(limit.scope == Scope::account);
  // From 23 November, 12:00.
  CHECK(limit.retry_after == std::chrono::hours(7 * 24 + 18) + std::chrono::minutes(30));

  const Failure workspace = DialectUnderTest("claude").classify(
      400, R"({"error":{"type":"invalid_request_error","message":"You have reached your specified workspace API usage )"
           R"(limits. You will regain access on 2026-99-99."}})");
  CHECK(workspace.scope == Scope::project);
  CHECK(!workspace.retry_after);

  const Failure enforced = DialectUnderTest("claude").classify(
      429, R"({"error":{"type":"rate_limit_error","message":"Spend limit","details":)"
           R"({"error_code":"enforced_spend_limit_reached"}}})");
  CHECK(enforced.failure == FailureClass::quota);
  CHECK(enforced.scope == Scope::account);
}

TEST_CASE("stated waits, x-should-retry and the request's id are read", "[anthropic]") {
  const Failure failure = DialectUnderTest("claude").classify(
      429, R"({"type":"error","error":{"type":"rate_limit_error","message":"Slow"}})",
      {{"retry-after", "27"}, {"x-should-retry", "true"}, {"request-id", "req_1"}});
  CHECK(failure.retry_after == std::chrono::seconds(27));
  CHECK(failure.should_retry == true);
  CHECK(failure.request_id == "req_1");
}

TEST_CASE("an edge's page in place of Anthropic's error blames no key", "[anthropic]") {
  DialectUnderTest claude("claude");
  CHECK(claude.classify(403, "<html><title>Attention Required!</title></html>").failure == FailureClass::place);
  CHECK(claude.classify(502, "<html>Bad gateway</html>").failure == FailureClass::server);
  CHECK(claude.classify(529, "").failure == FailureClass::capacity);
  CHECK(claude.classify(500, "\xff{").failure == FailureClass::server);
}
