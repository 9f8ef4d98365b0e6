#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/openai_fixture.hpp"
#include "wire/transport_fixture.hpp"

using namespace keywheel;
using keywheel::testing::header;
using keywheel::testing::same_json;

namespace {

struct Cohere : OpenAiFixture {
  Cohere() : OpenAiFixture("cohere") { model = "command-a"; }

  /// The refusal of a request, or "none".
  std::string refusal(const ChatRequest& request) {
    const auto made = encode(request);
    return made ? "none" : made.error().message;
  }
};

ChatRequest plain() { return {.messages = {user("hi")}}; }

}  // namespace

TEST_CASE("a Cohere request has Cohere's names", "[cohere]") {
  Cohere f;
  ChatRequest request{.messages = {keywheel::system("s"), developer("d"), user("hi")},
                      .max_tokens = 9,
                      .temperature = 0.5,
                      .top_p = 0.7,
                      .top_k = 3,
                      .stop = {"END"},
                      .seed = 4,
                      .presence_penalty = 0.1,
                      .frequency_penalty = 0.2,
                      .logprobs = true,
                      .extra = R"({"documents":["d1"],"citation_options":{"mode":"FAST"}})"};
  const auto made = f.encode(request);
  REQUIRE(made);
  CHECK(made->url == "https://api.cohere.com/v2/chat");
  CHECK(header(*made, "Authorization") == "Bearer sk-test");
  CHECK(made->body ==
        R"({"model":"command-a","stream":false,"messages":[{"role":"system","content":"s"},)"
        R"({"role":"system","content":"d"},{"role":"user","content":"hi"}],"max_tokens":9,"temperature":0.5,"p":0.7,)"
        R"("k":3,"seed":4,"presence_penalty":0.1,"frequency_penalty":0.2,"stop_sequences":["END"],"logprobs":true,)"
        R"("documents":["d1"],"citation_options":{"mode":"FAST"}})");
  f.stream = true;
  CHECK(f.body(plain()) == R"({"model":"command-a","stream":true,"messages":[{"role":"user","content":"hi"}]})");
}

TEST_CASE("Cohere is found below a root, a version, or an endpoint", "[cohere]") {
  for (const char* base : {"https://gate.test/cohere", "https://gate.test/cohere/", "https://gate.test/cohere/v1",
                           "https://gate.test/cohere/v2", "https://gate.test/cohere/v2/chat"}) {
    Cohere f;
    f.service.base_url = base;
    INFO(base);
    CHECK(f.encode(plain())->url == "https://gate.test/cohere/v2/chat");
    CHECK(f.transport->encode_embedding({}, {"x"}, f.target())->url == "https://gate.test/cohere/v2/embed");
    CHECK(f.transport->encode_listing(f.target())->url == "https://gate.test/cohere/v1/models?page_size=1000");
  }
}

TEST_CASE("calls, their results, a plan and citations go back to Cohere as they came", "[cohere]") {
  Cohere f;
  const std::string citation =
      R"({"start":0,"end":3,"text":"two","sources":[{"type":"tool","id":"c1:0"}],"type":"TEXT_CONTENT"})";
  ChatRequest request{
      .messages = {
          user("hi"),
          {.role = Role::assistant,
           .content = {ReasoningPart{.text = "I will look."}},
           .tool_calls = {{.id = "c1", .name = "look", .arguments = R"({"q":"x"})"}, {.id = "c2", .name = "now"}}},
          tool_result("c1", "found"),
          {.role = Role::tool,
           .content = {RawPart{R"({"type":"document","document":{"data":{"a":"b"}}})"}},
           .tool_call_id = "c2"},
          {.role = Role::assistant,
           .content = {TextPart{.text = "two"}, RawPart{citation}, TextPart{.text = " of them"},
                       ReasoningPart{.text = "not sent"}}},
          user("more"),
      }};
  CHECK(f.body(request) ==
        R"({"model":"command-a","stream":false,"messages":[{"role":"user","content":"hi"},)"
        R"({"role":"assistant","tool_plan":"I will look.","tool_calls":[)"
        R"({"id":"c1","type":"function","function":{"name":"look","arguments":"{\"q\":\"x\"}"}},)"
        R"({"id":"c2","type":"function","function":{"name":"now","arguments":"{}"}}]},)"
        R"({"role":"tool","tool_call_id":"c1","content":"found"},)"
        R"({"role":"tool","tool_call_id":"c2","content":[{"type":"document","document":{"data":{"a":"b"}}}]},)"
        R"({"role":"assistant","content":"two of them","citations":[)" +
            citation + R"(]},{"role":"user","content":"more"}]})");
}

TEST_CASE("tools, formats and thinking in Cohere's words", "[cohere]") {
  Cohere f;
  const auto member = [&f](const ChatRequest& request, std::string_view what) {
    return f.body(request).find(what) != std::string::npos;
  };
  ChatRequest request = plain();
  request.tools = {{.name = "f", .description = "does", .parameters = R"({"type":"object"})", .strict = true},
                   {.name = "g", .strict = true}};
  CHECK(member(
      request,
      R"("tools":[{"type":"function","function":{"name":"f","description":"does","parameters":{"type":"object"}}},)"
      R"({"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],)"
      R"("strict_tools":true)"));
  request.tools[1].strict = false;
  CHECK(f.refusal(request).starts_with("cohere cannot express tools.strict"));
  request.tools.pop_back();
  request.tool_choice = ToolChoice{.mode = ToolChoice::Mode::required};
  CHECK(member(request, R"("tool_choice":"REQUIRED")"));
  request.tool_choice->mode = ToolChoice::Mode::none;
  CHECK(member(request, R"("tool_choice":"NONE")"));
  request.tool_choice->mode = ToolChoice::Mode::automatic;
  CHECK_FALSE(member(request, "tool_choice"));
  request.tool_choice->mode = ToolChoice::Mode::function;
  CHECK(f.refusal(request).starts_with("cohere cannot express tool_choice"));

  request = plain();
  request.response_format = {.type = ResponseFormat::Type::json_object};
  CHECK(member(request, R"("response_format":{"type":"json_object"})"));
  request.response_format = {.type = ResponseFormat::Type::json_schema, .name = "a", .schema = R"({"type":"object"})"};
  CHECK(member(request, R"("response_format":{"type":"json_object","json_schema":{"type":"object"}})"));

  request = plain();
  request.reasoning_tokens = 100;
  CHECK(member(request, R"("thinking":{"type":"enabled","token_budget":100})"));
  request.reasoning_tokens = 0;
  CHECK(member(request, R"("thinking":{"type":"disabled"})"));
  request.reasoning_tokens.reset();
  request.reasoning_effort = "none";
  CHECK(member(request, R"("thinking":{"type":"disabled"})"));
  request.reasoning_effort = "high";
  CHECK(member(request, R"("thinking":{"type":"enabled"})"));
  request.reasoning_effort = "low";
  CHECK(f.refusal(request).starts_with("cohere cannot express reasoning_effort"));
}

TEST_CASE("Cohere sees the user's images, and what it cannot say is named", "[cohere]") {
  Cohere f;
  CHECK(same_json(f.body({.messages = {user({text("look"), image_url("https://x.test/a.png", "low"),
                                             image_bytes("\x01\x02", "image/png")})}}),
                  R"({"model":"command-a","stream":false,"messages":[{"role":"user","content":[
                      {"type":"text","text":"look"},
                      {"type":"image_url","image_url":{"url":"https://x.test/a.png","detail":"low"}},
                      {"type":"image_url","image_url":{"url":"data:image/png;base64,AQI="}}]}]})"));
  const auto refused = [&f](ChatRequest request, std::string_view field) {
    INFO(field);
    CHECK(f.refusal(request).starts_with("cohere cannot express " + std::string(field)));
  };
  refused({.messages = {keywheel::system("s"), {.role = Role::system, .content = {image_url("https://x.test/a.png")}}}},
          "messages[1].content[0]");
  refused({.messages = {user({AudioPart{.data = "x", .format = "wav"}})}}, "messages[0].content[0]");
  refused({.messages = {{.content = {text("x")}, .name = "n"}}}, "messages[0].name");
  refused({.messages = {user("x")}, .parallel_tool_calls = false}, "parallel_tool_calls");
  refused({.messages = {user("x")}, .top_logprobs = 3}, "top_logprobs");
  refused({.messages = {user("x")}, .n = 2}, "n");
  refused({.messages = {user("x")}, .user = "u"}, "user");
  CHECK(f.refusal({.messages = {user("x")}, .extra = "[1]"}).starts_with("extra"));
  f.on_unsupported = OnUnsupported::warn;
  CHECK(f.body({.messages = {user("x")}, .n = 2}) ==
        R"({"model":"command-a","stream":false,"messages":[{"role":"user","content":"x"}]})");
  CHECK(f.warnings.size() == 1);
}
