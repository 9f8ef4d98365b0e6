#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// A WebSocket server's side of RFC 6455, without a socket: the handshake, frames to send, and the client's frames read
/// and held to what a client must do.

namespace keywheel::testing {

enum class WebSocketOpcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// The answer to a Sec-WebSocket-Key.
[[nodiscard]] std::string websocket_accept(std::string_view key);
/// The head that accepts an upgrade.
[[nodiscard]] std::string websocket_answer(std::string_view key);

struct WebSocketFrame {
  WebSocketOpcode opcode = WebSocketOpcode::text;
  std::string payload{};
  bool final = true;
};

/// As a server sends it: unmasked.
[[nodiscard]] std::string to_bytes(const WebSocketFrame& frame);
[[nodiscard]] std::string websocket_text(std::string_view payload);
[[nodiscard]] std::string websocket_close(int code, std::string_view reason = {});

/// Reads what a client sends.
class WebSocketClientFrames {
 public:
  void feed(std::string_view bytes) { buffer_ += bytes; }
  /// The next whole frame, unmasked; nothing: more bytes are needed. Throws std::runtime_error for what no client may
  /// send: a frame that is not masked, one in reserved bits, a control frame that is too long or in fragments.
  [[nodiscard]] std::optional<WebSocketFrame> next();

 private:
  std::string buffer_{};
};

}  // namespace keywheel::testing
