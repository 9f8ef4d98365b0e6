#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/openai_fixture.hpp"
#include "wire/transport_fixture.hpp"

using namespace keywheel;
using keywheel::testing::header;

namespace {

struct Ollama : OpenAiFixture {
  Ollama() : OpenAiFixture("ollama") {
    model = "qwen3";
    credential.api_key = "";
  }

  /// The refusal of a request, or "none".
  std::string refusal(const ChatRequest& request) {
    const auto made = encode(request);
    return made ? "none" : made.error().message;
  }
};

constexpr std::string_view kCounts =
    R"("total_duration":9,"prompt_eval_count":10,"prompt_eval_duration":1,"eval_count":20,"eval_duration":2)";

std::string line(std::string_view message, std::string_view more = {}) {
  return fmt::format(
      R"({{"model":"qwen3:4b","created_at":"2026-11-28T03:00:00Z","message":{{"role":"assistant",{}}},{})"
      R"("done":false}})"
      "\n",
      message, more);
}
std::string last(std::string_view reason) {
  return fmt::format(R"({{"model":"qwen3:4b","message":{{"role":"assistant","content":""}},{}"done":true,{}}})"
                     "\n",
                     reason, kCounts);
}

}  // namespace

TEST_CASE("an Ollama request keeps its sampling in options", "[ollama]") {
  Ollama f;
  const ChatRequest request{.messages = {developer("d"), user("hi")},
                            .max_tokens = 9,
                            .temperature = 0.5,
                            .top_p = 0.7,
                            .top_k = 3,
                            .stop = {"END"},
                            .seed = 4,
                            .presence_penalty = 0.1,
                            .frequency_penalty = 0.2,
                            .extra = R"({"keep_alive":"5m","options":{"num_ctx":8192,"seed":5}})"};
  const auto made = f.encode(request);
  REQUIRE(made);
  CHECK(made->url == "http://127.0.0.1:11434/api/chat");
  CHECK(header(*made, "Authorization").empty());
  CHECK(
      made->body ==
      R"({"model":"qwen3","stream":false,"messages":[{"role":"system","content":"d"},{"role":"user","content":"hi"}],)"
      R"("options":{"num_predict":9,"temperature":0.5,"top_p":0.7,"top_k":3,"presence_penalty":0.1,)"
      R"("frequency_penalty":0.2,"stop":["END"],"num_ctx":8192,"seed":5},"keep_alive":"5m"})");
  CHECK(f.refusal({.extra = R"({"options":1})"}) == R"(extra: "options" must be an object)");
  f.credential.api_key = "k";
  f.stream = true;
  CHECK(header(*f.encode({.messages = {user("x")}}), "Authorization") == "Bearer k");
  CHECK(f.body({.messages = {user("x")}}) ==
        R"({"model":"qwen3","stream":true,"messages":[{"role":"user","content":"x"}],"options":{}})");
}

TEST_CASE("Ollama's entry speaks as its address says", "[ollama]") {
  const auto url = [](std::string_view base) {
    Ollama f;
    f.service.base_url = base;
    return f.encode({.messages = {user("x")}})->url;
  };
  CHECK(url("http://h:1") == "http://h:1/api/chat");
  CHECK(url("http://h:1/") == "http://h:1/api/chat");
  CHECK(url("http://h:1/api") == "http://h:1/api/chat");
  CHECK(url("http://h:1/api/chat") == "http://h:1/api/chat");
  CHECK(url("http://h:1/api/generate") == "http://h:1/api/chat");
  CHECK(url("http://h:1/v1") == "http://h:1/v1/chat/completions");
  CHECK(url("http://h:1/v1/") == "http://h:1/v1/chat/completions");
  CHECK(url("http://h:1/v1/chat/completions") == "http://h:1/v1/chat/completions");
  // Where the entry's `api` says it, whatever the address.
  CHECK(detail::make_transport("ollama", "native") != nullptr);
  Ollama f;
  CHECK(detail::make_transport("ollama", "compatible")->encode({.messages = {user("x")}}, f.target())->url ==
        "http://127.0.0.1:11434/v1/chat/completions");
}

TEST_CASE("images are bytes, calls are objects, and a result bears its function's name, at Ollama", "[ollama]") {
  Ollama f;
  CHECK(
      f.body({.messages = {user({text("a"), image_bytes("\x01\x02", "image/png"), text("b"),
                                 image_url("data:image/png;base64,AQI=")}),
                           {.role = Role::assistant,
                            .content = {ReasoningPart{.text = "hm"}},
                            .tool_calls = {{.id = "c1", .name = "f", .arguments = R"({"q":1})"},
                                           {.id = "c2", .name = "g"}}},
                           tool_result("c2", "ok")},
              .tools = {{.name = "f", .description = "does", .parameters = R"({"type":"object"})"}}}) ==
      R"({"model":"qwen3","stream":false,"messages":[{"role":"user","content":"ab","images":["AQI=","AQI="]},)"
      R"({"role":"assistant","content":"","thinking":"hm","tool_calls":[)"
      R"({"id":"c1","function":{"name":"f","arguments":{"q":1}}},{"id":"c2","function":{"name":"g","arguments":{}}}]},)"
      R"({"role":"tool","content":"ok","tool_name":"g","tool_call_id":"c2"}],)"
      R"("tools":[{"type":"function","function":{"name":"f","description":"does","parameters":{"type":"object"}}}],)"
      R"("options":{}})");
  CHECK(f.refusal({.messages = {user({image_url("https://x.test/a.png")})}})
            .starts_with("ollama cannot express messages[0].content[0].url"));
  CHECK(f.refusal({.messages = {user({ImagePart{}})}}) == "messages[0].content[0]: an image needs a url or data");
  CHECK(f.refusal({.messages = {user({AudioPart{.data = "x"}})}})
            .starts_with("ollama cannot express messages[0].content[0]"));
  CHECK(f.refusal({.messages = {{.role = Role::assistant, .tool_calls = {{.name = "f", .arguments = "{"}}}}})
            .find("tool_calls[0].arguments") != std::string::npos);
}

TEST_CASE("formats, thinking and choices in Ollama's words", "[ollama]") {
  Ollama f;
  const auto member = [&f](const ChatRequest& request, std::string_view what) {
    return f.body(request).find(what) != std::string::npos;
  };
  using Type = ResponseFormat::Type;
  CHECK(member({.response_format = ResponseFormat{.type = Type::json_object}}, R"("format":"json")"));
  CHECK(member({.response_format = ResponseFormat{.type = Type::json_schema, .schema = R"({"type":"object"})"}},
               R"("format":{"type":"object"})"));
  CHECK(member({.reasoning_effort = "none"}, R"("think":false)"));
  CHECK(member({.reasoning_effort = "high"}, R"("think":"high")"));
  CHECK(f.refusal({.reasoning_effort = "minimal"}).starts_with("ollama cannot express reasoning_effort"));
  CHECK(member({.logprobs = true, .top_logprobs = 2}, R"("logprobs":true,"top_logprobs":2)"));
  ChatRequest request{.tools = {{.name = "f"}}, .tool_choice = ToolChoice{.mode = ToolChoice::Mode::none}};
  CHECK_FALSE(member(request, "tools"));
  request.tool_choice->mode = ToolChoice::Mode::automatic;
  CHECK(member(request, R"("tools":[{"type":"function","function":{"name":"f"}}])"));
  request.tool_choice->mode = ToolChoice::Mode::required;
  CHECK(f.refusal(request).starts_with("ollama cannot express tool_choice"));
  CHECK(f.refusal({.n = 2}).starts_with("ollama cannot express n"));
  CHECK(f.refusal({.reasoning_tokens = 2}).starts_with("ollama cannot express reasoning_tokens"));
}

TEST_CASE("a stream of lines from Ollama is read wherever it is cut", "[ollama]") {
  Ollama f;
  f.stream = true;
  const std::string said = line(R"("content":"","thinking":"Hm")") + line(R"("content":"Sun")") +
                           line(R"("content":"shine")", R"("logprobs":[{"token":"s","logprob":-0.1}],)");
  const std::string heard = "start id= model=qwen3:4b\nreasoning 0 Hm\ntext 0 Sun\ntext 0 shine\n";
  CHECK(f.events(line(R"("content":"","thinking":"Hm")") + line(R"("content":"Sun")") + line(R"("content":"shine")") +
                 last(R"("done_reason":"stop",)")) == heard + "finish 0 stop stop\nusage prompt=10 completion=20\n");
  CHECK(f.events(said + last(R"("done_reason":"length",)")) ==
        heard +
            "logprobs 0 {\"content\":[{\"token\":\"s\",\"logprob\":-0.1}]}\n"
            "finish 0 length length\nusage prompt=10 completion=20\n");
  // Old versions give no reason, and the last line may lack its end.
  std::string old = line(R"("content":"x")") + last("");
  old.pop_back();
  CHECK(f.events(old) == "start id= model=qwen3:4b\ntext 0 x\nfinish 0 stop \nusage prompt=10 completion=20\n");
}

TEST_CASE("each of Ollama's calls is one of its own, counted or not", "[ollama]") {
  Ollama f;
  const std::string expected =
      "start id= model=qwen3:4b\n"
      "tool 0.0 {\"q\":1} id=call_0000000000000007_0_0 name=f\n"
      "tool 0.1 {\"q\":2} id=call_0000000000000007_0_1 name=f\n"
      "tool 0.2  id=c name=g\n"
      "finish 0 tool_calls stop\n"
      "usage prompt=10 completion=20\n";
  f.stream = true;
  CHECK(f.events(line(R"("content":"","tool_calls":[{"function":{"name":"f","arguments":{"q":1}}}])") +
                 line(R"("content":"","tool_calls":[{"function":{"index":1,"name":"f","arguments":{"q":2}}}])") +
                 line(R"("content":"","tool_calls":[{"id":"c","function":{"index":2,"name":"g"}}])") +
                 last(R"("done_reason":"stop",)")) == expected);
  f.stream = false;
  CHECK(f.events(fmt::format("{{\"model\":\"qwen3:4b\",\n"
                             R"("message":{{"role":"assistant","content":"","tool_calls":[)"
                             R"({{"function":{{"name":"f","arguments":{{"q":1}}}}}},)"
                             R"({{"function":{{"name":"f","arguments":{{"q":2}}}}}},)"
                             R"({{"id":"c","function":{{"name":"g"}}}}]}},"done_reason":"stop","done":true,{}}})",
                             kCounts)) == expected);
}

TEST_CASE("an Ollama answer that breaks is a failure", "[ollama]") {
  Ollama f;
  f.stream = true;
  const std::string said = line(R"("content":"x")");
  const std::string heard = "start id= model=qwen3:4b\ntext 0 x\n";
  CHECK(f.events(said) == heard + "failure server service_model \n");
  CHECK(f.events(said + "{\"error\":\"an error was encountered while running the model\"}\n") ==
        heard + "failure server service_model \n");
  CHECK(f.events(said + R"({"error":"you have reached your weekly usage limit","status_code":429})") ==
        heard + "failure quota account 429\n");
  CHECK(f.events(said + "nonsense\n") == heard + "failure server service_model \n");
  CHECK(f.events("") == "failure server service_model \n");
  CHECK(f.events("<html>") == "failure server service_model \n");
  CHECK(f.events(said, {.max_event = 20}) == "failure server service_model \n");
  // A whole answer may be as long as a body.
  f.stream = false;
  CHECK(f.events(said + last(R"("done_reason":"stop",)"), {.max_event = 20}).find("finish 0 stop stop") !=
        std::string::npos);
  CHECK(f.events(said, {.max_body = 20}) == "failure server service_model \n");
}

TEST_CASE("what Ollama's errors mean", "[ollama][errors]") {
  using enum FailureClass;
  Ollama f;
  const auto check = [&f](int status, std::string_view words, FailureClass failure, Scope scope) {
    INFO(status << " " << words);
    const Failure verdict = f.classify(status, fmt::format(R"({{"error":"{}"}})", words));
    CHECK(verdict.failure == failure);
    CHECK(verdict.scope == scope);
    CHECK(verdict.message == words);
  };
  check(404, "model 'x' not found", model, Scope::service_model);
  check(404, "model 'x' not found, try pulling it first", model, Scope::service_model);
  check(400, "registry.ollama.ai/library/x does not support tools", request, Scope::call);
  check(400, "prompt too long; exceeded max context length by 9 tokens", context, Scope::call);
  check(400, "the input length exceeds the context length", context, Scope::call);
  check(500, "model requires more system memory (9 GiB) than is available", capacity, Scope::service_model);
  check(500, "llama runner process has terminated", server, Scope::service_model);
  check(503, "server busy, please try again.  maximum pending requests exceeded", capacity, Scope::service_model);
  check(401, "unauthorized", auth, Scope::key);
  check(429, "you (me) have reached your weekly usage limit", quota, Scope::account);
  check(429, "you (me) have reached your hourly usage limit", rate, Scope::account);
}

TEST_CASE("Ollama's embeddings and models, in both dialects", "[ollama][embeddings]") {
  Ollama f;
  const auto made =
      f.transport->encode_embedding({.dimensions = 4, .extra = R"({"truncate":false})"}, {"a", "b"}, f.target());
  REQUIRE(made);
  CHECK(made->url == "http://127.0.0.1:11434/api/embed");
  CHECK(made->body == R"({"model":"qwen3","input":["a","b"],"dimensions":4,"truncate":false})");
  CHECK_FALSE(f.transport->encode_embedding({.user = "u"}, {"a"}, f.target()));
  EmbeddingResponse into;
  CHECK_FALSE(
      f.transport->decode_embedding(R"({"model":"m","embeddings":[[1,2],[3,4]],"prompt_eval_count":5})", 2, into));
  CHECK(into.embeddings == std::vector<std::vector<float>>{{1, 2}, {3, 4}});
  CHECK(into.usage.prompt_tokens == 5);
  CHECK(into.model == "m");
  into = {};
  CHECK_FALSE(f.transport->decode_embedding(R"({"data":[{"index":0,"embedding":[7]}],"model":"m"})", 1, into));
  CHECK(into.embeddings == std::vector<std::vector<float>>{{7}});
  CHECK(f.transport->decode_embedding(R"({"error":"no"})", 1, into)->message == "no");
  CHECK(f.transport->decode_embedding(R"({"embeddings":[["a"]]})", 1, into)->failure == FailureClass::server);

  const auto listing = f.transport->encode_listing(f.target());
  CHECK(listing->url == "http://127.0.0.1:11434/api/tags");
  CHECK(listing->method == "GET");
  for (const char* api : {"", "native"}) {
    std::vector<ModelInfo> models;
    CHECK_FALSE(detail::make_transport("ollama", api)
                    ->decode_listing(R"({"models":[{"name":"qwen3:4b","model":"qwen3:4b"},{"name":"old"}]})", models));
    REQUIRE(models.size() == 2);
    CHECK(models[0].id == "qwen3:4b");
    CHECK(models[1].id == "old");
    CHECK(detail::make_transport("ollama", api)->decode_listing(R"({"error":"no"})", models)->message == "no");
  }
}
