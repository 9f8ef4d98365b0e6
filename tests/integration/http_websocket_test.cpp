#include "integration/http_websocket.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "http/websocket.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;
using keywheel::testing::to_bytes;
using keywheel::testing::websocket_close;
using keywheel::testing::websocket_text;
using keywheel::testing::WebSocketFrame;
using keywheel::testing::WebSocketOpcode;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// What becomes of an exchange with a server that sends these bytes behind its 101.
struct Talk {
  explicit Talk(const std::string& bytes, const Bounds& bounds = {}) {
    Server server(websocket([&](WebSocketPeer& peer, const std::string&) { peer.send(bytes); }));
    const auto loop = Loop::create({});
    Recorder recorder(*loop);
    run(*loop, recorder, upgrade(ws_url(server)), {.bounds = &bounds});
    end = recorder.end;
    body = recorder.body;
  }
  ExchangeEnd end{};
  std::string body{};
};

}  // namespace

TEST_CASE("a WebSocket carries a message there and many back", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  Received request;
  WebSocketFrame message;
  std::vector<WebSocketFrame> answers;
  std::string violation;
  Latch gone;
  Server server([&](Connection& connection, int) {
    WebSocketPeer peer(connection);
    if (!peer.accept()) return;
    request = peer.request();
    if (const auto frame = peer.read()) message = *frame;
    peer.send(to_bytes({.payload = R"({"a":)", .final = false}));
    peer.send(to_bytes({.opcode = WebSocketOpcode::ping, .payload = "there?"}));
    if (const auto frame = peer.read()) answers.push_back(*frame);
    peer.send(to_bytes({.opcode = WebSocketOpcode::continuation, .payload = "1}"}));
    peer.text(R"({"b":2})");
    peer.close();
    while (const auto frame = peer.read()) answers.push_back(*frame);
    violation = peer.violation();
    gone.open();
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  HttpRequest ask = upgrade(ws_url(server, "/v1.1/chat"), R"({"ask":"it"})");
  ask.secret_query = "authorization=hush";
  ask.headers = {{"X-Own", "yes"}};
  run(*loop, recorder, std::move(ask));
  gone.wait();
  CHECK(recorder.end.message == "");
  CHECK(recorder.end.kind == Kind::complete);
  CHECK(recorder.sent == 1);
  CHECK(recorder.heads == 1);
  CHECK(recorder.head.status == 200);
  CHECK(recorder.body == R"({"a":1}{"b":2})");

  CHECK(request.head.starts_with("GET /v1.1/chat?authorization=hush HTTP/1.1\r\n"));
  CHECK(request.header("upgrade") == "websocket");
  CHECK(request.header("sec-websocket-version") == "13");
  CHECK(request.header("sec-websocket-key").size() == 24);
  CHECK(request.header("x-own") == "yes");
  CHECK(message.opcode == WebSocketOpcode::text);
  CHECK(message.final);
  CHECK(message.payload == R"({"ask":"it"})");
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].opcode == WebSocketOpcode::pong);
  CHECK(answers[0].payload == "there?");
  CHECK(answers[1].opcode == WebSocketOpcode::close);
  CHECK(answers[1].payload == "\x03\xe8");
  CHECK(violation == "");
}

TEST_CASE("what a WebSocket brings is the same a byte at a time, and behind the head at once", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  const std::string bytes = to_bytes({.payload = "one ", .final = false}) +
                            to_bytes({.opcode = WebSocketOpcode::ping, .payload = std::string(125, 'p')}) +
                            to_bytes({.opcode = WebSocketOpcode::continuation, .payload = "two "}) +
                            websocket_text("three") + websocket_close(1000);
  for (const std::size_t piece : {bytes.size(), std::size_t{1}}) {
    std::optional<WebSocketFrame> pong;
    Server server(websocket([&](WebSocketPeer& peer, const std::string&) {
      for (std::size_t at = 0; at < bytes.size(); at += piece) peer.send(std::string_view(bytes).substr(at, piece));
      pong = peer.read();
      while (peer.read()) continue;
    }));
    const auto loop = Loop::create({});
    Recorder recorder(*loop);
    run(*loop, recorder, upgrade(ws_url(server)));
    CHECK(recorder.end.kind == Kind::complete);
    CHECK(recorder.body == "one two three");
  }
  Server hasty([&](Connection& connection, int) {
    const auto received = connection.read_request();
    if (!received) return;
    connection.write(keywheel::testing::websocket_answer(received->header("sec-websocket-key")) + bytes);
    connection.drain();
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  run(*loop, recorder, upgrade(ws_url(hasty)));
  CHECK(recorder.end.kind == Kind::complete);
  CHECK(recorder.body == "one two three");
}

TEST_CASE("an upgrade that is answered wrongly sends no message", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  const std::string start = "HTTP/1.1 101 Switching Protocols\r\n";
  const std::string good = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  const auto ended = [&](const std::function<std::string(const std::string& key)>& head) {
    std::string more;
    Server server([&](Connection& connection, int) {
      const auto received = connection.read_request();
      if (!received) return;
      connection.write(head(received->header("sec-websocket-key")) + "\r\n");
      while (connection.read_some()) more += connection.buffered();
    });
    const auto loop = Loop::create({});
    Recorder recorder(*loop);
    run(*loop, recorder, upgrade(ws_url(server)));
    CHECK(recorder.heads == 0);
    CHECK(recorder.end.kind == Kind::lost);
    CHECK(more == "");
    return recorder.end.message;
  };
  const auto accept = [](const std::string& key) {
    return "Sec-WebSocket-Accept: " + keywheel::testing::websocket_accept(key) + "\r\n";
  };
  CHECK(has(ended([&](const std::string&) { return start + good; }), "Sec-WebSocket-Accept"));
  CHECK(has(ended([&](const std::string&) { return start + good + accept("another"); }), "Sec-WebSocket-Accept"));
  CHECK(has(
      ended([&](const std::string& key) { return start + "Upgrade: h2c\r\nConnection: Upgrade\r\n" + accept(key); }),
      "something else"));
  CHECK(has(ended([&](const std::string& key) { return start + "Upgrade: websocket\r\n" + accept(key); }),
            "something else"));
  CHECK(has(ended([&](const std::string& key) {
              return start + good + accept(key) + "Sec-WebSocket-Extensions: permessage-deflate\r\n";
            }),
            "extension"));
  CHECK(has(ended([&](const std::string& key) { return start + good + accept(key) + "Sec-WebSocket-Protocol: x\r\n"; }),
            "subprotocol"));
}

TEST_CASE("a refused upgrade is an answer with its status and headers", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  for (const int status : {200, 302, 401, 403, 429, 503}) {
    Server server([&](Connection& connection, int) {
      if (connection.read_request()) connection.answer("{\"message\":\"no\"}", "Retry-After: 7\r\n", status);
      connection.drain();
    });
    const auto loop = Loop::create({});
    Recorder recorder(*loop);
    run(*loop, recorder, upgrade(ws_url(server)));
    CHECK(recorder.end.message == "");
    CHECK(recorder.end.kind == Kind::complete);
    CHECK(recorder.head.status == status);
    CHECK(recorder.head.find("retry-after") == "7");
  }
}

TEST_CASE("a WebSocket ends well only where the server says so", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  const std::string text = websocket_text("{}");
  CHECK(Talk(text + websocket_close(1000, "done")).end.kind == Kind::complete);
  CHECK(Talk(text + to_bytes({.opcode = WebSocketOpcode::close})).end.kind == Kind::complete);
  for (const int code : {1001, 1002, 1008, 1011, 3000, 4999}) {
    const Talk outcome(text + websocket_close(code, "secret words"));
    CHECK(outcome.end.kind == Kind::lost);
    CHECK(outcome.body == "{}");
    CHECK(has(outcome.end.message, fmt::format("code {}", code)));
    CHECK_FALSE(has(outcome.end.message, "secret words"));
  }
  const Talk silent(text);
  CHECK(silent.end.kind == Kind::lost);
  CHECK(silent.body == "{}");
  CHECK(Talk("").end.kind == Kind::lost);
  CHECK(Talk(text.substr(0, 3)).end.kind == Kind::lost);
  const Talk half(to_bytes({.payload = "{", .final = false}) + websocket_close(1000));
  CHECK(half.end.kind == Kind::lost);
  CHECK(has(half.end.message, "middle of a message"));

  Server reset([](Connection& connection, int) {
    WebSocketPeer peer(connection);
    if (peer.accept() && peer.read()) connection.reset();
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  run(*loop, recorder, upgrade(ws_url(reset)));
  CHECK(recorder.end.kind == Kind::lost);
  CHECK_FALSE(recorder.end.observation.empty());
}

TEST_CASE("frames that no server may send end the exchange", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  using namespace std::string_literals;
  for (const std::string& bytes : {"\x83\x01x"s, "\x81\x81mask."s, "\xc1\x01x"s, "\x80\x01x"s, "\x09\x01x"s,
                                   "\x89\x7e\x00\x7e"s, websocket_close(1006)}) {
    const Talk outcome(bytes + websocket_close(1000));
    CHECK(outcome.end.kind == Kind::lost);
    CHECK(outcome.body == "");
    CHECK(has(outcome.end.message, "over the WebSocket"));
  }
}

TEST_CASE("a WebSocket's messages are held to max_body together", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  using namespace std::string_literals;
  const Bounds bounds{.max_body = 1000};
  const std::string half = websocket_text(std::string(500, 'x'));
  CHECK(Talk(half + half + websocket_close(1000), bounds).end.kind == Kind::complete);
  CHECK(Talk(half + half + websocket_text("y") + websocket_close(1000), bounds).end.kind == Kind::too_large);
  const Talk announced("\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00"s, bounds);
  CHECK(announced.end.kind == Kind::too_large);
  CHECK(has(announced.end.message, "max_body"));
}

TEST_CASE("a message that finds no room is sent as room comes, and holds up nobody", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  std::string message(12'000'000, 'm');
  for (std::size_t i = 0; i < message.size(); i += 1000) message[i] = static_cast<char>('a' + i / 1000 % 26);
  Latch read;
  std::string received;
  std::vector<WebSocketOpcode> after;
  Server server([&](Connection& connection, int) {
    WebSocketPeer peer(connection);
    if (!peer.accept()) return;
    peer.send(to_bytes({.opcode = WebSocketOpcode::ping, .payload = "1"}) +
              to_bytes({.opcode = WebSocketOpcode::ping, .payload = "2"}) + websocket_text("early "));
    read.wait();
    if (const auto frame = peer.read()) received = frame->payload;
    peer.text("late");
    peer.close();
    while (const auto frame = peer.read()) after.push_back(frame->opcode);
  });
  Server other(echo([](const Received&) { return "ok"; }));
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  Latch early;
  recorder.when_body = [&] { early.open(); };
  start(*loop, recorder, upgrade(ws_url(server), message));
  early.wait();
  Recorder meanwhile(*loop);
  run(*loop, meanwhile, get(other.url()));
  CHECK(meanwhile.body == "ok");
  CHECK(recorder.ends == 0);
  read.open();
  loop->wait(recorder.gate);
  CHECK(recorder.end.message == "");
  CHECK(recorder.body == "early late");
  CHECK(received == message);
}

TEST_CASE("a WebSocket pauses, resumes and is cancelled like any exchange", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  constexpr std::size_t kTexts = 2000;
  const std::string text(1000, 't');
  Server server(websocket([&](WebSocketPeer& peer, const std::string&) {
    for (std::size_t i = 0; i < kTexts && peer.text(text); ++i) continue;
    peer.close();
    while (peer.read()) continue;
  }));
  const auto loop = Loop::create({});
  Recorder paused(*loop);
  Latch first;
  paused.when_body = [&] {
    paused.exchange->pause();
    paused.when_body = {};
    first.open();
  };
  start(*loop, paused, upgrade(ws_url(server)));
  first.wait();
  std::size_t held = 0;
  on_loop(*loop, [&] { held = paused.body.size(); });
  on_loop(*loop, [&] {
    CHECK(paused.body.size() < kTexts * text.size());
    CHECK(held <= paused.body.size());
    paused.exchange->resume();
  });
  loop->wait(paused.gate);
  CHECK(paused.end.kind == Kind::complete);
  CHECK(paused.body.size() == kTexts * text.size());

  for (const bool at_head : {true, false}) {
    Recorder cancelled(*loop);
    Latch done;
    const auto stop = [&] {
      cancelled.exchange.reset();
      done.open();
    };
    (at_head ? cancelled.when_head : cancelled.when_body) = stop;
    start(*loop, cancelled, upgrade(ws_url(server)));
    done.wait();
    Recorder next(*loop);
    run(*loop, next, upgrade(ws_url(server)));
    CHECK(next.end.kind == Kind::complete);
    CHECK(cancelled.ends == 0);
  }
}

TEST_CASE("WebSockets to one host run side by side, each on a connection of its own", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  constexpr int kCount = 50;
  std::atomic<int> here{0};
  Latch all;
  Server server(websocket([&](WebSocketPeer& peer, const std::string& message) {
    if (++here == kCount) all.open();
    all.wait();
    peer.text(message);
    peer.close();
    while (peer.read()) continue;
  }));
  const auto loop = Loop::create({});
  std::vector<std::unique_ptr<Recorder>> recorders;
  for (int i = 0; i < kCount; ++i) {
    recorders.push_back(std::make_unique<Recorder>(*loop));
    start(*loop, *recorders.back(), upgrade(ws_url(server), fmt::format("[{}]", i)));
  }
  for (int i = 0; i < kCount; ++i) {
    Recorder& recorder = *recorders[static_cast<std::size_t>(i)];
    loop->wait(recorder.gate);
    CHECK(recorder.end.kind == Kind::complete);
    CHECK(recorder.body == fmt::format("[{}]", i));
  }
  CHECK(server.connections() == kCount);
}
