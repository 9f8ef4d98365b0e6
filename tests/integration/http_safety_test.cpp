#include <csignal>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "integration/http_support.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;

namespace {

constexpr const char* kKey = "sk-very-secret-key";

std::vector<HttpHeader> with_key() { return {{"Authorization", std::string("Bearer ") + kKey}}; }

/// Runs one exchange and checks that no text of its end holds the key.
ExchangeEnd end_of(HttpRequest request, ExchangeOptions options = {}, const std::shared_ptr<Resolver>& resolver = {}) {
  const auto loop = Loop::create({.resolver = resolver});
  Recorder recorder(*loop);
  run(*loop, recorder, std::move(request), options);
  CHECK(recorder.ends == 1);
  const std::string all = recorder.end.message + recorder.end.observation;
  CHECK(all.find(kKey) == std::string::npos);
  CHECK(all.find("topsecret") == std::string::npos);
  return recorder.end;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a key goes over plain http to this host only, unless it is allowed", "[http]") {
  for (const std::string name : {"Authorization", "x-api-key", "API-KEY", "X-Goog-Api-Key", "cookie", "X-Auth-Token"}) {
    const ExchangeEnd end = end_of(post("http://192.0.2.1:81/v1?q=topsecret", "{}", {{name, kKey}}));
    CHECK(end.kind == Kind::refused);
    CHECK(has(end.message, "192.0.2.1:81"));
    CHECK(has(end.message, "allow_insecure"));
  }
  CHECK(end_of(get("http://user:topsecret@192.0.2.1/")).kind == Kind::refused);

  Server server(echo([](const Received&) { return "ok"; }));
  CHECK(end_of(post(server.url(), "{}", with_key())).kind == Kind::complete);
  CHECK(end_of(post(fmt::format("http://localhost:{}/", server.port()), "{}", with_key())).kind == Kind::complete);
  const auto resolver = Resolver::create({.lookup = [](const std::string&) { return Lookup{{"127.0.0.1"}}; }});
  const std::string named = fmt::format("http://box.test:{}/", server.port());
  CHECK(end_of(post(named, "{}", with_key()), {}, resolver).kind == Kind::refused);
  CHECK(end_of(post(named, "{}", with_key()), {.allow_insecure = true}, resolver).kind == Kind::complete);
  CHECK(end_of(post(named), {}, resolver).kind == Kind::complete);
}

TEST_CASE("a URL that is none, or of another protocol, is refused", "[http]") {
  for (const std::string url : {"", "nonsense", "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/",
                                "http://", "https://[::1", "http://a b/", "http://host:99999/", "wss://127.0.0.1/"}) {
    const ExchangeEnd end = end_of(get(url));
    INFO(url);
    CHECK(end.kind == Kind::refused);
    CHECK_FALSE(end.message.empty());
  }
  HttpRequest upgrade = get("https://127.0.0.1/");
  upgrade.websocket = true;
  CHECK(end_of(upgrade).kind == Kind::refused);
}

TEST_CASE("headers cannot be smuggled into a request", "[http]") {
  Server server(echo([](const Received&) { return "ok"; }));
  using namespace std::string_literals;
  for (const std::string& value : {"a\r\nX-Evil: 1"s, "a\nb"s, "a\rb"s, "a\0b"s, "a\n"s}) {
    const ExchangeEnd end = end_of(post(server.url(), "{}", {{"X-Thing", value}}));
    CHECK(end.kind == Kind::refused);
    CHECK(has(end.message, "X-Thing"));
  }
  for (const std::string& name : {""s, "X Y"s, "X:Y"s, "X\r\nY"s, "X\0"s})
    CHECK(end_of(post(server.url(), "{}", {{name, "v"}})).kind == Kind::refused);
  CHECK(server.connections() == 0);
}

TEST_CASE("answers are held to their bounds", "[http]") {
  const Bounds bounds{.max_body = 1000, .max_header = 1000};
  Server server([](Connection& connection, int) {
    const std::optional<Received> received = connection.read_request();
    if (!received) return;
    const std::string& head = received->head;
    if (has(head, "/exact")) connection.answer(std::string(1000, 'x'));
    if (has(head, "/body")) connection.answer(std::string(1001, 'x'));
    if (has(head, "/endless")) {
      connection.begin_chunked();
      while (connection.chunk(std::string(100, 'x'))) continue;
    }
    if (has(head, "/headers")) connection.answer("", "X-Long: " + std::string(1000, 'x') + "\r\n");
    if (has(head, "/many")) {
      connection.write("HTTP/1.1 200 OK\r\n");
      while (connection.write("X-A: b\r\n")) continue;
    }
    if (has(head, "/line")) {
      connection.write("HTTP/1.1 200 OK\r\nX-A: ");
      while (connection.write(std::string(1000, 'x'))) continue;
    }
    if (has(head, "/interim"))
      while (connection.write("HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n")) continue;
    if (has(head, "/bomb")) {
      // 100 kB of zeroes, gzipped by hand: one stored block would not be small, so a fixed run is repeated.
      static const std::string gzip = [] {
        std::string text("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
        const std::string zeroes(50000, '\0');
        for (int i = 0; i < 2; ++i) {
          text += i == 1 ? '\x01' : '\0';
          text += std::string("\x50\xc3\xaf\x3c", 4) + zeroes;  // length 50000 and its complement
        }
        return text;
      }();
      connection.answer(gzip, "Content-Encoding: gzip\r\n");
    }
    connection.drain();
  });
  const auto ends = [&](const char* path) { return end_of(post(server.url(path)), {.bounds = &bounds}); };
  CHECK(ends("/exact").kind == Kind::complete);
  for (const char* path : {"/body", "/endless", "/bomb"}) {
    INFO(path);
    const ExchangeEnd end = ends(path);
    CHECK(end.kind == Kind::too_large);
    CHECK(has(end.message, "max_body (1000 bytes)"));
  }
  for (const char* path : {"/headers", "/many", "/line", "/interim"}) {
    INFO(path);
    const ExchangeEnd end = ends(path);
    CHECK(end.kind == Kind::too_large);
    CHECK(has(end.message, "header"));
  }
}

TEST_CASE("answers that are no HTTP are lost connections", "[http]") {
  for (const std::string reply : {"", "\r\n", "hello\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
                                  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"}) {
    Server server([&](Connection& connection, int) {
      if (connection.read_request()) connection.write(reply);
    });
    INFO(reply);
    const ExchangeEnd end = end_of(post(server.url("/?k=topsecret"), "{}", with_key()));
    CHECK(end.kind == Kind::lost);
    CHECK_FALSE(end.message.empty());
  }
}

TEST_CASE("a connection that cannot be made was not sent on", "[http]") {
  std::uint16_t port = 0;
  ::close(listen_on_loopback(port));
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  run(*loop, recorder, post(fmt::format("http://127.0.0.1:{}/?k=topsecret", port), "{}", with_key()));
  CHECK(recorder.end.kind == Kind::unreachable);
  CHECK(recorder.sent == 0);
  CHECK(has(recorder.end.message, fmt::format("127.0.0.1:{}", port)));
  CHECK_FALSE(has(recorder.end.message, "topsecret"));
  CHECK(recorder.end.observation.empty());
}

TEST_CASE("a request whose kept connection closes before an answer is not sent again", "[http]") {
  for (const bool abruptly : {false, true}) {
    std::atomic<int> posts = 0;
    Server server([&](Connection& connection, int) {
      while (connection.read_request()) {
        if (++posts == 1) {
          connection.answer("first");
          continue;
        }
        if (abruptly) connection.reset();
        return;  // read, and no answer
      }
    });
    const auto loop = Loop::create({});
    Recorder first(*loop);
    run(*loop, first, post(server.url(), "one"));
    CHECK(first.end.kind == Kind::complete);
    Recorder second(*loop);
    run(*loop, second, post(server.url(), "two", with_key()));
    CHECK(second.end.kind == Kind::lost);
    CHECK(second.sent == 1);
    CHECK(second.ends == 1);
    CHECK_FALSE(second.end.observation.empty());
    CHECK(posts == 2);
    CHECK(server.connections() == 1);
    Recorder third(*loop);
    run(*loop, third, post(server.url(), "three"));
    CHECK(posts == 3);
  }
}

TEST_CASE("a kept connection that closed while idle is replaced", "[http]") {
  Latch closed;
  Server server([&](Connection& connection, int number) {
    while (connection.read_request()) {
      connection.answer("ok");
      if (number == 1) {
        ::shutdown(connection.fd(), SHUT_RDWR);
        closed.open();
        return;
      }
    }
  });
  const auto loop = Loop::create({});
  Recorder first(*loop);
  run(*loop, first, post(server.url()));
  closed.wait();
  Recorder second(*loop);
  run(*loop, second, post(server.url()));
  CHECK(second.end.message == "");
  CHECK(second.body == "ok");
  CHECK(second.sent == 1);
  CHECK(server.connections() == 2);
}

TEST_CASE("no descriptor left is said so and passes", "[http]") {
  Server server(echo([](const Received&) { return "ok"; }));
  const auto loop = Loop::create({});
  Recorder before(*loop);
  run(*loop, before, post(server.url("/warm")));  // everything but the connection exists
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const int next = ::dup(0);
  ::close(next);
  Server other(echo([](const Received&) { return "ok"; }));
  std::vector<int> taken;
  const rlimit low{.rlim_cur = static_cast<rlim_t>(next) + 20, .rlim_max = limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &low);
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) taken.push_back(fd);
  Recorder recorder(*loop);
  run(*loop, recorder, post(other.url()));
  for (const int fd : taken) ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  CHECK(recorder.end.kind == Kind::exhausted);
  CHECK(has(recorder.end.message, "open files"));
  Recorder after(*loop);
  run(*loop, after, post(other.url()));
  CHECK(after.body == "ok");
}

TEST_CASE("a peer that is gone raises no signal", "[http]") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGPIPE, SIG_DFL);
    int complete = 0;
    {
      Server server([](Connection& connection, int) {
        connection.read_some();
        connection.reset();  // while most of the request is still to be written
      });
      const auto loop = Loop::create({});
      for (int i = 0; i < 20; ++i) {
        Recorder recorder(*loop);
        run(*loop, recorder, post(server.url(), std::string(8U << 20U, 'x')));
        complete += recorder.end.kind == Kind::complete ? 1 : 0;
      }
    }
    ::_exit(complete);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("what a loop opens is closed on exec", "[http]") {
  const auto inherited = [] {
    std::set<std::string> fds;
    for (int fd = 3; fd < 256; ++fd) {
      const int flags = ::fcntl(fd, F_GETFD);
      if (flags >= 0 && (flags & FD_CLOEXEC) == 0) fds.insert(std::to_string(fd));
    }
    return fds;
  };
  Server server(echo([](const Received&) { return "ok"; }));
  const std::set<std::string> before = inherited();
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  run(*loop, recorder, post(fmt::format("http://localhost:{}/", server.port())));
  CHECK(recorder.body == "ok");
  CHECK(inherited() == before);
}
