#include "providers/vertex.hpp"

#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "providers/vertex_token.hpp"
#include "wire/base64.hpp"
#include "wire/json_writer.hpp"
#include "wire/transport_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;

namespace {

constexpr detail::Preset kPreset{.name = "vertexai"};

Fixture fixture(std::string model = "gemini-2.5-flash", std::string location = "us-central1") {
  Fixture made;
  made.service.provider = "vertexai";
  made.credential.api_key = {};
  made.credential.fields = {
      {"project_id", "my-project"}, {"location", std::move(location)}, {"access_token", "ya29.token"}};
  made.model = std::move(model);
  return made;
}

HttpRequest encode(Fixture f, const ChatRequest& request = {.messages = {user("Hi")}}) {
  Result<HttpRequest> http = detail::make_vertex_transport(kPreset)->encode(request, f.target());
  REQUIRE(http);
  return *std::move(http);
}

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

std::string new_key() {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_RSA_gen(1024));
  const std::unique_ptr<BIO, Free> out(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string service_account(std::string_view key) {
  std::string json;
  detail::JsonWriter(json)
      .begin_object()
      .member("type", "service_account")
      .member("project_id", "my-project")
      .member("private_key_id", "kid-1")
      .member("private_key", key)
      .member("client_email", "me@my-project.iam.gserviceaccount.com")
      .member("token_uri", "https://oauth2.googleapis.com/token")
      .end_object();
  return json;
}

}  // namespace

TEST_CASE("a Vertex AI address follows location, publisher, version and base", "[vertex]") {
  const std::string way = "/v1/projects/my-project/locations/";
  CHECK(encode(fixture()).url == "https://us-central1-aiplatform.googleapis.com" + way +
                                     "us-central1/publishers/google/models/gemini-2.5-flash:generateContent");
  CHECK(encode(fixture("gemini-2.5-flash", "global")).url ==
        "https://aiplatform.googleapis.com" + way + "global/publishers/google/models/gemini-2.5-flash:generateContent");
  CHECK(encode(fixture("gemini-2.5-flash", "eu")).url ==
        "https://aiplatform.eu.rep.googleapis.com" + way +
            "eu/publishers/google/models/gemini-2.5-flash:generateContent");
  CHECK(encode(fixture("claude-sonnet-4-5@20250929", "us-east5")).url ==
        "https://us-east5-aiplatform.googleapis.com" + way +
            "us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict");
  CHECK(encode(fixture("endpoints/123")).url ==
        "https://us-central1-aiplatform.googleapis.com" + way + "us-central1/endpoints/123:generateContent");
  Fixture stream = fixture();
  stream.stream = true;
  CHECK(encode(stream).url.ends_with(":streamGenerateContent?alt=sse"));
  stream.model = "claude-opus-4-5";
  CHECK(encode(stream).url.ends_with("/publishers/anthropic/models/claude-opus-4-5:streamRawPredict"));
  Fixture proxy = fixture();
  proxy.base_url = "https://proxy.example/vertex/";
  CHECK(encode(proxy).url ==
        "https://proxy.example/vertex" + way + "us-central1/publishers/google/models/gemini-2.5-flash:generateContent");
  proxy.base_url = "https://proxy.example/v1beta1";
  CHECK(encode(proxy).url.starts_with("https://proxy.example/v1beta1/projects/"));
  Fixture version = fixture();
  version.service.options["api_version"] = "v1beta1";
  CHECK(encode(version).url.find(".com/v1beta1/projects/") != std::string::npos);
  Fixture region = fixture();
  region.credential.fields.erase("location");
  CHECK(encode(region).url.find("/locations/global/") != std::string::npos);
  region.credential.region = "asia-east1";
  CHECK(encode(region).url.find("/locations/asia-east1/") != std::string::npos);
}

TEST_CASE("Vertex AI is shown a given token, a fetched one, or an API key", "[vertex]") {
  CHECK(header(encode(fixture()), "authorization") == "Bearer ya29.token");
  Fixture fetched = fixture();
  fetched.credential.fields.erase("access_token");
  fetched.token = "ya29.fetched";
  CHECK(header(encode(fetched), "authorization") == "Bearer ya29.fetched");
  Fixture express = fixture();
  express.credential.api_key = "AQ.key";
  express.credential.fields.clear();
  const HttpRequest http = encode(express);
  CHECK(http.url == "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-flash:generateContent");
  CHECK(header(http, "x-goog-api-key") == "AQ.key");
  CHECK(header(http, "authorization").empty());
  CHECK_FALSE(*detail::make_vertex_transport(kPreset)->token_request(express.target()));
  Fixture given = fixture();
  CHECK_FALSE(*detail::make_vertex_transport(kPreset)->token_request(given.target()));
}

TEST_CASE("Vertex AI gets Gemini's body for Google's models and Anthropic's for Claude", "[vertex]") {
  ChatRequest request{.messages = {user("Hi")}, .max_tokens = 5, .metadata = {{"team", "a"}}};
  CHECK(same_json(
      encode(fixture(), request).body,
      R"({"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":{"maxOutputTokens":5},"labels":{"team":"a"}})"));
  request.metadata.clear();
  Fixture claude = fixture("claude-sonnet-4-5");
  claude.stream = true;
  const std::string body = encode(claude, request).body;
  CHECK(body.find(R"("anthropic_version":"vertex-2023-10-16")") != std::string::npos);
  CHECK(body.find(R"("max_tokens":5)") != std::string::npos);
  CHECK(body.find(R"("stream":true)") != std::string::npos);
  CHECK(body.find("\"model\"") == std::string::npos);
}

TEST_CASE("Vertex AI's answers are read as their model's publisher writes them", "[vertex]") {
  const auto transport = detail::make_vertex_transport(kPreset);
  Fixture gemini = fixture();
  const Heard google = hear_cut(*transport, gemini.target(),
                                "["
                                R"({"candidates":[{"content":{"parts":[{"text":"Hel"}]}}]})"
                                ",\n"
                                R"({"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}]})"
                                "]");
  CHECK_FALSE(google.failure);
  CHECK(google.lines == std::vector<std::string>{"start  ", "text Hello", "finish stop STOP"});
  Fixture claude = fixture("claude-sonnet-4-5");
  const Heard anthropic = hear(
      *transport, claude.target(),
      R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}})");
  CHECK_FALSE(anthropic.failure);
  CHECK(anthropic.lines ==
        std::vector<std::string>{"start msg_1 claude-sonnet-4-5", "text Hello", "finish stop end_turn"});
}

TEST_CASE("a service account's token is asked for with a signed assertion", "[vertex]") {
  const auto transport = detail::make_vertex_transport(kPreset);
  Fixture f = fixture();
  f.credential.fields.erase("access_token");
  f.credential.fields["json_file"] = service_account(new_key());
  const Result<std::optional<HttpRequest>> wanted = transport->token_request(f.target());
  REQUIRE(wanted);
  REQUIRE(*wanted);
  const HttpRequest& http = **wanted;
  CHECK(http.method == "POST");
  CHECK(http.url == "https://oauth2.googleapis.com/token");
  CHECK(header(http, "content-type") == "application/x-www-form-urlencoded");
  const std::string lead = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
  REQUIRE(http.body.starts_with(lead));
  const std::string jwt = http.body.substr(lead.size());
  const std::size_t first = jwt.find('.');
  const std::size_t second = jwt.find('.', first + 1);
  CHECK(detail::base64_decode(jwt.substr(0, first)) == R"({"alg":"RS256","typ":"JWT","kid":"kid-1"})");
  CHECK(detail::base64_decode(jwt.substr(first + 1, second - first - 1)) ==
        R"({"iss":"me@my-project.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/cloud-platform",)"
        R"("aud":"https://oauth2.googleapis.com/token","iat":1700000000,"exp":1700003600})");

  const Result<Token> token =
      transport->read_token(R"({"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"})", f.target());
  REQUIRE(token);
  CHECK(token->value.reveal() == "ya29.x");
  CHECK(token->lifetime == std::chrono::seconds(3599));
  for (const std::string_view wrong : {"", "{}", "[", R"({"access_token":7})", R"({"id_token":"x"})"}) {
    const Result<Token> none = transport->read_token(wrong, f.target());
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == ErrorKind::protocol);
  }
}

TEST_CASE("a user's own credentials are refreshed", "[vertex]") {
  const Result<HttpRequest> http = detail::google_token_request(
      R"({"type":"authorized_user","client_id":"id.apps","client_secret":"s/1","refresh_token":"1//r"})", {});
  REQUIRE(http);
  CHECK(http->url == "https://oauth2.googleapis.com/token");
  CHECK(http->body == "grant_type=refresh_token&client_id=id.apps&client_secret=s%2F1&refresh_token=1%2F%2Fr");
}

TEST_CASE("Vertex AI's check says what a credential lacks, and nothing of what it has", "[vertex]") {
  const auto transport = detail::make_vertex_transport(kPreset);
  const auto faults = [&](CredentialConfig credential) {
    const ServiceConfig service{.credentials = {std::move(credential)}};
    return transport->check(service);
  };
  const std::string account = service_account("-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----");
  CHECK(faults({.api_key = "k"}).empty());
  CHECK(faults({.fields = {{"access_token", "t"}, {"project_id", "p"}}}).empty());
  CHECK(faults({.fields = {{"json_file", account}, {"project_id", "p"}}}).empty());
  CHECK(faults({.enabled = false}).empty());
  for (CredentialConfig wrong :
       {CredentialConfig{}, CredentialConfig{.fields = {{"access_token", "t"}}},
        CredentialConfig{.fields = {{"json_file", "secret.json"}, {"project_id", "p"}}},
        CredentialConfig{.fields = {{"json_file", R"({"type":"external_account"})"}, {"project_id", "p"}}},
        CredentialConfig{
            .fields = {{"json_file", R"({"type":"service_account","client_email":"secret"})"}, {"project_id", "p"}}}}) {
    const auto found = faults(std::move(wrong));
    REQUIRE(found.size() == 1);
    CHECK(found[0].starts_with("credentials[0]."));
    CHECK(found[0].find("secret.json") == std::string::npos);
  }
}

TEST_CASE("a key that cannot sign is the configuration's fault", "[vertex]") {
  Fixture f = fixture();
  f.credential.fields.erase("access_token");
  f.credential.fields["json_file"] = service_account("not a key");
  const auto wanted = detail::make_vertex_transport(kPreset)->token_request(f.target());
  REQUIRE_FALSE(wanted);
  CHECK(wanted.error().kind == ErrorKind::config);
  CHECK(wanted.error().credential == "test-1#1");
  CHECK(wanted.error().message.find("not a key") == std::string::npos);
}

TEST_CASE("Vertex AI's errors are blamed on whom they concern", "[vertex]") {
  const auto transport = detail::make_vertex_transport(kPreset);
  struct Row {
    int status;
    std::string_view body;
    FailureClass failure;
    Scope scope;
  };
  using enum FailureClass;
  const Row rows[] = {
      {400,
       R"({"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."})",
       clock, Scope::host},
      {400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})", auth, Scope::key},
      {400, R"({"error":"invalid_grant","error_description":"Invalid grant: account not found"})", auth, Scope::key},
      {401, R"({"error":"invalid_client","error_description":"The OAuth client was not found."})", auth, Scope::key},
      {401,
       R"({"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED","details":[{"reason":"ACCESS_TOKEN_EXPIRED"}]}})",
       token, Scope::key},
      {403,
       R"({"error":{"code":403,"message":"Permission 'aiplatform.endpoints.predict' denied on resource","status":"PERMISSION_DENIED","details":[{"reason":"IAM_PERMISSION_DENIED"}]}})",
       permission, Scope::key_model},
      {404, R"({"error":{"code":404,"message":"Publisher Model `x` was not found","status":"NOT_FOUND"}})", model,
       Scope::key_model},
      {429,
       R"([{"error":{"code":429,"message":"Resource exhausted. Please try again later.","errors":[{"reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED"}}])",
       capacity, Scope::service_model},
      {429,
       R"({"error":{"code":429,"message":"Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_model with base model: x.","status":"RESOURCE_EXHAUSTED"}})",
       rate, Scope::project_model},
      {429,
       R"({"error":{"code":429,"message":"Too many requests. Exceeded the Provisioned Throughput.","status":"RESOURCE_EXHAUSTED"}})",
       rate, Scope::project_model},
      {529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})", capacity,
       Scope::service_model},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    const Failure failure = transport->classify(HttpHead{.status = row.status, .headers = {}}, row.body, {});
    CHECK(to_string(failure.failure) == to_string(row.failure));
    CHECK(to_string(failure.scope) == to_string(row.scope));
  }
}

TEST_CASE("Vertex AI embeds through predict", "[vertex]") {
  const auto transport = detail::make_vertex_transport(kPreset);
  Fixture f = fixture("text-embedding-005");
  const EmbeddingRequest request{.dimensions = 3, .purpose = "document"};
  const Result<HttpRequest> http = transport->encode_embedding(request, {"a", "b"}, f.target());
  REQUIRE(http);
  CHECK(http->url.ends_with("/publishers/google/models/text-embedding-005:predict"));
  CHECK(
      http->body ==
      R"({"instances":[{"content":"a","task_type":"RETRIEVAL_DOCUMENT"},{"content":"b","task_type":"RETRIEVAL_DOCUMENT"}],"parameters":{"outputDimensionality":3}})");
  EmbeddingResponse into;
  CHECK_FALSE(transport->decode_embedding(
      R"({"predictions":[{"embeddings":{"values":[1,2],"statistics":{"token_count":4}}},{"embeddings":{"values":[3],"statistics":{"token_count":1}}}]})",
      2, into));
  CHECK(into.embeddings == std::vector<std::vector<float>>{{1, 2}, {3}});
  CHECK(into.usage.prompt_tokens == 5);
  for (const std::string_view wrong :
       {"{}", "[", R"({"predictions":[{}]})", R"({"predictions":[{"embeddings":{"values":[1]}}]})"}) {
    EmbeddingResponse none;
    CHECK(transport->decode_embedding(wrong, 2, none));
  }
  CHECK(transport->embedding_batch("gemini-embedding-001") == 1);
}
