#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include <curl/curl.h>

#include "http/websocket_frames.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a transfer over a WebSocket has beside what every transfer has: the handshake, the frames that come, and those
/// that wait to be sent.
///
/// libcurl opens the connection and carries the bytes. The frames that come are read here and not by libcurl, which up
/// to 8.13 answers pings in the middle of a message that is still being sent, and does not check Sec-WebSocket-Accept.
class WebSocketSession {
 public:
  /// `message` is what to send once the upgrade is accepted; it outlives this.
  explicit WebSocketSession(std::string_view message) : message_(message) {}

  /// The header that asks, with a random key. Throws std::bad_alloc where there is none.
  [[nodiscard]] HttpHeader ask();
  /// What is wrong with an answer of status 101, if anything: a server that speaks no WebSocket, or another one.
  [[nodiscard]] std::optional<std::string_view> fault(const HttpHead& head) const;

  /// Options of the handle that carries it. False: no memory.
  [[nodiscard]] static bool set_up(CURL* handle) noexcept;

  enum class Sent : std::uint8_t { all, blocked, failed };
  /// Sends what waits: the message, then the newest ping's answer, then the farewell. Not inside a callback of
  /// libcurl's, where it would block.
  [[nodiscard]] Sent send(CURL* handle);
  /// Answers a ping. Of several that could not be answered so far, the last (RFC 6455, section 5.5.3).
  void pong(std::string_view payload) { pong_ = payload; }
  /// Answers the server's farewell.
  void farewell(int code);

  WebSocketFrames frames{};
  bool open = false;    ///< the upgrade is accepted
  bool closed = false;  ///< the server has said so
  int socket = -1;

 private:
  [[nodiscard]] bool next_frame();

  std::string_view message_;
  std::string key_{};
  bool message_taken_ = false;
  std::optional<std::string> pong_{};
  std::optional<std::string> farewell_{};
  std::string control_{};    ///< a control frame that is being sent
  std::string_view rest_{};  ///< of the frame that is being sent
  unsigned flags_ = 0;       ///< its kind, as libcurl has it; 0: none
};

/// Whether a close code means that all went well, and what the RFC calls it.
[[nodiscard]] bool is_good_close(int code) noexcept;
[[nodiscard]] std::string_view close_word(int code) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
