#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "providers/think_filter.hpp"
#include "wire/base64.hpp"
#include "wire/http_date.hpp"
#include "wire/ndjson.hpp"
#include "wire/utf8.hpp"

using namespace keywheel::detail;  // NOLINT(google-build-using-namespace)

TEST_CASE("base64 is written and read", "[base64]") {
  const std::string_view rows[][2] = {{"", ""},
                                      {"f", "Zg=="},
                                      {"fo", "Zm8="},
                                      {"foo", "Zm9v"},
                                      {"foob", "Zm9vYg=="},
                                      {"fooba", "Zm9vYmE="},
                                      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : rows) {
    CHECK(base64_encode(plain) == coded);
    CHECK(base64_decode(coded) == plain);
  }
  CHECK(base64_encode(std::string_view("\xFB\xFF\0", 3)) == "+/8A");
  CHECK(base64url_encode("\xFB\xFF") == "-_8");
  CHECK(base64_decode("-_8") == "\xFB\xFF");
  CHECK(base64_decode("Zm9v\r\nYmFy") == "foobar");
  for (const std::string_view bad : {"Z", "Zg=", "Zg===", "Zg=a", "Z!==", "Zm9v=", "=", "Zm 9v"})
    CHECK_FALSE(base64_decode(bad));
}

TEST_CASE("UTF-8 is told from what is not", "[utf8]") {
  for (const std::string_view good :
       {"", "abc", "0123456789abcdef", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "12345678\xC3\xA9"}) {
    CHECK(valid_utf8(good));
    CHECK(repair_utf8(good) == good);
  }
  for (const std::string_view bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xC3", "\xE4\xBD", "\xF0\x9F\x98", "1234567\xFF"}) {
    CHECK_FALSE(valid_utf8(bad));
    CHECK(valid_utf8(repair_utf8(bad)));
  }
  std::string out;
  append_utf8(out, U'a');
  append_utf8(out, U'\u00e9');
  append_utf8(out, U'\u4f60');
  append_utf8(out, U'\U0001F600');
  append_utf8(out, 0xD800);
  append_utf8(out, 0x110000);
  CHECK(out == "a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("lines are read however they are cut", "[ndjson]") {
  const std::string_view text = "{\"a\":1}\n\n  \r\n{\"b\":2}\r\nlast";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    std::vector<std::string> seen;
    LineParser parser(64);
    const auto keep = [&seen](std::string_view line) {
      seen.emplace_back(line);
      return true;
    };
    for (std::size_t at = 0; at < text.size(); at += size) {
      const std::string piece(text.substr(at, size));
      REQUIRE(parser.feed(piece, keep) == LineParser::Status::ok);
    }
    REQUIRE(parser.finish(keep) == LineParser::Status::ok);
    CHECK(seen == std::vector<std::string>{"{\"a\":1}", "{\"b\":2}", "last"});
  }
}

TEST_CASE("a line over the bound ends the stream, and a handler may", "[ndjson]") {
  const auto drop = [](std::string_view) { return true; };
  LineParser whole(8);
  CHECK(whole.feed("123456789\n", drop) == LineParser::Status::too_large);
  LineParser pieces(8);
  CHECK(pieces.feed("12345", drop) == LineParser::Status::ok);
  CHECK(pieces.feed("6789", drop) == LineParser::Status::too_large);
  LineParser stopped(8);
  CHECK(stopped.feed("1\n2\n", [](std::string_view line) { return line != "1"; }) == LineParser::Status::stopped);
}

TEST_CASE("dates of all three forms are read, others are not", "[date]") {
  const auto at = [](std::string_view text) {
    const auto date = parse_http_date(text);
    return date ? date->time_since_epoch().count() : -1;
  };
  CHECK(at("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
  CHECK(at("Sunday, 06-Nov-94 08:49:37 GMT") == 784111777);
  CHECK(at("Sun Nov  6 08:49:37 1994") == 784111777);
  for (const std::string_view bad :
       {"", "now", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT", "Sun, xx Nov 1994 08:49:37 GMT", "a b c d e f g"}) {
    CHECK(at(bad) == -1);
  }
}

TEST_CASE("think tags are found wherever the pieces end", "[think]") {
  const auto parted = [](std::string_view text, std::size_t size, bool opened) {
    ThinkFilter filter(opened);
    std::string thought;
    std::string answer;
    const auto emit = [&](bool inside, std::string_view piece) { (inside ? thought : answer) += piece; };
    for (std::size_t at = 0; at < text.size(); at += size) filter.feed(text.substr(at, size), emit);
    filter.finish(emit);
    return thought + "|" + answer;
  };
  for (std::size_t size = 1; size < 40; ++size) {
    CHECK(parted("<think>a<b</thin>c</think>d</think>", size, false) == "a<b</thin>c|d</think>");
    CHECK(parted("\n <think>a</think>", size, false) == "a|");
    CHECK(parted("a</think>b", size, true) == "a|b");
    CHECK(parted("x<think>a</think>", size, false) == "|x<think>a</think>");
    CHECK(parted(" \n", size, false) == "| \n");
    CHECK(parted("<thin", size, false) == "|<thin");
    CHECK(parted("<think>a</thi", size, false) == "a</thi|");
    CHECK(parted("", size, false) == "|");
    CHECK(parted(std::string(100, ' ') + "<think>", size, false) == "|" + std::string(100, ' ') + "<think>");
  }
}
