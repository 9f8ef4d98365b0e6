#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Reads a server's side of a WebSocket (RFC 6455), in whatever pieces it comes.
///
/// What the messages hold is handed on as it comes, one message behind the other: where one ends is nothing that their
/// reader here needs to know, and a large one need not be kept.
class WebSocketFrames {
 public:
  /// Takes what is read. False from any of them: read no more.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual bool on_payload(std::string_view bytes) = 0;
    virtual bool on_ping(std::string_view payload) = 0;
    /// A frame of a message begins that will hold so much.
    virtual bool on_length(std::uint64_t payload) = 0;
  };
  enum class Status : std::uint8_t {
    open,
    closed,  ///< the server said so: close_code()
    malformed,
    stopped,  ///< by the handler
  };

  Status feed(std::string_view bytes, Handler& handler);

  /// 1005 where the server gave none (section 7.1.5).
  [[nodiscard]] int close_code() const noexcept { return close_code_; }
  /// What was malformed.
  [[nodiscard]] std::string_view fault() const noexcept { return fault_; }
  /// Neither a frame nor a message has begun and not ended.
  [[nodiscard]] bool at_rest() const noexcept { return head_size_ == 0 && !in_message_; }

 private:
  enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

  [[nodiscard]] static bool is_control(Opcode opcode) noexcept { return opcode >= Opcode::close; }
  [[nodiscard]] std::size_t head_length() const noexcept;
  [[nodiscard]] bool begin_frame();
  [[nodiscard]] bool begin_message(Opcode opcode, bool final);
  [[nodiscard]] bool read_length();
  [[nodiscard]] Status end_frame(Handler& handler);
  [[nodiscard]] bool fail(std::string_view fault) noexcept;

  static constexpr std::size_t kControl = 125;  // the most a control frame holds

  std::array<unsigned char, 10> head_{};
  std::size_t head_size_ = 0;
  bool in_payload_ = false;
  bool in_message_ = false;
  Opcode opcode_ = Opcode::continuation;
  std::uint64_t left_ = 0;  ///< of the frame's payload
  std::string control_{};   ///< payload of a control frame, so far
  int close_code_ = 0;
  std::string_view fault_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
