#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/http_support.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;

namespace {

/// Nothing more of a cancelled exchange reaches its listener, and the loop goes on serving others.
void check_cancelled(const std::shared_ptr<Loop>& loop, const Recorder& recorder) {
  Server other(echo([](const Received&) { return "well"; }));
  Recorder after(*loop);
  run(*loop, after, post(other.url()));
  CHECK(after.body == "well");
  CHECK(recorder.ends == 0);
}

}  // namespace

TEST_CASE("an exchange can be cancelled before it has begun", "[http]") {
  Server server(echo([](const Received&) { return ""; }));
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  on_loop(*loop, [&] {
    recorder.exchange = loop->exchange(post(server.url()), {}, recorder);
    recorder.exchange.reset();
  });
  check_cancelled(loop, recorder);
  CHECK(server.connections() == 0);
}

TEST_CASE("an exchange can be cancelled while it connects", "[http]") {
  // Nobody accepts, and the queue is full: the handshake of whoever comes next is not answered.
  std::uint16_t port = 0;
  const int listening = listen_on_loopback(port);
  ::listen(listening, 0);
  const int queued = connect_to(port);
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  start(*loop, recorder, post(fmt::format("http://127.0.0.1:{}/", port)));
  on_loop(*loop, [] {});
  cancel(*loop, recorder);
  check_cancelled(loop, recorder);
  CHECK(recorder.sent == 0);
  ::close(queued);
  ::close(listening);
}

TEST_CASE("an exchange can be cancelled while its name is looked up", "[http]") {
  Latch asked;
  Latch answer;
  const auto resolver = Resolver::create({.lookup = [&](const std::string&) {
    asked.open();
    answer.wait();
    return Lookup{.addresses = {"127.0.0.1"}};
  }});
  const auto loop = Loop::create({.resolver = resolver});
  Recorder recorder(*loop);
  start(*loop, recorder, post("http://slow.test/"));
  asked.wait();
  cancel(*loop, recorder);
  check_cancelled(loop, recorder);
  answer.open();
  check_cancelled(loop, recorder);
  CHECK(recorder.sent == 0);
}

TEST_CASE("an exchange can be cancelled after the request was sent, and the server sees the connection close",
          "[http]") {
  Latch read;
  Latch closed;
  Server server([&](Connection& connection, int) {
    if (!connection.read_request()) return;
    read.open();
    connection.drain();
    closed.open();
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  start(*loop, recorder, post(server.url()));
  read.wait();
  cancel(*loop, recorder);
  closed.wait();
  check_cancelled(loop, recorder);
  CHECK(recorder.sent == 1);
  CHECK(recorder.heads == 0);
}

TEST_CASE("a listener may destroy its own exchange at every step", "[http]") {
  Server server([](Connection& connection, int) {
    if (!connection.read_request()) return;
    connection.begin_chunked();
    connection.chunk("one");
    connection.chunk("two");
    connection.drain();
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  const auto finish = [&] {
    recorder.exchange.reset();
    loop->open(recorder.gate);
  };
  SECTION("when the request is sent") {
    recorder.when_sent = finish;
    run(*loop, recorder, post(server.url()), {.stream = true});
    CHECK(recorder.heads == 0);
  }
  SECTION("at the head") {
    recorder.when_head = finish;
    run(*loop, recorder, post(server.url()), {.stream = true});
    CHECK(recorder.heads == 1);
    CHECK(recorder.body.empty());
  }
  SECTION("in the body") {
    recorder.when_body = finish;
    run(*loop, recorder, post(server.url()), {.stream = true});
    CHECK(recorder.pieces.size() == 1);
  }
  check_cancelled(loop, recorder);
}

TEST_CASE("of an exchange destroyed when it is about to be sent, not one byte is written", "[http]") {
  Latch closed;
  std::atomic<bool> anything = false;
  Server server([&](Connection& connection, int) {
    anything = connection.read_some();
    closed.open();
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  recorder.when_sent = [&] {
    recorder.exchange.reset();
    loop->open(recorder.gate);
  };
  run(*loop, recorder, post(server.url()));
  closed.wait();
  CHECK_FALSE(anything);
  check_cancelled(loop, recorder);
}

TEST_CASE("a listener may destroy another's exchange and start a new one", "[http]") {
  Latch both;
  std::atomic<int> arrived = 0;
  Server server([&](Connection& connection, int) {
    if (!connection.read_request()) return;
    connection.begin_chunked();
    connection.chunk("x");
    if (++arrived == 2) both.open();
    both.wait();
    connection.chunk("y");
    connection.chunk("");
    connection.drain();
  });
  Server elsewhere(echo([](const Received&) { return "z"; }));
  const auto loop = Loop::create({});
  Recorder first(*loop);
  Recorder second(*loop);
  Recorder third(*loop);
  bool decided = false;
  const auto decide = [&](Recorder& own, Recorder& other) {
    if (decided || own.pieces.size() + own.body.size() < 4) return;  // the second piece
    decided = true;
    other.exchange.reset();
    third.exchange = loop->exchange(post(elsewhere.url()), {}, third);
  };
  first.when_body = [&] { decide(first, second); };
  second.when_body = [&] { decide(second, first); };
  start(*loop, first, post(server.url()), {.stream = true});
  start(*loop, second, post(server.url()), {.stream = true});
  loop->wait(third.gate);
  CHECK(decided);
  CHECK(third.body == "z");
  CHECK(first.ends + second.ends <= 1);
}

TEST_CASE("pause holds the bytes back and resume brings them all", "[http]") {
  constexpr std::size_t kSize = 4U << 20U;
  Server server(echo([](const Received&) { return std::string(kSize, 'z'); }));
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  Gate paused;
  bool once = true;
  recorder.when_body = [&] {
    if (!std::exchange(once, false)) return;
    recorder.exchange->pause();
    loop->open(paused);
  };
  start(*loop, recorder, post(server.url()), {.stream = true});
  loop->wait(paused);
  const std::size_t held = recorder.body.size();
  for (int i = 0; i < 20; ++i) on_loop(*loop, [] {});
  CHECK(recorder.body.size() == held);
  CHECK(recorder.ends == 0);
  on_loop(*loop, [&] { recorder.exchange->resume(); });
  loop->wait(recorder.gate);
  CHECK(recorder.end.kind == Kind::complete);
  CHECK(recorder.body.size() == kSize);
}

TEST_CASE("a paused exchange can be cancelled", "[http]") {
  Server server(echo([](const Received&) { return std::string(1U << 20U, 'z'); }));
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  recorder.when_body = [&] {
    recorder.exchange->pause();
    loop->open(recorder.gate);
  };
  run(*loop, recorder, post(server.url()), {.stream = true});
  cancel(*loop, recorder);
  check_cancelled(loop, recorder);
}
