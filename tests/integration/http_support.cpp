#include "integration/http_support.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace http_test {

namespace {

std::string lowered(std::string_view text) {
  std::string low(text);
  std::transform(low.begin(), low.end(), low.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return low;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

std::string Received::header(std::string_view name) const {
  const std::string wanted = "\r\n" + lowered(name) + ":";
  const std::size_t at = lowered(head).find(wanted);
  if (at == std::string::npos) return {};
  const std::size_t begin = head.find_first_not_of(' ', at + wanted.size());
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

bool Connection::read_some() {
  std::array<char, 16384> bytes{};
  const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (count <= 0) return false;
  buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

std::optional<Received> Connection::read_request() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!read_some()) return std::nullopt;
  Received received{.head = buffer_.substr(0, end + 2)};
  buffer_.erase(0, end + 4);
  std::size_t length = 0;
  const std::string stated = received.header("content-length");
  std::from_chars(stated.data(), stated.data() + stated.size(), length);
  while (buffer_.size() < length)
    if (!read_some()) return std::nullopt;
  received.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return received;
}

bool Connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool Connection::answer(std::string_view body, std::string_view more_headers, int status) {
  return write(fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), more_headers, body));
}

bool Connection::begin_chunked() { return write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"); }

bool Connection::chunk(std::string_view bytes) { return write(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes)); }

void Connection::drain() {
  while (read_some()) buffer_.clear();
}

void Connection::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

int listen_on_loopback(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 4096) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no listening socket");
  port = ntohs(address.sin_port);
  return fd;
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

Server::Server(Handler handler) : handler_(std::move(handler)), fd_(listen_on_loopback(port_)) {
  acceptor_ = std::thread([this] { accept_all(); });
}

Server::~Server() {
  closing_ = true;
  ::shutdown(fd_, SHUT_RDWR);
  acceptor_.join();
  ::close(fd_);
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

std::string Server::url(std::string_view path) const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }

void Server::accept_all() {
  while (!closing_) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ECONNABORTED) continue;
      return;
    }
    const int number = ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd, number] {
      Connection connection(fd);
      handler_(connection, number);
      const std::lock_guard inner(mutex_);
      std::erase(open_, fd);
      ::close(fd);
    });
  }
}

Server::Handler echo(std::function<std::string(const Received&)> reply) {
  return [reply = std::move(reply)](Connection& connection, int) {
    while (const std::optional<Received> received = connection.read_request())
      if (!connection.answer(reply(*received))) return;
  };
}

void tunnel(Connection& a, Connection& b) {
  for (Connection* one : {&a, &b}) {
    Connection& other = one == &a ? b : a;
    if (!one->buffered().empty()) other.write(one->buffered());
    one->buffered().clear();
  }
  std::array<pollfd, 2> both{pollfd{a.fd(), POLLIN, 0}, pollfd{b.fd(), POLLIN, 0}};
  while (::poll(both.data(), both.size(), -1) > 0) {
    for (std::size_t i = 0; i < 2; ++i) {
      if (both[i].revents == 0) continue;
      Connection& from = i == 0 ? a : b;
      Connection& to = i == 0 ? b : a;
      if (!from.read_some() || !to.write(from.buffered())) {
        ::shutdown(a.fd(), SHUT_RDWR);
        ::shutdown(b.fd(), SHUT_RDWR);
        return;
      }
      from.buffered().clear();
    }
  }
}

void Recorder::on_sent() {
  ++sent;
  if (when_sent) when_sent();
}

void Recorder::on_head(HttpHead got) {
  ++heads;
  head = std::move(got);
  if (when_head) when_head();
}

void Recorder::on_body(std::string_view bytes) {
  body += bytes;
  pieces.emplace_back(bytes);
  if (when_body) when_body();
}

void Recorder::on_end(ExchangeEnd got) {
  ++ends;
  end = std::move(got);
  exchange.reset();
  // Whoever is told may destroy the recorder at once, so one is told and nothing is touched after.
  if (const auto tell = std::exchange(when_end, nullptr))
    tell();
  else
    runtime.open(gate);
}

void start(Runtime& loop, Recorder& recorder, HttpRequest request, ExchangeOptions options) {
  loop.post([&loop, &recorder, request = std::move(request), options] {
    recorder.exchange = loop.exchange(request, options, recorder);
  });
}

void run(Runtime& loop, Recorder& recorder, HttpRequest request, ExchangeOptions options) {
  recorder.gate.reset();
  const Task begin = [&loop, &recorder, request = std::move(request), options] {
    recorder.exchange = loop.exchange(request, options, recorder);
  };
  loop.post_and_wait(begin, recorder.gate);
}

void on_loop(Runtime& loop, Task task) {
  Gate gate;
  loop.post_and_wait(
      [&] {
        task();
        loop.open(gate);
      },
      gate);
}

void cancel(Runtime& loop, Recorder& recorder) {
  on_loop(loop, [&] { recorder.exchange.reset(); });
}

HttpRequest post(std::string url, std::string body, std::vector<HttpHeader> headers) {
  headers.push_back({"Content-Type", "application/json"});
  return {.method = "POST", .url = std::move(url), .headers = std::move(headers), .body = std::move(body)};
}

HttpRequest get(std::string url) { return {.method = "GET", .url = std::move(url)}; }

}  // namespace http_test
