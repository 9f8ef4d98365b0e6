#include <array>
#include <fstream>
#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "integration/http_support.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;

namespace {

constexpr std::size_t kBody = std::size_t{64} << 20U;

/// Bytes of this process's memory that are resident.
std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t pages = 0;
  file >> size >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

bool frees_to_the_system() {
  auto large = std::make_unique<std::string>(kBody, 'x');
  const std::size_t before = resident();
  large.reset();
  return resident() + kBody / 2 < before;
}

}  // namespace

TEST_CASE("a unary request brings its answer", "[http]") {
  Received seen;
  Server server(echo([&](const Received& received) {
    seen = received;
    return "hello";
  }));
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  run(*loop, recorder, post(server.url("/v1/chat?x=1"), R"({"a":1})", {{"Authorization", "Bearer k"}}),
      {.user_agent = "app/2"});

  CHECK(recorder.end.kind == Kind::complete);
  CHECK(recorder.end.message == "");
  CHECK(recorder.sent == 1);
  CHECK(recorder.heads == 1);
  CHECK(recorder.ends == 1);
  CHECK(recorder.head.status == 200);
  CHECK(recorder.head.find("content-length") == "5");
  CHECK(recorder.body == "hello");
  CHECK(seen.head.starts_with("POST /v1/chat?x=1 HTTP/1.1\r\n"));
  CHECK(seen.body == R"({"a":1})");
  CHECK(seen.header("authorization") == "Bearer k");
  CHECK(seen.header("content-type") == "application/json");
  CHECK(seen.header("user-agent") == "app/2 keywheel/0.1.0");
  CHECK(seen.header("expect").empty());
}

TEST_CASE("every method goes out as itself, one after the other on one connection", "[http]") {
  std::vector<std::string> seen;
  Server server(echo([&](const Received& received) {
    seen.push_back(received.head.substr(0, received.head.find(' ')) + ":" + received.body + ":" +
                   received.header("content-type"));
    return seen.back().starts_with("HEAD") ? "" : "ok";
  }));
  const auto loop = Loop::create({});
  const std::vector<std::array<std::string, 2>> requests = {{"POST", "a"}, {"GET", ""},   {"DELETE", ""},
                                                            {"PUT", "b"},  {"HEAD", ""},  {"POST", ""},
                                                            {"GET", ""},   {"PATCH", "c"}};
  for (const auto& [method, body] : requests) {
    Recorder recorder(*loop);
    run(*loop, recorder, {.method = method, .url = server.url(), .body = body});
    CHECK(recorder.end.kind == Kind::complete);
  }
  CHECK(seen ==
        std::vector<std::string>{"POST:a:", "GET::", "DELETE::", "PUT:b:", "HEAD::", "POST::", "GET::", "PATCH:c:"});
  CHECK(server.connections() == 1);
}

TEST_CASE("a stream's pieces arrive as they are sent, whatever the chunk boundaries", "[http]") {
  Latch first_came;
  Server server([&](Connection& connection, int) {
    if (!connection.read_request()) return;
    connection.begin_chunked();
    connection.chunk("data: one\n\n");
    first_came.wait();  // the client has it although no more has come
    connection.write("8\r\nda");
    connection.write("ta: \xe2");
    connection.write("\x82\r\n4\r\n\xac\n\n!\r\n0\r\n\r\n");
    connection.drain();
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  recorder.when_body = [&] { first_came.open(); };
  run(*loop, recorder, post(server.url()), {.stream = true});
  CHECK(recorder.end.kind == Kind::complete);
  CHECK(recorder.pieces.front() == "data: one\n\n");
  CHECK(recorder.body == "data: one\n\ndata: \xe2\x82\xac\n\n!");
}

TEST_CASE("a stream asks for no compression, a unary request for all there is", "[http]") {
  std::string encoding;
  Server server(echo([&](const Received& received) {
    encoding = received.header("accept-encoding");
    return "";
  }));
  const auto loop = Loop::create({});
  Recorder stream(*loop);
  run(*loop, stream, post(server.url()), {.stream = true});
  CHECK(encoding == "identity");
  Recorder unary(*loop);
  run(*loop, unary, post(server.url()));
  CHECK(encoding.find("gzip") != std::string::npos);
}

TEST_CASE("interim answers are passed over and trailers are not headers", "[http]") {
  Server server([](Connection& connection, int) {
    if (!connection.read_request()) return;
    connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    connection.write("HTTP/1.1 200 OK\r\nX-One: a\r\nX-ONE:  b \r\nEmpty:\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.write("2\r\nhi\r\n0\r\nX-Trailer: t\r\n\r\n");
    connection.drain();
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  run(*loop, recorder, post(server.url()));
  CHECK(recorder.end.kind == Kind::complete);
  CHECK(recorder.heads == 1);
  CHECK(recorder.body == "hi");
  CHECK(recorder.head.find("link").empty());
  CHECK(recorder.head.find("x-trailer").empty());
  REQUIRE(recorder.head.headers.size() == 4);
  CHECK(recorder.head.headers[0].value == "a");
  CHECK(recorder.head.headers[1].value == "b");
  CHECK(recorder.head.headers[2].value.empty());
}

TEST_CASE("a redirect is an answer like any other", "[http]") {
  Server server([](Connection& connection, int) {
    while (connection.read_request()) connection.answer("", "Location: /elsewhere\r\n", 307);
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  run(*loop, recorder, post(server.url(), "{}", {{"Authorization", "Bearer k"}}));
  CHECK(recorder.end.kind == Kind::complete);
  CHECK(recorder.head.status == 307);
  CHECK(recorder.head.find("location") == "/elsewhere");
  CHECK(server.connections() == 1);
}

TEST_CASE("calls one after the other share a connection, whatever key they carry", "[http]") {
  Server server(echo([](const Received& received) { return received.header("authorization"); }));
  const auto loop = Loop::create({});
  for (const std::string key : {"Bearer a", "Bearer b", "Bearer a"}) {
    Recorder recorder(*loop);
    run(*loop, recorder, post(server.url(), "{}", {{"Authorization", key}}));
    CHECK(recorder.body == key);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("a stream does not keep its request once that is sent and the answer has begun", "[http]") {
  if (!frees_to_the_system()) SKIP("what is freed stays resident, as with AddressSanitizer");
  Latch seen;
  Latch looked;
  Server server([&](Connection& connection, int) {
    std::size_t got = 0;
    while (got < kBody && connection.read_some()) {
      got += connection.buffered().size();
      connection.buffered().clear();
    }
    connection.begin_chunked();
    connection.chunk("a");
    looked.wait();
    connection.chunk("");
    connection.drain();
  });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  recorder.when_body = [&] { seen.open(); };
  HttpRequest request = post(server.url(), std::string(kBody, 'x'));
  const std::size_t before = resident();
  on_loop(*loop, [&] { recorder.exchange = loop->exchange(std::move(request), {.stream = true}, recorder); });
  seen.wait();
  CHECK(resident() + kBody / 2 < before);
  looked.open();
  loop->wait(recorder.gate);
  CHECK(recorder.end.kind == Kind::complete);
}

TEST_CASE("a thousand streams run side by side", "[http]") {
  constexpr int kStreams = 1000;
  std::atomic<int> arrived = 0;
  Latch all_here;
  Server server([&](Connection& connection, int) {
    if (!connection.read_request()) return;
    connection.begin_chunked();
    connection.chunk("a");
    if (++arrived == kStreams) all_here.open();
    all_here.wait();
    connection.chunk("b");
    connection.chunk("");
    connection.drain();
  });
  const auto loop = Loop::create({});
  Gate done;
  int left = kStreams;
  std::vector<std::unique_ptr<Recorder>> recorders;
  for (int i = 0; i < kStreams; ++i) {
    recorders.push_back(std::make_unique<Recorder>(*loop));
    recorders.back()->when_end = [&] {
      if (--left == 0) loop->open(done);
    };
    start(*loop, *recorders.back(), post(server.url()), {.stream = true});
  }
  loop->wait(done);
  for (const auto& recorder : recorders) {
    CHECK(recorder->end.kind == Kind::complete);
    CHECK(recorder->body == "ab");
  }
  CHECK(server.connections() == kStreams);
}
