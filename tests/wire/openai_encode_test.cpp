#include <string>
#include <string_view>

#include <keywheel/chat.hpp>

#include <catch2/catch_test_macros.hpp>

#include "wire/json.hpp"
#include "wire/openai_fixture.hpp"

using namespace keywheel;  // NOLINT(google-build-using-namespace)

TEST_CASE("a chat request becomes an OpenAI body", "[openai]") {
  OpenAiFixture f;
  CHECK(f.body({.messages = {keywheel::system("Be brief."), user("Hello")}}) ==
        R"({"model":"gpt-4o","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}]})");
}

TEST_CASE("every field of a request arrives", "[openai]") {
  OpenAiFixture f;
  f.stream = true;
  ChatRequest request{.messages = {user("x")},
                      .tools = {{.name = "f", .description = "d", .parameters = R"({"type":"object"})", .strict = true},
                                {.raw = R"({"type":"web_search"})"}},
                      .tool_choice = ToolChoice{.mode = ToolChoice::Mode::function, .name = "f"},
                      .parallel_tool_calls = false,
                      .response_format = ResponseFormat{.type = ResponseFormat::Type::json_schema,
                                                        .name = "n",
                                                        .description = "d",
                                                        .schema = R"({"a":1})",
                                                        .strict = true},
                      .max_tokens = 10,
                      .temperature = 0.5,
                      .top_p = 1,
                      .stop = {"a", "b"},
                      .seed = 3,
                      .presence_penalty = 0.25,
                      .frequency_penalty = -1,
                      .logit_bias = {{"5", -100}},
                      .logprobs = true,
                      .top_logprobs = 2,
                      .n = 2,
                      .reasoning_effort = "low",
                      .user = "u",
                      .metadata = {{"k", "v"}},
                      .service_tier = "flex",
                      .extra = R"({"store": true})"};
  CHECK(
      f.body(request) ==
      R"({"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true},)"
      R"("max_tokens":10,"temperature":0.5,"top_p":1,"stop":["a","b"],"seed":3,"presence_penalty":0.25,"frequency_penalty":-1,)"
      R"("logit_bias":{"5":-100},"logprobs":true,"top_logprobs":2,"n":2,"tools":[{"type":"function","function":)"
      R"({"name":"f","description":"d","parameters":{"type":"object"},"strict":true}},{"type":"web_search"}],)"
      R"("tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,"response_format":)"
      R"({"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"a":1},"strict":true}},)"
      R"("reasoning_effort":"low","user":"u","metadata":{"k":"v"},"service_tier":"flex","store":true})");
}

TEST_CASE("parts of every kind are written", "[openai]") {
  OpenAiFixture f;
  const std::string body = f.body(
      {.messages = {user(std::vector<Part>{
           text("look"), image_url("https://x/y.png", "low"), image_bytes("\x89PNG", "image/png"),
           AudioPart{.data = "wave", .format = "wav"},
           FilePart{.data = "%PDF", .filename = "a.pdf", .media_type = "application/pdf"}, FilePart{.id = "file-1"},
           RawPart{.json = R"({"type":"new","x":1})"}, TextPart{.text = "t", .extra = R"({"k":1})"}})}});
  CHECK(body ==
        R"({"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"text","text":"look"},)"
        R"({"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},)"
        R"({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw=="}},)"
        R"({"type":"input_audio","input_audio":{"data":"d2F2ZQ==","format":"wav"}},)"
        R"({"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERg==","filename":"a.pdf"}},)"
        R"({"type":"file","file":{"file_id":"file-1"}},{"type":"new","x":1},{"type":"text","text":"t","k":1}]}]})");
}

TEST_CASE("an answer with tool calls and thoughts goes back as the provider wants it", "[openai]") {
  Message answer{.role = Role::assistant,
                 .content = {ReasoningPart{.text = "hm", .signature = "s", .id = "r1"}, text("a"),
                             RawPart{.json = R"({"type":"url_citation","url":"u"})"}, text("b")},
                 .tool_calls = {{.id = "c1", .name = "f", .arguments = ""},
                                {.id = "c2", .name = "g", .arguments = "{\"x\":1}", .signature = "seal"},
                                {.id = "c3", .name = "h", .arguments = "free", .type = "custom"}}};
  const ChatRequest request{.messages = {answer, tool_result("c1", "ok")}};
  OpenAiFixture openai;
  CHECK(
      openai.body(request) ==
      R"({"model":"gpt-4o","messages":[{"role":"assistant","content":"ab","tool_calls":[)"
      R"({"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},)"
      R"({"id":"c2","type":"function","function":{"name":"g","arguments":"{\"x\":1}"},"extra_content":{"google":{"thought_signature":"seal"}}},)"
      R"({"id":"c3","type":"custom","custom":{"name":"h","input":"free"}}]},)"
      R"({"role":"tool","content":"ok","tool_call_id":"c1"}]})");
  CHECK(OpenAiFixture("moonshot").body(request).find(R"("reasoning_content":"hm")") != std::string::npos);
  CHECK(OpenAiFixture("groq").body(request).find(R"("reasoning":"hm")") != std::string::npos);
  CHECK(OpenAiFixture("openrouter")
            .body(request)
            .find(R"("reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s","id":"r1"}])") !=
        std::string::npos);
  CHECK(OpenAiFixture("mistral").body(request).find(
            R"({"type":"thinking","thinking":[{"type":"text","text":"hm"}],"signature":"s"})") != std::string::npos);
}

TEST_CASE("a message that only calls tools has null for content, any other has a string", "[openai]") {
  OpenAiFixture f;
  const std::string body =
      f.body({.messages = {Message{.role = Role::assistant, .tool_calls = {{.id = "c", .name = "f"}}},
                           Message{.role = Role::assistant}, Message{.role = Role::user}}});
  CHECK(body.find(R"("content":null,"tool_calls")") != std::string::npos);
  CHECK(body.find(R"({"role":"assistant","content":""},{"role":"user","content":""})") != std::string::npos);
}

TEST_CASE("the ceiling has the name that the model knows", "[openai]") {
  const auto name = [](std::string_view provider, std::string_view model) {
    OpenAiFixture f(provider);
    f.model = model;
    return f.body({.max_tokens = 5}).find(R"("max_completion_tokens":5)") != std::string::npos;
  };
  CHECK(name("openai", "o1-mini"));
  CHECK(name("openai", "o3"));
  CHECK(name("openai", "gpt-5.2"));
  CHECK_FALSE(name("openai", "gpt-4o"));
  CHECK_FALSE(name("deepseek", "gpt-5"));
  CHECK(name("cerebras", "llama"));
}

TEST_CASE("what a provider cannot express is an error, or a warning where the request says so", "[openai]") {
  OpenAiFixture f("groq");
  const ChatRequest request{.messages = {user("x")}, .top_k = 4, .logit_bias = {{"1", 1}}};
  const auto refused = f.encode(request);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::unsupported);
  CHECK(refused.error().message == "groq cannot express top_k (leave it out, or set on_unsupported to warn)");
  f.on_unsupported = OnUnsupported::warn;
  CHECK(f.body(request) == R"({"model":"gpt-4o","messages":[{"role":"user","content":"x"}]})");
  CHECK(f.warnings == std::vector<std::string>{"groq cannot express top_k; it was left out",
                                               "groq cannot express logit_bias; it was left out"});
}

TEST_CASE("behind another base URL any server may stand, and knows what OpenAI's lacks", "[openai]") {
  OpenAiFixture f;
  CHECK_FALSE(f.encode({.top_k = 4}));
  f.service.base_url = "http://127.0.0.1:9000/v1";
  CHECK(f.body({.top_k = 4}).find(R"("top_k":4)") != std::string::npos);
}

TEST_CASE("presets say what differs", "[openai]") {
  OpenAiFixture mistral("mistral");
  mistral.stream = true;
  CHECK(mistral.body({.messages = {developer("d")}, .seed = 4}) ==
        R"({"model":"gpt-4o","messages":[{"role":"system","content":"d"}],"stream":true,"random_seed":4})");
  OpenAiFixture openrouter("openrouter");
  CHECK(openrouter.body({.messages = {developer("d")}, .reasoning_tokens = 9}) ==
        R"({"model":"gpt-4o","messages":[{"role":"developer","content":"d"}],"reasoning":{"max_tokens":9}})");
  ChatRequest cached{.messages = {user(std::vector<Part>{TextPart{.text = "t", .cache = CacheBreakpoint{}}})}};
  CHECK(openrouter.body(cached).find(R"([{"type":"text","text":"t","cache_control":{"type":"ephemeral"}}])") !=
        std::string::npos);
  CHECK(OpenAiFixture().body(cached).find(R"("content":"t")") != std::string::npos);
  OpenAiFixture spark("xinghuo");
  spark.model = "4.0Ultra";
  CHECK(spark.body({}).starts_with(R"({"model":"4.0Ultra")"));
  spark.model = "spark-lite";
  CHECK(spark.body({}).starts_with(R"({"model":"lite")"));
}

TEST_CASE("wrong input is named by its place", "[openai]") {
  OpenAiFixture f;
  const auto fault = [&f](ChatRequest request) {
    const auto refused = f.encode(request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::invalid_request);
    return refused.error().message;
  };
  CHECK(fault({.messages = {user("\xFF")}}) == "messages[0]: content is not UTF-8");
  CHECK(fault({.messages = {user(std::vector<Part>{image_bytes("x", "")})}}) ==
        "messages[0].content[0].media_type: an image given as bytes needs one, such as image/png");
  CHECK(fault({.tools = {{.name = "f", .parameters = "{"}}}).starts_with("tools[0].parameters is not JSON"));
  CHECK(fault({.tools = {{}}}) == "tools[0].name: a function needs a name");
  CHECK(fault({.extra = "[1]"}) == "extra is not a JSON object");
  CHECK(fault({.messages = {Message{.extra = "nope"}}}).starts_with("messages[0].extra is not JSON"));
}

TEST_CASE("an OpenAI body that is read is written again without loss", "[openai]") {
  const std::string_view json = R"({
    "model": "gpt-4o", "stream": true, "stream_options": {"include_usage": true}, "stop": "x",
    "messages": [
      {"role": "system", "content": "s", "cache_control": {"type": "ephemeral"}},
      {"role": "user", "name": "bob", "content": [
        {"type": "text", "text": "a", "prompt_cache_breakpoint": {}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "u", "format": "png"}},
        {"type": "input_audio", "input_audio": {"data": "d2F2ZQ==", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": "not base64!", "format": "wav"}},
        {"type": "file", "file": {"filename": "f", "file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "file", "file": {"file_id": "id"}},
        {"type": "video_url", "video_url": {"url": "v"}}]},
      {"role": "assistant", "content": null, "reasoning_content": "r", "refusal": null, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}, "cache_control": {}},
        {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "i"}}]},
      {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "ok"},
      {"role": "function", "name": "f", "content": "old"},
      {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}}],
    "tools": [
      {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": false}},
      {"type": "function", "function": {"name": "g", "description": ""}},
      {"function": {"name": "h"}},
      {"type": "custom", "custom": {"name": "i"}}],
    "tool_choice": "any", "n": 1, "temperature": "hot", "max_tokens": 5, "max_completion_tokens": 6, "top_k": 3,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "description": ""}},
    "metadata": {"a": 1}, "logit_bias": {"1": 2}, "seed": null, "user": "u", "unheard_of": [1, 2.50]})";
  const auto request = parse_chat_request(json);
  REQUIRE(request);
  CHECK(request->messages.size() == 6);
  CHECK(request->stop == std::vector<std::string>{"x"});
  OpenAiFixture f;
  f.service.base_url = "http://127.0.0.1:1/v1";
  const std::string body = f.body(*request);
  keywheel::detail::JsonDoc before;
  keywheel::detail::JsonDoc after;
  REQUIRE(before.parse(json));
  REQUIRE(after.parse(body));
  // The text of a JSON value without its spaces.
  const auto tight = [](keywheel::detail::JsonValue value) {
    std::string text;
    bool in_string = false;
    for (const char c : value.raw()) {
      if (c == '"') in_string = !in_string;
      if (in_string || std::string_view(" \n").find(c) == std::string_view::npos) text += c;
    }
    return text;
  };
  for (const std::string_view same :
       {"model", "tools", "tool_choice", "n", "temperature", "max_tokens", "max_completion_tokens", "top_k",
        "response_format", "metadata", "logit_bias", "user", "unheard_of"}) {
    INFO(same);
    CHECK(tight(before.root()[same]) == tight(after.root()[same]));
  }
  const auto messages = after.root()["messages"];
  CHECK(tight(messages.at(0)) == R"({"role":"system","content":"s","cache_control":{"type":"ephemeral"}})");
  CHECK(messages.at(1)["name"].string() == "bob");
  const auto parts = before.root()["messages"].at(1)["content"];
  REQUIRE(messages.at(1)["content"].size() == parts.size());
  for (std::size_t i : {0U, 1U, 2U, 3U, 4U, 6U, 7U})
    CHECK(tight(messages.at(1)["content"].at(i)) == tight(parts.at(i)));
  CHECK(tight(messages.at(1)["content"].at(5)) ==
        R"({"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERg==","filename":"f"}})");
  CHECK(
      tight(messages.at(2)) ==
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"},"cache_control":{}},{"id":"c2","type":"custom","custom":{"name":"g","input":"i"}}],"reasoning_content":"r"})");
  CHECK(tight(messages.at(3)) == R"({"role":"tool","content":"ok","name":"f","tool_call_id":"c1"})");
  CHECK(tight(messages.at(4)) == R"({"content":"old","name":"f","role":"function"})");
  CHECK(messages.at(5)["function_call"]["name"].string() == "f");
}

TEST_CASE("a request that is none says why", "[openai]") {
  CHECK(parse_chat_request("{").error().message.starts_with("the request is not JSON"));
  CHECK(parse_chat_request("[]").error().message == "the request is not a JSON object");
  CHECK(parse_chat_request("{}").error().message == "messages: expected a list of messages");
  CHECK(parse_chat_request(R"({"messages":[{},1]})").error().message == "messages[1]: expected an object");
  CHECK(parse_chat_request("{").error().kind == ErrorKind::invalid_request);
}
