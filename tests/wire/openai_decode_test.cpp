#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "wire/openai_fixture.hpp"

namespace {

std::string sse(std::string_view json) { return "data: " + std::string(json) + "\n\n"; }

std::string delta(std::string_view json, std::string_view finish = "null") {
  return sse(R"({"id":"c1","model":"m","choices":[{"index":0,"delta":)" + std::string(json) + R"(,"finish_reason":)" +
             std::string(finish) + "}]}");
}

constexpr std::string_view kDone = "data: [DONE]\n\n";
constexpr std::string_view kStart = "start id=c1 model=m\n";

std::string answer(std::string_view message, std::string_view more = "") {
  return R"({"id":"c1","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,"message":)" +
         std::string(message) + R"(,"finish_reason":"stop"}])" + std::string(more) + "}";
}

}  // namespace

TEST_CASE("a unary answer and a stream give the same events", "[openai]") {
  OpenAiFixture f;
  CHECK(f.events(answer(
            R"({"role":"assistant","content":"Hi","refusal":null,"annotations":[]})",
            R"(,"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":)"
            R"({"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":1}},"service_tier":"default")")) ==
        "start id=c1 model=m\ntext 0 Hi\nfinish 0 stop stop\n"
        "usage prompt=9 completion=2 total=11 cached=4 reasoning=1\n"
        "extra created 5\nextra service_tier \"default\"\n");
  CHECK(f.events(delta(R"({"role":"assistant","content":""})") + delta(R"({"content":"H"})") +
                 delta(R"({"content":"i"})") + delta("{}", R"("stop")") +
                 sse(R"({"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}})") +
                 std::string(kDone)) ==
        "start id=c1 model=m\ntext 0 H\ntext 0 i\nfinish 0 stop stop\nusage prompt=9 completion=2\n");
}

TEST_CASE("a stream is over with [DONE] or a finish reason, and broken without", "[openai]") {
  OpenAiFixture f;
  const std::string text = delta(R"({"content":"a"})");
  CHECK(f.events(text + std::string(kDone)) == std::string(kStart) + "text 0 a\n");
  CHECK(f.events(text + delta("{}", R"("length")")) == std::string(kStart) + "text 0 a\nfinish 0 length length\n");
  CHECK(f.events(text) == std::string(kStart) + "text 0 a\nfailure server service_model \n");
  CHECK(f.events(text + "data: {\"id\":\"c1\",\"cho") ==
        std::string(kStart) + "text 0 a\nfailure server service_model \n");
  CHECK(f.events("") == "failure server service_model \n");
  CHECK(f.events("\n\n") == "failure server service_model \n");
  CHECK(f.events(kDone) == "failure server service_model \n");
  CHECK(f.events(": keep-alive\n\n: keep-alive\n\n") == "failure server service_model \n");
  CHECK(f.events(text + std::string(kDone) + delta(R"({"content":"after"})")) == std::string(kStart) + "text 0 a\n");
}

TEST_CASE("a stream may end anywhere without a crash, and never well before its end", "[openai]") {
  OpenAiFixture f;
  const std::string whole = delta(R"({"reasoning_content":"r"})") + delta(R"({"content":"a\u00e9\n"})") +
                            delta(R"({"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{}"}}]})") +
                            delta("{}", R"("tool_calls")") + std::string(kDone);
  const std::size_t finish = whole.find("\"tool_calls\"}]}") + std::string_view("\"tool_calls\"}]}").size();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto decoder = f.transport->decoder({.status = 200}, f.target(), {});
    const std::string log = decode(*decoder, whole.substr(0, size), 1000);
    CHECK((log.find("failure") == std::string::npos) == (size >= finish));
  }
}

TEST_CASE("data counts as progress, keep-alives do not", "[openai]") {
  OpenAiFixture f;
  const auto decoder = f.transport->decoder({.status = 200}, f.target(), {});
  EventLog log;
  REQUIRE_FALSE(decoder->feed(": keep-alive\n\n\n\n", log));
  CHECK(decoder->progress() == 0);
  REQUIRE_FALSE(decoder->feed(delta(R"({"content":"a"})"), log));
  CHECK(decoder->progress() > 0);
  CHECK_FALSE(decoder->complete());
  REQUIRE_FALSE(decoder->feed(kDone, log));
  CHECK(decoder->complete());
}

TEST_CASE("reasoning is found under every name it has", "[openai]") {
  OpenAiFixture f;
  const auto said = [&f](std::string_view message) { return f.events(answer(message)); };
  const std::string expected = "start id=c1 model=m\nreasoning 0 hm\ntext 0 x\nfinish 0 stop stop\nextra created 5\n";
  CHECK(said(R"({"content":"x","reasoning_content":"hm"})") == expected);
  CHECK(said(R"({"content":"x","reasoning":"hm"})") == expected);
  CHECK(said(R"({"content":"x","reasoning":"hm","reasoning_content":"hm"})") == expected);
  CHECK(said(R"({"content":"x","reasoning":null,"reasoning_content":"","reasoning_text":"hm"})") == expected);
  CHECK(said(R"({"content":"x","reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]})") ==
        expected);
  CHECK(said(R"({"content":"x","reasoning_details":[{"type":"reasoning.summary","summary":"hm"}]})") == expected);
  CHECK(
      said(
          R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"x"}]})") ==
      expected);
  CHECK(said(R"({"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"x"}]})") == expected);
  CHECK(
      said(
          R"({"content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},{"type":"text","text":"x"}]})") ==
      expected);
  CHECK(
      said(
          R"({"content":"x","reasoning":"hm","reasoning_details":[{"text":"hm","signature":"s","id":"r"},{"type":"reasoning.encrypted","data":"e"}]})") ==
      "start id=c1 model=m\nreasoning 0 hm\nreasoning 0  signature=s id=r\nreasoning 0  encrypted=e\ntext 0 x\n"
      "finish 0 stop stop\nextra created 5\n");
}

TEST_CASE("think tags part reasoning from the answer where the preset or the service says so", "[openai]") {
  const std::string stream = delta(R"({"content":"<thi"})") + delta(R"({"content":"nk>hm</"})") +
                             delta(R"({"content":"b></think>x <think>y"})") + delta("{}", R"("stop")");
  OpenAiFixture plain;
  CHECK(plain.events(stream).find("reasoning") == std::string::npos);
  const std::string parted = "reasoning 0 hm\nreasoning 0 </b>\ntext 0 x <think>y\n";
  OpenAiFixture vllm("vllm");
  CHECK(vllm.events(stream) == std::string(kStart) + parted + "finish 0 stop stop\n");
  plain.service.options["think_tags"] = "true";
  CHECK(plain.events(stream) == std::string(kStart) + parted + "finish 0 stop stop\n");
  vllm.service.options["think_tags"] = "false";
  CHECK(vllm.events(stream).find("reasoning") == std::string::npos);
  OpenAiFixture opened;
  opened.service.options["think_opened"] = "true";
  CHECK(opened.events(delta(R"({"content":"hm</think>x"})") + delta("{}", R"("stop")")) ==
        std::string(kStart) + "reasoning 0 hm\ntext 0 x\nfinish 0 stop stop\n");
  CHECK(OpenAiFixture("vllm").events(delta(R"({"content":"<thi"})") + delta("{}", R"("stop")")) ==
        std::string(kStart) + "text 0 <thi\nfinish 0 stop stop\n");
}

TEST_CASE("tool calls are told apart however a server marks them", "[openai]") {
  OpenAiFixture f;
  const auto calls = [&f](std::initializer_list<std::string_view> pieces) {
    std::string stream;
    for (const std::string_view piece : pieces) stream += delta(R"({"tool_calls":)" + std::string(piece) + "}");
    const std::string log = f.events(stream + std::string(kDone));
    REQUIRE(log.starts_with(kStart));
    return log.substr(kStart.size());
  };
  SECTION("OpenAI: index and id first, then index") {
    CHECK(
        calls({R"([{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}])",
               R"([{"index":0,"function":{"arguments":"{\"x\""}}])", R"([{"index":0,"function":{"arguments":":1}"}}])",
               R"([{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}])",
               R"([{"index":1,"function":{"arguments":"{}"}}])"}) ==
        "tool 0.0  id=a name=f\ntool 0.0 {\"x\"\ntool 0.0 :1}\ntool 0.1  id=b name=g\ntool 0.1 {}\n");
  }
  SECTION("pieces of two calls in one chunk") {
    CHECK(calls({R"([{"index":0,"id":"a","function":{"name":"f"}},{"index":1,"id":"b","function":{"name":"g"}}])",
                 R"([{"index":1,"function":{"arguments":"1"}},{"index":0,"function":{"arguments":"0"}}])"}) ==
          "tool 0.0  id=a name=f\ntool 0.1  id=b name=g\ntool 0.1 1\ntool 0.0 0\n");
  }
  SECTION("no index: the id tells, or the last call goes on") {
    CHECK(calls({R"([{"id":"a","function":{"name":"f","arguments":"{"}}])", R"([{"function":{"arguments":"}"}}])",
                 R"([{"id":"b","function":{"name":"g","arguments":"{"}}])",
                 R"([{"id":"a","function":{"arguments":" "}}])", R"([{"function":{"arguments":"}"}}])"}) ==
          "tool 0.0 { id=a name=f\ntool 0.0 }\ntool 0.1 { id=b name=g\ntool 0.0  \ntool 0.1 }\n");
  }
  SECTION("neither index nor id: each name begins a call, and ids are made") {
    CHECK(calls({R"([{"function":{"name":"f","arguments":{"x": 1}}},{"function":{"name":"f","arguments":{}}}])"}) ==
          "tool 0.0 {\"x\": 1} id=call_0000000000000007_0_0 name=f\n"
          "tool 0.1 {} id=call_0000000000000007_0_1 name=f\n");
  }
  SECTION("every call has index 0: another id begins another call") {
    CHECK(calls({R"([{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}])",
                 R"([{"index":0,"id":"b","function":{"name":"f","arguments":"{"}}])",
                 R"([{"index":0,"function":{"arguments":"}"}}])"}) ==
          "tool 0.0 {} id=a name=f\ntool 0.1 { id=b name=f\ntool 0.1 }\n");
  }
  SECTION("every call has index 0 and no id: whole arguments end a call") {
    CHECK(calls({R"([{"index":0,"function":{"name":"f","arguments":"{\"a\":\"}\"}"}}])",
                 R"([{"index":0,"function":{"name":"f","arguments":"{}"}}])"}) ==
          "tool 0.0 {\"a\":\"}\"} id=call_0000000000000007_0_0 name=f\n"
          "tool 0.1 {} id=call_0000000000000007_0_1 name=f\n");
  }
  SECTION("a new id with every piece, as old vLLM sends it") {
    CHECK(calls({R"([{"index":0,"id":"a","function":{"name":"f"}}])",
                 R"([{"index":0,"id":"b","function":{"arguments":"{"}}])",
                 R"([{"index":0,"id":"c","function":{"arguments":"}"}}])"}) ==
          "tool 0.0  id=a name=f\ntool 0.0 {\ntool 0.0 }\n");
  }
  SECTION("id and name repeated with every piece") {
    CHECK(calls({R"([{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}])",
                 R"([{"index":0,"id":"a","function":{"name":"f","arguments":"}"}}])"}) ==
          "tool 0.0 { id=a name=f\ntool 0.0 } id=a name=f\n");
  }
  SECTION("other kinds of call, seals, null and nonsense") {
    CHECK(
        calls(
            {R"([{"index":0,"id":"a","type":"custom","custom":{"name":"f","input":"free"}}])",
             R"([{"index":1,"id":"b","function":{"name":"g","arguments":null},"extra_content":{"google":{"thought_signature":"s"}}}])",
             R"([null,7,{}])"}) == "tool 0.0 free id=a name=f type=custom\ntool 0.1  id=b name=g signature=s\n");
  }
  SECTION("the form before tools") {
    CHECK(f.events(answer(R"({"content":null,"function_call":{"name":"f","arguments":"{}"}})")) ==
          "start id=c1 model=m\ntool 0.0 {} id=call_0000000000000007_0_0 name=f type=function_call\n"
          "finish 0 stop stop\nextra created 5\n");
  }
}

TEST_CASE("more tool calls or choices than any answer has end it", "[openai]") {
  OpenAiFixture f;
  std::string calls;
  for (int i = 0; i < 1025; ++i)
    calls += fmt::format(R"({}{{"index":{},"function":{{"name":"f"}}}})", i > 0 ? "," : "", i);
  CHECK(f.events(delta(R"({"tool_calls":[)" + calls + "]}")).ends_with("failure server service_model \n"));
  CHECK(f.events(sse(R"({"choices":[{"index":128,"delta":{"content":"x"}}]})")).starts_with("failure server"));
  CHECK(f.events(sse(R"({"choices":[{"index":-1,"delta":{"content":"x"}}]})")).starts_with("failure server"));
}

TEST_CASE("several answers keep their places", "[openai]") {
  OpenAiFixture f;
  CHECK(f.events(
            sse(R"({"id":"c1","choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]})") +
            sse(R"({"id":"c1","choices":[{"index":1,"delta":{"content":"B"},"finish_reason":"stop"}]})") +
            sse(R"({"id":"c1","choices":[{"index":0,"delta":{"content":"A"},"finish_reason":"length"}]})")) ==
        "start id=c1 model=\ntext 1 b\ntext 0 a\ntext 1 B\nfinish 1 stop stop\ntext 0 A\nfinish 0 length length\n");
}

TEST_CASE("refusals, probabilities, pictures and citations have events", "[openai]") {
  OpenAiFixture f;
  CHECK(f.events(R"({"id":"c1","model":"m","choices":[{"message":{"refusal":"no","images":[{"type":"image_url"}],)"
                 R"("annotations":[{"type":"url_citation"}],"audio":{"id":"a"},"content":[{"type":"new","x":1}]},)"
                 R"("logprobs":{"content":[{"token":"a"}]},"finish_reason":"content_filter"}]})") ==
        "start id=c1 model=m\npart 0 {\"type\":\"new\",\"x\":1}\nrefusal 0 no\npart 0 {\"type\":\"image_url\"}\n"
        "part 0 {\"type\":\"url_citation\"}\npart 0 {\"type\":\"audio\",\"audio\":{\"id\":\"a\"}}\n"
        "logprobs 0 {\"content\":[{\"token\":\"a\"}]}\nfinish 0 content_filter content_filter\n");
}

TEST_CASE("usage is found wherever a server puts it, and repeated only when it changes", "[openai]") {
  OpenAiFixture f;
  CHECK(
      f.events(
          sse(R"({"id":"c1","model":"m","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}})") +
          sse(R"({"id":"c1","model":"m","choices":[{"delta":{"content":"b"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}})") +
          sse(R"({"id":"c1","model":"m","choices":[{"delta":{"content":"c"}}],"usage":{"prompt_tokens":1,"completion_tokens":3}})") +
          std::string(kDone)) ==
      std::string(kStart) + "text 0 a\nusage prompt=1 completion=1\ntext 0 b\ntext 0 c\nusage prompt=1 completion=3\n");
  const auto usage = [&f](std::string_view more) {
    const std::string log = f.events(R"({"choices":[{"message":{},"finish_reason":"stop")" + std::string(more) + "}");
    const std::size_t at = log.find("usage");
    return log.substr(at, log.find('\n', at) - at);
  };
  CHECK(usage(R"(}],"x_groq":{"usage":{"prompt_tokens":2}})") == "usage prompt=2");
  CHECK(usage(R"(,"usage":{"prompt_tokens":3,"cached_tokens":2}}])") == "usage prompt=3 cached=2");
  CHECK(usage(R"(}],"usage":{"prompt_tokens":3,"prompt_cache_hit_tokens":2})") == "usage prompt=3 cached=2");
  CHECK(
      usage(
          R"(}],"usage":{"input_tokens":3,"output_tokens":4,"cache_read_input_tokens":1,"cache_creation_input_tokens":2})") ==
      "usage prompt=3 completion=4 cached=1 written=2");
  CHECK(usage(R"(}],"usage":{"prompt_tokens":-3,"completion_tokens":"4","total_tokens":5.0})") == "usage total=5");
}

TEST_CASE("members that have no field are handed on, once a value", "[openai]") {
  OpenAiFixture f;
  const auto chunk = [](std::string_view more) {
    return sse(R"({"id":"c1","model":"m","choices":[{"delta":{"content":"a"}}],)" + std::string(more) + "}");
  };
  CHECK(f.events(chunk(R"("created":1,"system_fingerprint":"x","citations":[1, 2],"obfuscation":"zz","none":null)") +
                 chunk(R"("created":2,"system_fingerprint":"x","citations":[1, 2],"obfuscation":"y")") +
                 chunk(R"("created":3,"system_fingerprint":"y")") + std::string(kDone)) ==
        std::string(kStart) +
            "text 0 a\nextra created 1\nextra system_fingerprint \"x\"\nextra citations [1, 2]\n"
            "text 0 a\ntext 0 a\nextra system_fingerprint \"y\"\n");
}

TEST_CASE("an error inside a 200 is an error", "[openai]") {
  OpenAiFixture f;
  const std::string_view unary[] = {
      R"({"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}})",
      R"([{"error":{"message":"x","code":"invalid_api_key"}}])",
      R"({"error":"invalid_api_key: gone"})",
      R"("invalid api key")",
      R"({"object":"error","message":"x","type":"invalid_api_key","code":401})",
      R"({"errors":[{"message":"x","code":"invalid_api_key"}]})",
      R"({"choices":[{"error":{"code":"invalid_api_key","message":"x"}}]})",
  };
  for (const std::string_view body : unary) {
    INFO(body);
    CHECK(f.events(body).starts_with("failure auth key"));
    CHECK(f.events(sse(body)).starts_with("failure auth key"));
    CHECK(f.events("event: error\n" + sse(body)).starts_with("failure auth key"));
    CHECK(f.events(delta(R"({"content":"a"})") + sse(body))
              .starts_with(std::string(kStart) + "text 0 a\nfailure auth key"));
  }
  CHECK(f.events("event: error\ndata: it broke\n\n") == "failure server service_model \n");
  CHECK(f.events("event: error\ndata: {\"x\":1}\n\n") == "failure server service_model \n");
  OpenAiFixture minimax("minimax");
  CHECK(minimax.events(R"({"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}})") ==
        "failure quota account 1008\n");
  CHECK(minimax.events(answer(R"({"content":"x"})", R"(,"base_resp":{"status_code":0,"status_msg":""})"))
            .find("failure") == std::string::npos);
  OpenAiFixture openrouter("openrouter");
  CHECK(
      openrouter.events(sse(
          R"({"error":{"code":429,"message":"Provider returned error","metadata":{"raw":"m is temporarily rate-limited upstream"}}})")) ==
      "failure capacity service_model 429\n");
}

TEST_CASE("null and empty errors are none", "[openai]") {
  OpenAiFixture f;
  for (const std::string_view error : {"null", "{}", "\"\"", R"({"code":0,"message":""})", "[]"}) {
    CHECK(f.events(answer(R"({"content":"x"})", ",\"error\":" + std::string(error))).find("failure") ==
          std::string::npos);
  }
}

TEST_CASE("a finish reason may be a failure in a clean 200", "[openai]") {
  OpenAiFixture f;
  CHECK(f.events(delta("{}", R"("network_error")")).ends_with("failure server service_model network_error\n"));
  CHECK(f.events(delta("{}", R"("insufficient_system_resource")"))
            .ends_with("failure capacity service_model insufficient_system_resource\n"));
  CHECK(f.events(delta("{}", R"("error")")).ends_with("failure server service_model error\n"));
  CHECK(f.events(delta("{}", R"("model_context_window_exceeded")"))
            .ends_with("failure context call model_context_window_exceeded\n"));
  CHECK(f.events(delta(R"({"content":"a"})") + delta("{}", R"("model_context_window_exceeded")"))
            .ends_with("finish 0 length model_context_window_exceeded\n"));
  CHECK(f.events(delta("{}", R"("sensitive")")).ends_with("finish 0 content_filter sensitive\n"));
  CHECK(f.events(delta("{}", R"("never heard of")")).ends_with("finish 0 unknown never heard of\n"));
}

TEST_CASE("whatever else comes with a 200 is a broken answer", "[openai]") {
  OpenAiFixture f;
  for (const std::string_view body :
       {"{", "[]", "{}", "[1]", "null", "<html><title>Sign in</title>", R"({"choices":[]})", R"({"choices":7})",
        R"({"choices":[{"message":)", "data: nonsense\n\n", "data: {\"choices\":[}\n\n", "data: 7\n\n",
        "data: [1]\n\n"}) {
    INFO(body);
    CHECK(f.events(body).find("failure server service_model") != std::string::npos);
  }
}

TEST_CASE("nonsense in every member hurts nobody", "[openai]") {
  OpenAiFixture f;
  const std::string_view values[] = {"null", "7",    "-1",   "1e999",  "\"s\"", "[]",
                                     "{}",   "[[]]", "[{}]", "[null]", "true",  "\"\\ud800\""};
  const std::string_view members[] = {"content", "reasoning",  "reasoning_details",
                                      "refusal", "tool_calls", "function_call",
                                      "audio",   "images",     "annotations"};
  for (const std::string_view value : values) {
    for (const std::string_view member : members) {
      const std::string log =
          f.events(delta("{\"" + std::string(member) + "\":" + std::string(value) + "}") + std::string(kDone));
      CHECK_FALSE(log.empty());
    }
    for (const std::string_view member : {"id", "model", "choices", "usage", "x_groq", "created", "base_resp"}) {
      CHECK_FALSE(f.events(sse("{\"" + std::string(member) + "\":" + std::string(value) + "}")).empty());
    }
    CHECK_FALSE(
        f.events(sse(R"({"choices":[{"delta":)" + std::string(value) + R"(,"index":)" + std::string(value) + "}]}"))
            .empty());
  }
}

TEST_CASE("bounds hold for events, bodies and depth", "[openai]") {
  OpenAiFixture f;
  keywheel::Bounds bounds{.max_body = 4096, .max_event = 1024, .max_json_depth = 16};
  CHECK(f.events(delta("{\"content\":\"" + std::string(2000, 'x') + "\"}"), bounds) ==
        "failure server service_model \n");
  CHECK(f.events("data: " + std::string(2000, 'x'), bounds) == "failure server service_model \n");
  CHECK(f.events("{\"a\":\"" + std::string(5000, 'x') + "\"}", bounds) == "failure server service_model \n");
  CHECK(f.events(std::string(5000, ' '), bounds) == "failure server service_model \n");
  CHECK(f.events(delta("{\"content\":" + std::string(20, '[') + std::string(20, ']') + "}"), bounds) ==
        "failure server service_model \n");
}

TEST_CASE("events that a server ends with one line end are read", "[openai]") {
  OpenAiFixture f;
  CHECK(f.events("data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n"
                 "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n"
                 "data: [DONE]\n") == std::string(kStart) + "text 0 a\ntext 0 b\n");
}

TEST_CASE("a JSON event may stretch over several lines", "[openai]") {
  OpenAiFixture f;
  CHECK(f.events("data: {\"id\":\"c1\",\"model\":\"m\",\ndata:  "
                 "\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata:[DONE]") ==
        std::string(kStart) + "text 0 a\n");
}

TEST_CASE("embeddings come as numbers or packed, in any order", "[openai]") {
  OpenAiFixture f;
  f.model = "text-embedding-3-small";
  const std::vector<std::string_view> inputs = {"a", "b"};
  const auto request =
      f.transport->encode_embedding({.dimensions = 2, .user = "u", .extra = R"({"k":1})"}, inputs, f.target());
  REQUIRE(request);
  CHECK(request->url == "https://api.openai.com/v1/embeddings");
  CHECK(request->body == R"({"model":"text-embedding-3-small","input":["a","b"],"dimensions":2,"user":"u","k":1})");

  keywheel::EmbeddingResponse into;
  REQUIRE_FALSE(f.transport->decode_embedding(
      R"({"data":[{"index":1,"embedding":[0.5,-1]},{"index":0,"embedding":"AACAPwAAAMA="}],"model":"m","usage":{"prompt_tokens":3}})",
      2, into));
  CHECK(into.embeddings == std::vector<std::vector<float>>{{1.0F, -2.0F}, {0.5F, -1.0F}});
  CHECK(into.usage.prompt_tokens == 3);
  CHECK(into.model == "m");

  for (const std::string_view bad : {"{", "[]", "{}", R"({"data":[]})", R"({"data":[{"embedding":[1]}]})",
                                     R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
                                     R"({"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]})",
                                     R"({"data":[{"index":0,"embedding":["x"]},{"index":1,"embedding":[1]}]})",
                                     R"({"data":[{"index":0,"embedding":"AAA"},{"index":1,"embedding":[1]}]})"}) {
    INFO(bad);
    keywheel::EmbeddingResponse none;
    const auto failure = f.transport->decode_embedding(bad, 2, none);
    REQUIRE(failure);
    CHECK(failure->error_kind() == keywheel::ErrorKind::protocol);
    CHECK(none.embeddings.empty());
  }
  keywheel::EmbeddingResponse none;
  CHECK(f.transport->decode_embedding(R"({"error":{"code":"insufficient_quota","message":"x"}})", 1, none)->failure ==
        keywheel::FailureClass::quota);
}

TEST_CASE("the models of a service are listed", "[openai]") {
  OpenAiFixture f;
  const auto request = f.transport->encode_listing(f.target());
  REQUIRE(request);
  CHECK(request->method == "GET");
  CHECK(request->url == "https://api.openai.com/v1/models");
  CHECK(request->body.empty());
  std::vector<keywheel::ModelInfo> models;
  REQUIRE_FALSE(f.transport->decode_listing(
      R"({"object":"list","data":[{"id":"a","created":5,"owned_by":"o"},{"id":""},{"name":"b"}]})", models));
  REQUIRE_FALSE(f.transport->decode_listing(R"([{"id":"c","organization":"t"}])", models));
  REQUIRE(models.size() == 3);
  CHECK(models[0].id == "a");
  CHECK(models[0].created == 5);
  CHECK(models[0].owner == "o");
  CHECK(models[1].id == "b");
  CHECK(models[2].owner == "t");
  CHECK(f.transport->decode_listing("{}", models)->error_kind() == keywheel::ErrorKind::protocol);
  CHECK_FALSE(OpenAiFixture("xinghuo").transport->encode_listing(OpenAiFixture("xinghuo").target()));
}
