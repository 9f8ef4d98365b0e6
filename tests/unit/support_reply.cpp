#include <chrono>
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "support/reply.hpp"

using keywheel::testing::Cut;
using keywheel::testing::Piece;
using keywheel::testing::Reply;
using keywheel::testing::ReplyWriter;
using keywheel::testing::WireStep;

namespace {

std::string wire(ReplyWriter& writer) {
  std::string all;
  while (std::optional<WireStep> step = writer.next()) all += step->bytes;
  return all;
}

std::string wire(Reply reply) {
  ReplyWriter writer(std::move(reply), true, false);
  return wire(writer);
}

}  // namespace

TEST_CASE("an answer is framed as its script says", "[support]") {
  CHECK(wire(Reply::of(200, "text/plain", "hi")) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(wire(Reply::sse({"a", "bc"})) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n");
  Reply until_close = Reply::of(200, "text/plain", "hi");
  until_close.framing = Reply::Framing::until_close;
  ReplyWriter writer(until_close, true, false);
  CHECK(wire(writer) == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhi");
  CHECK_FALSE(writer.keep_alive());
}

TEST_CASE("an answer to HEAD has no body", "[support]") {
  ReplyWriter writer(Reply::of(200, "text/plain", "hi"), true, true);
  CHECK(wire(writer) == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n");
}

TEST_CASE("an answer can be cut at every byte", "[support]") {
  Reply reply = Reply::sse({"abc", "", "de"});
  const std::string whole = wire(reply);
  for (std::size_t after = 0; after <= whole.size(); ++after) {
    reply.cut = Cut{.how = Cut::How::reset, .after = after, .from = Cut::From::start};
    ReplyWriter writer(reply, true, false);
    CHECK(wire(writer) == whole.substr(0, after));
    REQUIRE(writer.cut());
    CHECK(writer.cut()->how == Cut::How::reset);
  }
  const std::string head = whole.substr(0, whole.find("\r\n\r\n") + 4);
  const std::string expected[] = {"", "3\r\na", "3\r\nab", "3\r\nabc", "3\r\nabc\r\n2\r\nd", "3\r\nabc\r\n2\r\nde"};
  for (std::size_t after = 0; after < std::size(expected); ++after) {
    reply.cut = Cut{.after = after};
    ReplyWriter writer(reply, true, false);
    CHECK(wire(writer) == head + expected[after]);
    CHECK(writer.cut());
  }
}

TEST_CASE("a cut beyond the end cuts nothing", "[support]") {
  Reply reply = Reply::of(200, "text/plain", "hi");
  reply.cut = Cut{.after = 3};
  ReplyWriter writer(reply, true, false);
  CHECK(wire(writer).ends_with("\r\n\r\nhi"));
  CHECK_FALSE(writer.cut());
  CHECK(writer.keep_alive());
}

TEST_CASE("pieces without end are asked for one at a time", "[support]") {
  Reply reply = Reply::sse({"first"});
  int asked = 0;
  reply.more = [&]() -> std::optional<Piece> {
    if (++asked == 3) return std::nullopt;
    return Piece{.bytes = "x", .delay = std::chrono::seconds(1)};
  };
  ReplyWriter writer(reply, true, false);
  REQUIRE(writer.next());
  REQUIRE(writer.next());
  CHECK(asked == 0);
  const std::optional<WireStep> step = writer.next();
  REQUIRE(step);
  CHECK(step->bytes == "1\r\nx\r\n");
  CHECK(step->delay == std::chrono::seconds(1));
  CHECK(wire(writer) == "1\r\nx\r\n0\r\n\r\n");
}
