#include "http/websocket_frames.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/websocket_frames.hpp"

using namespace keywheel;           // NOLINT(google-build-using-namespace)
using namespace keywheel::detail;   // NOLINT(google-build-using-namespace)
using namespace keywheel::testing;  // NOLINT(google-build-using-namespace)
using namespace std::string_literals;
using Status = WebSocketFrames::Status;

namespace {

struct Log final : WebSocketFrames::Handler {
  bool on_payload(std::string_view bytes) override {
    payload += bytes;
    return !stop_at_payload;
  }
  bool on_ping(std::string_view bytes) override {
    pings.emplace_back(bytes);
    return true;
  }
  bool on_length(std::uint64_t size) override { return size <= most; }

  std::string payload{};
  std::vector<std::string> pings{};
  bool stop_at_payload = false;
  std::uint64_t most = 1'000'000;
};

Status read(std::string_view bytes, Log& log, WebSocketFrames& frames, std::size_t piece) {
  Status status = Status::open;
  for (std::size_t at = 0; at < bytes.size() && status == Status::open; at += piece)
    status = frames.feed(bytes.substr(at, piece), log);
  return status;
}

/// The fault in these bytes, whole and a byte at a time.
std::string fault(std::string_view bytes) {
  std::string found;
  for (const std::size_t piece : {bytes.size(), std::size_t{1}}) {
    Log log;
    WebSocketFrames frames;
    CHECK(read(bytes, log, frames, piece) == Status::malformed);
    CHECK((found.empty() || found == frames.fault()));
    found = frames.fault();
  }
  return found;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("messages, fragments and what comes between them are read alike in all pieces", "[websocket]") {
  const std::string bytes = to_bytes({.opcode = WebSocketOpcode::text, .payload = "one ", .final = false}) +
                            to_bytes({.opcode = WebSocketOpcode::ping, .payload = "are you there"}) +
                            to_bytes({.opcode = WebSocketOpcode::continuation, .payload = "", .final = false}) +
                            to_bytes({.opcode = WebSocketOpcode::pong, .payload = "unasked"}) +
                            to_bytes({.opcode = WebSocketOpcode::ping}) +
                            to_bytes({.opcode = WebSocketOpcode::continuation, .payload = "two "}) +
                            to_bytes({.opcode = WebSocketOpcode::binary, .payload = std::string(125, 'a')}) +
                            websocket_text(std::string(126, 'b')) + websocket_text("") +
                            websocket_text(std::string(65536, 'c')) + websocket_close(1000, "bye");
  const std::string payload = "one two " + std::string(125, 'a') + std::string(126, 'b') + std::string(65536, 'c');
  for (const std::size_t piece : {bytes.size(), std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{997}}) {
    Log log;
    WebSocketFrames frames;
    CHECK(read(bytes, log, frames, piece) == Status::closed);
    CHECK(log.payload == payload);
    CHECK(log.pings == std::vector<std::string>{"are you there", ""});
    CHECK(frames.close_code() == 1000);
    CHECK(frames.at_rest());
  }
}

TEST_CASE("every place to split a short exchange gives the same", "[websocket]") {
  const std::string bytes = to_bytes({.payload = "{\"a\":", .final = false}) +
                            to_bytes({.opcode = WebSocketOpcode::ping, .payload = "p"}) +
                            to_bytes({.opcode = WebSocketOpcode::continuation, .payload = "1}"}) +
                            to_bytes({.opcode = WebSocketOpcode::close});
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    Log log;
    WebSocketFrames frames;
    Status status = frames.feed(std::string_view(bytes).substr(0, split), log);
    if (status == Status::open) status = frames.feed(std::string_view(bytes).substr(split), log);
    CHECK(status == Status::closed);
    CHECK(log.payload == "{\"a\":1}");
    CHECK(log.pings == std::vector<std::string>{"p"});
    CHECK(frames.close_code() == 1005);
  }
}

TEST_CASE("what a server must not send is malformed, and says how", "[websocket]") {
  CHECK(has(fault("\x81\x81mask."s), "masked"));
  CHECK(has(fault("\xc1\x01x"s), "reserved bits"));
  CHECK(has(fault("\x91\x01x"s), "reserved bits"));
  for (const char opcode : {'\x83', '\x87', '\x8b', '\x8f'}) CHECK(has(fault(opcode + "\x01x"s), "unknown kind"));
  CHECK(has(fault("\x80\x01x"s), "continues no message"));
  CHECK(has(fault("\x01\x01x\x81\x01y"s), "inside another"));
  CHECK(has(fault("\x09\x01x"s), "in fragments"));
  CHECK(has(fault("\x08\x02\x03\xe8"s), "in fragments"));
  CHECK(has(fault("\x89\x7e\x00\x7e"s), "more than 125"));
  CHECK(has(fault("\x88\x7f"s), "more than 125"));
  CHECK(has(fault("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x01"s), "length"));
  CHECK(has(fault("\x88\x01\x03"s), "code that is none"));
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 2999, 5000})
    CHECK(has(fault(websocket_close(code)), "code that is none"));
}

TEST_CASE("a close in the middle of a message leaves it open", "[websocket]") {
  Log log;
  WebSocketFrames frames;
  CHECK(frames.feed(to_bytes({.payload = "half", .final = false}) + websocket_close(1001), log) == Status::closed);
  CHECK(frames.close_code() == 1001);
  CHECK_FALSE(frames.at_rest());
}

TEST_CASE("a length that is too much is refused before its bytes come, and a reader may stop", "[websocket]") {
  Log log;
  log.most = 1000;
  WebSocketFrames frames;
  CHECK(frames.feed("\x81\x7f\x00\x00\x00\x00\x7f\xff\xff\xff"s, log) == Status::stopped);
  CHECK(log.payload.empty());

  Log stopping;
  stopping.stop_at_payload = true;
  WebSocketFrames other;
  CHECK(other.feed(websocket_text("a") + websocket_text("b"), stopping) == Status::stopped);
  CHECK(stopping.payload == "a");
}
