#include <string>

#include <keywheel/chat.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace keywheel;  // NOLINT(google-build-using-namespace)

TEST_CASE("messages are made in one line", "[chat]") {
  CHECK(keywheel::system("s").role == Role::system);
  CHECK(developer("d").role == Role::developer);
  CHECK(user("u").text() == "u");
  CHECK(user(std::vector<Part>{text("a"), image_url("u", "low"), text("b")}).text() == "ab");
  CHECK(std::get<ImagePart>(image_url("u", "low")).detail == "low");
  CHECK(std::get<ImagePart>(image_bytes("b", "image/png")).media_type == "image/png");
  const Message call = assistant("", {{.id = "c", .name = "f"}});
  CHECK(call.content.empty());
  CHECK(call.tool_calls.at(0).name == "f");
  const Message result = tool_result("c", "ok");
  CHECK(result.role == Role::tool);
  CHECK(result.tool_call_id == "c");
  CHECK(result.text() == "ok");
}

TEST_CASE("a response without choices is read as an empty answer", "[chat]") {
  const ChatResponse none;
  CHECK(none.text().empty());
  CHECK(none.reasoning().empty());
  CHECK(none.refusal().empty());
  CHECK(none.tool_calls().empty());
  CHECK(none.message().role == Role::assistant);
  CHECK(none.finish_reason() == FinishReason::unknown);
}

TEST_CASE("a response is read by its first choice", "[chat]") {
  ChatResponse response;
  response.choices.push_back(
      {.message = {.role = Role::assistant,
                   .content = {ReasoningPart{.text = "r"}, text("a"), RawPart{}, text("b"), RefusalPart{.text = "no"}},
                   .tool_calls = {{.id = "c"}}},
       .finish_reason = FinishReason::length});
  response.choices.push_back({.message = assistant("other")});
  CHECK(response.text() == "ab");
  CHECK(response.reasoning() == "r");
  CHECK(response.refusal() == "no");
  CHECK(response.tool_calls().size() == 1);
  CHECK(response.finish_reason() == FinishReason::length);
}

TEST_CASE("usage takes over the counts that are given and keeps the others", "[chat]") {
  Usage usage{.prompt_tokens = 1, .completion_tokens = 2};
  CHECK(Usage{}.empty());
  CHECK_FALSE(usage.empty());
  usage.merge({.completion_tokens = 5, .cached_tokens = 0});
  CHECK(usage.prompt_tokens == 1);
  CHECK(usage.completion_tokens == 5);
  CHECK(usage.cached_tokens == 0);
  CHECK_FALSE(usage.reasoning_tokens);
  usage.merge({.completion_tokens = 6, .estimated = true});
  CHECK(usage.estimated);
  usage.merge({});
  CHECK(usage.estimated);
  usage.merge({.completion_tokens = 7});
  CHECK_FALSE(usage.estimated);
}

TEST_CASE("a copied event outlives what it was made of", "[chat]") {
  ChatEvent kept;
  {
    const std::string delta = "delta";
    const std::string id = "id";
    const std::string name = "name";
    const std::string native = "native";
    const ChatEvent event{
        .type = ChatEvent::Type::tool_call, .index = 2, .delta = delta, .id = id, .name = name, .native = native};
    kept = event.copy();
    CHECK(kept.delta.data() != delta.data());
  }
  const ChatEvent again = kept;
  kept = {};
  CHECK(again.index == 2);
  CHECK(again.delta == "delta");
  CHECK(again.id == "id");
  CHECK(again.name == "name");
  CHECK(again.native == "native");
  CHECK(again.model.empty());
}

TEST_CASE("every value of the enumerations has a name", "[chat]") {
  CHECK(to_string(Role::tool) == "tool");
  CHECK(to_string(FinishReason::content_filter) == "content_filter");
  CHECK(to_string(FinishReason::unknown) == "unknown");
}
