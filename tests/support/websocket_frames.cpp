#include "support/websocket_frames.hpp"

#include <array>
#include <stdexcept>

#include <openssl/evp.h>

namespace keywheel::testing {

namespace {

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

void append_number(std::string& to, std::uint64_t number, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;) to += static_cast<char>((number >> (8U * i)) & 0xffU);
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, 20> hash{};
  if (EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha1(), nullptr) != 1)
    throw std::runtime_error("no SHA-1");
  std::array<unsigned char, 29> base64{};
  const int size = EVP_EncodeBlock(base64.data(), hash.data(), static_cast<int>(hash.size()));
  return {reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(size)};
}

std::string websocket_answer(std::string_view key) {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         websocket_accept(key) + "\r\n\r\n";
}

std::string to_bytes(const WebSocketFrame& frame) {
  std::string bytes(1, static_cast<char>((frame.final ? 0x80U : 0U) | static_cast<unsigned>(frame.opcode)));
  const std::size_t size = frame.payload.size();
  if (size < 126) {
    bytes += static_cast<char>(size);
  } else if (size < 65536) {
    bytes += static_cast<char>(126);
    append_number(bytes, size, 2);
  } else {
    bytes += static_cast<char>(127);
    append_number(bytes, size, 8);
  }
  return bytes + frame.payload;
}

std::string websocket_text(std::string_view payload) { return to_bytes({.payload = std::string(payload)}); }

std::string websocket_close(int code, std::string_view reason) {
  std::string payload;
  append_number(payload, static_cast<std::uint64_t>(code), 2);
  payload += reason;
  return to_bytes({.opcode = WebSocketOpcode::close, .payload = payload});
}

std::optional<WebSocketFrame> WebSocketClientFrames::next() {
  if (buffer_.size() < 2) return std::nullopt;
  const unsigned first = byte_at(buffer_, 0);
  const unsigned second = byte_at(buffer_, 1);
  WebSocketFrame frame{.opcode = static_cast<WebSocketOpcode>(first & 0x0fU), .final = (first & 0x80U) != 0};
  std::uint64_t size = second & 0x7fU;
  if ((second & 0x80U) == 0) throw std::runtime_error("a client's frame that is not masked");
  if ((first & 0x70U) != 0) throw std::runtime_error("a client's frame with reserved bits");
  if (frame.opcode >= WebSocketOpcode::close && (!frame.final || size > 125))
    throw std::runtime_error("a client's control frame that is too long or in fragments");
  const std::size_t length_bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
  const std::size_t head = 2 + length_bytes + 4;
  if (buffer_.size() < head) return std::nullopt;
  if (length_bytes > 0) size = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) size = (size << 8U) | byte_at(buffer_, 2 + i);
  if (buffer_.size() - head < size) return std::nullopt;
  frame.payload = buffer_.substr(head, static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < frame.payload.size(); ++i)
    frame.payload[i] = static_cast<char>(byte_at(frame.payload, i) ^ byte_at(buffer_, head - 4 + i % 4));
  buffer_.erase(0, head + frame.payload.size());
  return frame;
}

}  // namespace keywheel::testing
