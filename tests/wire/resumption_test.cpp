#include <memory>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "providers/registry.hpp"
#include "wire/transport_fixture.hpp"

/// Which providers go on with an answer that broke off, and how they are asked to.

using namespace keywheel;
using namespace keywheel::testing;

namespace {

struct Case {
  std::string_view provider;
  std::string_view api;
  std::string_view model;
  Resumption can;
};

struct Resumed : Fixture {
  explicit Resumed(std::string_view provider, std::string_view api = {})
      : transport(detail::make_transport(provider, api)) {
    REQUIRE(transport);
    service.provider = provider;
    service.api = api;
  }
  [[nodiscard]] Resumption can(std::string_view name) {
    service.credentials = {credential};
    return transport->resumption(request, service, name);
  }
  /// The request that goes on with "Hello wor".
  [[nodiscard]] HttpRequest encoded() {
    request.messages.push_back(assistant("Hello wor"));
    Target where = target();
    where.resume = true;
    return transport->encode(request, where).value();
  }
  std::shared_ptr<const Transport> transport;
  ChatRequest request{.model = "m", .messages = {user("x")}};
};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("a provider says for which models it goes on with a broken answer", "[resumption]") {
  using enum Resumption;
  const Case cases[] = {
      {"openai", "", "gpt-4o", none},
      {"openai", "responses", "gpt-4o", none},
      {"azure", "", "gpt-4o", none},
      {"xai", "", "grok-4", none},
      {"zhipu", "", "glm-4", none},
      {"anthropic", "", "claude-3-5-sonnet-20241022", appends},
      {"anthropic", "", "claude-sonnet-4-5", appends},
      {"anthropic", "", "claude-opus-4-6", none},
      {"anthropic", "", "claude-sonnet-4-6", none},
      {"anthropic", "", "some-deployment", none},
      {"bedrock", "", "us.anthropic.claude-3-7-sonnet-20250219-v1:0", appends},
      {"bedrock", "", "amazon.nova-pro-v1:0", none},
      {"vertexai", "", "claude-sonnet-4-5@20250929", appends},
      {"vertexai", "", "gemini-2.0-flash", appends},
      {"gemini", "", "gemini-1.5-pro", appends},
      {"gemini", "", "models/gemini-2.0-flash", appends},
      {"gemini", "", "gemini-2.5-flash", none},
      {"gemini", "", "gemini-3-pro", none},
      {"deepseek", "", "deepseek-chat", appends},
      {"deepseek", "", "deepseek-reasoner", none},
      {"mistral", "", "mistral-large-latest", repeats},
      {"mistral", "", "magistral-medium-latest", none},
      {"moonshot", "", "kimi-k2-0905-preview", appends},
      {"moonshot", "", "kimi-k2-thinking", none},
      {"bailian", "openai", "qwen-plus", appends},
      {"bailian", "openai", "qwq-32b", none},
      {"huoshan", "", "doubao-1-5-pro-32k-250115", appends},
      {"huoshan", "", "doubao-seed-1-6", none},
      {"groq", "", "llama-3.3-70b-versatile", appends},
      {"groq", "", "openai/gpt-oss-120b", none},
      {"openrouter", "", "anthropic/claude-sonnet-4.5", appends},
      {"openrouter", "", "anthropic/claude-sonnet-4.6", none},
      {"openrouter", "", "openai/gpt-4o", none},
      {"openrouter", "responses", "anthropic/claude-sonnet-4.5", none},
      {"vllm", "", "anything", appends},
      {"llamacpp", "", "anything", appends},
      {"ollama", "", "llama3.2", appends},
      {"lmstudio", "", "anything", none},
  };
  for (const Case& each : cases) {
    INFO(each.provider << " " << each.api << " " << each.model);
    CHECK(Resumed(each.provider, each.api).can(each.model) == each.can);
  }
}

TEST_CASE("a Claude that thinks is not gone on with", "[resumption]") {
  Resumed claude("anthropic");
  CHECK(claude.can("claude-sonnet-4-5") == Resumption::appends);
  SECTION("by effort") { claude.request.reasoning_effort = "low"; }
  SECTION("by tokens") { claude.request.reasoning_tokens = 2000; }
  CHECK(claude.can("claude-sonnet-4-5") == Resumption::none);
}

TEST_CASE("behind another address a vendor's way of going on is not counted upon", "[resumption]") {
  Resumed deepseek("deepseek");
  deepseek.service.base_url = "https://proxy.test/v1";
  CHECK(deepseek.can("deepseek-chat") == Resumption::none);
  Resumed by_key("deepseek");
  by_key.credential.base_url = "https://proxy.test/v1";
  CHECK(by_key.can("deepseek-chat") == Resumption::none);
  Resumed vllm("vllm");
  vllm.service.base_url = "https://gpu.test/v1";
  CHECK(vllm.can("m") == Resumption::appends);
}

TEST_CASE("a provider is asked in its own way to go on", "[resumption]") {
  SECTION("prefix, at DeepSeek's beta address") {
    const HttpRequest request = Resumed("deepseek").encoded();
    CHECK(request.url == "https://api.deepseek.com/beta/chat/completions");
    CHECK(contains(request.body, R"({"role":"assistant","content":"Hello wor","prefix":true}])"));
  }
  SECTION("prefix") { CHECK(contains(Resumed("mistral").encoded().body, R"("content":"Hello wor","prefix":true}])")); }
  SECTION("partial") {
    CHECK(contains(Resumed("moonshot").encoded().body, R"("content":"Hello wor","partial":true}])"));
    CHECK(contains(Resumed("bailian", "openai").encoded().body, R"("content":"Hello wor","partial":true}])"));
  }
  SECTION("the final message") {
    const HttpRequest request = Resumed("vllm").encoded();
    CHECK(contains(request.body, R"("continue_final_message":true,"add_generation_prompt":false)"));
  }
  SECTION("as it is") {
    CHECK(contains(Resumed("llamacpp").encoded().body, R"({"role":"assistant","content":"Hello wor"}])"));
    CHECK(contains(Resumed("anthropic").encoded().body, R"({"role":"assistant","content":"Hello wor"}])"));
    Resumed gemini("gemini");
    gemini.model = "gemini-2.0-flash";
    CHECK(contains(gemini.encoded().body, R"({"role":"model","parts":[{"text":"Hello wor"}]}])"));
  }
  SECTION("an assistant's message that is not to be gone on with is not marked") {
    Resumed mistral("mistral");
    mistral.request.messages.push_back(assistant("Hello"));
    CHECK_FALSE(contains(mistral.transport->encode(mistral.request, mistral.target()).value().body, "prefix"));
  }
}
