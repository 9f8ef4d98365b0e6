#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/http_nginx.hpp"
#include "integration/http_support.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;

namespace {

/// Base64 of "us@er:p:w".
constexpr const char* kBasic = "Basic dXNAZXI6cDp3";

/// A proxy that speaks HTTP (CONNECT and whole URLs) or SOCKS5, asks for a user, and leads everything to one port.
class TestProxy {
 public:
  explicit TestProxy(std::uint16_t target) : target_(target) {}

  [[nodiscard]] std::uint16_t port() const noexcept { return server_.port(); }
  [[nodiscard]] std::string asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  bool refuse = false;  ///< set before use

 private:
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    asked_ = std::move(what);
  }

  void serve(Connection& connection) {
    while (connection.buffered().empty())
      if (!connection.read_some()) return;
    if (connection.buffered().front() == '\x05') {
      socks(connection);
    } else {
      http(connection);
    }
  }

  void http(Connection& connection) {
    const std::optional<Received> received = connection.read_request();
    if (!received) return;
    note(received->head.substr(0, received->head.find("\r\n")));
    if (refuse || received->header("proxy-authorization") != kBasic) {
      connection.answer("", "Proxy-Authenticate: Basic realm=\"x\"\r\n", 407);
      return;
    }
    const int fd = connect_to(target_);
    Connection onwards(fd);
    if (received->head.starts_with("CONNECT ")) {
      connection.write("HTTP/1.1 200 Connection established\r\nX-From-Proxy: 1\r\n\r\n");
    } else {
      onwards.write(received->head + "\r\n" + received->body);
    }
    tunnel(connection, onwards);
    ::close(fd);
  }

  [[nodiscard]] static bool need(Connection& connection, std::size_t size) {
    while (connection.buffered().size() < size)
      if (!connection.read_some()) return false;
    return true;
  }

  /// RFC 1928 and 1929.
  void socks(Connection& connection) {
    std::string& bytes = connection.buffered();
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (!need(connection, 2) || !need(connection, 2U + at(1))) return;
    bytes.erase(0, 2U + at(1));
    connection.write(std::string("\x05\x02", 2));
    if (!need(connection, 2) || !need(connection, 3U + at(1)) || !need(connection, 3U + at(1) + at(2U + at(1)))) return;
    const std::string user = bytes.substr(2, at(1));
    const std::string password = bytes.substr(3U + at(1), at(2U + at(1)));
    bytes.erase(0, 3U + user.size() + password.size());
    const bool good = !refuse && user == "us@er" && password == "p:w";
    connection.write(std::string("\x01", 1) + (good ? '\0' : '\x01'));
    if (!good || !need(connection, 5)) return;
    const bool named = at(3) == 3;
    const std::size_t size = named ? 7U + at(4) : 10U;
    if (!need(connection, size)) return;
    note(named ? "name " + bytes.substr(5, at(4)) : fmt::format("address {}.{}.{}.{}", at(4), at(5), at(6), at(7)));
    bytes.erase(0, size);
    connection.write(std::string("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x01", 10));
    const int fd = connect_to(target_);
    Connection onwards(fd);
    tunnel(connection, onwards);
    ::close(fd);
  }

  const std::uint16_t target_;
  std::mutex mutex_{};
  std::string asked_{};
  Server server_{[this](Connection& connection, int) { serve(connection); }};
};

ProxyConfig through(const TestProxy& proxy, const std::string& scheme, const std::string& password = "p%3Aw") {
  return {.url = fmt::format("{}://us%40er:{}@127.0.0.1:{}", scheme, password, proxy.port())};
}

std::shared_ptr<Resolver> good_test_is_here() {
  return Resolver::create({.lookup = [](const std::string& host) {
    return host == "good.test" ? Lookup{.addresses = {"127.0.0.1"}} : Lookup{.error = "asked for " + host};
  }});
}

}  // namespace

TEST_CASE("HTTPS goes through a tunnel of an http proxy, and the proxy sees neither key nor headers", "[http][proxy]") {
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  const Nginx nginx({});
  TestProxy proxy(nginx.port());
  const auto loop = Loop::create({.resolver = good_test_is_here()});
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  const ProxyConfig config = through(proxy, "http");
  for (int i = 0; i < 2; ++i) {
    Recorder recorder(*loop);
    run(*loop, recorder, post(nginx.url("good.test"), "{}", {{"Authorization", "Bearer k"}}),
        {.proxy = &config, .tls = &tls});
    CHECK(recorder.end.message == "");
    CHECK(recorder.body == "ok");
    CHECK(recorder.heads == 1);
    CHECK(recorder.sent == 1);
    CHECK(recorder.head.find("x-from-proxy").empty());
  }
  CHECK(proxy.asked() == fmt::format("CONNECT good.test:{} HTTP/1.1", nginx.port()));
}

TEST_CASE("plain http goes through an http proxy with its whole URL, without a key", "[http][proxy]") {
  Server server(echo([](const Received& received) { return received.header("proxy-authorization"); }));
  TestProxy proxy(server.port());
  const auto loop = Loop::create({.resolver = good_test_is_here()});
  const ProxyConfig config = through(proxy, "http");
  Recorder recorder(*loop);
  run(*loop, recorder, post("http://far.test:81/x"), {.proxy = &config});
  CHECK(recorder.end.message == "");
  CHECK(proxy.asked() == "POST http://far.test:81/x HTTP/1.1");
  Recorder keyed(*loop);
  run(*loop, keyed, post("http://far.test:81/x", "{}", {{"x-api-key", "k"}}), {.proxy = &config});
  CHECK(keyed.end.kind == Kind::refused);
  const ProxyConfig far{.url = "http://far.test:3128"};
  Recorder here(*loop);
  run(*loop, here, post("http://127.0.0.1:81/x", "{}", {{"x-api-key", "k"}}), {.proxy = &far});
  CHECK(here.end.kind == Kind::refused);
}

TEST_CASE("socks5 resolves names here and socks5h at the proxy", "[http][proxy]") {
  Server server(echo([](const Received& received) { return received.header("host"); }));
  TestProxy proxy(server.port());
  const auto loop = Loop::create({.resolver = good_test_is_here()});
  const ProxyConfig here = through(proxy, "socks5");
  const ProxyConfig there = through(proxy, "socks5h");
  Recorder first(*loop);
  run(*loop, first, get("http://good.test:81/"), {.proxy = &here});
  CHECK(first.end.message == "");
  CHECK(first.body == "good.test:81");
  CHECK(proxy.asked() == "address 127.0.0.1");
  Recorder second(*loop);
  run(*loop, second, get("http://far.test:81/"), {.proxy = &there});
  CHECK(second.end.message == "");
  CHECK(second.body == "far.test:81");
  CHECK(proxy.asked() == "name far.test");
  Recorder third(*loop);
  run(*loop, third, get("http://far.test:81/"), {.proxy = &here});
  CHECK(third.end.kind == Kind::unreachable);
  CHECK(third.end.message.find("far.test") != std::string::npos);
}

TEST_CASE("a proxy's refusal is no answer, and its password is never told", "[http][proxy]") {
  Server server(echo([](const Received&) { return "ok"; }));
  TestProxy proxy(server.port());
  proxy.refuse = true;
  const auto loop = Loop::create({.resolver = good_test_is_here()});
  const auto end = [&](const char* scheme, const std::string& url) {
    const ProxyConfig config = through(proxy, scheme, "topsecret");
    Recorder recorder(*loop);
    run(*loop, recorder, get(url), {.proxy = &config});
    CHECK(recorder.sent == 0);
    CHECK(recorder.end.message.find("topsecret") == std::string::npos);
    CHECK(recorder.end.message.find("us@er") == std::string::npos);
    CHECK(recorder.end.message.find(fmt::format("://127.0.0.1:{}", proxy.port())) != std::string::npos);
    return recorder.end.kind;
  };
  CHECK(end("http", "https://far.test/") == Kind::unreachable);
  CHECK(end("socks5h", "https://far.test/") == Kind::unreachable);
  CHECK(end("socks5h", "http://far.test/") == Kind::unreachable);

  for (const char* url : {"ftp://u:topsecret@a:1", "http://u:topsecret@:1", "http://u:topsecret@a:b"}) {
    const ProxyConfig config{.url = url};
    Recorder recorder(*loop);
    run(*loop, recorder, get("https://far.test/"), {.proxy = &config});
    CHECK(recorder.end.kind == Kind::refused);
    CHECK(recorder.end.message.find("topsecret") == std::string::npos);
  }
}

TEST_CASE("hosts of no_proxy go direct, and the environment counts only on request", "[http][proxy]") {
  std::uint16_t dead = 0;
  ::close(listen_on_loopback(dead));
  const std::string nowhere = fmt::format("http://127.0.0.1:{}", dead);
  Server server(echo([](const Received&) { return "direct"; }));
  ::setenv("http_proxy", nowhere.c_str(), 1);
  ::setenv("all_proxy", nowhere.c_str(), 1);
  const auto loop = Loop::create({});
  ::unsetenv("http_proxy");
  ::unsetenv("all_proxy");
  const ProxyConfig listed{.url = nowhere, .no_proxy = "x.test, 127.0.0.1"};
  const ProxyConfig unlisted{.url = nowhere, .no_proxy = fmt::format("127.0.0.1:{}", server.port() ^ 1)};
  const ProxyConfig environment{.from_environment = true};
  const ProxyConfig nothing{};
  const auto result = [&](const ProxyConfig* config) {
    Recorder recorder(*loop);
    run(*loop, recorder, get(server.url()), {.proxy = config});
    return recorder.end.kind == Kind::complete ? recorder.body : "failed";
  };
  CHECK(result(&listed) == "direct");
  CHECK(result(&unlisted) == "failed");
  CHECK(result(&environment) == "failed");
  CHECK(result(&nothing) == "direct");
  CHECK(result(nullptr) == "direct");
}
