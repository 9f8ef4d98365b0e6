#include "providers/openai_url.hpp"

#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "wire/openai_fixture.hpp"

using namespace keywheel::detail;  // NOLINT(google-build-using-namespace)

TEST_CASE("a base URL is understood in every form that people write", "[openai]") {
  struct Row {
    std::string_view written;
    std::string_view own;
    std::string_view base;
  };
  constexpr std::string_view kOpenAi = "https://api.openai.com/v1";
  constexpr std::string_view kZhipu = "https://open.bigmodel.cn/api/paas/v4";
  const Row rows[] = {
      {"", kOpenAi, "https://api.openai.com/v1"},
      {"  ", kOpenAi, "https://api.openai.com/v1"},
      {"https://proxy.example", kOpenAi, "https://proxy.example/v1"},
      {"https://proxy.example/", kOpenAi, "https://proxy.example/v1"},
      {"https://proxy.example:8443//", kZhipu, "https://proxy.example:8443/api/paas/v4"},
      {"https://proxy.example/v1", kOpenAi, "https://proxy.example/v1"},
      {"https://proxy.example/v1/", kOpenAi, "https://proxy.example/v1"},
      {"https://proxy.example/v1/chat/completions", kOpenAi, "https://proxy.example/v1"},
      {"https://proxy.example/v1/chat/completions/", kOpenAi, "https://proxy.example/v1"},
      {"https://proxy.example/v1/embeddings", kOpenAi, "https://proxy.example/v1"},
      {"https://models.inference.ai.azure.com/chat/completions", kOpenAi, "https://models.inference.ai.azure.com"},
      {"https://proxy.example/chat/completions?a=b", kOpenAi, "https://proxy.example?a=b"},
      {"https://proxy.example/openai/deployments/x", kOpenAi, "https://proxy.example/openai/deployments/x"},
      {"https://proxy.example/v1/?api-version=1&b=2", kOpenAi, "https://proxy.example/v1?api-version=1&b=2"},
      {"https://proxy.example?key=1", kOpenAi, "https://proxy.example/v1?key=1"},
      {" https://proxy.example/v1#top ", kOpenAi, "https://proxy.example/v1"},
      {"http://[::1]:8000", kOpenAi, "http://[::1]:8000/v1"},
      {"https://proxy.example", "https://api.perplexity.ai", "https://proxy.example"},
      {"https://proxy.example", "", "https://proxy.example"},
  };
  for (const Row& row : rows) {
    INFO(row.written);
    CHECK(normal_base_url(row.written, row.own) == row.base);
  }
}

TEST_CASE("an endpoint goes before the query", "[openai]") {
  CHECK(endpoint_url("https://h/v1", "/models") == "https://h/v1/models");
  CHECK(endpoint_url("https://h/v1?a=b", "/models") == "https://h/v1/models?a=b");
  CHECK(with_version("https://h/v1?a=b", "v2") == "https://h/v2?a=b");
  CHECK(with_version("https://h", "v2") == "https://h");
}

TEST_CASE("each provider is called where it lives, with its key", "[openai]") {
  struct Row {
    std::string_view provider;
    std::string_view model;
    std::string_view url;
  };
  const Row rows[] = {
      {"openai", "gpt-4o", "https://api.openai.com/v1/chat/completions"},
      {"groq", "x", "https://api.groq.com/openai/v1/chat/completions"},
      {"zhipu", "glm-4", "https://open.bigmodel.cn/api/paas/v4/chat/completions"},
      {"perplexity", "sonar", "https://api.perplexity.ai/chat/completions"},
      {"huoshan", "Doubao-pro-4k", "https://ark.cn-beijing.volces.com/api/v3/chat/completions"},
      {"huoshan", "bot-20240101", "https://ark.cn-beijing.volces.com/api/v3/bots/chat/completions"},
      {"xinghuo", "spark-max", "https://spark-api-open.xf-yun.com/v1/chat/completions"},
      {"xinghuo", "x1", "https://spark-api-open.xf-yun.com/v2/chat/completions"},
  };
  for (const Row& row : rows) {
    OpenAiFixture f(row.provider);
    f.model = row.model;
    const auto request = f.encode({.messages = {keywheel::user("hi")}});
    REQUIRE(request);
    CHECK(request->url == row.url);
    CHECK(keywheel::HttpHead{.headers = request->headers}.find("authorization") == "Bearer sk-test");
    CHECK(request->url.find("sk-test") == std::string::npos);
  }
}

TEST_CASE("an account's URL is filled in, and asked for where it is missing", "[openai]") {
  OpenAiFixture f("cloudflare");
  const auto missing = f.encode({.messages = {keywheel::user("hi")}});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == keywheel::ErrorKind::config);
  CHECK(missing.error().message == "options.account_id: cloudflare needs it in its URL");
  f.credential.fields["account_id"] = "abc";
  CHECK(f.encode({.messages = {keywheel::user("hi")}})->url ==
        "https://api.cloudflare.com/client/v4/accounts/abc/ai/v1/chat/completions");
  f.service.options["account_id"] = "xyz";
  CHECK(f.encode({.messages = {keywheel::user("hi")}})->url ==
        "https://api.cloudflare.com/client/v4/accounts/xyz/ai/v1/chat/completions");
}

TEST_CASE("keys go out as each provider wants them", "[openai]") {
  OpenAiFixture spark("xinghuo");
  spark.credential.fields["api_secret"] = "secret";
  CHECK(keywheel::HttpHead{.headers = spark.encode({})->headers}.find("authorization") == "Bearer sk-test:secret");

  OpenAiFixture local("vllm");
  local.credential.api_key = {};
  CHECK(keywheel::HttpHead{.headers = local.encode({})->headers}.find("authorization").empty());

  OpenAiFixture none("openai");
  none.credential.api_key = keywheel::env("KEYWHEEL_TEST_NO_SUCH_VARIABLE");
  const auto refused = none.encode({});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message ==
        "api_key: the environment variable KEYWHEEL_TEST_NO_SUCH_VARIABLE is not set or empty");
}

TEST_CASE("headers of the service and the request are added, the request's last", "[openai]") {
  OpenAiFixture f;
  f.service.headers = {{"X-Title", "service"}, {"X-Other", "1"}};
  const auto request = f.encode({.headers = {{"x-title", "request"}, {"accept", "text/plain"}}});
  REQUIRE(request);
  const keywheel::HttpHead head{.headers = request->headers};
  CHECK(head.find("X-Title") == "request");
  CHECK(head.find("X-Other") == "1");
  CHECK(head.find("Accept") == "text/plain");
  CHECK(head.find("Content-Type") == "application/json");
}
