#pragma once

#include <atomic>
#include <cctype>
#include <charconv>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/// A server that an example plays to itself: as much HTTP as that takes, and no more. One request a connection.
class PlayedApi {
 public:
  struct Request {
    std::string path{};
    std::map<std::string, std::string> headers{};  ///< names in small letters
    std::string body{};
  };
  struct Answer {
    int status = 200;
    std::vector<std::string> pieces{};  ///< of the body, each written by itself
  };
  using Handler = std::function<Answer(const Request&)>;

  explicit PlayedApi(Handler handler) : handler_(std::move(handler)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* const address = reinterpret_cast<sockaddr*>(&address_);
    if (::bind(listener_, address, size) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, address, &size) != 0)
      throw std::runtime_error("no port to listen on");
    thread_ = std::thread([this] { serve(); });
  }
  PlayedApi(const PlayedApi&) = delete;
  PlayedApi& operator=(const PlayedApi&) = delete;
  ~PlayedApi() {
    // The thread waits for a client, so it gets a last one.
    ending_ = true;
    const int last = ::socket(AF_INET, SOCK_STREAM, 0);
    static_cast<void>(::connect(last, reinterpret_cast<sockaddr*>(&address_), sizeof address_));
    thread_.join();
    ::close(last);
    ::close(listener_);
  }

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

 private:
  void serve() {
    for (int client = ::accept(listener_, nullptr, nullptr); client >= 0;
         client = ::accept(listener_, nullptr, nullptr)) {
      if (ending_) {
        ::close(client);
        return;
      }
      const Answer answer = handler_(read(client));
      write(client, "HTTP/1.1 " + std::to_string(answer.status) +
                        " Played\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
      for (const std::string& piece : answer.pieces) write(client, piece);
      ::close(client);
    }
  }

  static Request read(int client) {
    std::string bytes;
    const auto more = [&] {
      char buffer[4096];
      const ssize_t size = ::recv(client, buffer, sizeof buffer, 0);
      if (size > 0) bytes.append(buffer, static_cast<std::size_t>(size));
      return size > 0;
    };
    while (bytes.find("\r\n\r\n") == std::string::npos && more()) continue;
    const std::size_t end = bytes.find("\r\n\r\n");
    Request request;
    if (end == std::string::npos) return request;
    std::string_view head = std::string_view(bytes).substr(0, end);
    const std::size_t path = head.find(' ') + 1;
    request.path = head.substr(path, head.find(' ', path) - path);
    while (head.find("\r\n") != std::string_view::npos) {
      head.remove_prefix(head.find("\r\n") + 2);
      const std::string_view line = head.substr(0, head.find("\r\n"));
      const std::size_t colon = line.find(": ");
      if (colon == std::string_view::npos) continue;
      std::string name(line.substr(0, colon));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers[name] = line.substr(colon + 2);
    }
    const std::string& length = request.headers["content-length"];
    std::size_t size = 0;
    std::from_chars(length.data(), length.data() + length.size(), size);
    while (bytes.size() < end + 4 + size && more()) continue;
    request.body = bytes.substr(end + 4);
    return request;
  }

  static void write(int client, std::string_view bytes) {
#ifdef MSG_NOSIGNAL
    constexpr int kFlags = MSG_NOSIGNAL;
#else
    constexpr int kFlags = 0;
#endif
    while (!bytes.empty()) {
      const ssize_t size = ::send(client, bytes.data(), bytes.size(), kFlags);
      if (size <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  Handler handler_;
  int listener_;
  sockaddr_in address_{};
  std::atomic<bool> ending_{false};
  std::thread thread_{};
};
