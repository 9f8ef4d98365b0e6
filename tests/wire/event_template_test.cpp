#include "wire/event_template.hpp"

#include <array>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "wire/openai_fixture.hpp"

using keywheel::detail::EventHole;
using keywheel::detail::EventTemplate;

namespace {

/// A template of {"i":NUMBER,"t":STRING}, of which the string is wanted.
EventTemplate sample() {
  const std::string_view text = R"({"i":7,"t":"x"})";
  EventTemplate made;
  made.learn(text, {EventHole{5, 6, true}, EventHole{11, 14, false}}, 1);
  return made;
}

std::string match(std::string_view text) {
  std::string scratch;
  std::string_view delta;
  // A copy of its own size, so that a sanitizer sees every read outside it.
  const std::vector<char> copy(text.begin(), text.end());
  return sample().match({copy.data(), copy.size()}, scratch, delta) ? "=" + std::string(delta) : "no";
}

}  // namespace

TEST_CASE("an event that differs in the holes only is recognised, and decoded", "[template]") {
  CHECK(match(R"({"i":7,"t":"x"})") == "=x");
  CHECK(match(R"({"i":0,"t":"longer text"})") == "=longer text");
  CHECK(match(R"({"i":123456,"t":"\n\"\\\/\b\f\r\t."})") == "=\n\"\\/\b\f\r\t.");
  CHECK(match("{\"i\":7,\"t\":\"\xE4\xBD\xA0\"}") == "=\xE4\xBD\xA0");
}

TEST_CASE("whatever a parser would read otherwise is not recognised", "[template]") {
  const std::string_view texts[] = {
      "",
      "{",
      R"({"i":7,"t":""})",
      R"({"i":7,"t":null})",
      R"({"i":7,"t":"x"}})",
      R"({"i":7,"t":"x")",
      R"({"i":7,"t":"x)",
      R"({"i":7,"t":"x\)",
      R"({"i":7,"t":"\u0041"})",
      R"({"i":7,"t":"\x"})",
      "{\"i\":7,\"t\":\"\n\"}",
      "{\"i\":7,\"t\":\"\xFF\"}",
      R"({"i":07,"t":"x"})",
      R"({"i":-7,"t":"x"})",
      R"({"i":7.5,"t":"x"})",
      R"({"i":,"t":"x"})",
      R"({"i":7,"T":"x"})",
      R"({"i":7, "t":"x"})",
      R"({"i":7,"t":"x","u":1})",
      R"({"i":1234567890123456,"t":"x"})",
  };
  for (const std::string_view text : texts) {
    INFO(text);
    CHECK(match(text) == "no");
  }
  for (std::size_t size = 0; size < 15; ++size)
    CHECK(match(std::string_view(R"({"i":7,"t":"x"})").substr(0, size)) == "no");
}

TEST_CASE("a template that knows nothing, or has forgotten, recognises nothing", "[template]") {
  std::string scratch;
  std::string_view delta;
  EventTemplate none;
  CHECK_FALSE(none.match("", scratch, delta));
  EventTemplate forgot = sample();
  forgot.forget();
  CHECK_FALSE(forgot.match(R"({"i":7,"t":"x"})", scratch, delta));
}

namespace {

/// Random streams in the manner of several vendors.
class StreamMaker {
 public:
  explicit StreamMaker(unsigned seed) : random_(seed) {}

  std::vector<std::string> chunks() {
    std::vector<std::string> made;
    const std::size_t size = 4 + pick(30);
    for (std::size_t i = 0; i < size; ++i) made.push_back(chunk());
    made.push_back(R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
    return made;
  }

  /// Changes a few characters, so that some events are no longer JSON, or are other JSON.
  void spoil(std::string& text) {
    constexpr std::string_view kBytes =
        "\"\\{}[]:,019eE.-+nrtu\t \x80\xE4\xFF\x01"
        "adls";
    for (std::size_t times = pick(3); times > 0 && !text.empty(); --times) {
      const std::size_t at = pick(text.size());
      const char byte = kBytes[pick(kBytes.size())];
      if (pick(2) == 0) {
        text[at] = byte;
      } else {
        text.insert(text.begin() + static_cast<std::ptrdiff_t>(at), byte);
      }
    }
  }

  std::size_t pick(std::size_t below) { return random_() % below; }

 private:
  template <std::size_t N>
  std::string_view one_of(const std::array<std::string_view, N>& choices) {
    return choices[pick(N)];
  }

  std::string word() {
    return std::string(one_of(std::array<std::string_view, 12>{"a", " the", "", "\\n", "\\u00e9", "\\ud83d", "\\\"x",
                                                               "你", "<think>", "</think>", "{\\\"a\\\":", "}"}));
  }

  std::string chunk() {
    const std::string index = std::to_string(pick(2));
    const std::string delta(one_of(std::array<std::string_view, 10>{
        R"("content":"W")", R"("content":"W")", R"("role":"assistant","content":"","reasoning_content":"W")",
        R"("content":"W","reasoning":"W")", R"("reasoning_details":[{"text":"W"}],"reasoning":"W")", R"("refusal":"W")",
        R"("tool_calls":[{"index":I,"function":{"arguments":"W"}}])",
        R"("tool_calls":[{"function":{"arguments":"W"}}])",
        R"("tool_calls":[{"index":I,"id":"t","function":{"name":"f","arguments":"W"}}])",
        R"("token_id":N,"padding":"W","content":"W")"}));
    const std::string more(one_of(std::array<std::string_view, 9>{
        "", "", "", R"(,"obfuscation":"W")", R"(,"created":N)", R"(,"usage":{"completion_tokens":N})",
        R"(,"usage":null)", R"(,"fingerprint":"W")", R"(,"fingerprint":"same","p":"W")"}));
    const std::string form =
        R"({"id":"c","choices":[{"index":I,"delta":{)" + delta + R"(},"finish_reason":null}])" + more + "}";
    std::string filled;
    for (const char c : form) {
      if (c == 'W') {
        filled += word();
      } else if (c == 'N') {
        filled += std::to_string(pick(3));
      } else if (c == 'I') {
        filled += index;
      } else {
        filled += c;
      }
    }
    return filled;
  }

  std::mt19937 random_;
};

/// White space that no other event of the test has, so that none is recognised and each is parsed.
std::string mark(std::size_t number) {
  std::string blanks;
  for (int bit = 0; bit < 10; ++bit) blanks += (number >> static_cast<unsigned>(bit) & 1U) != 0 ? ' ' : '\t';
  return blanks;
}

}  // namespace

TEST_CASE("recognising events and parsing each of them give the same, whatever comes", "[template][openai]") {
  for (unsigned seed = 0; seed < 1500; ++seed) {
    INFO("seed " << seed);
    StreamMaker maker(seed);
    OpenAiFixture f(seed % 3 == 0 ? "vllm" : "openai");
    std::string stream;
    std::string marked;
    std::size_t number = 0;
    for (std::string chunk : maker.chunks()) {
      if (seed % 2 == 1 && maker.pick(8) == 0) maker.spoil(chunk);
      stream += "data: " + chunk + "\n\n";
      if (chunk.starts_with('{')) chunk.insert(1, mark(number++));
      marked += "data: " + chunk + "\n\n";
    }
    const auto fast = f.transport->decoder({.status = 200}, f.target(), {});
    const auto slow = f.transport->decoder({.status = 200}, f.target(), {});
    REQUIRE(decode(*fast, stream, 1 + maker.pick(200)) == decode(*slow, marked, marked.size()));
  }
}
