#include "router/response_builder.hpp"

#include <string>

#include <catch2/catch_test_macros.hpp>

using namespace keywheel;  // NOLINT(google-build-using-namespace)
using Type = ChatEvent::Type;

TEST_CASE("events become a response", "[response]") {
  detail::ResponseBuilder builder;
  CHECK_FALSE(builder.started());
  builder.event({.type = Type::start, .id = "i", .model = "m"});
  CHECK_FALSE(builder.started());
  builder.event({.type = Type::reasoning, .delta = "h"});
  builder.event({.type = Type::reasoning, .delta = "m"});
  builder.event({.type = Type::reasoning, .signature = "seal"});
  builder.event({.type = Type::text, .delta = "a"});
  builder.event({.type = Type::text, .delta = "b"});
  CHECK(builder.started());
  CHECK(builder.text() == "ab");
  builder.event({.type = Type::tool_call, .index = 1, .delta = "{", .id = "t1", .name = "g"});
  builder.event({.type = Type::tool_call, .index = 0, .delta = "[]", .id = "t0", .name = "f", .native = "custom"});
  builder.event({.type = Type::tool_call, .index = 1, .delta = "}", .id = "other", .signature = "s"});
  builder.event({.type = Type::part, .delta = R"({"type":"x"})"});
  builder.event({.type = Type::refusal, .delta = "no"});
  builder.event({.type = Type::finish, .native = "tool_calls", .finish_reason = FinishReason::tool_calls});
  builder.event({.type = Type::usage, .usage = {.prompt_tokens = 1, .completion_tokens = 2}});
  builder.event({.type = Type::usage, .usage = {.completion_tokens = 3}});
  builder.event({.type = Type::resumed, .delta = "why"});
  builder.extra("a", "1");
  builder.extra("b", "[2]");
  builder.extra("a", "3");

  const ChatResponse response = builder.take();
  CHECK(response.id == "i");
  CHECK(response.model == "m");
  CHECK(response.extra == R"({"a":3,"b":[2]})");
  CHECK(response.usage.prompt_tokens == 1);
  CHECK(response.usage.completion_tokens == 3);
  REQUIRE(response.choices.size() == 1);
  const Message& message = response.message();
  REQUIRE(message.content.size() == 4);
  CHECK(std::get<ReasoningPart>(message.content[0]).text == "hm");
  CHECK(std::get<ReasoningPart>(message.content[0]).signature == "seal");
  CHECK(std::get<TextPart>(message.content[1]).text == "ab");
  CHECK(std::get<RawPart>(message.content[2]).json == R"({"type":"x"})");
  CHECK(std::get<RefusalPart>(message.content[3]).text == "no");
  REQUIRE(message.tool_calls.size() == 2);
  CHECK(message.tool_calls[0].arguments == "[]");
  CHECK(message.tool_calls[0].type == "custom");
  CHECK(message.tool_calls[1].arguments == "{}");
  CHECK(message.tool_calls[1].id == "t1");
  CHECK(message.tool_calls[1].signature == "s");
  CHECK(response.finish_reason() == FinishReason::tool_calls);
  CHECK_FALSE(builder.started());
  CHECK(builder.take().extra.empty());
}

TEST_CASE("a seal closes its thought, and another id is another thought", "[response]") {
  detail::ResponseBuilder builder;
  builder.event({.type = Type::reasoning, .delta = "a", .signature = "1"});
  builder.event({.type = Type::reasoning, .delta = "b"});
  builder.event({.type = Type::reasoning, .signature = "2"});
  builder.event({.type = Type::reasoning, .encrypted = "x"});
  builder.event({.type = Type::reasoning, .encrypted = "y"});
  builder.event({.type = Type::reasoning, .delta = "c", .id = "r1"});
  builder.event({.type = Type::reasoning, .delta = "d", .id = "r2"});
  const ChatResponse response = builder.take();
  std::string seen;
  for (const Part& part : response.message().content) {
    const auto& thought = std::get<ReasoningPart>(part);
    seen += thought.text + "," + thought.signature + "," + thought.encrypted + "," + thought.id + ";";
  }
  CHECK(seen == "a,1,,;b,2,x,;,,y,;c,,,r1;d,,,r2;");
}

TEST_CASE("answers are kept apart, and probabilities joined", "[response]") {
  detail::ResponseBuilder builder;
  builder.event({.type = Type::text, .choice = 1, .delta = "b"});
  builder.event({.type = Type::text, .choice = 0, .delta = "a"});
  builder.event({.type = Type::logprobs, .choice = 1, .delta = R"({"content":[{"token":"x"}],"refusal":null})"});
  builder.event({.type = Type::logprobs, .choice = 1, .delta = R"({"content":[{"token":"y"},{"token":"z"}]})"});
  builder.event({.type = Type::logprobs, .choice = 1, .delta = R"({"content":[],"refusal":[{"token":"r"}]})"});
  builder.event({.type = Type::logprobs, .choice = 0, .delta = R"({"tokens":[1]})"});
  const ChatResponse response = builder.take();
  REQUIRE(response.choices.size() == 2);
  CHECK(response.choices[1].message.text() == "b");
  CHECK(response.choices[1].logprobs ==
        R"({"content":[{"token":"x"},{"token":"y"},{"token":"z"}],"refusal":[{"token":"r"}]})");
  CHECK(response.choices[0].logprobs == R"({"tokens":[1]})");
}

TEST_CASE("places beyond reason are ignored", "[response]") {
  detail::ResponseBuilder builder;
  builder.event({.type = Type::text, .choice = -1, .delta = "a"});
  builder.event({.type = Type::text, .choice = 1 << 30, .delta = "a"});
  builder.event({.type = Type::tool_call, .index = 1 << 30, .delta = "a"});
  builder.event({.type = Type::tool_call, .index = -1, .delta = "a"});
  CHECK(builder.take().tool_calls().empty());
}

TEST_CASE("what a cut-off answer had written is estimated", "[response]") {
  detail::ResponseBuilder builder;
  CHECK(builder.estimated_completion_tokens() == 0);
  builder.event({.type = Type::text, .delta = "12345678"});
  CHECK(builder.estimated_completion_tokens() == 2);
  builder.event({.type = Type::reasoning, .delta = "\xE4\xBD\xA0\xE5\xA5\xBD"});
  builder.event({.type = Type::tool_call, .delta = "{\"a\""});
  CHECK(builder.estimated_completion_tokens() == 5);
  builder.go_on();
  CHECK(builder.estimated_completion_tokens() == 0);
}
