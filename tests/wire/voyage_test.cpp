#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/openai_fixture.hpp"
#include "wire/transport_fixture.hpp"

using namespace keywheel;
using keywheel::testing::header;

namespace {

struct Voyage : OpenAiFixture {
  Voyage() : OpenAiFixture("voyage") { model = "voyage-4"; }
};

}  // namespace

TEST_CASE("Voyage embeds, in its own words", "[voyage][embeddings]") {
  Voyage f;
  const auto made = f.transport->encode_embedding(
      {.dimensions = 256, .purpose = "query", .extra = R"({"truncation":false})"}, {"a", "b"}, f.target());
  REQUIRE(made);
  CHECK(made->url == "https://api.voyageai.com/v1/embeddings");
  CHECK(header(*made, "Authorization") == "Bearer sk-test");
  CHECK(made->body ==
        R"({"model":"voyage-4","input":["a","b"],"input_type":"query","output_dimension":256,"truncation":false})");
  CHECK(f.transport->encode_embedding({.user = "u"}, {"a"}, f.target())
            .error()
            .message.starts_with("voyage cannot express user"));
  f.service.base_url = "https://ai.mongodb.com/v1/embeddings";
  CHECK(f.transport->encode_embedding({}, {"a"}, f.target())->url == "https://ai.mongodb.com/v1/embeddings");
  CHECK(f.transport->embedding_batch("voyage-4") == 1000);
}

TEST_CASE("Voyage's vectors come as numbers or packed, in any order", "[voyage][embeddings]") {
  Voyage f;
  EmbeddingResponse into;
  CHECK_FALSE(f.transport->decode_embedding(
      R"({"object":"list","data":[{"embedding":"AACAPwAAAEA=","index":1},{"embedding":[3,4],"index":0}],)"
      R"("model":"voyage-4","usage":{"total_tokens":12}})",
      2, into));
  CHECK(into.embeddings == std::vector<std::vector<float>>{{3, 4}, {1, 2}});
  CHECK(into.usage.prompt_tokens == 12);
  CHECK(into.model == "voyage-4");
  CHECK(f.transport->decode_embedding(R"({"data":[]})", 1, into)->failure == FailureClass::server);
  CHECK(f.transport->decode_embedding(R"({"detail":"odd"})", 1, into)->message == "odd");
}

TEST_CASE("a chat with Voyage is refused, and the refusal says what to do", "[voyage]") {
  Voyage f;
  const auto made = f.encode({.messages = {user("x")}});
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == ErrorKind::unsupported);
  CHECK(
      made.error().message ==
      "voyage serves embeddings only; name its models in embedding_models, and route \"voyage-4\" to another service");
  CHECK_FALSE(f.transport->encode_listing(f.target()));
}

TEST_CASE("what Voyage's errors mean", "[voyage][errors]") {
  using enum FailureClass;
  Voyage f;
  const auto check = [&f](int status, std::string_view words, FailureClass failure, Scope scope) {
    INFO(status << " " << words);
    const Failure verdict = f.classify(status, fmt::format(R"({{"detail":"{}"}})", words));
    CHECK(verdict.failure == failure);
    CHECK(verdict.scope == scope);
    CHECK(verdict.message == words);
  };
  check(400, "The max allowed tokens per submitted batch is 120000. Your batch has 150000 tokens after truncation.",
        context, Scope::call);
  check(400, "Model x is not supported. Supported models are ['voyage-4'].", model, Scope::service_model);
  check(400, "Value 'x' provided for 'input_type' is invalid.", request, Scope::call);
  check(401, "Provided API key is invalid.", auth, Scope::key);
  check(403, "Forbidden", place, Scope::host);
  check(429, "You have not yet added your payment method, and have reduced rate limits of 3 RPM and 10K TPM.", rate,
        Scope::account);
  check(500, "oops", server, Scope::service_model);
  check(503, "busy", capacity, Scope::service_model);
}
