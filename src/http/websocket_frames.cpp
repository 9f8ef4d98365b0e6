#include "http/websocket_frames.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {

constexpr unsigned kFinal = 0x80;
constexpr unsigned kReserved = 0x70;
constexpr unsigned kOpcode = 0x0f;
constexpr unsigned kMasked = 0x80;
constexpr unsigned kLength = 0x7f;
constexpr unsigned kLength16 = 126;
constexpr unsigned kLength64 = 127;
constexpr int kNoCode = 1005;

/// Section 7.4: the codes that may stand in a frame.
constexpr bool is_close_code(int code) noexcept {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

}  // namespace

bool WebSocketFrames::fail(std::string_view fault) noexcept {
  fault_ = fault;
  return false;
}

std::size_t WebSocketFrames::head_length() const noexcept {
  if (head_size_ < 2) return 2;
  const unsigned length = head_[1] & kLength;
  if (length == kLength16) return 4;
  return length == kLength64 ? 10 : 2;
}

bool WebSocketFrames::begin_message(Opcode opcode, bool final) {
  if (opcode == Opcode::continuation && !in_message_) return fail("a fragment that continues no message");
  if (opcode != Opcode::continuation && in_message_) return fail("a message inside another one");
  in_message_ = !final;
  return true;
}

/// Judges the first two bytes of a frame, before the rest of its head is waited for.
bool WebSocketFrames::begin_frame() {
  const unsigned opcode = head_[0] & kOpcode;
  const bool final = (head_[0] & kFinal) != 0;
  if ((head_[0] & kReserved) != 0) return fail("a frame with reserved bits, though no extension was agreed on");
  if ((head_[1] & kMasked) != 0) return fail("a masked frame, which a server must not send");
  opcode_ = static_cast<Opcode>(opcode);
  if (opcode <= static_cast<unsigned>(Opcode::binary)) return begin_message(opcode_, final);
  if (opcode < static_cast<unsigned>(Opcode::close) || opcode > static_cast<unsigned>(Opcode::pong))
    return fail("a frame of an unknown kind");
  if (!final) return fail("a control frame in fragments");
  if ((head_[1] & kLength) > kControl) return fail("a control frame of more than 125 bytes");
  return true;
}

bool WebSocketFrames::read_length() {
  const std::size_t size = head_length();
  left_ = head_[1] & kLength;
  if (size == 2) return true;
  left_ = 0;
  for (std::size_t i = 2; i < size; ++i) left_ = (left_ << 8U) | head_[i];
  if (left_ >> 63U != 0) return fail("a frame whose length is none");
  return true;
}

WebSocketFrames::Status WebSocketFrames::end_frame(Handler& handler) {
  head_size_ = 0;
  in_payload_ = false;
  if (opcode_ == Opcode::ping) {
    const bool go_on = handler.on_ping(control_);
    control_.clear();
    return go_on ? Status::open : Status::stopped;
  }
  if (opcode_ != Opcode::close) {
    control_.clear();
    return Status::open;
  }
  close_code_ = kNoCode;
  if (control_.empty()) return Status::closed;
  if (control_.size() >= 2)
    close_code_ = static_cast<unsigned char>(control_[0]) << 8 | static_cast<unsigned char>(control_[1]);
  if (control_.size() >= 2 && is_close_code(close_code_)) return Status::closed;
  (void)fail("a close frame with a code that is none");
  return Status::malformed;
}

WebSocketFrames::Status WebSocketFrames::feed(std::string_view bytes, Handler& handler) {
  for (;;) {
    while (!in_payload_ && !bytes.empty()) {
      head_[head_size_++] = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      if (head_size_ == 2 && !begin_frame()) return Status::malformed;
      if (head_size_ < head_length()) continue;
      if (!read_length()) return Status::malformed;
      if (!is_control(opcode_) && !handler.on_length(left_)) return Status::stopped;
      in_payload_ = true;
    }
    if (!in_payload_ || (bytes.empty() && left_ > 0)) return Status::open;

    const std::string_view piece =
        bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
    bytes.remove_prefix(piece.size());
    left_ -= piece.size();
    if (is_control(opcode_)) {
      control_ += piece;
    } else if (!piece.empty() && !handler.on_payload(piece)) {
      return Status::stopped;
    }
    if (left_ > 0) return Status::open;
    if (const Status status = end_frame(handler); status != Status::open) return status;
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
