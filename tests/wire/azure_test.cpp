#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/registry.hpp"
#include "wire/transport_fixture.hpp"

/// Azure OpenAI: its addresses, its keys, and what its content filters add.
/// https://learn.microsoft.com/azure/ai-foundry/openai/reference

using namespace keywheel;
using namespace keywheel::testing;
using Lines = std::vector<std::string>;

namespace {

const Transport& transport() {
  static const std::shared_ptr<const Transport> made = detail::make_transport("azure", "");
  return *made;
}

Fixture fixture(std::string base_url = "https://name.openai.azure.com") {
  Fixture made;
  made.service.provider = "azure";
  made.service.base_url = base_url;
  made.base_url = std::move(base_url);
  made.model = "gpt-4o";
  return made;
}

ChatRequest hi() { return {.messages = {user("Hi")}}; }

std::string url(Fixture f) {
  const Result<HttpRequest> sent = transport().encode(hi(), f.target());
  if (!sent) FAIL(sent.error().message);
  return sent->url;
}

Failure classify(int status, std::string_view body, std::vector<HttpHeader> headers = {}) {
  return transport().classify({.status = status, .headers = std::move(headers)}, body, WallTime{});
}

std::string chunk(std::string_view delta, std::string_view finish = "null", std::string_view rest = "") {
  return fmt::format(
      "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-2024-11-20\",\"choices\":[{{"
      "\"index\":0,\"delta\":{},\"finish_reason\":{}{}}}]}}\n\n",
      delta, finish, rest);
}

constexpr std::string_view kFilters =
    R"(,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"logprobs":null)";
constexpr std::string_view kPromptFilters =
    "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{"
    "\"prompt_index\":0,\"content_filter_results\":{}}]}\n\n";

}  // namespace

TEST_CASE("every form of an Azure base URL leads to the deployment", "[azure]") {
  const std::string deployment =
      "https://name.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
  for (const char* base : {"https://name.openai.azure.com", "https://name.openai.azure.com/",
                           "https://name.openai.azure.com/openai", "https://name.openai.azure.com/openai/"}) {
    CAPTURE(base);
    CHECK(url(fixture(base)) == deployment);
  }
  const std::string whole = "https://name.openai.azure.com/openai/deployments/other-name";
  CHECK(url(fixture(whole)) == whole + "/chat/completions?api-version=2024-10-21");
  CHECK(url(fixture(whole + "/chat/completions?api-version=2025-01-01-preview")) ==
        whole + "/chat/completions?api-version=2025-01-01-preview");
}

TEST_CASE("…/openai/v1 takes no api-version, and the model stands in the body", "[azure]") {
  for (const char* base : {"https://name.openai.azure.com/openai/v1", "https://name.openai.azure.com/openai/v1/",
                           "https://name.openai.azure.com/openai/v1/chat/completions"}) {
    CAPTURE(base);
    Fixture f = fixture(base);
    const Result<HttpRequest> sent = transport().encode(hi(), f.target());
    REQUIRE(sent);
    CHECK(sent->url == "https://name.openai.azure.com/openai/v1/chat/completions");
    CHECK(sent->body.find(R"("model":"gpt-4o")") != std::string::npos);
  }
  CHECK(url(fixture("https://name.openai.azure.com/openai/v1?api-version=preview")) ==
        "https://name.openai.azure.com/openai/v1/chat/completions?api-version=preview");
}

TEST_CASE("Responses are asked for at …/openai/v1, or with the api-version that is stated for them", "[azure]") {
  const auto responses = detail::make_transport("azure", "responses");
  REQUIRE(responses);
  const auto url = [&](Fixture f) {
    const Result<HttpRequest> sent = responses->encode({.messages = {user("Hi")}}, f.target());
    REQUIRE(sent);
    CHECK(HttpHead{.headers = sent->headers}.find("api-key") == f.credential.api_key.reveal());
    CHECK(sent->body.find(R"("input":[{"role":"user")") != std::string::npos);
    return sent->url;
  };
  const std::string root = "https://name.openai.azure.com";
  for (const char* base : {"", "/", "/openai", "/openai/v1", "/openai/v1/", "/openai/v1/responses",
                           "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"}) {
    CAPTURE(base);
    CHECK(url(fixture(root + base)) == root + "/openai/v1/responses");
  }
  CHECK(url(fixture(root + "/openai/v1?api-version=preview")) == root + "/openai/v1/responses?api-version=preview");
  CHECK(url(fixture(root + "/openai/responses?api-version=2025-04-01-preview")) ==
        root + "/openai/responses?api-version=2025-04-01-preview");
  Fixture f = fixture(root);
  f.service.options["api_version"] = "2025-04-01-preview";
  CHECK(url(f) == root + "/openai/responses?api-version=2025-04-01-preview");
  CHECK_FALSE(responses->encode({.messages = {user("Hi")}}, fixture("").target()));
}

TEST_CASE("the api-version is the URL's, else the option's, else keywheel's", "[azure]") {
  Fixture f = fixture();
  f.service.options["api_version"] = "2025-04-01-preview";
  CHECK(url(f).ends_with("?api-version=2025-04-01-preview"));
  f.base_url += "?api-version=2023-05-15&other=1";
  CHECK(url(f).ends_with("?api-version=2023-05-15"));
}

TEST_CASE("a deployment's name cannot leave its place in the URL", "[azure]") {
  Fixture f = fixture();
  f.model = "a/b?c d";
  CHECK(url(f) ==
        "https://name.openai.azure.com/openai/deployments/a%2Fb%3Fc%20d/chat/completions?api-version=2024-10-21");
}

TEST_CASE("the key is a header of Azure's own, or a token of Entra's", "[azure]") {
  Fixture f = fixture();
  Result<HttpRequest> sent = transport().encode(hi(), f.target());
  REQUIRE(sent);
  CHECK(header(*sent, "api-key") == "the-key");
  CHECK(header(*sent, "Authorization").empty());
  CHECK(sent->url.find("the-key") == std::string::npos);
  f.credential.fields["access_token"] = "ey.token";
  sent = transport().encode(hi(), f.target());
  REQUIRE(sent);
  CHECK(header(*sent, "Authorization") == "Bearer ey.token");
  CHECK(header(*sent, "api-key").empty());
}

TEST_CASE("without the resource's URL there is nowhere to go", "[azure]") {
  Fixture f = fixture("");
  const Result<HttpRequest> sent = transport().encode(hi(), f.target());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind == ErrorKind::config);
  CHECK(sent.error().message.find("base_url") != std::string::npos);
}

TEST_CASE("models are listed at the resource, whatever the deployment", "[azure]") {
  const auto listing = [](Fixture f) { return transport().encode_listing(f.target())->url; };
  CHECK(listing(fixture()) == "https://name.openai.azure.com/openai/models?api-version=2024-10-21");
  CHECK(
      listing(fixture("https://name.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-02-01")) ==
      "https://name.openai.azure.com/openai/models?api-version=2024-02-01");
  CHECK(listing(fixture("https://name.openai.azure.com/openai/v1")) ==
        "https://name.openai.azure.com/openai/v1/models");
  Fixture f = fixture();
  const Result<HttpRequest> sent = transport().encode_listing(f.target());
  CHECK(sent->method == "GET");
  CHECK(header(*sent, "api-key") == "the-key");
}

TEST_CASE("an Azure stream begins with its filters and reads the same however it is cut", "[azure]") {
  Fixture f = fixture();
  f.stream = true;
  const std::string body =
      std::string(kPromptFilters) + chunk(R"({"role":"assistant","content":""})", "null", kFilters) +
      chunk(R"({"content":"Hel"})", "null", kFilters) + chunk(R"({"content":"lo"})", "null", kFilters) +
      // Asynchronous filters tell their findings later, without a word of text.
      chunk("{}", "null", R"(,"content_filter_offsets":{"start_offset":0,"end_offset":5})") +
      chunk("{}", R"("stop")", kFilters) +
      "data: {\"choices\":[],\"id\":\"c1\",\"model\":\"gpt-4o-2024-11-20\",\"usage\":{"
      "\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n";
  const Heard heard = hear_cut(transport(), f.target(), body);
  CHECK_FALSE(heard.failure);
  CHECK(heard.lines == Lines{"start c1 gpt-4o-2024-11-20", "text Hello", "finish stop stop"});
  CHECK(heard.usage.total_tokens == 5);
}

TEST_CASE("an answer that the filter cut off ends so, with what came before", "[azure]") {
  Fixture f = fixture();
  const std::string filtered = R"(,"content_filter_results":{"violence":{"filtered":true,"severity":"medium"}})";
  const std::string body = std::string(kPromptFilters) + chunk(R"({"content":"Once"})") +
                           chunk("{}", R"("content_filter")", filtered) + "data: [DONE]\n\n";
  const Heard heard = hear_cut(transport(), f.target(), body);
  CHECK_FALSE(heard.failure);
  CHECK(heard.lines.back() == "finish content_filter content_filter");
  CHECK(heard.lines[1] == "text Once");
}

TEST_CASE("a whole answer whose filter was down is an answer", "[azure]") {
  Fixture f = fixture();
  const Heard heard = hear_cut(
      transport(), f.target(),
      R"({"id":"c1","object":"chat.completion","model":"gpt-4o","prompt_filter_results":[{"prompt_index":0,)"
      R"("content_filter_result":{"error":{"code":"content_filter_error","message":"The contents are not filtered"}}}],)"
      R"("choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hello"},)"
      R"("content_filter_results":{"error":{"code":"content_filter_error","message":"The contents are not filtered"}}}],)"
      R"("usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})");
  CHECK_FALSE(heard.failure);
  CHECK(heard.lines == Lines{"start c1 gpt-4o", "text Hello", "finish stop stop"});
  CHECK(heard.extras.count("prompt_filter_results") == 1);
}

TEST_CASE("Azure's errors are told apart by their words", "[azure]") {
  struct Row {
    int status;
    std::string_view body;
    FailureClass failure;
  };
  const std::vector<Row> rows{
      {401,
       R"({"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}})",
       FailureClass::auth},
      {401,
       R"({"error":{"code":"401","message":"Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or have expired."}})",
       FailureClass::token},
      {403,
       R"({"error":{"code":"AccessDenied","message":"Public access is disabled. Please configure private endpoint."}})",
       FailureClass::place},
      {403, R"({"error":{"code":"403","message":"Access denied due to Virtual Network/Firewall rules."}})",
       FailureClass::place},
      {403,
       R"({"error":{"code":"403","message":"Your resource has been temporarily blocked because we detected unusual behavior."}})",
       FailureClass::quota},
      {403, R"({"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 01:10:00."})",
       FailureClass::quota},
      {404,
       R"({"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}})",
       FailureClass::model},
      {429,
       R"({"error":{"code":"429","message":"Requests have exceeded call rate limit of your current pricing tier. Please retry after 8 seconds."}})",
       FailureClass::rate},
      {429,
       R"({"error":{"code":"RateLimitReached","message":"Your requests have exceeded token rate limit. Please retry after 8 seconds."}})",
       FailureClass::rate},
      {429,
       R"({"error":{"code":"429","message":"The system is currently experiencing high demand and cannot process your request."}})",
       FailureClass::capacity},
      {429, R"({"error":{"code":"429","message":"token budget exceeded by request parameters"}})",
       FailureClass::too_big},
      {400,
       R"({"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"jailbreak":{"filtered":true,"detected":true}}}}})",
       FailureClass::filter},
      {400,
       R"({"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})",
       FailureClass::context},
      {500,
       R"({"error":{"message":"The server had an error processing your request.","type":"server_error","param":null,"code":null}})",
       FailureClass::server},
      {502, "<html><head><title>502 Bad Gateway</title></head></html>", FailureClass::server},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    CHECK(to_string(classify(row.status, row.body).failure) == to_string(row.failure));
  }
}

TEST_CASE("of the waits that Azure states the longest holds", "[azure]") {
  const std::string_view body = R"({"error":{"code":"429","message":"Please retry after 8 seconds."}})";
  CHECK(classify(429, body).retry_after == std::chrono::seconds(8));
  CHECK(classify(429, body, {{"retry-after", "1"}, {"retry-after-ms", "0"}}).retry_after == std::chrono::seconds(8));
  CHECK(classify(429, body, {{"x-ms-retry-after-ms", "12000"}}).retry_after == std::chrono::seconds(12));
}
