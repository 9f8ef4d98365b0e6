#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "support/http_request.hpp"

using keywheel::testing::ReceivedRequest;
using keywheel::testing::RequestParser;
using Status = keywheel::testing::RequestParser::Status;

namespace {

constexpr std::string_view kPost =
    "POST /v1/chat?x=1 HTTP/1.1\r\nHost: h\r\nX-Empty:\r\ncontent-length: 5\r\n\r\nhello";
constexpr std::string_view kChunked =
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nT: x\r\n\r\n";

struct Parsed {
  Status status = Status::need_more;
  ReceivedRequest request{};
  std::string rest{};
  int error = 0;
};

Parsed parse(std::string_view bytes, std::size_t step, RequestParser::Bounds bounds = {}) {
  RequestParser parser(bounds);
  Parsed parsed;
  while (!bytes.empty() && parsed.status == Status::need_more) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    parsed.status = parser.feed(piece);
    parsed.rest = std::string(piece) + std::string(bytes);
  }
  if (parsed.status == Status::complete) parsed.request = parser.take();
  parsed.error = parser.error_status();
  return parsed;
}

}  // namespace

TEST_CASE("a request is read the same from pieces of any size", "[support]") {
  const std::size_t step = GENERATE(1U, 2U, 3U, 7U, 20U, 1000U);
  CAPTURE(step);
  const Parsed fixed = parse(kPost, step);
  REQUIRE(fixed.status == Status::complete);
  CHECK(fixed.request.method == "POST");
  CHECK(fixed.request.path() == "/v1/chat");
  CHECK(fixed.request.query() == "x=1");
  CHECK(fixed.request.find("HOST") == "h");
  CHECK(fixed.request.find("x-empty").empty());
  CHECK(fixed.request.body == "hello");
  CHECK(fixed.request.keep_alive);
  CHECK(fixed.rest.empty());

  const Parsed chunked = parse(kChunked, step);
  REQUIRE(chunked.status == Status::complete);
  CHECK(chunked.request.body == "hello");
}

TEST_CASE("what follows a request is left for the next one", "[support]") {
  RequestParser parser;
  const std::string both = std::string(kPost) + "GET /next HTTP/1.1\r\nConnection: close\r\n\r\n";
  std::string_view bytes = both;
  REQUIRE(parser.feed(bytes) == Status::complete);
  CHECK(parser.take().body == "hello");
  CHECK(parser.idle());
  REQUIRE(parser.feed(bytes) == Status::complete);
  const ReceivedRequest next = parser.take();
  CHECK(next.path() == "/next");
  CHECK(next.query().empty());
  CHECK_FALSE(next.keep_alive);
}

TEST_CASE("a truncated request is never whole", "[support]") {
  for (const std::string_view whole : {kPost, kChunked}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      CAPTURE(length);
      CHECK(parse(whole.substr(0, length), 4).status == Status::need_more);
    }
  }
}

TEST_CASE("what is not HTTP is refused with its status", "[support]") {
  struct Case {
    std::string_view bytes;
    int status;
  };
  const Case bad = GENERATE(
      Case{"\r\n\r\n", 400}, Case{"GET\r\n\r\n", 400}, Case{"GET /\r\n\r\n", 400}, Case{"GET  HTTP/1.1\r\n\r\n", 400},
      Case{"G@T / HTTP/1.1\r\n\r\n", 400}, Case{"GET /a b HTTP/1.1\r\n\r\n", 400}, Case{"GET / HTTP/2.0\r\n\r\n", 505},
      Case{"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400}, Case{"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400},
      Case{"GET / HTTP/1.1\r\nA : x\r\n\r\n", 400}, Case{"GET / HTTP/1.1\nA: x\r\n\r\n", 400},
      Case{"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      Case{"POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400},
      Case{"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      Case{"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      Case{"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      Case{"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      Case{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400},
      Case{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400},
      Case{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\na", 400},
      Case{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413});
  CAPTURE(bad.bytes);
  CHECK(parse(bad.bytes, 1000).error == bad.status);
  CHECK(parse(bad.bytes, 1).error == bad.status);
}

TEST_CASE("requests over the bounds are refused before they are held", "[support]") {
  const RequestParser::Bounds bounds{.max_head = 100, .max_headers = 2, .max_body = 10};
  const std::string long_head = "GET / HTTP/1.1\r\nA: " + std::string(100, 'x');
  CHECK(parse(long_head, 1, bounds).error == 431);
  CHECK(parse(long_head, 1000, bounds).error == 431);
  CHECK(parse("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", 1000, bounds).error == 431);
  CHECK(parse("GET / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", 1000, bounds).error == 413);
  CHECK(parse("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n", 1000, bounds).error == 413);
  CHECK(parse("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na:1\r\nb:1\r\nc:1\r\n", 1000, bounds).error ==
        431);
  CHECK(parse("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(5000, '0'), 1000, bounds).error ==
        400);
}

TEST_CASE("a client that waits to send its body is told once to go on", "[support]") {
  RequestParser parser;
  std::string_view head = "POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  CHECK(parser.feed(head) == Status::need_more);
  CHECK(parser.wants_continue());
  CHECK_FALSE(parser.wants_continue());
  std::string_view body = "hi";
  CHECK(parser.feed(body) == Status::complete);
}
