#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/answer_script.hpp"

using namespace keywheel;
using keywheel::testing::DialectUnderTest;

namespace {

constexpr const char* kStreamType = "text/event-stream; charset=utf-8";
constexpr const char* kWholeType = "application/json";

std::string event(std::string_view type, std::string_view members) {
  return fmt::format("event: {}\ndata: {{\"type\":\"{}\"{}{}}}\n\n", type, type, members.empty() ? "" : ",", members);
}

std::string begin(std::string_view usage = R"("input_tokens":10,"output_tokens":1)") {
  return event("message_start", fmt::format(R"("message":{{"id":"msg_1","type":"message","role":"assistant",)"
                                            R"("model":"claude-x","content":[],"stop_reason":null,"usage":{{{}}}}})",
                                            usage));
}

std::string block(int index, std::string_view start, std::initializer_list<std::string_view> deltas) {
  std::string all = event("content_block_start", fmt::format(R"("index":{},"content_block":{})", index, start));
  for (const std::string_view delta : deltas) {
    all += event("content_block_delta", fmt::format(R"("index":{},"delta":{})", index, delta));
  }
  return all + event("content_block_stop", fmt::format(R"("index":{})", index));
}

std::string end(std::string_view reason, std::string_view usage = R"("output_tokens":20)") {
  return event("message_delta",
               fmt::format(R"("delta":{{"stop_reason":"{}","stop_sequence":null}},"usage":{{{}}})", reason, usage)) +
         event("message_stop", "");
}

std::string whole(std::string_view content, std::string_view reason,
                  std::string_view usage = R"("input_tokens":10,"output_tokens":20)") {
  return fmt::format(R"({{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{}],)"
                     R"("stop_reason":"{}","stop_sequence":null,"usage":{{{}}}}})",
                     content, reason, usage);
}

std::string stream(std::string_view body, std::size_t size = 4096) {
  return DialectUnderTest("claude").read(body, kStreamType, true, size);
}

std::string unary(std::string_view body) { return DialectUnderTest("claude").read(body, kWholeType, false, 4096); }

}  // namespace

TEST_CASE("a stream of text, thought and calls says what the whole answer says, wherever it is cut", "[anthropic]") {
  const std::string streamed =
      begin(R"("input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":3,"output_tokens":1)") +
      event("ping", "") +
      block(0, R"({"type":"thinking","thinking":"","signature":""})",
            {R"({"type":"thinking_delta","thinking":"Let me "})", R"({"type":"thinking_delta","thinking":"see."})",
             R"({"type":"signature_delta","signature":"c2ln"})"}) +
      block(1, R"({"type":"redacted_thinking","data":"c2VhbGVk"})", {}) +
      block(2, R"({"type":"text","text":""})",
            {R"({"type":"text_delta","text":"Gr\u00fc\u00df "})", R"({"type":"text_delta","text":"Gott 🙂"})"}) +
      block(3, R"({"type":"tool_use","id":"toolu_1","name":"weather","input":{}})",
            {R"({"type":"input_json_delta","partial_json":""})",
             R"({"type":"input_json_delta","partial_json":"{\"city\":"})",
             R"({"type":"input_json_delta","partial_json":" \"Rome\"}"})"}) +
      block(4, R"({"type":"tool_use","id":"toolu_2","name":"now","input":{}})", {}) +
      end("tool_use", R"("output_tokens":20,"output_tokens_details":{"thinking_tokens":7})");
  const std::string expected =
      "start msg_1 claude-x\n"
      "thought Let me see.\n"
      "signature c2ln\n"
      "sealed c2VhbGVk\n"
      "text Grüß Gott 🙂\n"
      "call 0 toolu_1 weather {\"city\": \"Rome\"}\n"
      "call 1 toolu_2 now {}\n"
      "finish tool_calls tool_use\n"
      "usage prompt 18 completion 20 total 38 cached 5 written 3 reasoning 7\n";
  for (std::size_t size = 1; size <= streamed.size(); size = size < 40 ? size + 1 : size * 2) {
    INFO("pieces of " << size);
    CHECK(stream(streamed, size) == expected);
  }
  CHECK(unary(whole(
            R"({"type":"thinking","thinking":"Let me see.","signature":"c2ln"},{"type":"redacted_thinking",)"
            R"("data":"c2VhbGVk"},{"type":"text","text":"Grüß Gott 🙂"},{"type":"tool_use","id":"toolu_1",)"
            R"("name":"weather","input":{"city": "Rome"}},{"type":"tool_use","id":"toolu_2","name":"now","input":{}})",
            "tool_use",
            R"("input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":3,"output_tokens":20,)"
            R"("output_tokens_details":{"thinking_tokens":7})")) == expected);
}

TEST_CASE("every cut of a stream in two gives the same answer", "[anthropic]") {
  const std::string body =
      begin() + block(0, R"({"type":"text","text":""})", {R"({"type":"text_delta","text":"Hi"})"}) + end("end_turn");
  const std::string expected =
      "start msg_1 claude-x\ntext Hi\nfinish stop end_turn\nusage prompt 10 completion 20 total 30\n";
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    DialectUnderTest dialect("claude");
    const auto decoder =
        dialect.transport->decoder({200, {{"content-type", kStreamType}}}, dialect.target("m", true), {});
    keywheel::testing::AnswerScript script;
    CHECK(!decoder->feed(body.substr(0, cut), script));
    CHECK(!decoder->feed(body.substr(cut), script));
    CHECK(decoder->complete());
    CHECK(!decoder->finish(script));
    CHECK(script.text() == expected);
  }
}

TEST_CASE("each stop reason of Claude means what it says", "[anthropic]") {
  const auto finish = [](std::string_view reason) {
    const std::string answer = unary(whole(R"({"type":"text","text":"x"})", reason));
    const std::size_t at = answer.find("finish ");
    const std::string line = answer.substr(at, answer.find('\n', at) - at);
    CHECK(stream(begin() + block(0, R"({"type":"text","text":"x"})", {}) + end(reason)) == answer);
    return line;
  };
  CHECK(finish("end_turn") == "finish stop end_turn");
  CHECK(finish("stop_sequence") == "finish stop stop_sequence");
  CHECK(finish("max_tokens") == "finish length max_tokens");
  CHECK(finish("model_context_window_exceeded") == "finish length model_context_window_exceeded");
  CHECK(finish("tool_use") == "finish tool_calls tool_use");
  CHECK(finish("refusal") == "finish content_filter refusal");
  CHECK(finish("pause_turn") == "finish unknown pause_turn");
  CHECK(finish("something_new") == "finish unknown something_new");
  // A prompt that fills the window is no answer.
  CHECK(unary(whole("", "model_context_window_exceeded")).find("failure context") != std::string::npos);
}

TEST_CASE("citations follow the text of their block", "[anthropic]") {
  const std::string citation = R"({"type":"char_location","cited_text":"x"})";
  const std::string expected = "start msg_1 claude-x\ntext It is x.\npart " + citation +
                               "\ntext  And so.\nfinish stop end_turn\nusage prompt 10 completion 20 total 30\n";
  CHECK(stream(begin() +
               block(0, R"({"type":"text","text":"","citations":[]})",
                     {R"({"type":"citations_delta","citation":)" + citation + "}",
                      R"({"type":"text_delta","text":"It is x."})"}) +
               block(1, R"({"type":"text","text":""})", {R"({"type":"text_delta","text":" And so."})"}) +
               end("end_turn")) == expected);
  CHECK(unary(whole(
            R"({"type":"text","text":"It is x.","citations":[)" + citation + R"(]},{"type":"text","text":" And so."})",
            "end_turn")) == expected);
}

TEST_CASE("blocks of a server's tools are handed through whole", "[anthropic]") {
  const std::string answer =
      stream(begin() +
             block(0, R"({"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}})",
                   {R"({"type":"input_json_delta","partial_json":"{\"query\":"})",
                    R"({"type":"input_json_delta","partial_json":"\"x\"}"})"}) +
             block(1, R"({"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"url":"u"}]})", {}) +
             block(2, R"({"type":"compaction","content":null})",
                   {R"({"type":"compaction_delta","content":"Sum"})",
                    R"({"type":"compaction_delta","content":"mary","n":1})"}) +
             end("end_turn", R"("output_tokens":20,"server_tool_use":{"web_search_requests":1})"));
  CHECK(answer ==
        "start msg_1 claude-x\n"
        R"(part {"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}})"
        "\n"
        R"(part {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"url":"u"}]})"
        "\n"
        R"(part {"type":"compaction","content":"Summary","n":1})"
        "\n"
        R"(extra server_tool_use {"web_search_requests":1})"
        "\nfinish stop end_turn\nusage prompt 10 completion 20 total 30\n");
}

TEST_CASE("members without an event of their own are not lost", "[anthropic]") {
  const std::string answer =
      stream(begin() +
             event("message_delta", R"("delta":{"stop_reason":"refusal","stop_sequence":"###",)"
                                    R"("stop_details":{"category":"cyber"}},"usage":{"output_tokens":0})") +
             event("message_stop", ""));
  CHECK(answer ==
        "start msg_1 claude-x\nextra stop_sequence \"###\"\nextra stop_details {\"category\":\"cyber\"}\n"
        "finish content_filter refusal\nusage prompt 10 completion 0 total 10\n");
}

TEST_CASE("errors in a stream and in a 200 have their class", "[anthropic]") {
  const auto last = [](const std::string& answer) {
    const std::string line = answer.substr(answer.rfind("failure"));
    return line.substr(0, line.find('\n') + 1);
  };
  CHECK(last(stream(begin() + event("error", R"("error":{"type":"overloaded_error","message":"Overloaded"})"))) ==
        "failure capacity overloaded_error Overloaded\n");
  CHECK(last(stream(event("error", R"("error":{"type":"api_error","message":"Oops"})"))) ==
        "failure server api_error Oops\n");
  CHECK(last(stream(event("error", R"("error":{"type":"rate_limit_error","message":"Slow down"})"))) ==
        "failure rate rate_limit_error Slow down\n");
  CHECK(last(unary(R"({"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}})")) ==
        "failure auth authentication_error invalid x-api-key\n");
}

TEST_CASE("a stream that ends early has failed; one that only forgets its last event has not", "[anthropic]") {
  const std::string text = block(0, R"({"type":"text","text":"Hi"})", {});
  CHECK(stream(begin() + text).find("failure server") != std::string::npos);
  CHECK(stream("").find("failure server") != std::string::npos);
  const std::string forgetful =
      begin() + text + event("message_delta", R"("delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2})");
  CHECK(stream(forgetful).find("failure") == std::string::npos);
  // A whole answer in place of the stream that was asked for, and the other way round.
  CHECK(DialectUnderTest("claude").read(whole(R"({"type":"text","text":"x"})", "end_turn"), kWholeType, true, 7) ==
        unary(whole(R"({"type":"text","text":"x"})", "end_turn")));
  CHECK(DialectUnderTest("claude").read(begin() + text + end("end_turn"), kStreamType, false, 7).find("text Hi") !=
        std::string::npos);
}

TEST_CASE("a message that begins anew within another is a failure, not half a call", "[anthropic]") {
  const std::string answer = stream(
      begin() +
      event("content_block_start", R"("index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}})") +
      event("content_block_delta", R"("index":0,"delta":{"type":"input_json_delta","partial_json":"{\"x"})") + begin() +
      end("tool_use"));
  CHECK(answer.find("failure server") != std::string::npos);
  CHECK(answer.find("finish") == std::string::npos);
}

TEST_CASE("what no provider should send is a failure or nothing, never more", "[anthropic]") {
  for (const std::string_view data :
       {"data: {\n\n", "data: []\n\n", "data: \"x\"\n\n", "data: null\n\n", "data: {\"type\":5}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":9,\"delta\":{\"type\":\"input_json_delta\"}}\n\n",
        "data: {\"type\":\"content_block_start\"}\n\n", "data: {\"type\":\"message_start\",\"message\":7}\n\n",
        "data: {\"type\":\"message_delta\",\"delta\":[],\"usage\":\"many\"}\n\n", "data: \xff\xfe\n\n", "\n\n\n",
        "<html>"}) {
    for (const std::size_t size : {1U, 3U, 4096U}) {
      INFO(data);
      CHECK(stream(data, size).find("failure") != std::string::npos);
    }
  }
  for (const std::string_view body : {"", "{", "[]", "null", "{}", R"({"content":"x"})", "<html>", R"({"error":{}})"}) {
    INFO(body);
    CHECK(unary(body).find("failure") != std::string::npos);
  }
  std::string deep(100'000, '[');
  CHECK(unary(R"({"content":)" + deep).find("failure server") != std::string::npos);
  CHECK(stream("data: {\"type\":" + deep + "\n\n").find("failure server") != std::string::npos);
}

TEST_CASE("the bounds on events, bodies and open blocks hold", "[anthropic]") {
  Bounds bounds;
  bounds.max_event = 1000;
  bounds.max_body = 1000;
  DialectUnderTest dialect("claude");
  const std::string large(2000, 'x');
  CHECK(dialect.read("data: " + large, kStreamType, true, 100, bounds).find("Bounds::max_event") != std::string::npos);
  CHECK(dialect.read(large, kWholeType, false, 100, bounds).find("Bounds::max_body") != std::string::npos);
  // Input of a server's tool is held until it is whole: in many small events too.
  std::string many = begin() + event("content_block_start", R"("index":0,"content_block":{"type":"server_tool_use"})");
  for (int i = 0; i < 100; ++i) {
    many += event("content_block_delta",
                  R"("index":0,"delta":{"type":"input_json_delta","partial_json":"12345678901234567890"})");
  }
  CHECK(dialect.read(many, kStreamType, true, 4096, bounds).find("Bounds::max_event") != std::string::npos);
  std::string open = begin();
  for (int i = 0; i < 100; ++i) {
    open += event("content_block_start", fmt::format(R"("index":{},"content_block":{{"type":"text","text":""}})", i));
  }
  CHECK(stream(open).find("too many content blocks") != std::string::npos);
}

TEST_CASE("pings say nothing and are no progress", "[anthropic]") {
  DialectUnderTest dialect("claude");
  const auto decoder =
      dialect.transport->decoder({200, {{"content-type", kStreamType}}}, dialect.target("m", true), {});
  keywheel::testing::AnswerScript script;
  CHECK(!decoder->feed(event("ping", "") + ": comment\n\n", script));
  CHECK(decoder->progress() == 0);
  CHECK(script.text().empty());
  CHECK(!decoder->feed(begin(), script));
  CHECK(decoder->progress() > 0);
}
