#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/registry.hpp"
#include "wire/transport_fixture.hpp"

/// OpenAI's Responses: what is sent. https://platform.openai.com/docs/api-reference/responses/create

using namespace keywheel;
using namespace keywheel::testing;

namespace {

Fixture fixture(std::string base_url = "https://api.openai.com/v1") {
  Fixture made;
  made.service.provider = "openai";
  made.service.api = "responses";
  made.base_url = std::move(base_url);
  made.model = "gpt-5";
  return made;
}

Result<HttpRequest> encode(Fixture& f, const ChatRequest& request) {
  return detail::make_transport("openai", "responses")->encode(request, f.target());
}

std::string body(const ChatRequest& request) {
  Fixture f = fixture();
  const Result<HttpRequest> sent = encode(f, request);
  if (!sent) FAIL(sent.error().message);
  CHECK(f.warnings.empty());
  return sent->body;
}

/// The body is the model, these input items, and what `rest` holds behind them.
void check_body(const ChatRequest& request, std::string_view input, std::string_view rest = "") {
  const std::string expected = fmt::format(R"({{"model":"gpt-5","input":[{}]{}}})", input, rest);
  const std::string sent = body(request);
  CAPTURE(sent, expected);
  CHECK(same_json(sent, expected));
}

constexpr std::string_view kHi = R"({"role":"user","content":[{"type":"input_text","text":"Hi"}]})";

ChatRequest hi() { return {.messages = {user("Hi")}}; }

}  // namespace

TEST_CASE("a Responses request goes to /responses with a Bearer key, whatever form the base URL has", "[responses]") {
  for (const char* base : {"https://api.openai.com/v1", "https://api.openai.com/v1/", "https://api.openai.com",
                           "https://api.openai.com/v1/responses", "https://api.openai.com/v1/chat/completions"}) {
    CAPTURE(base);
    Fixture f = fixture(base);
    const Result<HttpRequest> sent = encode(f, hi());
    REQUIRE(sent);
    CHECK(sent->method == "POST");
    CHECK(sent->url == "https://api.openai.com/v1/responses");
    CHECK(header(*sent, "Authorization") == "Bearer the-key");
    CHECK(header(*sent, "Content-Type") == "application/json");
  }
  Fixture f = fixture("https://proxy.test/v1?tenant=a");
  CHECK(encode(f, hi())->url == "https://proxy.test/v1/responses?tenant=a");
}

TEST_CASE("a stream is asked for in the body, and nothing of chat completions with it", "[responses]") {
  Fixture f = fixture();
  f.stream = true;
  const Result<HttpRequest> sent = encode(f, hi());
  REQUIRE(sent);
  CHECK(same_json(sent->body, fmt::format(R"({{"model":"gpt-5","input":[{}],"stream":true}})", kHi)));
}

TEST_CASE("messages become input items", "[responses]") {
  ChatRequest request;
  const std::vector<Part> look{text("Look"), image_url("https://a.test/b.png", "low"),
                               image_bytes("\x89PNG", "image/png")};
  const std::vector<Part> files{FilePart{.data = "%PDF", .filename = "a.pdf", .media_type = "application/pdf"},
                                FilePart{.url = "https://a.test/b.pdf"}, FilePart{.id = "file-1"}};
  request.messages = {keywheel::system("Be brief."), developer("In German."), user(look), user(files)};
  check_body(request,
             R"({"role":"system","content":[{"type":"input_text","text":"Be brief."}]},)"
             R"({"role":"developer","content":[{"type":"input_text","text":"In German."}]},)"
             R"({"role":"user","content":[{"type":"input_text","text":"Look"},)"
             R"({"type":"input_image","image_url":"https://a.test/b.png","detail":"low"},)"
             R"({"type":"input_image","image_url":"data:image/png;base64,iVBORw==","detail":"auto"}]},)"
             R"({"role":"user","content":[)"
             R"({"type":"input_file","file_data":"data:application/pdf;base64,JVBERg==","filename":"a.pdf"},)"
             R"({"type":"input_file","file_url":"https://a.test/b.pdf"},{"type":"input_file","file_id":"file-1"}]})");
}

TEST_CASE("an earlier answer goes back as the items it was", "[responses]") {
  ChatRequest request;
  Message answer = assistant("Let me see.", {{.id = "call_1", .name = "weather", .arguments = R"({"city":"Rome"})"},
                                             {.id = "call_2", .name = "shell", .arguments = "ls", .type = "custom"}});
  answer.content.insert(answer.content.begin(),
                        ReasoningPart{.text = "Rome it is.", .encrypted = "SEALED", .id = "rs_1"});
  request.messages = {user("Hi"), answer, tool_result("call_1", "21 degrees"), tool_result("call_2", "")};
  request.messages[2].content = {text("21"), text(" degrees")};
  check_body(request,
             std::string(kHi) +
                 R"(,{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Rome it is."}],)"
                 R"("encrypted_content":"SEALED"},)"
                 R"({"role":"assistant","content":[{"type":"output_text","text":"Let me see."}]},)"
                 R"({"type":"function_call","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Rome\"}"},)"
                 R"({"type":"custom_tool_call","call_id":"call_2","name":"shell","input":"ls"},)"
                 R"({"type":"function_call_output","call_id":"call_1",)"
                 R"("output":[{"type":"input_text","text":"21"},{"type":"input_text","text":" degrees"}]},)"
                 R"({"type":"custom_tool_call_output","call_id":"call_2","output":""})");
}

TEST_CASE("a refusal goes back as one, and a thought of another provider does not", "[responses]") {
  ChatRequest request = hi();
  Message answer{.role = Role::assistant};
  answer.content = {ReasoningPart{.text = "Hm.", .signature = "claude's"}, RefusalPart{.text = "No."}};
  request.messages = {user("Hi"), answer, user("Hi")};
  Fixture f = fixture();
  const Result<HttpRequest> sent = encode(f, request);
  REQUIRE(sent);
  CHECK(same_json(sent->body,
                  fmt::format(R"({{"model":"gpt-5","input":[{},{},{}]}})", kHi,
                              R"({"role":"assistant","content":[{"type":"refusal","refusal":"No."}]})", kHi)));
  REQUIRE(f.warnings.size() == 1);
  CHECK(f.warnings[0].starts_with("messages[1].content[0] was left out: "));
}

TEST_CASE("an item that only the API itself understands goes back as it came", "[responses]") {
  ChatRequest request = hi();
  Message answer{.role = Role::assistant};
  answer.content = {text("See "), RawPart{.json = R"({"type":"web_search_call","id":"ws_1","status":"completed"})"},
                    text("here."), RawPart{.json = R"({"type":"url_citation","url":"https://a.test"})"}};
  request.messages = {user("Hi"), answer, user("Hi")};
  check_body(request, std::string(kHi) +
                          R"(,{"role":"assistant","content":[{"type":"output_text","text":"See "}]},)"
                          R"({"type":"web_search_call","id":"ws_1","status":"completed"},)"
                          R"({"role":"assistant","content":[{"type":"output_text","text":"here."}]},)" +
                          std::string(kHi));
}

TEST_CASE("thoughts go back before the calls, and items given in JSON in their order", "[responses]") {
  constexpr std::string_view kThought = R"({"type":"reasoning","id":"rs_1","summary":[]})";
  constexpr std::string_view kCall = R"({"type":"function_call","call_id":"call_1","name":"now","arguments":"{}"})";
  constexpr std::string_view kLater = R"({"type":"reasoning","id":"rs_2","summary":[]})";
  constexpr std::string_view kResult = R"({"type":"function_call_output","call_id":"call_1","output":"noon"})";
  ChatRequest request;
  Message answer{.role = Role::assistant};
  answer.content = {ReasoningPart{.id = "rs_1"}, ReasoningPart{.id = "rs_2"}};
  answer.tool_calls = {{.id = "call_1", .name = "now", .arguments = "{}"}};
  request.messages = {user("Hi"), answer, tool_result("call_1", "noon")};
  check_body(request, fmt::format("{},{},{},{},{}", kHi, kThought, kLater, kCall, kResult));
  answer.content = {RawPart{std::string(kThought)}, RawPart{std::string(kCall)}, RawPart{std::string(kLater)}};
  answer.tool_calls.clear();
  request.messages[1] = answer;
  check_body(request, fmt::format("{},{},{},{},{}", kHi, kThought, kCall, kLater, kResult));
}

TEST_CASE("tools stand without an envelope, and are strict only where the request says so", "[responses]") {
  ChatRequest request = hi();
  request.tools = {{.name = "f", .description = "does", .parameters = R"({"type":"object"})", .strict = true},
                   {.name = "g"},
                   {.raw = R"({"type":"web_search"})"}};
  request.tool_choice = ToolChoice{.mode = ToolChoice::Mode::function, .name = "f"};
  request.parallel_tool_calls = false;
  check_body(
      request, kHi,
      R"(,"tools":[{"type":"function","name":"f","description":"does","parameters":{"type":"object"},"strict":true},)"
      R"({"type":"function","name":"g","parameters":{"type":"object","properties":{}},"strict":false},)"
      R"({"type":"web_search"}],"tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false)");
  using Mode = ToolChoice::Mode;
  const std::vector<std::pair<ToolChoice, std::string>> choices{
      {{.mode = Mode::automatic}, R"("auto")"},
      {{.mode = Mode::none}, R"("none")"},
      {{.mode = Mode::required}, R"("required")"},
      {{.raw = R"({"type":"file_search"})"}, R"({"type":"file_search"})"}};
  for (const auto& [choice, json] : choices) {
    ChatRequest one = hi();
    one.tool_choice = choice;
    check_body(one, kHi, R"(,"tool_choice":)" + json);
  }
}

TEST_CASE("the format of the answer stands in text", "[responses]") {
  ChatRequest request = hi();
  request.response_format = ResponseFormat{.type = ResponseFormat::Type::json_object};
  check_body(request, kHi, R"(,"text":{"format":{"type":"json_object"}})");
  request.response_format = ResponseFormat{.type = ResponseFormat::Type::json_schema,
                                           .name = "city",
                                           .description = "A city",
                                           .schema = R"({"type":"object"})",
                                           .strict = true};
  check_body(request, kHi,
             R"(,"text":{"format":{"type":"json_schema","name":"city","description":"A city",)"
             R"("schema":{"type":"object"},"strict":true}})");
}

TEST_CASE("settings have the names of this API, and extra comes last", "[responses]") {
  ChatRequest request = hi();
  request.max_tokens = 100;
  request.temperature = 0.5;
  request.top_p = 0.25;
  request.reasoning_effort = "low";
  request.logprobs = true;
  request.top_logprobs = 2;
  request.user = "u-1";
  request.metadata = {{"k", "v"}};
  request.service_tier = "flex";
  request.extra = R"({"store":false,"truncation":"auto"})";
  check_body(request, kHi,
             R"(,"max_output_tokens":100,"temperature":0.5,"top_p":0.25,"reasoning":{"effort":"low"},"top_logprobs":2,)"
             R"("include":["message.output_text.logprobs"],"metadata":{"k":"v"},"user":"u-1","service_tier":"flex",)"
             R"("store":false,"truncation":"auto")");
}

TEST_CASE("what the API has no word for is an error that names it, or a warning", "[responses]") {
  const std::vector<std::pair<std::string_view, std::function<void(ChatRequest&)>>> fields{
      {"n", [](ChatRequest& r) { r.n = 2; }},
      {"seed", [](ChatRequest& r) { r.seed = 1; }},
      {"stop", [](ChatRequest& r) { r.stop = {"."}; }},
      {"top_k", [](ChatRequest& r) { r.top_k = 5; }},
      {"presence_penalty", [](ChatRequest& r) { r.presence_penalty = 0.5; }},
      {"frequency_penalty", [](ChatRequest& r) { r.frequency_penalty = 0.5; }},
      {"logit_bias",
       [](ChatRequest& r) {
         r.logit_bias = {{"1", 1}};
       }},
      {"reasoning_tokens", [](ChatRequest& r) { r.reasoning_tokens = 100; }},
      {"messages[0].content[0]",
       [](ChatRequest& r) { r.messages[0].content = {AudioPart{.data = "x", .format = "wav"}}; }},
      {"messages[0].content[0]", [](ChatRequest& r) { r.messages[0].content = {ReasoningPart{.text = "x"}}; }},
      {"messages[1].content",
       [](ChatRequest& r) {
         r.messages.push_back(Message{.role = Role::assistant, .content = {image_url("https://a.test/b.png")}});
       }},
  };
  for (const auto& [name, set] : fields) {
    CAPTURE(name);
    ChatRequest request = hi();
    set(request);
    Fixture f = fixture();
    const Result<HttpRequest> refused = encode(f, request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::unsupported);
    CHECK(refused.error().message.find(name) != std::string::npos);
    f.on_unsupported = OnUnsupported::warn;
    REQUIRE(encode(f, request));
    REQUIRE(f.warnings.size() == 1);
    CHECK(f.warnings[0].find(name) != std::string::npos);
  }
}

TEST_CASE("what is wrong with a request is said before it is sent", "[responses]") {
  const std::vector<std::pair<std::string_view, std::function<void(ChatRequest&)>>> faults{
      {"tools[0].name", [](ChatRequest& r) { r.tools = {Tool{.description = "nameless"}}; }},
      {"tools[0].parameters", [](ChatRequest& r) { r.tools = {Tool{.name = "f", .parameters = "{"}}; }},
      {"tools[0].raw", [](ChatRequest& r) { r.tools = {Tool{.raw = "web_search"}}; }},
      {"messages[0].content[0].media_type",
       [](ChatRequest& r) { r.messages[0].content = {ImagePart{.data = "\x89PNG"}}; }},
      {"extra", [](ChatRequest& r) { r.extra = "[]"; }},
  };
  for (const auto& [name, set] : faults) {
    CAPTURE(name);
    ChatRequest request = hi();
    set(request);
    Fixture f = fixture();
    const Result<HttpRequest> refused = encode(f, request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::invalid_request);
    CHECK(refused.error().message.find(name) != std::string::npos);
  }
}
