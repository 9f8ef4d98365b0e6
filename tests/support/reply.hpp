#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

namespace keywheel::testing {

/// A part of an answer, written at its time.
struct Piece {
  std::string bytes{};
  std::chrono::nanoseconds delay{0};  ///< after the piece before it (or the head)
  std::string hold{};                 ///< not before LoopbackServer::release() of this name; empty: no wait
};

/// Where an answer breaks off.
struct Cut {
  enum class How : std::uint8_t {
    close,  ///< the connection ends in good order, the answer does not
    reset,  ///< the connection is reset (RST)
    stall,  ///< nothing more comes, the connection stays
  };
  enum class From : std::uint8_t {
    start,  ///< bytes of the whole answer, status line included
    body,   ///< bytes of the body, its chunk framing not counted
  };
  How how = How::close;
  std::size_t after = 0;  ///< bytes that are still sent
  From from = From::body;
};

/// What the server does with one request.
struct Reply {
  enum class Framing : std::uint8_t { content_length, chunked, until_close };

  int status = 200;
  std::vector<HttpHeader> headers{};  ///< without Content-Length, Transfer-Encoding, Connection
  std::vector<Piece> body{};
  /// The pieces after `body`, asked for one at a time when the one before is due; nothing ends the answer. Not with
  /// Framing::content_length. For long streams that need not lie in memory.
  std::function<std::optional<Piece>()> more{};
  Framing framing = Framing::content_length;
  std::chrono::nanoseconds delay{0};        ///< before the head
  std::string hold{};                       ///< before the head, as Piece::hold
  std::size_t split = 0;                    ///< at most so many bytes in one write; 0: as they are
  std::chrono::nanoseconds split_delay{0};  ///< between such writes
  std::optional<Cut> cut{};
  bool no_answer = false;    ///< closes the connection after reading the request
  bool close_after = false;  ///< "Connection: close", and it does

  /// A whole body of one piece.
  [[nodiscard]] static Reply of(int status, std::string content_type, std::string body);
  [[nodiscard]] static Reply json(int status, std::string body);
  /// Server-sent events, chunked, each of `events` written `between` after the one before.
  [[nodiscard]] static Reply sse(std::vector<std::string> events, std::chrono::nanoseconds between = {});

  /// All bytes of `body`, joined.
  [[nodiscard]] std::string whole_body() const;
};

[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// One step of writing an answer.
struct WireStep {
  std::string bytes{};
  std::chrono::nanoseconds delay{0};
  std::string hold{};
};

/// The bytes of a reply in the order of writing: head, framing and pieces, broken off where the cut says.
class ReplyWriter {
 public:
  /// `head_only`: the answer to a HEAD request. `keep_alive`: what the client allows.
  ReplyWriter(Reply reply, bool keep_alive, bool head_only);

  /// The next step; nothing: all is written, or the cut is reached.
  [[nodiscard]] std::optional<WireStep> next();

  /// After the last step: the cut that was reached, if one was.
  [[nodiscard]] const std::optional<Cut>& cut() const noexcept { return reached_; }
  /// After the last step, without a cut: the connection can carry another request.
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

 private:
  enum class Phase : std::uint8_t { head, body, end, done };

  [[nodiscard]] std::string head() const;
  [[nodiscard]] std::optional<Piece> next_piece();
  [[nodiscard]] WireStep framed(Piece piece);
  /// Shortens the step where the cut falls into it.
  [[nodiscard]] WireStep checked(WireStep step, std::size_t body_begin, std::size_t body_size);

  Reply reply_;
  bool keep_alive_;
  bool head_only_;
  Phase phase_ = Phase::head;
  std::size_t next_ = 0;
  std::size_t written_ = 0;
  std::size_t body_written_ = 0;
  std::optional<Cut> reached_{};
};

}  // namespace keywheel::testing
