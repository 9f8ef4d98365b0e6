#include <chrono>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "providers/anthropic.hpp"
#include "providers/anthropic_body.hpp"
#include "providers/anthropic_models.hpp"
#include "wire/answer_script.hpp"

using namespace keywheel;
using keywheel::testing::DialectUnderTest;
using keywheel::testing::header;

namespace {

constexpr const char* kModel = "claude-sonnet-4-5";

DialectUnderTest claude() {
  DialectUnderTest dialect("claude");
  dialect.credential.api_key = "sk-ant-secret";
  return dialect;
}

ChatRequest hello() { return {.messages = {user("Hello")}}; }

/// The body after the members that every request to kModel begins with.
std::string rest(const ChatRequest& request, std::string_view model = kModel) {
  auto dialect = claude();
  std::string body = dialect.body(request, model);
  const std::string begin =
      fmt::format(R"({{"model":"{}","max_tokens":{},)", model, detail::claude_traits(model).max_tokens);
  return body.starts_with(begin) ? body.substr(begin.size()) : body;
}

}  // namespace

TEST_CASE("a request goes to Anthropic's messages with its headers", "[anthropic]") {
  auto dialect = claude();
  const auto sent = dialect.transport->encode(hello(), dialect.target(kModel));
  REQUIRE(sent);
  CHECK(sent->method == "POST");
  CHECK(sent->url == "https://api.anthropic.com/v1/messages");
  CHECK(header(*sent, "x-api-key") == "sk-ant-secret");
  CHECK(header(*sent, "anthropic-version") == "2023-06-01");
  CHECK(header(*sent, "Content-Type") == "application/json");
  CHECK(header(*sent, "anthropic-beta").empty());
  CHECK(sent->body ==
        R"({"model":"claude-sonnet-4-5","max_tokens":64000,"messages":[{"role":"user","content":"Hello"}]})");

  const auto streamed = dialect.transport->encode(hello(), dialect.target(kModel, true));
  REQUIRE(streamed);
  CHECK(header(*streamed, "Accept") == "text/event-stream");
  CHECK(streamed->body.ends_with(R"("stream":true})"));
}

TEST_CASE("base URLs of Anthropic are taken as people write them", "[anthropic]") {
  const auto url = [](std::string_view base) { return detail::anthropic_url(base, "/messages"); };
  CHECK(url("https://api.anthropic.com") == "https://api.anthropic.com/v1/messages");
  CHECK(url("https://api.anthropic.com/") == "https://api.anthropic.com/v1/messages");
  CHECK(url("https://api.anthropic.com/v1") == "https://api.anthropic.com/v1/messages");
  CHECK(url("https://api.anthropic.com/v1/") == "https://api.anthropic.com/v1/messages");
  CHECK(url("https://api.anthropic.com/v1/messages") == "https://api.anthropic.com/v1/messages");
  CHECK(url("https://api.deepseek.com/anthropic") == "https://api.deepseek.com/anthropic/v1/messages");
  CHECK(url("https://proxy.example/a?tenant=b") == "https://proxy.example/a/v1/messages?tenant=b");
  CHECK(detail::anthropic_url("https://api.anthropic.com/v1/messages", "/models") ==
        "https://api.anthropic.com/v1/models");
}

TEST_CASE("beta flags come together in one header from wherever they are asked for", "[anthropic]") {
  auto dialect = claude();
  dialect.service.options["anthropic_beta"] = "context-1m-2025-08-07, one";
  dialect.service.headers["Anthropic-Beta"] = "two";
  ChatRequest request = hello();
  request.headers["anthropic-beta"] = "one,three";
  request.messages[0].content.push_back(FilePart{.id = "file_1"});
  const auto sent = dialect.transport->encode(request, dialect.target(kModel));
  REQUIRE(sent);
  std::size_t count = 0;
  for (const HttpHeader& h : sent->headers) {
    if (h.name == "anthropic-beta" || h.name == "Anthropic-Beta") {
      ++count;
      CHECK(h.value == "context-1m-2025-08-07,one,two,three,files-api-2025-04-14");
    }
  }
  CHECK(count == 1);
}

TEST_CASE("an auth token is sent as a Bearer, and a missing key is named", "[anthropic]") {
  auto dialect = claude();
  dialect.credential.fields["auth_token"] = "token";
  auto sent = dialect.transport->encode(hello(), dialect.target(kModel));
  REQUIRE(sent);
  CHECK(header(*sent, "Authorization") == "Bearer token");
  CHECK(header(*sent, "x-api-key").empty());

  dialect.credential = {};
  sent = dialect.transport->encode(hello(), dialect.target(kModel));
  REQUIRE(!sent);
  CHECK(sent.error().kind == ErrorKind::config);
  dialect.service.credentials = {{.api_key = "k"}, {}};
  CHECK(dialect.transport->check(dialect.service) ==
        std::vector<std::string>{"credentials[1].api_key: a key is needed"});
}

TEST_CASE("system and developer messages are gathered, with their parts", "[anthropic]") {
  CHECK(rest({.messages = {keywheel::system("Be kind."), user("Hi")}}) ==
        R"("system":"Be kind.","messages":[{"role":"user","content":"Hi"}]})");
  const Message cached{.role = Role::developer,
                       .content = {TextPart{.text = "Long.", .cache = CacheBreakpoint{std::chrono::hours(1)}}}};
  CHECK(rest({.messages = {keywheel::system("Be kind."), user("Hi"), cached}}) ==
        R"("system":[{"type":"text","text":"Be kind."},)"
        R"({"type":"text","text":"Long.","cache_control":{"type":"ephemeral","ttl":"1h"}}],)"
        R"("messages":[{"role":"user","content":"Hi"}]})");
  CHECK(rest({.messages = {{.role = Role::system, .content = {image_url("https://x/y.png")}}, user("Hi")}}) ==
        "unsupported: claude cannot express messages[0].content[0]: instructions are text (leave it out, or set "
        "on_unsupported to warn)");
}

TEST_CASE("messages of one side become one turn, tool results first", "[anthropic]") {
  CHECK(rest({.messages = {user("a"), user("b"), assistant("c"), assistant("d"), user("e")}}) ==
        R"("messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)"
        R"({"role":"assistant","content":[{"type":"text","text":"c"},{"type":"text","text":"d"}]},)"
        R"({"role":"user","content":"e"}]})");

  Message failed = tool_result("call_2", "no such city");
  failed.failed = true;
  CHECK(rest({.messages = {user("Weather?"),
                           assistant("", {{.id = "call_1", .name = "weather", .arguments = R"({"city":"Rome"})"},
                                          {.id = "call_2", .name = "weather", .arguments = ""}}),
                           tool_result("call_1", "sunny"), user("And now?"), failed}}) ==
        R"("messages":[{"role":"user","content":"Weather?"},{"role":"assistant","content":[)"
        R"({"type":"tool_use","id":"call_1","name":"weather","input":{"city":"Rome"}},)"
        R"({"type":"tool_use","id":"call_2","name":"weather","input":{}}]},)"
        R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"sunny"},)"
        R"({"type":"tool_result","tool_use_id":"call_2","content":"no such city","is_error":true},)"
        R"({"type":"text","text":"And now?"}]}]})");
}

TEST_CASE("a message with extra members keeps a turn of its own", "[anthropic]") {
  Message marked = user("b");
  marked.extra = R"({"mark":1})";
  CHECK(rest({.messages = {user("a"), marked, user("c")}}) ==
        R"("messages":[{"role":"user","content":"a"},{"role":"user","content":"b","mark":1},)"
        R"({"role":"user","content":"c"}]})");
}

TEST_CASE("images and documents go by URL, bytes, id and as text", "[anthropic]") {
  CHECK(rest({.messages = {user({image_url("https://x/y.png"), image_bytes("\x01\x02", "image/png"),
                                 image_url("data:image/gif;base64,AAA=")})}}) ==
        R"("messages":[{"role":"user","content":[)"
        R"({"type":"image","source":{"type":"url","url":"https://x/y.png"}},)"
        R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AQI="}},)"
        R"({"type":"image","source":{"type":"base64","media_type":"image/gif","data":"AAA="}}]}]})");
  CHECK(
      rest({.messages = {user({FilePart{.data = "PDF", .filename = "a.pdf", .media_type = "application/pdf"},
                               FilePart{.url = "https://x/y.pdf"}, FilePart{.id = "file_1"},
                               FilePart{.id = "file_2", .media_type = "image/png"},
                               FilePart{.data = "words", .media_type = "text/markdown"}})}}) ==
      R"("messages":[{"role":"user","content":[)"
      R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"UERG"},"title":"a.pdf"},)"
      R"({"type":"document","source":{"type":"url","url":"https://x/y.pdf"}},)"
      R"({"type":"document","source":{"type":"file","file_id":"file_1"}},)"
      R"({"type":"image","source":{"type":"file","file_id":"file_2"}},)"
      R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"}}]}]})");
}

TEST_CASE("parts that Claude does not read are named", "[anthropic]") {
  const auto fault = [](Part part) { return rest({.messages = {user({text("see"), std::move(part)})}}); };
  CHECK(fault(AudioPart{.data = "x", .format = "wav"})
            .starts_with("unsupported: claude cannot express "
                         "messages[0].content[1]: it takes no audio"));
  CHECK(fault(FilePart{.data = "x", .media_type = "application/zip"}).find("not application/zip") != std::string::npos);
  CHECK(fault(FilePart{.data = "x"}).starts_with("invalid_request: messages[0].content[1].media_type"));
  CHECK(fault(FilePart{}).starts_with("invalid_request: messages[0].content[1]"));
  CHECK(fault(ImagePart{.data = "x"}).starts_with("invalid_request: messages[0].content[1].media_type"));
  CHECK(fault(ImagePart{.url = "https://x", .detail = "high"}).find("messages[0].content[1].detail") !=
        std::string::npos);
  CHECK(fault(TextPart{.text = "x", .cache = CacheBreakpoint{std::chrono::seconds(60)}}).find("cache.ttl") !=
        std::string::npos);
  CHECK(fault(RawPart{"{not json"}).starts_with("invalid_request: messages[0].content[1]"));
}

TEST_CASE("signed thoughts go back unchanged, others are left out and told", "[anthropic]") {
  Message thinking{.role = Role::assistant,
                   .content = {ReasoningPart{.text = "Hm.", .signature = "sig"}, ReasoningPart{.encrypted = "sealed"},
                               ReasoningPart{.text = "another vendor's"}, text("Yes.")}};
  auto dialect = claude();
  const std::string body = dialect.body({.messages = {user("Hi"), thinking, user("Why?")}}, kModel);
  CHECK(body.find(R"([{"type":"thinking","thinking":"Hm.","signature":"sig"},{"type":"redacted_thinking",)"
                  R"("data":"sealed"},{"type":"text","text":"Yes."}])") != std::string::npos);
  REQUIRE(dialect.warnings.size() == 1);
  CHECK(dialect.warnings[0].starts_with("messages[1].content[2] was left out"));
  // Vendors that speak the dialect without seals want their thoughts back.
  CHECK(dialect.body({.messages = {user("Hi"), thinking}}, "kimi-k2").find("another vendor's") != std::string::npos);
}

TEST_CASE("citations go back into the block of the text that they belong to", "[anthropic]") {
  const std::string citation = R"({"type":"char_location","cited_text":"x","document_index":0})";
  const Message cited{.role = Role::assistant,
                      .content = {text("It is x."), RawPart{citation}, RawPart{R"({"type":"server_tool_use"})"}}};
  CHECK(rest({.messages = {user("Hi"), cited}}) ==
        R"("messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[)"
        R"({"type":"text","text":"It is x.","citations":[)" +
            citation + R"(]},{"type":"server_tool_use"}]}]})");
}

TEST_CASE("tools, their choice and their number at once", "[anthropic]") {
  ChatRequest request = hello();
  request.tools = {{.name = "weather",
                    .description = "Tells it",
                    .parameters = R"({"type":"object"})",
                    .strict = true,
                    .cache = CacheBreakpoint{}},
                   {.name = "now"},
                   {.raw = R"({"type":"web_search_20250305","name":"web_search"})"}};
  const std::string tools =
      R"("messages":[{"role":"user","content":"Hello"}],"tools":[{"name":"weather","description":"Tells it",)"
      R"("input_schema":{"type":"object"},"strict":true,"cache_control":{"type":"ephemeral"}},)"
      R"({"name":"now","input_schema":{"type":"object","properties":{}}},)"
      R"({"type":"web_search_20250305","name":"web_search"}])";
  CHECK(rest(request) == tools + "}");
  using Mode = ToolChoice::Mode;
  const auto choice = [&](std::optional<ToolChoice> chosen, std::optional<bool> parallel = {}) {
    request.tool_choice = std::move(chosen);
    request.parallel_tool_calls = parallel;
    const std::string body = rest(request);
    return body.starts_with(tools) ? body.substr(tools.size()) : body;
  };
  CHECK(choice(ToolChoice{Mode::automatic, {}, {}}) == R"(,"tool_choice":{"type":"auto"}})");
  CHECK(choice(ToolChoice{Mode::required, {}, {}}) == R"(,"tool_choice":{"type":"any"}})");
  CHECK(choice(ToolChoice{Mode::none, {}, {}}) == R"(,"tool_choice":{"type":"none"}})");
  CHECK(choice(ToolChoice{Mode::function, "now", {}}) == R"(,"tool_choice":{"type":"tool","name":"now"}})");
  CHECK(choice({}, false) == R"(,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}})");
  CHECK(choice({}, true) == "}");
  CHECK(choice(ToolChoice{.raw = R"({"type":"x"})"}) == R"(,"tool_choice":{"type":"x"}})");

  request.tool_choice = ToolChoice{Mode::required, {}, {}};
  CHECK(rest(request, "claude-opus-5-5").find("cannot be made to use a tool") != std::string::npos);
}

TEST_CASE("thinking is asked for as each model has it", "[anthropic]") {
  const auto with = [](std::string effort, std::optional<std::int64_t> tokens, std::string_view model,
                       std::optional<std::int64_t> max_tokens = {}) {
    ChatRequest request = hello();
    request.reasoning_effort = std::move(effort);
    request.reasoning_tokens = tokens;
    request.max_tokens = max_tokens;
    auto dialect = claude();
    const std::string body = dialect.body(request, model);
    const std::size_t begin = body.find(R"(,"thinking")");
    return begin != std::string::npos ? body.substr(begin + 1) : body;
  };
  CHECK(with("low", {}, "claude-sonnet-4-5") == R"("thinking":{"type":"enabled","budget_tokens":2048}})");
  CHECK(with("high", {}, "claude-sonnet-4-5", 4096) == R"("thinking":{"type":"enabled","budget_tokens":3072}})");
  CHECK(with("", 5000, "claude-opus-4-6") == R"("thinking":{"type":"enabled","budget_tokens":5000}})");
  CHECK(with("high", {}, "claude-opus-4-6") == R"("thinking":{"type":"adaptive"},"output_config":{"effort":"high"}})");
  CHECK(with("minimal", {}, "claude-haiku-5-5") ==
        R"("thinking":{"type":"adaptive"},"output_config":{"effort":"low"}})");
  CHECK(with("none", {}, "claude-haiku-5-5") == R"("thinking":{"type":"disabled"}})");
  CHECK(with("", 0, "claude-sonnet-4-5") == R"("thinking":{"type":"disabled"}})");
  CHECK(with("none", {}, "claude-opus-5-5").starts_with("unsupported: claude cannot express reasoning_effort"));
  CHECK(with("", 5000, "claude-opus-4-7").starts_with("unsupported: claude cannot express reasoning_tokens"));
  CHECK(with("high", {}, "claude-3-haiku-20240307").starts_with("unsupported: claude cannot express reasoning_effort"));
  CHECK(with("high", {}, "claude-sonnet-4-5", 1024).starts_with("unsupported"));
  CHECK(with("", 100, "claude-sonnet-4-5").starts_with("unsupported"));
  CHECK(with("", 9000, "claude-sonnet-4-5", 8000).starts_with("invalid_request: reasoning_tokens"));
  CHECK(with("fierce", {}, "claude-opus-4-7").starts_with("unsupported"));

  ChatRequest both = hello();
  both.reasoning_effort = "low";
  both.reasoning_tokens = 5000;
  auto dialect = claude();
  CHECK(dialect.body(both, kModel).find(R"("budget_tokens":5000)") != std::string::npos);
  REQUIRE(dialect.warnings.size() == 1);
  CHECK(dialect.warnings[0].starts_with("reasoning_effort was left out: "));
}

TEST_CASE("a schema for the answer, where the model has structured outputs", "[anthropic]") {
  ChatRequest request = hello();
  request.response_format = ResponseFormat{
      .type = ResponseFormat::Type::json_schema, .name = "person", .schema = R"({"type":"object"})", .strict = true};
  CHECK(rest(request).ends_with(R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}})"));
  CHECK(rest(request, "claude-3-7-sonnet-20250219").starts_with("unsupported: claude cannot express response_format"));
  request.response_format->type = ResponseFormat::Type::json_object;
  CHECK(rest(request).starts_with("unsupported: claude cannot express response_format"));
  request.response_format->type = ResponseFormat::Type::text;
  CHECK(rest(request) == R"("messages":[{"role":"user","content":"Hello"}]})");
}

TEST_CASE("sampling, stops, user, tier and what the struct lacks", "[anthropic]") {
  ChatRequest request = hello();
  request.max_tokens = 100;
  request.temperature = 0.5;
  request.top_p = 0.9;
  request.top_k = 40;
  request.stop = {"END", "\n"};
  request.user = "user-1";
  request.service_tier = "auto";
  request.extra = R"({"container":"c","max_tokens":7})";
  auto dialect = claude();
  CHECK(dialect.body(request, kModel) ==
        R"({"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"Hello"}],"stop_sequences":["END","\n"],)"
        R"("temperature":0.5,"top_p":0.9,"top_k":40,"metadata":{"user_id":"user-1"},"service_tier":"auto",)"
        R"("container":"c","max_tokens":7})");
  CHECK(dialect.body(request, "claude-sonnet-5").starts_with("unsupported: claude cannot express temperature"));
  request.extra = "[1]";
  CHECK(dialect.body(request, kModel).starts_with("invalid_request: extra"));
}

TEST_CASE("what Claude has no words for is named, or left out and told", "[anthropic]") {
  auto dialect = claude();
  const auto refused = [&](auto set, std::string_view field, std::string_view content = R"("Hello")") {
    ChatRequest request = hello();
    set(request);
    INFO(field);
    dialect.on_unsupported = OnUnsupported::error;
    CHECK(dialect.body(request, kModel).starts_with(fmt::format("unsupported: claude cannot express {}", field)));
    dialect.on_unsupported = OnUnsupported::warn;
    dialect.warnings.clear();
    CHECK(dialect.body(request, kModel) ==
          fmt::format(R"({{"model":"{}","max_tokens":64000,"messages":[{{"role":"user","content":{}}}]}})", kModel,
                      content));
    REQUIRE(dialect.warnings.size() == 1);
    CHECK(dialect.warnings[0].ends_with("; it was left out"));
  };
  refused([](ChatRequest& r) { r.n = 2; }, "n:");
  refused([](ChatRequest& r) { r.seed = 1; }, "seed");
  refused([](ChatRequest& r) { r.presence_penalty = 1; }, "presence_penalty");
  refused([](ChatRequest& r) { r.frequency_penalty = 1; }, "frequency_penalty");
  refused([](ChatRequest& r) { r.logit_bias["1"] = 1; }, "logit_bias");
  refused([](ChatRequest& r) { r.logprobs = true; }, "logprobs");
  refused([](ChatRequest& r) { r.top_logprobs = 2; }, "top_logprobs");
  refused([](ChatRequest& r) { r.metadata["a"] = "b"; }, "metadata.a");
  refused([](ChatRequest& r) { r.messages[0].name = "Ann"; }, "messages[0].name");
  refused([](ChatRequest& r) { r.response_format = ResponseFormat{.type = ResponseFormat::Type::json_object}; },
          "response_format");
  refused([](ChatRequest& r) { r.messages[0].content[0] = ImagePart{.url = "https://x", .detail = "low"}; },
          "messages[0].content[0].detail", R"([{"type":"image","source":{"type":"url","url":"https://x"}}])");

  ChatRequest neutral = hello();
  neutral.n = 1;
  neutral.presence_penalty = 0;
  neutral.logprobs = false;
  CHECK(dialect.body(neutral, kModel) == dialect.body(hello(), kModel));
}

TEST_CASE("another host's form names neither model nor stream", "[anthropic]") {
  auto dialect = claude();
  const Target target = dialect.target("claude-opus-4-1@20250805", true);
  detail::RequestCheck check("vertexai", target);
  std::string body;
  detail::write_anthropic_body(body, hello(), target, {.version = "vertex-2023-10-16"}, check);
  CHECK(body == R"({"anthropic_version":"vertex-2023-10-16","max_tokens":32000,)"
                R"("messages":[{"role":"user","content":"Hello"}],"stream":true})");
  body.clear();
  detail::write_anthropic_body(body, hello(), target, {.version = "bedrock-2023-05-31", .stream = false}, check);
  CHECK(body.find("stream") == std::string::npos);
  CHECK(check.ok());
}

TEST_CASE("a model's traits are read from any spelling of its name", "[anthropic]") {
  using detail::ClaudeThinking;
  const auto longest = [](std::string_view name) { return detail::claude_traits(name).max_tokens; };
  const auto thinks = [](std::string_view name) { return detail::claude_traits(name).thinking; };
  CHECK(longest("claude-3-haiku-20240307") == 4096);
  CHECK(longest("claude-3-5-sonnet-latest") == 8192);
  CHECK(longest("us.anthropic.claude-3-7-sonnet-20250219-v1:0") == 64000);
  CHECK(longest("claude-opus-4-20250514") == 32000);
  CHECK(longest("claude-sonnet-4@20250514") == 64000);
  CHECK(longest("anthropic/claude-opus-4.6") == 128000);
  CHECK(longest("anthropic.claude-v2:1") == 4096);
  CHECK(longest("claude-2.1") == 4096);
  CHECK(longest("claude-instant-1.2") == 4096);
  CHECK(longest("claude-opus-9") == 128000);
  CHECK(longest("my-deployment") == 8192);
  CHECK(thinks("claude-haiku-4-5@20251001") == ClaudeThinking::budget);
  CHECK(thinks("global.anthropic.claude-opus-4-6-v1") == ClaudeThinking::either);
  CHECK(thinks("claude-opus-4-8") == ClaudeThinking::adaptive);
  CHECK(thinks("claude-opus-5") == ClaudeThinking::adaptive);
  CHECK(thinks("claude-opus-5-5") == ClaudeThinking::always);
  CHECK(thinks("claude-fable-5") == ClaudeThinking::always);
  CHECK(thinks("claude-mythos-preview") == ClaudeThinking::always);
  CHECK(thinks("claude-3-opus-20240229") == ClaudeThinking::none);
  CHECK(!detail::claude_traits("claude-sonnet-5").sampling);
  CHECK(detail::claude_traits("claude-sonnet-4-6").sampling);
}

TEST_CASE("Claude's models are listed", "[anthropic]") {
  auto dialect = claude();
  const auto sent = dialect.transport->encode_listing(dialect.target(""));
  REQUIRE(sent);
  CHECK(sent->method == "GET");
  CHECK(sent->url == "https://api.anthropic.com/v1/models?limit=1000");
  CHECK(header(*sent, "x-api-key") == "sk-ant-secret");
  std::vector<ModelInfo> models;
  CHECK(!dialect.transport->decode_listing(
      R"({"data":[{"type":"model","id":"claude-a","created_at":"2026-07-24T00:00:00Z"},{"id":"b","created":5},{}]})",
      models));
  REQUIRE(models.size() == 2);
  CHECK(models[0].id == "claude-a");
  CHECK(models[0].created == 1784851200);
  CHECK(models[1].created == 5);
  CHECK(dialect.transport->decode_listing("{}", models));
  CHECK(dialect.transport->decode_listing("<html>", models));
}
