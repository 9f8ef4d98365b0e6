#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include <catch2/catch_test_macros.hpp>

#include "providers/registry.hpp"

using namespace keywheel;

/// Every provider that embeds: its request holds the texts in order, its answer's vectors come back in theirs, and a
/// batch is no larger than it takes.

namespace {

struct Row {
  std::string_view provider;
  std::string_view api;
  std::string_view model;
  std::size_t batch;
  std::string_view answer;  ///< to two texts, the second first where the dialect numbers them
};

constexpr std::string_view kOpenAi =
    R"({"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":3,"total_tokens":3}})";
constexpr std::string_view kGemini = R"({"embeddings":[{"values":[1,2]},{"values":[3,4]}]})";
constexpr std::string_view kVertex =
    R"({"predictions":[{"embeddings":{"values":[1,2],"statistics":{"token_count":1}}},{"embeddings":{"values":[3,4]}}]})";
constexpr std::string_view kDashScope =
    R"({"output":{"embeddings":[{"text_index":1,"embedding":[3,4]},{"text_index":0,"embedding":[1,2]}]},"usage":{"total_tokens":3}})";
constexpr std::string_view kHunyuan =
    R"({"Response":{"Data":[{"Index":1,"Embedding":[3,4]},{"Index":0,"Embedding":[1,2]}],"Usage":{"PromptTokens":3}}})";
constexpr std::string_view kMiniMax =
    R"({"vectors":[[1,2],[3,4]],"total_tokens":3,"base_resp":{"status_code":0,"status_msg":"success"}})";

constexpr std::array kRows = {
    Row{"openai", "", "text-embedding-3-small", 2048, kOpenAi},
    Row{"azure", "", "text-embedding-3-small", 2048, kOpenAi},
    Row{"gemini", "", "gemini-embedding-001", 100, kGemini},
    Row{"vertexai", "", "text-embedding-005", 100, kVertex},
    Row{"bedrock", "", "cohere.embed-v4:0", 96, R"({"embeddings":[[1,2],[3,4]]})"},
    Row{"cohere", "", "embed-v4.0", 96, R"({"embeddings":{"float":[[1,2],[3,4]]}})"},
    Row{"mistral", "", "mistral-embed", 128, kOpenAi},
    Row{"voyage", "", "voyage-4", 1000, kOpenAi},
    Row{"ollama", "", "bge-m3", 512, R"({"embeddings":[[1,2],[3,4]]})"},
    Row{"ollama", "compatible", "bge-m3", 2048, kOpenAi},
    Row{"qianfan", "", "bge-large-zh", 16, kOpenAi},
    Row{"qianfan", "v2", "bge-large-zh", 16, kOpenAi},
    Row{"dashscope", "native", "text-embedding-v2", 25, kDashScope},
    Row{"dashscope", "", "text-embedding-v4", 10, kDashScope},
    Row{"dashscope", "compatible", "text-embedding-v4", 10, kOpenAi},
    Row{"bailian", "openai", "text-embedding-v4", 10, kOpenAi},
    Row{"zhipu", "", "embedding-3", 64, kOpenAi},
    Row{"huoshan", "", "doubao-embedding", 256, kOpenAi},
    Row{"minimax", "", "embo-01", 64, kMiniMax},
    Row{"hunyuan", "native", "hunyuan-embedding", 50, kHunyuan},
    Row{"hunyuan", "compatible", "hunyuan-embedding", 50, kOpenAi},
    Row{"siliconflow", "", "bge-m3", 32, kOpenAi},
};

struct Try {
  explicit Try(const Row& row) {
    service.provider = row.provider;
    service.api = row.api;
    service.base_url = "https://host.test";
    credential.api_key = "key-for-tests";
    for (const char* name : {"appid", "secret_id", "secret_key", "access_token", "access_key", "project_id", "location",
                             "group_id", "account_id"}) {
      credential.fields[name] = std::string("value-of-") + name;
    }
    credential.fields["region"] = "us-east-1";
    credential.region = "us-east-1";
    model = row.model;
  }
  [[nodiscard]] Target target() const {
    return {
        .service = service, .credential = credential, .base_url = service.base_url, .model = model, .token = "token"};
  }

  ServiceConfig service{};
  CredentialConfig credential{};
  std::string model{};
};

}  // namespace

TEST_CASE("texts go out, and vectors come back, in their order", "[embeddings]") {
  for (const Row& row : kRows) {
    INFO(row.provider << " " << row.api << " " << row.model);
    const auto transport = detail::make_transport(row.provider, row.api);
    REQUIRE(transport);
    CHECK(transport->capabilities().embeddings);
    CHECK(transport->embedding_batch(row.model) == row.batch);
    const Try one(row);
    const auto made = transport->encode_embedding({}, {"the-first", "the-second"}, one.target());
    if (!made) FAIL(made.error().message);
    const std::size_t first = made->body.find("the-first");
    CHECK(first != std::string::npos);
    CHECK(made->body.find("the-second", first) != std::string::npos);
    CHECK(made->url.find("key-for-tests") == std::string::npos);

    EmbeddingResponse into;
    const auto failure = transport->decode_embedding(row.answer, 2, into);
    if (failure) FAIL(failure->message);
    CHECK(into.embeddings == std::vector<std::vector<float>>{{1, 2}, {3, 4}});
    // One vector too few, and none at all.
    CHECK(transport->decode_embedding(row.answer, 3, into));
    CHECK(transport->decode_embedding("{}", 2, into));
    const auto broken = transport->decode_embedding("[", 2, into);
    REQUIRE(broken);
    CHECK(broken->kind == ErrorKind::protocol);
    CHECK(broken->message.starts_with("the answer is not JSON: "));
  }
}

TEST_CASE("where one thing is counted, it is what went in", "[embeddings]") {
  struct Counted {
    std::string_view provider;
    std::string_view answer;
  };
  for (const auto& [provider, answer] : {
           Counted{"cohere", R"({"embeddings":[[1]],"meta":{"billed_units":{"input_tokens":7}}})"},
           Counted{"ollama", R"({"embeddings":[[1]],"prompt_eval_count":7})"},
           Counted{"dashscope",
                   R"({"output":{"embeddings":[{"text_index":0,"embedding":[1]}]},"usage":{"total_tokens":7}})"},
       }) {
    INFO(provider);
    EmbeddingResponse into;
    const auto transport = detail::make_transport(provider, provider == "cohere" ? "" : "native");
    REQUIRE_FALSE(transport->decode_embedding(answer, 1, into));
    CHECK(into.usage.prompt_tokens == 7);
    CHECK(into.usage.total_tokens == 7);
    CHECK_FALSE(into.usage.completion_tokens.has_value());
  }
}

TEST_CASE("MiniMax's older chat shares the embeddings of the newer", "[embeddings]") {
  Try one({"minimax", "", "embo-01", 64, {}});
  const auto transport = detail::make_transport("minimax", "");
  for (const char* base : {"https://host.test/v1", "https://host.test/v1/text/chatcompletion_pro",
                           "https://host.test/v1/text/chatcompletion_v2", "https://host.test/v1/chat/completions"}) {
    one.service.base_url = base;
    const auto made = transport->encode_embedding({.purpose = "query"}, {"a"}, one.target());
    REQUIRE(made);
    CHECK(made->url == "https://host.test/v1/embeddings?GroupId=value-of-group_id");
    CHECK(made->body == R"({"model":"embo-01","texts":["a"],"type":"query"})");
  }
  EmbeddingResponse into;
  CHECK(
      transport
          ->decode_embedding(R"({"vectors":null,"base_resp":{"status_code":1002,"status_msg":"rate limit"}})", 1, into)
          ->failure == FailureClass::rate);
}

TEST_CASE("a provider without embeddings says so", "[embeddings]") {
  std::set<std::string_view> tested;
  for (const Row& row : kRows) tested.insert(row.provider);
  for (const std::string_view name : detail::provider_names()) {
    INFO(name);
    const auto transport = detail::make_transport(name, "");
    const Try one({name, "", "some-model", 1, {}});
    const auto made = transport->encode_embedding({}, {"a"}, one.target());
    if (transport->capabilities().embeddings) {
      CHECK(made);
      CHECK(transport->embedding_batch("some-model") >= 1);
    } else if (!made) {
      CHECK(made.error().kind == ErrorKind::unsupported);
    } else {
      // One of its two dialects has them.
      CHECK(tested.count(name) == 1);
    }
  }
}

TEST_CASE("every member of an embedding request is sent, or refused by its name, or warned of", "[embeddings]") {
  struct Field {
    std::string_view name;
    std::string_view mark;
    void (*set)(EmbeddingRequest&);
  };
  constexpr std::array kFields = {
      Field{"dimensions", ":321", [](EmbeddingRequest& r) { r.dimensions = 321; }},
      Field{"user", "mark-user", [](EmbeddingRequest& r) { r.user = "mark-user"; }},
      Field{"purpose", "", [](EmbeddingRequest& r) { r.purpose = "query"; }},
      Field{"extra", "mark-value", [](EmbeddingRequest& r) { r.extra = R"({"mark_extra":"mark-value"})"; }},
  };
  for (const Row& row : kRows) {
    for (const Field& field : kFields) {
      INFO(row.provider << " " << row.api << " " << field.name);
      const auto transport = detail::make_transport(row.provider, row.api);
      const Try one(row);
      EmbeddingRequest request;
      field.set(request);
      Target target = one.target();
      std::vector<std::string> warnings;
      target.warnings = &warnings;
      const auto sent = transport->encode_embedding(request, {"a"}, target);
      if (sent) {
        CHECK(sent->body.find(field.mark) != std::string::npos);
        CHECK(sent->body != transport->encode_embedding({}, {"a"}, target)->body);
        continue;
      }
      CHECK(sent.error().kind == ErrorKind::unsupported);
      CHECK(sent.error().message.find(field.name) != std::string::npos);
      target.on_unsupported = OnUnsupported::warn;
      const auto rest = transport->encode_embedding(request, {"a"}, target);
      REQUIRE(rest);
      CHECK(rest->body == transport->encode_embedding({}, {"a"}, target)->body);
      REQUIRE(warnings.size() == 1);
      CHECK(warnings[0].find(field.name) != std::string::npos);
    }
  }
}
