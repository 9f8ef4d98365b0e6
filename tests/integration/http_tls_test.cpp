#include <filesystem>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "integration/http_nginx.hpp"
#include "integration/http_support.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;

namespace {

/// The test's names are all this host.
std::shared_ptr<Resolver> local_names() {
  return Resolver::create({.lookup = [](const std::string&) { return Lookup{.addresses = {"127.0.0.1"}}; }});
}

/// A server behind nginx whose answers begin and then wait.
struct Held {
  explicit Held(int streams) : wanted(streams) {}

  Latch all_here{};
  Latch release{};
  std::atomic<int> here{0};
  const int wanted;
  Server server{[this](Connection& connection, int) {
    if (!connection.read_request()) return;
    connection.begin_chunked();
    connection.chunk("begun");
    if (++here == wanted) all_here.open();
    release.wait();
    connection.chunk("done");
    connection.chunk("");
  }};

  [[nodiscard]] std::string location() const {
    return fmt::format("proxy_pass http://127.0.0.1:{}; proxy_buffering off; proxy_read_timeout 600s;", server.port());
  }
};

struct Crowd {
  Crowd(Loop& to, int count) : loop(to), left(count) {
    for (int i = 0; i < count; ++i) {
      recorders.push_back(std::make_unique<Recorder>(to));
      recorders.back()->when_end = [this] {
        if (--left == 0) loop.open(done);
      };
    }
  }
  void go(const std::string& url, const ExchangeOptions& options) {
    for (const auto& recorder : recorders) start(loop, *recorder, post(url), options);
  }
  [[nodiscard]] std::set<std::string> connections() const {
    std::set<std::string> seen;
    for (const auto& recorder : recorders) seen.emplace(recorder->head.find("x-connection"));
    return seen;
  }

  Loop& loop;
  int left;
  Gate done{};
  std::vector<std::unique_ptr<Recorder>> recorders{};
};

}  // namespace

TEST_CASE("TLS trusts the CA that it is given, however it is given", "[http][tls]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  for (const bool http2 : {true, false}) {
    const Nginx nginx({.http2 = http2});
    const auto loop = Loop::create({});
    const TlsConfig file{.ca_file = nginx.ca_file()};
    const TlsConfig text{.ca_pem = nginx.ca_pem()};
    const TlsConfig path{.ca_path = nginx.ca_path()};
    for (const TlsConfig* tls : {&file, &text, &path}) {
      Recorder recorder(*loop);
      run(*loop, recorder, post(nginx.url(), "{}", {{"Authorization", "Bearer k"}}), {.tls = tls});
      CHECK(recorder.end.message == "");
      CHECK(recorder.body == "ok");
      CHECK(recorder.sent == 1);
      CHECK(recorder.head.find("x-protocol") == (http2 ? "HTTP/2.0" : "HTTP/1.1"));
    }
  }
}

TEST_CASE("TLS trusts nobody else, and the key stays here", "[http][tls]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  const Nginx nginx({});
  const Nginx other({});
  const auto loop = Loop::create({.resolver = local_names()});
  const TlsConfig own{.ca_file = nginx.ca_file()};
  const TlsConfig wrong{.ca_file = other.ca_file()};
  const TlsConfig absent{.ca_file = "/nonexistent/ca.pem"};
  const TlsConfig garbage{.ca_pem = "no certificate"};
  const auto end = [&](const std::string& host, const TlsConfig* tls) {
    Recorder recorder(*loop);
    run(*loop, recorder, post(nginx.url(host), "{}", {{"Authorization", "Bearer k"}}), {.tls = tls});
    CHECK(recorder.sent == 0);
    return recorder.end;
  };
  CHECK(end("127.0.0.1", nullptr).kind == Kind::unreachable);
  CHECK(end("127.0.0.1", &wrong).kind == Kind::unreachable);
  CHECK(end("127.0.0.1", &wrong).message.find("certificate") != std::string::npos);
  CHECK(end("bad.test", &own).kind == Kind::unreachable);
  CHECK(end("127.0.0.1", &absent).kind == Kind::refused);
  CHECK(end("127.0.0.1", &absent).message.find("/nonexistent/ca.pem") != std::string::npos);
  CHECK(end("127.0.0.1", &garbage).kind != Kind::complete);

  Recorder good(*loop);
  run(*loop, good, post(nginx.url("good.test")), {.tls = &own});
  CHECK(good.body == "ok");
}

TEST_CASE("a CA file is parsed once, not once a connection", "[http][tls]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  const Nginx nginx({.http2 = false, .server = "keepalive_timeout 0;"});
  const auto loop = Loop::create({});
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  std::set<std::string> connections;
  for (int i = 0; i < 3; ++i) {
    Recorder recorder(*loop);
    run(*loop, recorder, post(nginx.url()), {.tls = &tls});
    CHECK(recorder.body == "ok");
    connections.emplace(recorder.head.find("x-connection"));
    std::filesystem::remove(tls.ca_file);
  }
  CHECK(connections.size() == 3);
}

TEST_CASE("a thousand HTTP/2 streams to one host use twelve connections at most", "[http][tls][http2]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  constexpr int kStreams = 1000;
  Held held(kStreams);
  const Nginx nginx({.location = held.location()});
  const auto loop = Loop::create({});
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  Crowd crowd(*loop, kStreams);
  crowd.go(nginx.url(), {.stream = true, .tls = &tls});
  held.all_here.wait();
  held.release.open();
  loop->wait(crowd.done);
  for (const auto& recorder : crowd.recorders) {
    CHECK(recorder->end.message == "");
    CHECK(recorder->body == "begundone");
  }
  CHECK(crowd.connections().size() <= 12);
  loop->stop();
}

TEST_CASE("a host that allows few streams serves all all the same", "[http][tls][http2]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  constexpr int kCalls = 200;
  // With TLS 1.3 the first that is heard of a connection may be a session ticket and not yet the number of streams.
  const Nginx nginx({.server = "http2_max_concurrent_streams 10; ssl_protocols TLSv1.2;"});
  const auto loop = Loop::create({});
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  Crowd crowd(*loop, kCalls);
  crowd.go(nginx.url(), {.tls = &tls});
  loop->wait(crowd.done);
  for (const auto& recorder : crowd.recorders) CHECK(recorder->end.message == "");
  CHECK(crowd.connections().size() <= kCalls / 10 + 4);
  loop->stop();
}

TEST_CASE("an HTTP/1.1 host behind TLS gets a connection for each", "[http][tls]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  constexpr int kStreams = 50;
  Held held(kStreams);
  const Nginx nginx({.http2 = false, .location = held.location()});
  const auto loop = Loop::create({});
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  Crowd crowd(*loop, kStreams);
  crowd.go(nginx.url(), {.stream = true, .tls = &tls});
  held.all_here.wait();
  held.release.open();
  loop->wait(crowd.done);
  for (const auto& recorder : crowd.recorders) CHECK(recorder->body == "begundone");
  CHECK(crowd.connections().size() == kStreams);
  loop->stop();
}

TEST_CASE("a lost connection is one observation, however many streams it held", "[http][tls][http2]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  constexpr int kStreams = 150;
  Held held(kStreams);
  Nginx nginx({.location = held.location()});
  const auto loop = Loop::create({});
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  Crowd crowd(*loop, kStreams);
  crowd.go(nginx.url(), {.stream = true, .tls = &tls});
  held.all_here.wait();
  nginx.kill();
  loop->wait(crowd.done);
  std::set<std::string> observations;
  for (const auto& recorder : crowd.recorders) {
    CHECK(recorder->end.kind == Kind::lost);
    CHECK_FALSE(recorder->end.message.empty());
    observations.insert(recorder->end.observation);
  }
  CHECK(observations.size() == 2);
  CHECK(observations.count("") == 0);
  held.release.open();

  nginx.start();
  Recorder after(*loop);
  run(*loop, after, post(nginx.url()), {.tls = &tls});
  CHECK(after.body == "begundone");
  loop->stop();
}

TEST_CASE("streams that wait for an answer when their connection breaks are not sent again", "[http][tls][http2]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  constexpr int kStreams = 30;
  std::atomic<int> posts = 0;
  Latch all_here;
  Server server([&](Connection& connection, int) {
    while (connection.read_request()) {
      if (++posts == kStreams + 1) all_here.open();
      if (posts == 1) connection.answer("first");
    }
  });
  Nginx nginx(
      {.location = fmt::format("proxy_pass http://127.0.0.1:{}; proxy_ignore_client_abort on;", server.port())});
  const auto loop = Loop::create({});
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  Recorder first(*loop);
  run(*loop, first, post(nginx.url()), {.tls = &tls});
  CHECK(first.body == "first");
  Crowd crowd(*loop, kStreams);
  crowd.go(nginx.url(), {.tls = &tls});
  all_here.wait();
  // The port is listened on again before the loop hears of the end, so that a resend would find its way.
  on_loop(*loop, [&] {
    nginx.kill();
    nginx.start();
  });
  loop->wait(crowd.done);
  std::set<std::string> observations;
  for (const auto& recorder : crowd.recorders) {
    CHECK(recorder->end.kind == Kind::lost);
    CHECK(recorder->sent == 1);
    observations.insert(recorder->end.observation);
  }
  CHECK(observations.size() == 1);
  CHECK(posts == kStreams + 1);
  loop->stop();
}

TEST_CASE("where no connection can be made, each that waits behind the first tries and ends", "[http][tls]") {
  std::uint16_t port = 0;
  ::close(listen_on_loopback(port));
  const auto loop = Loop::create({});
  Crowd crowd(*loop, 20);
  crowd.go(fmt::format("https://127.0.0.1:{}/", port), {});
  loop->wait(crowd.done);
  for (const auto& recorder : crowd.recorders) CHECK(recorder->end.kind == Kind::unreachable);
  loop->stop();
}

TEST_CASE("a cancelled stream leaves its HTTP/2 connection to the others", "[http][tls][http2]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  constexpr int kStreams = 20;
  Held held(kStreams);
  const Nginx nginx({.location = held.location()});
  const auto loop = Loop::create({});
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  Crowd crowd(*loop, kStreams);
  crowd.go(nginx.url(), {.stream = true, .tls = &tls});
  held.all_here.wait();
  on_loop(*loop, [&] {
    for (std::size_t i = 0; i < kStreams / 2; ++i) crowd.recorders[i]->exchange.reset();
    crowd.left -= kStreams / 2;
  });
  held.release.open();
  loop->wait(crowd.done);
  for (std::size_t i = 0; i < kStreams; ++i) CHECK(crowd.recorders[i]->ends == (i < kStreams / 2 ? 0 : 1));
  for (std::size_t i = kStreams / 2; i < kStreams; ++i) CHECK(crowd.recorders[i]->body == "begundone");
  Recorder after(*loop);
  run(*loop, after, post(nginx.url()), {.tls = &tls});
  CHECK(crowd.connections().count(std::string(after.head.find("x-connection"))) == 1);
  loop->stop();
}

TEST_CASE("a paused HTTP/2 stream does not hold up the others on its connection", "[http][tls][http2]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  constexpr std::size_t kSize = 3U << 20U;
  Server server([](Connection& connection, int) {
    while (connection.read_request())
      if (!connection.answer(std::string(kSize, 'x'))) return;
  });
  const Nginx nginx({.location = fmt::format("proxy_pass http://127.0.0.1:{};", server.port())});
  const auto loop = Loop::create({});
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  const ExchangeOptions options{.stream = true, .tls = &tls};
  Recorder paused(*loop);
  Gate waits;
  bool once = true;
  paused.when_body = [&] {
    if (!std::exchange(once, false)) return;
    paused.exchange->pause();
    loop->open(waits);
  };
  start(*loop, paused, post(nginx.url()), options);
  loop->wait(waits);
  Recorder other(*loop);
  run(*loop, other, post(nginx.url()), options);
  CHECK(other.body.size() == kSize);
  CHECK(paused.ends == 0);
  CHECK(paused.head.find("x-connection") == other.head.find("x-connection"));
  on_loop(*loop, [&] { paused.exchange->resume(); });
  loop->wait(paused.gate);
  CHECK(paused.body.size() == kSize);
  loop->stop();
}
