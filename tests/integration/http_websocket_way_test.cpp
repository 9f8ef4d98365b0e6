#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "http/websocket.hpp"
#include "integration/http_nginx.hpp"
#include "integration/http_websocket.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Answers with what it was sent.
Server::Handler mirror() {
  return websocket([](WebSocketPeer& peer, const std::string& message) {
    peer.text(message);
    peer.close();
    while (peer.read()) continue;
  });
}

}  // namespace

TEST_CASE("where libcurl speaks no WebSocket, an upgrade is refused before anything is sent", "[http][websocket]") {
  if (speaks_websocket()) SKIP("this libcurl speaks it");
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  run(*loop, recorder, upgrade("wss://127.0.0.1:1/chat"));
  CHECK(recorder.end.kind == Kind::refused);
  CHECK(has(recorder.end.message, "libcurl"));
  CHECK(has(recorder.end.message, "WebSocket"));
  CHECK(recorder.sent == 0);
}

TEST_CASE("a WebSocket's URL says so, and no other request's does", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  const auto loop = Loop::create({});
  for (const std::string url : {"https://127.0.0.1:1/", "http://127.0.0.1:1/"}) {
    Recorder recorder(*loop);
    run(*loop, recorder, upgrade(url));
    CHECK(recorder.end.kind == Kind::refused);
    CHECK(has(recorder.end.message, "wss://"));
  }
}

TEST_CASE("a key in a WebSocket's URL needs wss, but to this host", "[http][websocket]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  const auto loop = Loop::create({});
  HttpRequest request = upgrade("ws://192.0.2.1/chat");
  request.secret_query = "authorization=hush";
  Recorder far(*loop);
  run(*loop, far, request);
  CHECK(far.end.kind == Kind::refused);
  CHECK(has(far.end.message, "use wss"));
  CHECK_FALSE(has(far.end.message, "hush"));
  CHECK(far.sent == 0);

  Recorder closed(*loop);
  std::uint16_t port = 0;
  ::close(listen_on_loopback(port));
  request.url = fmt::format("ws://127.0.0.1:{}/chat", port);
  run(*loop, closed, request);
  CHECK(closed.end.kind == Kind::unreachable);
  CHECK_FALSE(has(closed.end.message, "hush"));
}

TEST_CASE("a WebSocket over TLS trusts the CA that it is given and nobody else", "[http][websocket][tls]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  if (!Nginx::available()) SKIP("nginx or openssl is missing");
  Server server(mirror());
  const Nginx nginx({.location = fmt::format("proxy_pass http://127.0.0.1:{}; proxy_http_version 1.1; "
                                             "proxy_set_header Upgrade $http_upgrade; "
                                             "proxy_set_header Connection \"upgrade\";",
                                             server.port())});
  const auto loop = Loop::create({});
  const std::string url = "wss" + nginx.url().substr(5);
  const TlsConfig tls{.ca_file = nginx.ca_file()};
  Recorder good(*loop);
  run(*loop, good, upgrade(url, std::string(300'000, 'x')), {.tls = &tls});
  CHECK(good.end.message == "");
  CHECK(good.end.kind == Kind::complete);
  CHECK(good.body == std::string(300'000, 'x'));

  Recorder distrusted(*loop);
  run(*loop, distrusted, upgrade(url));
  CHECK(distrusted.end.kind == Kind::unreachable);
  CHECK(has(distrusted.end.message, "certificate"));
  CHECK(distrusted.sent == 0);
  CHECK(server.connections() == 1);
}

TEST_CASE("a WebSocket goes through a proxy by CONNECT", "[http][websocket][proxy]") {
  if (!speaks_websocket()) SKIP(no_websocket());
  Server server(mirror());
  std::string asked;
  Server proxy([&](Connection& connection, int) {
    const auto received = connection.read_request();
    if (!received) return;
    asked = received->head;
    const int fd = connect_to(server.port());
    Connection onward(fd);
    connection.write("HTTP/1.1 200 Connection established\r\n\r\n");
    tunnel(connection, onward);
    ::close(fd);
  });
  const auto loop = Loop::create({});
  const ProxyConfig way{.url = Secret(proxy.url(""))};
  HttpRequest request = upgrade(ws_url(server), "through");
  request.secret_query = "authorization=hush";
  Recorder recorder(*loop);
  run(*loop, recorder, request, {.proxy = &way});
  CHECK(recorder.end.message == "");
  CHECK(recorder.body == "through");
  CHECK(asked.starts_with(fmt::format("CONNECT 127.0.0.1:{} ", server.port())));
  CHECK_FALSE(has(asked, "hush"));
}
