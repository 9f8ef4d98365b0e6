#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "integration/http_support.hpp"
#include "support/websocket_frames.hpp"

namespace http_test {

/// The server's end of a WebSocket, on a connection that a Server accepted.
class WebSocketPeer {
 public:
  explicit WebSocketPeer(Connection& connection) : connection_(connection) {}

  /// Reads the client's request and accepts the upgrade. False: the peer is gone.
  bool accept();
  /// The client's next frame; nothing: it is gone, or sent what no client may (violation()).
  [[nodiscard]] std::optional<keywheel::testing::WebSocketFrame> read();
  bool send(std::string_view bytes) { return connection_.write(bytes); }
  bool text(std::string_view payload) { return send(keywheel::testing::websocket_text(payload)); }
  bool close(int code = 1000) { return send(keywheel::testing::websocket_close(code)); }

  [[nodiscard]] const Received& request() const noexcept { return request_; }
  [[nodiscard]] const std::string& violation() const noexcept { return violation_; }

 private:
  Connection& connection_;
  Received request_{};
  keywheel::testing::WebSocketClientFrames frames_{};
  std::string violation_{};
};

/// A server that accepts each upgrade, reads one message, and goes on as the test says.
[[nodiscard]] Server::Handler websocket(std::function<void(WebSocketPeer&, const std::string& message)> talk);

[[nodiscard]] std::string ws_url(const Server& server, std::string_view path = "/chat");
[[nodiscard]] HttpRequest upgrade(std::string url, std::string message = "{}");

}  // namespace http_test
