#include <string>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/gemini.hpp"
#include "wire/transport_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using Lines = std::vector<std::string>;

namespace {

constexpr detail::Preset kPreset{.name = "gemini", .base_url = "https://generativelanguage.googleapis.com/v1beta"};

Heard hear_gemini(std::string_view body) {
  Fixture f;
  return hear_cut(*detail::make_gemini_transport(kPreset), f.target(), body);
}

std::string sse(const std::vector<std::string>& pieces, std::string_view line_end = "\r\n") {
  std::string out;
  for (const std::string& piece : pieces) out += "data: " + piece + std::string(line_end) + std::string(line_end);
  return out;
}

/// A piece of a stream with these parts, and what else the candidate and the piece hold.
std::string piece(std::string_view parts, std::string_view candidate = "", std::string_view rest = "") {
  return fmt::format(
      R"({{"candidates":[{{"content":{{"parts":[{}],"role":"model"}},"index":0{}}}],"modelVersion":"m-1","responseId":"r1"{}}})",
      parts, candidate, rest);
}

constexpr std::string_view kStop = R"(,"finishReason":"STOP")";

}  // namespace

TEST_CASE("a Gemini stream reads the same however its bytes are cut, as events and as an array", "[gemini]") {
  const std::vector<std::string> pieces = {
      piece(R"({"text":"Think","thought":true})", "", R"(,"usageMetadata":{"promptTokenCount":5})"),
      piece(R"({"text":"ing","thought":true},{"text":"Grüß"})"),
      piece(R"({"text":" \"you\" }]"})", R"(,"groundingMetadata":{"webSearchQueries":["q"]},"safetyRatings":[])"),
      piece(
          R"({"text":"","thoughtSignature":"SEAL"})", kStop,
          R"(,"usageMetadata":{"promptTokenCount":5,"toolUsePromptTokenCount":2,"candidatesTokenCount":7,"thoughtsTokenCount":3,"totalTokenCount":17,"cachedContentTokenCount":4})")};
  const Lines expected = {"start r1 m-1", "reasoning Thinking", "text Grüß \"you\" }]", "signature SEAL",
                          "finish stop STOP"};
  std::string array = "[";
  for (std::size_t i = 0; i < pieces.size(); ++i) array += (i == 0 ? "" : ",\r\n") + pieces[i];
  array += "\n]\n";
  for (const std::string& body : {sse(pieces), sse(pieces, "\n"), array}) {
    const Heard heard = hear_gemini(body);
    CHECK_FALSE(heard.failure);
    CHECK(heard.lines == expected);
    CHECK(heard.usage.prompt_tokens == 7);
    CHECK(heard.usage.completion_tokens == 10);
    CHECK(heard.usage.reasoning_tokens == 3);
    CHECK(heard.usage.cached_tokens == 4);
    CHECK(heard.usage.total_tokens == 17);
    CHECK(heard.extras == std::map<std::string, std::string>{{"groundingMetadata", R"({"webSearchQueries":["q"]})"}});
  }
}

TEST_CASE("one Gemini object gives what its stream would", "[gemini]") {
  const Heard heard = hear_gemini(
      " " +
      piece(
          R"({"text":"A"},{"functionCall":{"id":"c1","name":"f","args":{"x":[1, 2]}},"thoughtSignature":"S"},{"functionCall":{"name":"g"}})",
          kStop, R"(,"createTime":"t")"));
  CHECK_FALSE(heard.failure);
  CHECK(heard.lines == Lines{"start r1 m-1", "text A", "open 0 c1 f S", "call 0 {\"x\":[1, 2]}",
                             "open 1 call_0000000000000abc_0_1 g ", "call 1 {}", "finish tool_calls STOP"});
  CHECK(heard.extras == std::map<std::string, std::string>{{"createTime", "\"t\""}});
}

TEST_CASE("a server that plays Gemini may say that it ends with a call", "[gemini]") {
  const Heard heard =
      hear_gemini(piece(R"({"functionCall":{"id":"c1","name":"f","args":{}}})", R"(,"finishReason":"FUNCTION_CALL")"));
  CHECK_FALSE(heard.failure);
  CHECK(heard.lines.back() == "finish tool_calls FUNCTION_CALL");
}

TEST_CASE("arguments that Gemini streams value by value come whole", "[gemini]") {
  const Heard heard = hear_gemini(sse({
      piece(R"({"functionCall":{"name":"cook","willContinue":true},"thoughtSignature":"S"})"),
      piece(
          R"({"functionCall":{"partialArgs":[{"jsonPath":"$.items[0].name","stringValue":"Lin","willContinue":true}],"willContinue":true}})"),
      piece(
          R"({"functionCall":{"partialArgs":[{"jsonPath":"$.items[0].name","stringValue":"sen \"rot\""},{"jsonPath":"$.items[1].n","numberValue":2.5}],"willContinue":true}})"),
      piece(
          R"({"functionCall":{"partialArgs":[{"jsonPath":"$['a.b']","boolValue":true},{"jsonPath":"$.none","nullValue":"NULL_VALUE"}],"willContinue":true}})"),
      piece(R"({"functionCall":{}})"),
      piece(R"({"functionCall":{"name":"next","args":{}}})", kStop),
  }));
  CHECK_FALSE(heard.failure);
  CHECK(heard.lines == Lines{"start r1 m-1", "open 0 call_0000000000000abc_0_0 cook S",
                             R"(call 0 {"items":[{"name":"Linsen \"rot\""},{"n":2.5}],"a.b":true,"none":null})",
                             "open 1 call_0000000000000abc_0_1 next ", "call 1 {}", "finish tool_calls STOP"});
}

TEST_CASE("arguments that do not fit together are a broken answer", "[gemini]") {
  for (const std::string_view args :
       {R"({"jsonPath":"items","stringValue":"x"})",
        R"({"jsonPath":"$.a","numberValue":1},{"jsonPath":"$.a.b","numberValue":1})",
        R"({"jsonPath":"$.a[99999999999999999999]","numberValue":1})", R"({"jsonPath":"$.a[900000]","numberValue":1})",
        R"({"jsonPath":"$.a[","numberValue":1})", R"({"jsonPath":"$..a","numberValue":1})",
        R"({"jsonPath":"$['a","numberValue":1})",
        R"({"jsonPath":"$.s","numberValue":1},{"jsonPath":"$.s","stringValue":"x"})", R"({})"}) {
    const Heard heard =
        hear_gemini(sse({piece(fmt::format(R"({{"functionCall":{{"name":"f","partialArgs":[{}]}}}})", args), kStop)}));
    REQUIRE(heard.failure);
    CHECK(heard.failure->error_kind() == ErrorKind::protocol);
  }
  std::string deep = "$";
  for (int i = 0; i < 500; ++i) deep += ".a";
  CHECK(hear_gemini(
            sse({piece(
                fmt::format(R"({{"functionCall":{{"name":"f","partialArgs":[{{"jsonPath":"{}","numberValue":1}}]}}}})",
                            deep),
                kStop)}))
            .failure);
}

TEST_CASE("parts that are neither text nor calls are handed on whole", "[gemini]") {
  const std::string code = R"({"executableCode":{"language":"PYTHON","code":"1"},"thoughtSignature":"S"})";
  const std::string image = R"({"inlineData":{"mimeType":"image/png","data":"eHl6"}})";
  const Heard heard = hear_gemini(sse({piece(code + "," + image, kStop)}));
  CHECK(heard.lines == Lines{"start r1 m-1", "part " + code, "part " + image, "finish stop STOP"});
}

TEST_CASE("candidates keep apart by their index, wherever they come", "[gemini]") {
  const Heard heard = hear_gemini(sse({
      R"({"candidates":[{"index":1,"content":{"parts":[{"text":"B"}]}}]})",
      R"({"candidates":[{"index":0,"content":{"parts":[{"text":"A"}]},"finishReason":"STOP"},{"index":1,"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS","logprobsResult":{"x":1},"avgLogprobs":-1}]})",
  }));
  CHECK(heard.lines == Lines{"start  ", "1:text B", "text A", "1:text b", "1:logprobs {\"x\":1}",
                             "1:finish length MAX_TOKENS", "finish stop STOP"});
  CHECK(heard.extras == std::map<std::string, std::string>{{"candidates[1].avgLogprobs", "-1"}});
  for (const char* index : {"-1", "128", "99999999999"}) {
    CHECK(hear_gemini(fmt::format(R"({{"candidates":[{{"index":{}}}]}})", index)).failure);
  }
}

TEST_CASE("each of Gemini's finish reasons has its meaning", "[gemini]") {
  const std::vector<std::pair<std::string, FinishReason>> cases = {
      {"STOP", FinishReason::stop},
      {"MAX_TOKENS", FinishReason::length},
      {"SAFETY", FinishReason::content_filter},
      {"RECITATION", FinishReason::content_filter},
      {"BLOCKLIST", FinishReason::content_filter},
      {"PROHIBITED_CONTENT", FinishReason::content_filter},
      {"SPII", FinishReason::content_filter},
      {"IMAGE_SAFETY", FinishReason::content_filter},
      {"MALFORMED_FUNCTION_CALL", FinishReason::error},
      {"OTHER", FinishReason::unknown},
      {"TOMORROWS_REASON", FinishReason::unknown},
  };
  for (const auto& [native, reason] : cases) {
    const Heard heard = hear_gemini(sse({piece(R"({"text":"x"})", fmt::format(R"(,"finishReason":"{}")", native))}));
    CHECK_FALSE(heard.failure);
    CHECK(heard.lines.back() == fmt::format("finish {} {}", to_string(reason), native));
  }
}

TEST_CASE("an answer that came to nothing fails as its reason says", "[gemini]") {
  const auto empty = [](std::string_view reason) {
    return hear_gemini(fmt::format(
        R"({{"candidates":[{{"finishReason":"{}","finishMessage":"why","index":0}}],"usageMetadata":{{"promptTokenCount":1}}}})",
        reason));
  };
  for (const std::string_view reason : {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"}) {
    const Heard heard = empty(reason);
    REQUIRE(heard.failure);
    CHECK(heard.failure->failure == FailureClass::output);
    CHECK(heard.failure->code == reason);
    CHECK(heard.failure->message.find("why") != std::string::npos);
  }
  CHECK(empty("SAFETY").lines.back() == "finish content_filter SAFETY");
  CHECK(empty("MAX_TOKENS").lines.back() == "finish length MAX_TOKENS");
}

TEST_CASE("a prompt that Gemini blocks is a content filter's error", "[gemini]") {
  const std::string blocked =
      R"({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT","blockReasonMessage":"no"},"usageMetadata":{"promptTokenCount":4},"modelVersion":"m"})";
  for (const std::string& body : {blocked, sse({blocked}), "[" + blocked + "]"}) {
    const Heard heard = hear_gemini(body);
    REQUIRE(heard.failure);
    CHECK(heard.failure->failure == FailureClass::filter);
    CHECK(heard.failure->error_kind() == ErrorKind::content_filter);
    CHECK(heard.failure->code == "PROHIBITED_CONTENT");
  }
  const Heard later = hear_gemini(sse({piece(R"({"text":"It"})"), R"({"promptFeedback":{"blockReason":"SAFETY"}})"}));
  CHECK_FALSE(later.failure);
  CHECK(later.lines.back() == "finish content_filter SAFETY");
}

TEST_CASE("a Gemini stream that breaks off is a failure of the server's", "[gemini]") {
  const std::string begun = sse({piece(R"({"text":"It"})")});
  const std::vector<std::string> cases = {begun,
                                          begun + "data: {\"candidates\":[{\"content\":{\"par",
                                          "[" + piece(R"({"text":"It"})", kStop),
                                          "[" + piece(R"({"text":"It"})", kStop) + ",",
                                          piece(R"({"text":"It"})").substr(0, 30),
                                          "",
                                          "\r\n",
                                          ": hold on\n\n"};
  for (const std::string& body : cases) {
    const Heard heard = hear_gemini(body);
    REQUIRE(heard.failure);
    CHECK(heard.failure->failure == FailureClass::server);
    CHECK(heard.failure->error_kind() == ErrorKind::protocol);
  }
}

TEST_CASE("what is no answer of Gemini's is not taken for an empty one", "[gemini]") {
  for (const std::string_view body :
       {R"({"status":"ok"})", "{}", "[1]", "[]x", "data: 7\n\n", "data: [1]\n\n", "<html></html>", "nonsense"}) {
    const Heard heard = hear_gemini(body);
    REQUIRE(heard.failure);
    CHECK(heard.failure->error_kind() == ErrorKind::protocol);
  }
}

TEST_CASE("an error inside a 200 or a stream is an error", "[gemini]") {
  const std::string error = R"({"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}})";
  for (const std::string& body :
       {error, sse({piece(R"({"text":"It"})"), error}), "[" + piece(R"({"text":"It"})") + "," + error + "]"}) {
    const Heard heard = hear_gemini(body);
    REQUIRE(heard.failure);
    CHECK(heard.failure->failure == FailureClass::capacity);
    CHECK(heard.failure->message == "The model is overloaded.");
    CHECK(heard.failure->status == 503);
  }
}

TEST_CASE("a Gemini answer is held to the bounds", "[gemini]") {
  Fixture f;
  const auto transport = detail::make_gemini_transport(kPreset);
  const std::string long_text = piece(fmt::format(R"({{"text":"{}"}})", std::string(5000, 'x')), kStop);
  const Bounds bounds{.max_body = 2000, .max_event = 1000};
  for (const std::string& body : {long_text, sse({long_text}), "[" + long_text + "]", std::string(5000, ' ')}) {
    for (const std::size_t size : {0U, 1U, 700U}) {
      const Heard heard = hear(*transport, f.target(), body, size, bounds);
      REQUIRE(heard.failure);
      CHECK(heard.failure->error_kind() == ErrorKind::protocol);
      CHECK(heard.failure->message.find("bounds.max_") != std::string::npos);
    }
  }
  std::string deep(300, '[');
  CHECK(hear(*transport, f.target(), "{\"candidates\":" + deep).failure);
}

TEST_CASE("comments keep a Gemini stream open but are no progress", "[gemini]") {
  Fixture f;
  const auto transport = detail::make_gemini_transport(kPreset);
  const auto decoder = transport->decoder(HttpHead{.status = 200, .headers = {}}, f.target(), {});
  Heard heard;
  for (const char c : std::string_view(": ping\n\n: pong\r\n\r\n")) {
    CHECK_FALSE(decoder->feed({&c, 1}, heard));
    CHECK(decoder->progress() == 0);
  }
  CHECK_FALSE(decoder->feed("data: {\"candi", heard));
  const std::uint64_t after = decoder->progress();
  CHECK(after > 0);
  CHECK_FALSE(decoder->feed("dates\":[]}\n\n: ping\n\n", heard));
  CHECK(decoder->progress() > after);
}
