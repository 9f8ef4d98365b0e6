#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/openai_fixture.hpp"

using namespace keywheel;

namespace {

struct Cohere : OpenAiFixture {
  Cohere() : OpenAiFixture("cohere") { model = "command-a"; }
};

std::string event(std::string_view type, std::string_view rest) {
  return fmt::format("event: {0}\ndata: {{\"type\":\"{0}\"{1}}}\n\n", type, rest);
}
std::string message(std::string_view type, int index, std::string_view what) {
  return event(type, fmt::format(R"(,"index":{},"delta":{{"message":{{{}}}}})", index, what));
}
std::string begin() {
  return event("message-start", R"(,"id":"m1","delta":{"message":{"role":"assistant","content":[],"tool_plan":""}})");
}
std::string finish(std::string_view reason) {
  return event("message-end",
               fmt::format(R"(,"delta":{{"finish_reason":"{}","usage":{{"billed_units":{{"input_tokens":1,)"
                           R"("output_tokens":2}},"tokens":{{"input_tokens":10,"output_tokens":20,)"
                           R"("reasoning_tokens":7}},"cached_tokens":4}}}})",
                           reason));
}

constexpr std::string_view kCitation = R"({"start":0,"end":3,"text":"Sun","sources":[],"type":"TEXT_CONTENT"})";
constexpr std::string_view kUsage =
    R"("usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"tokens":{"input_tokens":10,"output_tokens":20,)"
    R"("reasoning_tokens":7},"cached_tokens":4})";

}  // namespace

TEST_CASE("a stream of Cohere's is read wherever it is cut", "[cohere]") {
  Cohere f;
  f.stream = true;
  const std::string streamed =
      begin() + message("content-start", 0, R"("content":{"type":"thinking","thinking":""})") +
      message("content-delta", 0, R"("content":{"thinking":"Hm"})") + event("content-end", R"(,"index":0)") +
      message("content-start", 1, R"("content":{"type":"text","text":""})") +
      message("content-delta", 1, R"("content":{"text":"Sun"})") +
      message("citation-start", 0, fmt::format(R"("citations":{})", kCitation)) +
      event("citation-end", R"(,"index":0)") + message("content-delta", 1, R"("content":{"text":"shine"})") +
      event("debug", R"(,"prompt":"x")") + finish("COMPLETE") + "data: [DONE]\n\n";
  CHECK(f.events(streamed) ==
        "start id=m1 model=command-a\n"
        "reasoning 0 Hm\n"
        "text 0 Sun\n"
        "part 0 " +
            std::string(kCitation) +
            "\n"
            "text 0 shine\n"
            "finish 0 stop COMPLETE\n"
            "usage prompt=10 completion=20 cached=4 reasoning=7\n");
}

TEST_CASE("Cohere's calls come in pieces, several at once, after a plan", "[cohere]") {
  Cohere f;
  f.stream = true;
  const std::string streamed =
      begin() + message("tool-plan-delta", 0, R"("tool_plan":"I will ")") +
      message("tool-plan-delta", 0, R"("tool_plan":"look.")") +
      message("tool-call-start", 0,
              R"("tool_calls":{"id":"a","type":"function","function":{"name":"f","arguments":""}})") +
      message("tool-call-delta", 0, R"("tool_calls":{"function":{"arguments":"{\"q\":"}})") +
      message("tool-call-delta", 0, R"("tool_calls":{"function":{"arguments":"1}"}})") +
      event("tool-call-end", R"(,"index":0)") +
      message("tool-call-start", 1,
              R"("tool_calls":{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}})") +
      event("tool-call-end", R"(,"index":1)") + finish("TOOL_CALL");
  CHECK(f.events(streamed) ==
        "start id=m1 model=command-a\n"
        "reasoning 0 I will \n"
        "reasoning 0 look.\n"
        "tool 0.0  id=a name=f\n"
        "tool 0.0 {\"q\":\n"
        "tool 0.0 1}\n"
        "tool 0.1 {} id=b name=f\n"
        "finish 0 tool_calls TOOL_CALL\n"
        "usage prompt=10 completion=20 cached=4 reasoning=7\n");
}

TEST_CASE("a whole answer of Cohere's says what its stream does", "[cohere]") {
  Cohere f;
  CHECK(
      f.events(fmt::format(
          R"({{"id":"m1","message":{{"role":"assistant","tool_plan":"Plan","content":[{{"type":"thinking","thinking":"Hm"}},)"
          R"({{"type":"text","text":"Sun"}}],"tool_calls":[{{"id":"a","type":"function","function":{{"name":"f",)"
          R"("arguments":"{{\"q\":1}}"}}}}],"citations":[{}]}},"finish_reason":"TOOL_CALL",{},)"
          R"("logprobs":[{{"token_ids":[1],"text":"S","logprobs":[-0.1]}}]}})",
          kCitation, kUsage)) ==
      "start id=m1 model=command-a\n"
      "reasoning 0 Plan\n"
      "reasoning 0 Hm\n"
      "text 0 Sun\n"
      "tool 0.0 {\"q\":1} id=a name=f\n"
      "part 0 " +
          std::string(kCitation) +
          "\n"
          "logprobs 0 {\"content\":[{\"token_ids\":[1],\"text\":\"S\",\"logprobs\":[-0.1]}]}\n"
          "finish 0 tool_calls TOOL_CALL\n"
          "usage prompt=10 completion=20 cached=4 reasoning=7\n");
  // Without the counts of what the model saw, those of the bill.
  CHECK(f.events(R"({"id":"m","message":{"role":"assistant","content":"x"},"finish_reason":"MAX_TOKENS",)"
                 R"("usage":{"billed_units":{"input_tokens":1,"output_tokens":2}}})") ==
        "start id=m model=command-a\ntext 0 x\nfinish 0 length MAX_TOKENS\nusage prompt=1 completion=2\n");
}

TEST_CASE("a Cohere answer that fails after it began is a failure", "[cohere]") {
  Cohere f;
  f.stream = true;
  const std::string said = begin() + message("content-delta", 0, R"("content":{"text":"Sun"})");
  const std::string heard = "start id=m1 model=command-a\ntext 0 Sun\n";
  const auto failure = [&](const std::string& end) {
    const std::string all = f.events(said + end);
    REQUIRE(all.starts_with(heard));
    return all.substr(all.find("failure"));
  };
  CHECK(failure("") == "failure server service_model \n");
  CHECK(failure(finish("ERROR")) == "failure server service_model ERROR\n");
  CHECK(failure(finish("TIMEOUT")) == "failure timeout service_model TIMEOUT\n");
  CHECK(failure(event("message-end", R"(,"delta":{"finish_reason":"ERROR","error":"too many tokens: 9"})")) ==
        "failure server service_model \n");
  CHECK(failure("data: {\"message\":\"gone\"}\n\n") == "failure server service_model \n");
  CHECK(failure("data: nothing\n\n") == "failure server service_model \n");
  f.stream = false;
  CHECK(f.events(R"({"message":"invalid tool generation"})") == "failure output call \n");
  CHECK(f.events(R"({"id":"x"})") == "failure server service_model \n");
  CHECK(f.events(R"([])") == "failure server service_model \n");
}

TEST_CASE("what Cohere's errors mean", "[cohere][errors]") {
  using enum FailureClass;
  Cohere f;
  const auto check = [&f](int status, std::string_view words, FailureClass failure, Scope scope) {
    INFO(status << " " << words);
    const Failure verdict = f.classify(status, fmt::format(R"({{"id":"e1","message":"{}"}})", words));
    CHECK(verdict.failure == failure);
    CHECK(verdict.scope == scope);
    CHECK(verdict.message == words);
  };
  check(401, "invalid api token", auth, Scope::key);
  check(498, "invalid token", auth, Scope::key);
  check(402, "Please add or update your payment method to continue", quota, Scope::key);
  check(429, "You are using a Trial key, which is limited to 1000 API calls / month.", quota, Scope::key);
  check(429, "You are using a Trial key, which is limited to 40 API calls / minute.", rate, Scope::key);
  check(429, "too many requests", rate, Scope::key);
  check(404, "model 'command' was removed on September 15, 2025.", model, Scope::service_model);
  check(404, "model 'x' not found, make sure the correct model ID was used and that you have access to the model.",
        model, Scope::key_model);
  check(400, "too many tokens: size limit exceeded by 11326 tokens.", context, Scope::call);
  check(400, "too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model",
        request, Scope::call);
  check(400, "invalid request: message must be at least 1 token long", request, Scope::call);
  check(422, "your request resulted in an invalid tool generation", output, Scope::call);
  check(499, "request cancelled", server, Scope::service_model);
  check(500, "oops", server, Scope::service_model);
  check(503, "service overloaded", capacity, Scope::service_model);
  CHECK(f.classify(429, R"({"message":"slow"})", {{"Retry-After", "7"}}).retry_after == std::chrono::seconds(7));
}

TEST_CASE("Cohere's embeddings and models", "[cohere][embeddings]") {
  Cohere f;
  const auto body = [&f](const EmbeddingRequest& request) {
    const auto made = f.transport->encode_embedding(request, {"a", "b"}, f.target());
    return made ? made->body : made.error().message;
  };
  CHECK(body({}) ==
        R"({"model":"command-a","texts":["a","b"],"input_type":"search_document","embedding_types":["float"]})");
  CHECK(body({.dimensions = 256, .purpose = "query", .extra = R"({"truncate":"NONE"})"}) ==
        R"({"model":"command-a","texts":["a","b"],"input_type":"search_query","embedding_types":["float"],)"
        R"("output_dimension":256,"truncate":"NONE"})");
  CHECK(body({.purpose = "clustering"}).find(R"("input_type":"clustering")") != std::string::npos);
  CHECK(body({.user = "u"}).starts_with("cohere cannot express user"));
  CHECK(f.transport->embedding_batch("embed-v4.0") == 96);

  EmbeddingResponse into;
  CHECK_FALSE(f.transport->decode_embedding(
      R"({"id":"e","embeddings":{"float":[[1,2],[3,4]]},"meta":{"billed_units":{"input_tokens":5}}})", 2, into));
  CHECK(into.embeddings == std::vector<std::vector<float>>{{1, 2}, {3, 4}});
  CHECK(into.usage.prompt_tokens == 5);
  CHECK_FALSE(f.transport->decode_embedding(R"({"embeddings":{"int8":[[-1,2]]}})", 1, into));
  CHECK(into.embeddings == std::vector<std::vector<float>>{{-1, 2}});
  CHECK_FALSE(f.transport->decode_embedding(R"({"embeddings":[[5]]})", 1, into));
  CHECK(f.transport->decode_embedding(R"({"embeddings":{"float":[[1]]}})", 2, into)->failure == FailureClass::server);
  CHECK(f.transport->decode_embedding(R"({"message":"too bad"})", 1, into)->message == "too bad");
  CHECK(f.transport->decode_embedding("<html>", 1, into)->failure == FailureClass::server);

  std::vector<ModelInfo> models;
  CHECK_FALSE(f.transport->decode_listing(R"({"models":[{"name":"command-a"},{"endpoints":[]}]})", models));
  REQUIRE(models.size() == 1);
  CHECK(models[0].id == "command-a");
  CHECK(f.transport->decode_listing(R"({"message":"no"})", models)->message == "no");
}

TEST_CASE("an entry of Cohere's without a key says so", "[cohere]") {
  Cohere f;
  f.service.credentials = {{}};
  const auto faults = f.transport->check(f.service);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].starts_with("credentials[0].api_key: is missing"));
}
