#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/answer_script.hpp"
#include "wire/event_stream_frames.hpp"

using namespace keywheel;
using keywheel::testing::DialectUnderTest;
using keywheel::testing::event_frame;
using keywheel::testing::exception_frame;
using keywheel::testing::frame;
using keywheel::testing::string_header;

namespace {

constexpr const char* kStreamType = "application/vnd.amazon.eventstream";

std::string delta(int index, std::string_view what) {
  return event_frame("contentBlockDelta",
                     fmt::format(R"({{"contentBlockIndex":{},"delta":{},"p":"abc"}})", index, what));
}
std::string open(int index, std::string_view start) {
  return event_frame("contentBlockStart", fmt::format(R"({{"contentBlockIndex":{},"start":{}}})", index, start));
}
std::string close_block(int index) {
  return event_frame("contentBlockStop", fmt::format(R"({{"contentBlockIndex":{}}})", index));
}
std::string begin() { return event_frame("messageStart", R"({"role":"assistant"})"); }
std::string stop(std::string_view reason) {
  return event_frame("messageStop", fmt::format(R"({{"stopReason":"{}"}})", reason));
}
constexpr std::string_view kUsage =
    R"("usage":{"inputTokens":10,"outputTokens":20,"totalTokens":38,"cacheReadInputTokens":5,"cacheWriteInputTokens":3})";
std::string counts() { return event_frame("metadata", fmt::format(R"({{{},"metrics":{{"latencyMs":7}}}})", kUsage)); }

std::string whole(std::string_view content, std::string_view reason) {
  return fmt::format(R"({{"output":{{"message":{{"role":"assistant","content":[{}]}}}},"stopReason":"{}",{},)"
                     R"("metrics":{{"latencyMs":7}}}})",
                     content, reason, kUsage);
}

constexpr std::string_view kEnd =
    "extra metrics {\"latencyMs\":7}\nusage prompt 18 completion 20 total 38 cached 5 written 3\n";

std::string stream(std::string_view body, std::size_t size = 1U << 20U) {
  return DialectUnderTest("bedrock").read(body, kStreamType, true, size);
}
std::string unary(std::string_view body) {
  return DialectUnderTest("bedrock").read(body, "application/json", false, 4096);
}

}  // namespace

TEST_CASE("a ConverseStream says what Converse says, wherever it is cut", "[bedrock]") {
  const std::string streamed =
      begin() + delta(0, R"({"reasoningContent":{"text":"Let me "}})") +
      delta(0, R"({"reasoningContent":{"text":"see."}})") + delta(0, R"({"reasoningContent":{"signature":"c2ln"}})") +
      close_block(0) + delta(1, R"({"reasoningContent":{"redactedContent":"c2VhbA=="}})") + close_block(1) +
      delta(2, R"({"text":"Gr\u00fc\u00df "})") + delta(2, R"({"text":"Gott"})") + close_block(2) +
      open(3, R"({"toolUse":{"toolUseId":"t1","name":"weather"}})") +
      delta(3, R"({"toolUse":{"input":"{\"city\":"}})") + delta(3, R"({"toolUse":{"input":"\"Rome\"}"}})") +
      close_block(3) + open(4, R"({"toolUse":{"toolUseId":"t2","name":"now"}})") +
      delta(4, R"({"toolUse":{"input":""}})") + close_block(4) + stop("tool_use") + counts();
  const std::string expected =
      "start aws-1 model\n"
      "thought Let me see.\n"
      "signature c2ln\n"
      "sealed c2VhbA==\n"
      "text Grüß Gott\n"
      "call 0 t1 weather {\"city\":\"Rome\"}\n"
      "call 1 t2 now {}\n"
      "finish tool_calls tool_use\n" +
      std::string(kEnd);
  for (std::size_t size = 1; size <= streamed.size(); size = size < 60 ? size + 1 : size * 2) {
    INFO("pieces of " << size);
    CHECK(stream(streamed, size) == expected);
  }
  CHECK(unary(whole(R"({"reasoningContent":{"reasoningText":{"text":"Let me see.","signature":"c2ln"}}},)"
                    R"({"reasoningContent":{"redactedContent":"c2VhbA=="}},{"text":"Grüß Gott"},)"
                    R"({"toolUse":{"toolUseId":"t1","name":"weather","input":{"city":"Rome"}}},)"
                    R"({"toolUse":{"toolUseId":"t2","name":"now","input":{}}})",
                    "tool_use")) == expected);
}

TEST_CASE("each stop reason of Converse means what it says", "[bedrock]") {
  const auto finish = [](std::string_view reason) {
    const std::string answer = unary(whole(R"({"text":"x"})", reason));
    CHECK(stream(begin() + delta(0, R"({"text":"x"})") + close_block(0) + stop(reason) + counts()) == answer);
    const std::size_t at = answer.find("finish ");
    return answer.substr(at, answer.find('\n', at) - at);
  };
  CHECK(finish("end_turn") == "finish stop end_turn");
  CHECK(finish("stop_sequence") == "finish stop stop_sequence");
  CHECK(finish("max_tokens") == "finish length max_tokens");
  CHECK(finish("model_context_window_exceeded") == "finish length model_context_window_exceeded");
  CHECK(finish("tool_use") == "finish tool_calls tool_use");
  CHECK(finish("guardrail_intervened") == "finish content_filter guardrail_intervened");
  CHECK(finish("content_filtered") == "finish content_filter content_filtered");
  CHECK(finish("malformed_tool_use") == "finish error malformed_tool_use");
  CHECK(finish("something_new") == "finish unknown something_new");
  // Where nothing was said, the same words are failures that another attempt may mend.
  CHECK(unary(whole("", "malformed_tool_use")).find("failure output malformed_tool_use") != std::string::npos);
  CHECK(unary(whole("", "malformed_model_output")).find("failure output") != std::string::npos);
  CHECK(unary(whole("", "model_context_window_exceeded")).find("failure context") != std::string::npos);
}

TEST_CASE("what Bedrock's own tools did, citations and unknown blocks are handed through", "[bedrock]") {
  const std::string expected =
      "start aws-1 model\n"
      "call 0 s1 nova_grounding (server_tool_use) {\"q\":\"x\"}\n"
      R"(part {"toolResult":{"toolUseId":"s1","content":[{"text":"found"},{"text":"more"}]}})"
      "\ntext 3.4\n"
      R"(part {"citationsContent":{"citations":[{"location":{"web":{"url":"u"}}}]}})"
      "\n"
      R"(part {"image":{"format":"png"}})"
      "\nfinish stop end_turn\n" +
      std::string(kEnd);
  CHECK(stream(begin() + open(0, R"({"toolUse":{"toolUseId":"s1","name":"nova_grounding","type":"server_tool_use"}})") +
               delta(0, R"({"toolUse":{"input":"{\"q\":\"x\"}"}})") + close_block(0) +
               open(1, R"({"toolResult":{"toolUseId":"s1"}})") +
               delta(1, R"({"toolResult":[{"text":"found"},{"text":"more"}]})") + close_block(1) +
               delta(2, R"({"text":"3.4"})") + delta(2, R"({"citation":{"location":{"web":{"url":"u"}}}})") +
               close_block(2) + delta(3, R"({"image":{"format":"png"}})") + close_block(3) + stop("end_turn") +
               counts()) == expected);
  CHECK(unary(whole(
            R"({"toolUse":{"toolUseId":"s1","name":"nova_grounding","type":"server_tool_use","input":{"q":"x"}}},)"
            R"({"toolResult":{"toolUseId":"s1","content":[{"text":"found"},{"text":"more"}]}},)"
            R"({"citationsContent":{"content":[{"text":"3.4"}],"citations":[{"location":{"web":{"url":"u"}}}]}},)"
            R"({"image":{"format":"png"}})",
            "end_turn")) == expected);
}

TEST_CASE("exceptions in a stream end it with their class", "[bedrock]") {
  const auto verdict = [](std::string_view name, std::string_view message) {
    const std::string answer = stream(begin() + delta(0, R"({"text":"so"})") +
                                      exception_frame(name, fmt::format(R"({{"message":"{}"}})", message)));
    CHECK(answer.find("text so\n") != std::string::npos);
    return answer.substr(answer.find("failure ") + 8);
  };
  CHECK(verdict("throttlingException", "Slow down") == "rate throttlingException Slow down\n");
  CHECK(verdict("throttlingException", "Too many tokens per day") ==
        "quota throttlingException Too many tokens per day\n");
  CHECK(verdict("modelStreamErrorException", "It broke") == "server modelStreamErrorException It broke\n");
  CHECK(verdict("internalServerException", "Oops") == "server internalServerException Oops\n");
  CHECK(verdict("serviceUnavailableException", "Full") == "capacity serviceUnavailableException Full\n");
  CHECK(verdict("validationException", "Input is too long for requested model.")
            .starts_with("context validationException"));
  CHECK(verdict("newException", "What?") == "server newException What?\n");
  // An unmodelled error has no payload.
  CHECK(stream(frame(string_header(":message-type", "error") + string_header(":error-code", "InternalFailure") +
                         string_header(":error-message", "gone"),
                     "")) == "failure server InternalFailure gone\n");
}

TEST_CASE("a Bedrock stream that ends early has failed", "[bedrock]") {
  const std::string text = begin() + delta(0, R"({"text":"Hi"})");
  CHECK(stream("").find("failure server") != std::string::npos);
  CHECK(stream(text).find("failure server") != std::string::npos);
  CHECK(stream(text + close_block(0)).find("failure server") != std::string::npos);
  // Its last two events come in either order, and the answer is whole without the counts.
  CHECK(stream(text + close_block(0) + stop("end_turn")).find("failure") == std::string::npos);
  CHECK(stream(text + close_block(0) + counts() + stop("end_turn")).find("finish stop end_turn") != std::string::npos);
  const std::string all = text + close_block(0) + stop("end_turn") + counts();
  CHECK(stream(std::string_view(all).substr(0, all.size() - 1)).find("failure server") != std::string::npos);
  std::string damaged = all;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  CHECK(stream(damaged).find("damaged") != std::string::npos);
}

TEST_CASE("what Bedrock should never send is a failure, never more", "[bedrock]") {
  for (const std::string_view payload :
       {"", "{", "[]", "null", "7", "\"x\"", "{\"contentBlockIndex\":\"x\"}", "\xff"}) {
    for (const char* type : {"contentBlockDelta", "contentBlockStart", "contentBlockStop", "messageStart", "metadata",
                             "somethingNew", ""}) {
      CHECK(stream(event_frame(type, payload), 3).find("failure") != std::string::npos);
    }
  }
  CHECK(stream(begin() + delta(0, R"({"toolUse":{"input":"x"}})")).find("failure server") != std::string::npos);
  for (const std::string_view body : {"", "{", "[]", "{}", R"({"output":{"message":{"content":7}}})", "<html>"}) {
    CHECK(unary(body).find("failure server") != std::string::npos);
  }
  CHECK(stream("data: {\"text\":\"not frames at all\"}\n\n").find("failure server") != std::string::npos);
}

TEST_CASE("the bounds on Bedrock's messages, blocks and bodies hold", "[bedrock]") {
  Bounds bounds;
  bounds.max_event = 1000;
  bounds.max_body = 1000;
  DialectUnderTest dialect("bedrock");
  const auto read = [&](std::string_view body, const char* type) { return dialect.read(body, type, true, 64, bounds); };
  CHECK(read(delta(0, fmt::format(R"({{"text":"{}"}})", std::string(2000, 'x'))), kStreamType).find("max_event") !=
        std::string::npos);
  CHECK(read(std::string(2000, ' '), "application/json").find("max_body") != std::string::npos);
  std::string many = begin();
  for (int i = 0; i < 100; ++i) many += delta(0, R"({"reasoningContent":{"signature":"12345678901234567890"}})");
  CHECK(read(many, kStreamType).find("max_event") != std::string::npos);
  std::string opened = begin();
  for (int i = 0; i < 100; ++i) opened += delta(i, R"({"reasoningContent":{"text":"x"}})");
  CHECK(read(opened, kStreamType).find("too many content blocks") != std::string::npos);
}
