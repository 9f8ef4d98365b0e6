#include <array>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include <catch2/catch_test_macros.hpp>

#include "providers/registry.hpp"
#include "wire/json.hpp"

using namespace keywheel;

/// How the dialects that are not OpenAI's write tools, calls and roles: alike, but for what each of them wants.

namespace {

struct Row {
  std::string_view provider;
  std::string_view api;
  std::string_view member;  ///< of the body, or of its member `parameters`
  std::string_view tools;   ///< a described one with a schema, one without either, a raw one
};

constexpr std::array kRows = {
    Row{"cohere", "", "tools",
        R"([{"type":"function","function":{"name":"a","description":"d","parameters":{"p":1}}},)"
        R"({"type":"function","function":{"name":"b","parameters":{"type":"object","properties":{}}}},{"raw":1}])"},
    Row{"ollama", "native", "tools",
        R"([{"type":"function","function":{"name":"a","description":"d","parameters":{"p":1}}},)"
        R"({"type":"function","function":{"name":"b"}},{"raw":1}])"},
    Row{"dashscope", "native", "tools",
        R"([{"type":"function","function":{"name":"a","description":"d","parameters":{"p":1}}},)"
        R"({"type":"function","function":{"name":"b"}},{"raw":1}])"},
    Row{"cloudflare", "run", "tools",
        R"([{"type":"function","function":{"name":"a","description":"d","parameters":{"p":1}}},{"type":"function",)"
        R"("function":{"name":"b","description":"","parameters":{"type":"object","properties":{}}}},{"raw":1}])"},
    Row{"qianfan", "v1", "functions",
        R"([{"name":"a","description":"d","parameters":{"p":1}},)"
        R"({"name":"b","description":"","parameters":{"type":"object","properties":{}}},{"raw":1}])"},
    Row{"minimax", "pro", "functions",
        R"([{"name":"a","description":"d","parameters":{"p":1}},)"
        R"({"name":"b","description":"","parameters":{"type":"object","properties":{}}},{"raw":1}])"},
    Row{"hunyuan", "native", "Tools",
        R"([{"Type":"function","Function":{"Name":"a","Description":"d","Parameters":"{\"p\":1}"}},)"
        R"({"Type":"function","Function":{"Name":"b","Parameters":"{\"type\":\"object\",\"properties\":{}}"}},{"raw":1}])"},
};

Result<HttpRequest> encode(std::string_view provider, std::string_view api, const ChatRequest& request) {
  ServiceConfig service;
  service.provider = provider;
  CredentialConfig credential;
  credential.api_key = "key-for-tests";
  for (const char* name : {"secret_id", "secret_key", "access_token", "group_id", "account_id"}) {
    credential.fields[name] = std::string("value-of-") + name;
  }
  const auto transport = detail::make_transport(provider, api);
  REQUIRE(transport);
  return transport->encode(
      request, {.service = service, .credential = credential, .base_url = "https://host.test", .model = "some-model"});
}

/// A member of the body, as it was written.
std::string written(const HttpRequest& http, std::string_view member) {
  detail::JsonDoc doc;
  REQUIRE(doc.parse(http.body));
  const detail::JsonValue body = doc.root();
  const detail::JsonValue value = body[member].exists() ? body[member] : body["parameters"][member];
  return std::string(value.raw());
}

ChatRequest with_tools() {
  ChatRequest request;
  request.messages = {{.role = Role::user, .content = {text("hello")}}};
  request.tools = {
      {.name = "a", .description = "d", .parameters = R"({"p":1})"}, {.name = "b"}, {.raw = R"({"raw":1})"}};
  return request;
}

}  // namespace

TEST_CASE("each dialect writes tools in its own shape", "[native]") {
  for (const Row& row : kRows) {
    INFO(row.provider);
    const auto made = encode(row.provider, row.api, with_tools());
    if (!made) FAIL(made.error().message);
    CHECK(written(*made, row.member) == row.tools);
  }
}

TEST_CASE("each dialect refuses tools that are not JSON, by name", "[native]") {
  for (const Row& row : kRows) {
    INFO(row.provider);
    ChatRequest request = with_tools();
    request.tools[2].raw = "{";
    const auto raw = encode(row.provider, row.api, request);
    REQUIRE_FALSE(raw);
    CHECK(raw.error().message.find("tools") != std::string::npos);
    if (row.provider == "hunyuan") continue;  // a schema is a string there
    request = with_tools();
    request.tools[0].parameters = "{";
    const auto schema = encode(row.provider, row.api, request);
    REQUIRE_FALSE(schema);
    CHECK(schema.error().message.find("parameters") != std::string::npos);
  }
}

TEST_CASE("calls go back with their ids, and developers speak as the system", "[native]") {
  ChatRequest request;
  request.messages = {
      {.role = Role::developer, .content = {text("be brief")}},
      {.role = Role::user, .content = {text("hello")}},
      {.role = Role::assistant,
       .tool_calls = {{.id = "1", .name = "a", .arguments = R"({"x":1})"},
                      {.id = "2", .name = "b", .extra = R"({"e":1})"}}},
      {.role = Role::tool, .content = {text("one")}, .tool_call_id = "1"},
      {.role = Role::tool, .content = {text("two")}, .tool_call_id = "2"},
  };
  const auto cohere = encode("cohere", "", request);
  REQUIRE(cohere);
  CHECK(
      written(*cohere, "messages") ==
      R"([{"role":"system","content":"be brief"},{"role":"user","content":"hello"},{"role":"assistant","tool_calls":[)"
      R"({"id":"1","type":"function","function":{"name":"a","arguments":"{\"x\":1}"}},)"
      R"({"id":"2","type":"function","function":{"name":"b","arguments":"{}"},"e":1}]},)"
      R"({"role":"tool","tool_call_id":"1","content":"one"},{"role":"tool","tool_call_id":"2","content":"two"}])");
  const auto dashscope = encode("dashscope", "native", request);
  REQUIRE(dashscope);
  CHECK(
      written(*dashscope, "input") ==
      R"({"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hello"},{"role":"assistant","content":"",)"
      R"("tool_calls":[{"index":0,"id":"1","type":"function","function":{"name":"a","arguments":"{\"x\":1}"}},)"
      R"({"index":1,"id":"2","type":"function","function":{"name":"b","arguments":"{}"},"e":1}]},)"
      R"({"role":"tool","content":"one","tool_call_id":"1"},{"role":"tool","content":"two","tool_call_id":"2"}]})");
  const auto ollama = encode("ollama", "native", request);
  REQUIRE(ollama);
  CHECK(written(*ollama, "messages") ==
        R"([{"role":"system","content":"be brief"},{"role":"user","content":"hello"},{"role":"assistant","content":"",)"
        R"("tool_calls":[{"id":"1","function":{"name":"a","arguments":{"x":1}}},)"
        R"({"id":"2","function":{"name":"b","arguments":{}},"e":1}]},)"
        R"({"role":"tool","content":"one","tool_name":"a","tool_call_id":"1"},)"
        R"({"role":"tool","content":"two","tool_name":"b","tool_call_id":"2"}])");
  const auto hunyuan = encode("hunyuan", "native", request);
  REQUIRE(hunyuan);
  CHECK(written(*hunyuan, "Messages").starts_with(R"([{"Role":"system","Content":"be brief"},{"Role":"user")"));
}
