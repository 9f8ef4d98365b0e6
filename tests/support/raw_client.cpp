#include "support/raw_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace keywheel::testing {

RawClient::RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const timeval patience{.tv_sec = 60, .tv_usec = 0};
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    if (fd_ >= 0) ::close(fd_);
    throw std::system_error(error, std::generic_category(), "raw client: connect");
  }
}

RawClient::~RawClient() { ::close(fd_); }

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) throw std::system_error(errno, std::generic_category(), "raw client: send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawClient::shut() { ::shutdown(fd_, SHUT_WR); }

std::string RawClient::receive_some() {
  if (!buffer_.empty()) return std::exchange(buffer_, {});
  std::array<char, 16384> bytes{};
  const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (got < 0) {
    reset_ = errno == ECONNRESET;
    timed_out_ = errno == EAGAIN || errno == EWOULDBLOCK;
    return {};
  }
  return {bytes.data(), static_cast<std::size_t>(got)};
}

std::string RawClient::receive(std::size_t count) {
  std::string all;
  while (all.size() < count) {
    const std::string some = receive_some();
    if (some.empty()) return all;
    all += some;
  }
  buffer_ = all.substr(count);
  all.resize(count);
  return all;
}

std::string RawClient::receive_all() {
  std::string all;
  for (std::string some = receive_some(); !some.empty(); some = receive_some()) all += some;
  return all;
}

std::string RawClient::receive_until(std::string_view end) {
  std::string all;
  for (;;) {
    const std::string some = receive_some();
    if (some.empty()) return all;
    all += some;
    const std::size_t found = all.find(end);
    if (found != std::string::npos) {
      buffer_ = all.substr(found + end.size());
      all.resize(found + end.size());
      return all;
    }
  }
}

std::string RawClient::receive_answer() {
  std::string answer = receive_until("\r\n\r\n");
  constexpr std::string_view kName = "Content-Length: ";
  const std::size_t at = answer.find(kName);
  std::size_t length = 0;
  if (at != std::string::npos) {
    std::from_chars(answer.data() + at + kName.size(), answer.data() + answer.size(), length);
  }
  return answer + receive(length);
}

std::string raw_chat_request(std::string_view key, std::string_view prompt, bool stream) {
  const std::string body =
      fmt::format(R"({{"model":"m","stream":{},"messages":[{{"role":"user","content":"{}"}}]}})", stream, prompt);
  return fmt::format(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: loopback\r\nAuthorization: Bearer {}\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      key, body.size(), body);
}

}  // namespace keywheel::testing
