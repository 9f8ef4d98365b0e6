#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/dialect_base.hpp"
#include "support/dialects.hpp"
#include "support/provider_engine.hpp"

/// The loopback provider's dialects refuse what their vendors refuse: else a round trip would prove nothing.

using namespace keywheel;
using namespace keywheel::testing;

namespace {

struct Request {
  std::string provider;
  std::string api;
  std::string target;
  std::vector<HttpHeader> headers;
  std::string body;
};

const std::string kHex(64, 'a');

Request good(std::string_view provider) {
  const HttpHeader bearer{"Authorization", "Bearer the-key"};
  const std::string openai = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
  if (provider == "claude") {
    return {"claude",
            "",
            "/v1/messages",
            {{"x-api-key", "the-key"}, {"anthropic-version", "2023-06-01"}},
            R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]})"};
  }
  if (provider == "gemini") {
    return {"gemini",
            "",
            "/v1beta/models/m:generateContent",
            {{"x-goog-api-key", "the-key"}},
            R"({"contents":[{"role":"user","parts":[{"text":"hi"}]}]})"};
  }
  if (provider == "bedrock") {
    return {"bedrock",
            "",
            "/model/m/converse",
            {{"Host", "h"},
             {"x-amz-date", "20240101T000000Z"},
             {"Authorization",
              "AWS4-HMAC-SHA256 Credential=the-key/20240101/us-east-1/bedrock/aws4_request, "
              "SignedHeaders=host;x-amz-date, Signature=" +
                  kHex}},
            R"({"messages":[{"role":"user","content":[{"text":"hi"}]}]})"};
  }
  if (provider == "hunyuan") {
    return {"hunyuan",
            "native",
            "/",
            {{"Host", "h"},
             {"X-TC-Action", "ChatCompletions"},
             {"X-TC-Version", "2023-09-01"},
             {"X-TC-Timestamp", "1700000000"},
             {"Authorization",
              "TC3-HMAC-SHA256 Credential=the-key/2024-01-01/hunyuan/tc3_request, "
              "SignedHeaders=content-type;host, Signature=" +
                  kHex}},
            R"({"Model":"m","Messages":[{"Role":"user","Content":"hi"}]})"};
  }
  if (provider == "azure") {
    return {
        "azure", "", "/openai/deployments/d/chat/completions?api-version=2024-10-21", {{"api-key", "the-key"}}, openai};
  }
  return {std::string(provider), "", "/v1/chat/completions", {bearer}, openai};
}

/// What the provider answers with; a 200 may hold an error.
Reply ask(const Request& request) {
  ProviderEngine engine;
  engine.add_dialect(make_dialect(request.provider, request.api));
  ReceivedRequest received{
      .number = 1, .method = "POST", .target = request.target, .headers = request.headers, .body = request.body};
  received.headers.push_back({"Content-Type", "application/json"});
  return engine.handle(received);
}

bool served(const Request& request) {
  const Reply reply = ask(request);
  return reply.status == 200 && reply.whole_body().find("You said: hi") != std::string::npos;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a dialect serves a right request, and none without its key or its body", "[support]") {
  for (const char* provider : {"openai", "azure", "claude", "gemini", "bedrock", "hunyuan"}) {
    CAPTURE(provider);
    CHECK(served(good(provider)));
    Request request = good(provider);
    for (HttpHeader& header : request.headers) {
      if (header.value.find("the-key") != std::string::npos) header.value.clear();
    }
    CHECK_FALSE(served(request));
    for (const char* body : {"", "{", "[]", "{}"}) {
      request = good(provider);
      request.body = body;
      CHECK_FALSE(served(request));
    }
  }
}

TEST_CASE("one engine tells the dialects apart", "[support]") {
  for (const char* provider : {"openai", "azure", "claude", "gemini", "bedrock", "hunyuan"}) {
    CAPTURE(provider);
    ProviderEngine engine;
    add_every_dialect(engine);
    const Request request = good(provider);
    ReceivedRequest received{
        .number = 1, .method = "POST", .target = request.target, .headers = request.headers, .body = request.body};
    received.headers.push_back({"Content-Type", "application/json"});
    CHECK(engine.handle(received).whole_body() == ask(request).whole_body());
    CHECK(engine.log("the-key").with_status(200) == 1);
  }
}

TEST_CASE("a dialect refuses what its vendor refuses", "[support]") {
  Request request = good("claude");
  request.headers.pop_back();
  CHECK_FALSE(served(request));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {R"("max_tokens":9,)", ""},
           {R"("max_tokens":9)", R"("max_tokens":9,"stream_options":{})"},
           {R"("role":"user")", R"("role":"system")"},
           {R"("content":"hi")", R"("content":[{"type":"text","text":""}])"},
           {R"("content":"hi")", R"("content":[{"type":"tool_result","tool_use_id":"t1","content":"x"}])"}}) {
    CAPTURE(to);
    request = good("claude");
    request.body = replaced(request.body, from, to);
    CHECK(ask(request).status == 400);
  }
  request = good("gemini");
  request.target += "?key=the-key";
  CHECK(ask(request).status == 400);
  request = good("gemini");
  request.body = replaced(request.body, "user", "assistant");
  CHECK(ask(request).status == 400);
  request = good("bedrock");
  request.headers[2].value.resize(request.headers[2].value.size() - 1);
  CHECK(ask(request).status == 400);
  request = good("bedrock");
  request.body = replaced(request.body, "]}]}", R"(]},{"role":"user","content":[{"text":"hi"}]}]})");
  CHECK(ask(request).status == 400);
  request = good("azure");
  request.target = "/openai/deployments/d/chat/completions";
  CHECK(ask(request).status != 200);
  request = good("mistral");
  request.body = replaced(request.body, R"("model":"m")", R"("model":"m","stream":true,"stream_options":{})");
  CHECK(ask(request).status == 422);
}

TEST_CASE("calls need their results, and results their calls", "[support]") {
  Ask said;
  const Turn user{.text = "hi"};
  const Turn call{.who = Turn::Who::assistant, .calls = {{"c1", "f", "{}"}, {"c2", "f", "{}"}}};
  const auto result = [](const char* id) { return Turn{.who = Turn::Who::tool, .text = id, .answers = id}; };
  CHECK_FALSE(take_turns({user, call, result("c2"), result("c1")}, said));
  CHECK(said.tool_result == "c2 and c1");
  CHECK(take_turns({user, call, result("c1")}, said));
  CHECK(take_turns({user, call, result("c1"), user}, said));
  CHECK(take_turns({user, call, result("c1"), result("c1")}, said));
  CHECK(take_turns({user, result("c1")}, said));
  CHECK(take_turns({}, said));
  Turn wrong = call;
  wrong.calls[0].arguments = "{\"city\":";
  CHECK(take_turns({user, wrong, result("c1"), result("c2")}, said));
}

TEST_CASE("a form is filled in, whole or not at all", "[support]") {
  CHECK(fill("{$a,${a}b,$b}", {{"a", "1"}, {"b", "2"}}) == "{1,1b,2}");
  CHECK(fill("", {}).empty());
  CHECK_THROWS_AS(fill("$c", {{"a", "1"}}), std::logic_error);
  CHECK(form_value("a=1&b=x%20y+z&c", "b") == "x y z");
  CHECK(form_value("ab=1", "b").empty());
}
