#include "wire/sse.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <keywheel/version.hpp>

#include <catch2/catch_test_macros.hpp>

using keywheel::detail::SseEvent;
using keywheel::detail::SseParser;

namespace {

struct Seen {
  std::string data;
  std::string event;
  std::string id;
  bool operator==(const Seen& other) const = default;
};

std::vector<Seen> read(const std::vector<std::string_view>& pieces, std::size_t bound = 1024) {
  std::vector<Seen> seen;
  SseParser parser(bound);
  const auto keep = [&seen](const SseEvent& e) {
    seen.push_back({std::string(e.data), std::string(e.event), std::string(e.id)});
    return true;
  };
  for (const std::string_view piece : pieces) {
    // A copy of its own size, so that a sanitizer sees every read outside the piece and every view kept too long.
    const std::vector<char> copy(piece.begin(), piece.end());
    REQUIRE(parser.feed({copy.data(), copy.size()}, keep) == SseParser::Status::ok);
  }
  REQUIRE(parser.finish(keep) == SseParser::Status::ok);
  return seen;
}

std::vector<std::string_view> cut(std::string_view text, std::size_t size) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < text.size(); i += size) pieces.push_back(text.substr(i, size));
  return pieces;
}

}  // namespace

TEST_CASE("server-sent events read the same however the bytes are cut", "[sse]") {
  const std::string_view text =
      "\xEF\xBB\xBF: comment\r\nevent: start\rid:7\ndata:no space\n\n"
      "data: two\ndata:\ndata:  lines\r\n\r\n\n"
      "event: nothing\n\n"
      "data\n\n"
      "retry: 10\nunknown: x\ndata: \xE4\xBD\xA0\r\r"
      "data: last, without its line end";
  const std::vector<Seen> expected = {{"no space", "start", "7"},
                                      {"two\n\n lines", "", ""},
                                      {"", "", ""},
                                      {"\xE4\xBD\xA0", "", ""},
                                      {"last, without its line end", "", ""}};
  for (std::size_t size = 1; size <= text.size(); ++size) CHECK(read(cut(text, size)) == expected);
  for (std::size_t at = 0; at <= text.size(); ++at) CHECK(read({text.substr(0, at), text.substr(at)}) == expected);
}

TEST_CASE("half a byte order mark at the start is no mark", "[sse]") {
  CHECK(read({"\xEF\xBB", "data: x\n\n"}).empty());
  CHECK(read({"", "\xEF", "\xBB", "\xBF", "data: x\n\n"}) == std::vector<Seen>{{"x", "", ""}});
}

TEST_CASE("an event over the bound ends the stream, in one piece or in many", "[sse]") {
  const auto drop = [](const SseEvent&) { return true; };
  const std::string line = "data: " + std::string(100, 'x') + "\n\n";
  SseParser whole(64);
  CHECK(whole.feed(line, drop) == SseParser::Status::too_large);
  SseParser pieces(64);
  SseParser::Status status = SseParser::Status::ok;
  for (const char c : line) {
    status = pieces.feed({&c, 1}, drop);
    if (status != SseParser::Status::ok) break;
  }
  CHECK(status == SseParser::Status::too_large);
  SseParser lines(64);
  status = SseParser::Status::ok;
  for (int i = 0; i < 100 && status == SseParser::Status::ok; ++i) status = lines.feed("data: 0123456789\n", drop);
  CHECK(status == SseParser::Status::too_large);
}

TEST_CASE("a handler that says stop sees no more events", "[sse]") {
  int seen = 0;
  SseParser parser(64);
  CHECK(parser.feed("data: 1\n\ndata: 2\n\n", [&seen](const SseEvent&) { return ++seen < 1; }) ==
        SseParser::Status::stopped);
  CHECK(seen == 1);
}

TEST_CASE("an event that lies whole in a piece is not copied", "[sse]") {
  const std::string text = "data: one\n\ndata: two\n\n";
  SseParser parser(64);
  REQUIRE(parser.feed(text, [&text](const SseEvent& e) {
    CHECK(e.data.data() >= text.data());
    CHECK(e.data.data() < text.data() + text.size());
    return true;
  }) == SseParser::Status::ok);
}
