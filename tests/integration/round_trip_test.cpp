#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "integration/provider_cases.hpp"
#include "support/json.hpp"

/// The same requests through the whole Router to every provider, each speaking its vendor's wire format.

using namespace keywheel;
using namespace keywheel::testing;

namespace {

ProviderCase any_provider() { return GENERATE(from_range(provider_cases())); }

ChatRequest text_request(const ProviderCase& provider) {
  return {.model = provider.model, .messages = {user("one two three")}};
}

ChatRequest tools_request(const ProviderCase& provider) {
  ChatRequest request = text_request(provider);
  request.messages = {user("Rome")};
  request.tools = {{.name = "weather",
                    .description = "The weather in a city",
                    .parameters = R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})"},
                   {.name = "clock",
                    .description = "The time in a zone",
                    .parameters = R"({"type":"object","properties":{"zone":{"type":"string"}},"required":["zone"]})"}};
  return request;
}

/// The bytes that every PNG begins with; iVBORw0KGgo= in base64.
ChatRequest image_request(const ProviderCase& provider, Part image) {
  return {.model = provider.model, .messages = {user({text("look"), std::move(image)})}};
}

void check_unsupported(const Result<ChatResponse>& reply, std::string_view field) {
  REQUIRE_FALSE(reply);
  CAPTURE(reply.error().message);
  CHECK(reply.error().kind == ErrorKind::unsupported);
  CHECK(reply.error().message.find(field) != std::string::npos);
}

std::string why(const Result<ChatResponse>& reply) { return reply ? std::string() : reply.error().message; }

void check_usage(const ProviderCase& provider, const Usage& usage, std::int64_t prompt, std::int64_t completion) {
  CHECK(usage.total_tokens.value_or(usage.prompt_tokens.value_or(0) + usage.completion_tokens.value_or(0)) ==
        prompt + completion);
  if (!provider.splits_usage) return;
  CHECK(usage.prompt_tokens == prompt);
  CHECK(usage.completion_tokens == completion);
}

}  // namespace

TEST_CASE("every provider answers, whole and streamed, and says what it used", "[trip]") {
  RoundTrip trip(any_provider());
  const bool stream = GENERATE(false, true);
  CAPTURE(trip.provider, stream);
  const Result<ChatResponse> reply = trip.chat(text_request(trip.provider), stream);
  INFO(why(reply));
  REQUIRE(reply);
  CHECK(reply->text() == "You said: one two three");
  CHECK(reply->finish_reason() == FinishReason::stop);
  CHECK(reply->provider == trip.provider.provider);
  CHECK(reply->credential == "main#1");
  CHECK(reply->attempts.size() == 1);
  CHECK(reply->warnings.empty());
  check_usage(trip.provider, reply->usage, 3, 5);
  if (stream) {
    CHECK(trip.pushed == reply->text());
    CHECK(trip.pieces == 5);
  }
  const KeyLog log = trip.log(1);
  REQUIRE_FALSE(log.entries.empty());
  CHECK(log.entries.back().stream == (stream || trip.provider.always_streams));
  CHECK(log.with_status(200) == log.requests);
}

TEST_CASE("every provider's tools are called, two in one answer, and take their results back", "[trip]") {
  RoundTrip trip(any_provider());
  const bool stream = GENERATE(false, true);
  CAPTURE(trip.provider, stream);
  ChatRequest request = tools_request(trip.provider);
  Result<ChatResponse> reply = trip.chat(request, stream);
  if (!trip.provider.capabilities().tools) {
    check_unsupported(reply, "tools");
    request.on_unsupported = OnUnsupported::warn;
    reply = trip.chat(request, stream);
    INFO(why(reply));
    REQUIRE(reply);
    CHECK(reply->text() == "You said: Rome");
    REQUIRE(reply->warnings.size() == 1);
    CHECK(reply->warnings[0].find("tools") != std::string::npos);
    return;
  }
  INFO(why(reply));
  REQUIRE(reply);
  CHECK(reply->finish_reason() == FinishReason::tool_calls);
  const std::vector<ToolCall> calls = reply->tool_calls();
  REQUIRE(!calls.empty());
  if (trip.provider.capabilities().parallel_tools) REQUIRE(calls.size() == 2);
  const std::vector<std::string> names{"weather", "clock"};
  const std::vector<std::string> arguments{R"({"city":"Rome"})", R"({"zone":"Rome"})"};
  const std::vector<std::string> results{"21 degrees", "noon"};
  request.messages.push_back(reply->message());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CHECK(calls[i].name == names[i]);
    CHECK((parse_json(calls[i].arguments) == parse_json(arguments[i])));
    CHECK_FALSE(calls[i].id.empty());
    request.messages.push_back(tool_result(calls[i].id, results[i]));
  }
  reply = trip.chat(request, stream);
  INFO(why(reply));
  REQUIRE(reply);
  CHECK(reply->text() == (calls.size() == 2 ? "The tool said: 21 degrees and noon" : "The tool said: 21 degrees"));
  CHECK(reply->finish_reason() == FinishReason::stop);
}

TEST_CASE("every provider that sees, sees the image", "[trip]") {
  RoundTrip trip(any_provider());
  CAPTURE(trip.provider);
  const Result<ChatResponse> bytes =
      trip.chat(image_request(trip.provider, image_bytes("\x89PNG\r\n\x1a\n", "image/png")), false);
  const Result<ChatResponse> url =
      trip.chat(image_request(trip.provider, image_url("https://images.test/a.png")), false);
  if (bytes) {
    CHECK(bytes->text() == "You said: look [image/png:iVBORw0KGgo=]");
  } else {
    check_unsupported(bytes, "messages[0].content[1]");
  }
  if (url) {
    CHECK(url->text() == "You said: look [https://images.test/a.png]");
  } else {
    check_unsupported(url, "messages[0].content[1]");
  }
  const bool sees = bytes || url;
  CHECK(sees == trip.provider.capabilities().images);
  if (bytes || url) return;
  ChatRequest request = image_request(trip.provider, image_url("https://images.test/a.png"));
  request.on_unsupported = OnUnsupported::warn;
  const Result<ChatResponse> warned = trip.chat(request, false);
  INFO(why(warned));
  REQUIRE(warned);
  CHECK(warned->text() == "You said: look");
  REQUIRE(warned->warnings.size() == 1);
  CHECK(warned->warnings[0].find("messages[0].content[1]") != std::string::npos);
}
