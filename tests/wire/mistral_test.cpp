#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/openai_fixture.hpp"

using namespace keywheel;

/// What Mistral says in words of its own.  https://docs.mistral.ai/api

TEST_CASE("Mistral's own fields go where they belong", "[mistral]") {
  OpenAiFixture f("mistral");
  Message begun = assistant("{");
  begun.extra = R"({"prefix":true})";
  ChatRequest request{.messages = {user("x"), begun},
                      .tools = {{.name = "f"}},
                      .tool_choice = ToolChoice{.mode = ToolChoice::Mode::required},
                      .seed = 4,
                      .extra = R"({"safe_prompt":true})"};
  const std::string body = f.body(request);
  CHECK(body.find(R"({"role":"assistant","content":"{","prefix":true})") != std::string::npos);
  CHECK(body.find(R"("random_seed":4)") != std::string::npos);
  CHECK(body.find(R"("tool_choice":"any")") != std::string::npos);
  CHECK(body.find(R"("safe_prompt":true)") != std::string::npos);
  CHECK(OpenAiFixture().body(request).find(R"("tool_choice":"required")") != std::string::npos);
}

TEST_CASE("Mistral takes ids of calls of nine letters and digits, so another's is made one", "[mistral]") {
  const ChatRequest request{.messages = {Message{.role = Role::assistant,
                                                 .tool_calls = {{.id = "D681PevKs", .name = "f"},
                                                                {.id = "call_1", .name = "f"},
                                                                {.id = "call_2", .name = "f"}}},
                                         tool_result("call_2", "b"), tool_result("D681PevKs", "a")}};
  const std::string body = OpenAiFixture("mistral").body(request);
  CHECK(body.find("call_1") == std::string::npos);
  CHECK(body.find("call_2") == std::string::npos);
  const auto id_after = [&body](std::string_view mark) {
    const std::size_t at = body.find(mark);
    REQUIRE(at != std::string::npos);
    return body.substr(at + mark.size(), body.find('"', at + mark.size()) - at - mark.size());
  };
  CHECK(id_after(R"("content":"a","tool_call_id":")") == "D681PevKs");
  const std::string second = id_after(R"("content":"b","tool_call_id":")");
  CHECK(second.size() == 9);
  CHECK(second.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
        std::string::npos);
  const std::size_t call = body.find(R"({"id":")" + second + R"(","type":"function")");
  CHECK(call != std::string::npos);
  CHECK(body.find(R"({"id":")" + second, call + 1) == std::string::npos);
  CHECK(OpenAiFixture().body(request).find(R"("tool_call_id":"call_2")") != std::string::npos);
}

TEST_CASE("Mistral's chunks: thoughts, texts and references, whole and in a stream", "[mistral]") {
  OpenAiFixture f("mistral");
  const std::string reference = R"({"type":"reference","reference_ids":[0,2]})";
  CHECK(f.events(R"({"id":"m","model":"magistral","choices":[{"index":0,"finish_reason":"model_length","message":)"
                 R"({"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},)"
                 R"({"type":"text","text":"Sun"},)" +
                 reference + R"(]}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})") ==
        "start id=m model=magistral\nreasoning 0 Hm\ntext 0 Sun\npart 0 " + reference +
            "\nfinish 0 length model_length\nusage prompt=1 completion=2 total=3\n");
  f.stream = true;
  const auto chunk = [](std::string_view delta, std::string_view end) {
    return fmt::format(
        "data: {{\"id\":\"m\",\"model\":\"magistral\",\"choices\":[{{\"index\":0,\"delta\":{{{}}},"
        "\"finish_reason\":{}}}]}}\n\n",
        delta, end);
  };
  const std::string said =
      chunk(R"("role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]}])", "null") +
      chunk(R"("content":"Sun")", "null") + chunk(R"("content":[)" + reference + "]", "null");
  const std::string heard = "start id=m model=magistral\nreasoning 0 Hm\ntext 0 Sun\npart 0 " + reference + "\n";
  CHECK(f.events(said + chunk(R"("content":"")", R"("stop")") + "data: [DONE]\n\n") == heard + "finish 0 stop stop\n");
  CHECK(f.events(said + chunk(R"("content":"")", R"("error")") + "data: [DONE]\n\n") ==
        heard + "failure server service_model error\n");
}

TEST_CASE("Mistral's \"null\" is no id of a call", "[mistral]") {
  OpenAiFixture f("mistral");
  CHECK(f.events(R"({"id":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant",)"
                 R"("tool_calls":[{"id":"null","function":{"name":"f","arguments":"{}"}},)"
                 R"({"id":"null","function":{"name":"f","arguments":"{}"}}]}}]})") ==
        "start id=m model=\n"
        "tool 0.0 {} id=call_0000000000000007_0_0 name=f\n"
        "tool 0.1 {} id=call_0000000000000007_0_1 name=f\n"
        "finish 0 tool_calls tool_calls\n");
}

TEST_CASE("Mistral's errors, in each of their shapes", "[mistral][errors]") {
  using enum FailureClass;
  OpenAiFixture f("mistral");
  const auto check = [&f](int status, std::string_view body, FailureClass failure, Scope scope,
                          std::string_view words) {
    INFO(body);
    const Failure verdict = f.classify(status, body);
    CHECK(verdict.failure == failure);
    CHECK(verdict.scope == scope);
    CHECK(verdict.message == words);
  };
  check(401, R"({"detail":"Unauthorized"})", auth, Scope::key, "Unauthorized");
  check(422,
        R"({"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","x"],)"
        R"("msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error","code":null})",
        request, Scope::call, "Extra inputs are not permitted");
  check(429, R"({"object":"error","message":"Rate limit exceeded","type":"rate_limited","code":"1300"})", rate,
        Scope::account, "Rate limit exceeded");
  check(503,
        R"({"object":"error","message":"Service tier capacity exceeded for this model.",)"
        R"("type":"invalid_request_error","code":null})",
        capacity, Scope::service_model, "Service tier capacity exceeded for this model.");
  check(400, R"({"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"})", model,
        Scope::key_model, "Invalid model: x");
  check(400,
        R"({"object":"error","message":"Too many inputs in request, split into more batches.",)"
        R"("type":"invalid_request_prompt","code":"3210"})",
        request, Scope::call, "Too many inputs in request, split into more batches.");
}
