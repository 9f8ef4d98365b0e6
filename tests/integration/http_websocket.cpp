#include "integration/http_websocket.hpp"

#include <stdexcept>

namespace http_test {

using keywheel::testing::WebSocketFrame;

bool WebSocketPeer::accept() {
  std::optional<Received> received = connection_.read_request();
  if (!received) return false;
  request_ = std::move(*received);
  return send(keywheel::testing::websocket_answer(request_.header("sec-websocket-key")));
}

std::optional<WebSocketFrame> WebSocketPeer::read() {
  try {
    for (;;) {
      frames_.feed(connection_.buffered());
      connection_.buffered().clear();
      if (std::optional<WebSocketFrame> frame = frames_.next()) return frame;
      if (!connection_.read_some()) return std::nullopt;
    }
  } catch (const std::runtime_error& error) {
    violation_ = error.what();
    return std::nullopt;
  }
}

Server::Handler websocket(std::function<void(WebSocketPeer&, const std::string&)> talk) {
  return [talk = std::move(talk)](Connection& connection, int) {
    WebSocketPeer peer(connection);
    if (!peer.accept()) return;
    if (const std::optional<WebSocketFrame> message = peer.read()) talk(peer, message->payload);
  };
}

std::string ws_url(const Server& server, std::string_view path) { return "ws" + server.url(path).substr(4); }

HttpRequest upgrade(std::string url, std::string message) {
  return {.method = "GET", .url = std::move(url), .body = std::move(message), .websocket = true};
}

}  // namespace http_test
