#include "shared/arrival_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <map>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/http_request.hpp"

namespace keywheel::testing {
namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 77\r\n\r\n"
    R"({"choices":[{"index":0,"message":{"role":"assistant","content":"answered"}}]})";

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

class ArrivalServer::Loop {
 public:
  Loop() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::pipe(stop_.data()) != 0) fail("arrival server");
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 1024) != 0) fail("arrival server: listen");
    if (::getsockname(listener_, generic, &size) != 0) fail("arrival server: getsockname");
    port_ = ntohs(address.sin_port);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    thread_ = std::thread([this] { run(); });
  }
  ~Loop() {
    (void)!::write(stop_[1], "x", 1);
    thread_.join();
    for (const auto& [fd, connection] : connections_) ::close(fd);
    for (const int fd : {listener_, stop_[0], stop_[1]}) ::close(fd);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::vector<TimePoint> arrivals() const {
    const std::lock_guard lock(mutex_);
    std::vector<TimePoint> all = arrivals_;
    std::sort(all.begin(), all.end());
    return all;
  }
  [[nodiscard]] std::uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return arrivals_.size();
  }
  [[nodiscard]] bool wait_for(std::uint64_t count) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return arrivals_.size() >= count; });
  }

 private:
  struct Connection {
    RequestParser parser{};
    TimePoint begun{};  ///< when the first byte of the request that is being read arrived
  };

  void run() {
    while (true) {
      std::vector<pollfd> fds{{.fd = stop_[0], .events = POLLIN, .revents = 0},
                              {.fd = listener_, .events = POLLIN, .revents = 0}};
      for (const auto& [fd, connection] : connections_) fds.push_back({.fd = fd, .events = POLLIN, .revents = 0});
      ::poll(fds.data(), fds.size(), -1);
      if (fds[0].revents != 0) return;
      if (fds[1].revents != 0) accept();
      for (std::size_t i = 2; i < fds.size(); ++i) {
        if (fds[i].revents != 0) receive(fds[i].fd);
      }
    }
  }

  void accept() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_.emplace(fd, Connection{});
    }
  }

  void receive(int fd) {
    Connection& connection = connections_.at(fd);
    std::array<char, 16384> bytes{};
    std::array<char, 256> control{};
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd, &message, 0);
    if (got <= 0) {
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      ::close(fd);
      connections_.erase(fd);
      return;
    }
    if (connection.begun == TimePoint{}) connection.begun = time_of(message);
    std::string_view rest(bytes.data(), static_cast<std::size_t>(got));
    while (!rest.empty() && connection.parser.feed(rest) == RequestParser::Status::complete) {
      (void)connection.parser.take();
      {
        const std::lock_guard lock(mutex_);
        arrivals_.push_back(connection.begun);
      }
      changed_.notify_all();
      connection.begun = {};
      (void)!::send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
    }
  }

  /// The first packets after the option was set may carry no time yet.
  static TimePoint time_of(msghdr& message) {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
      if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_TIMESTAMPNS) {
        std::memcpy(&time, CMSG_DATA(each), sizeof time);
      }
    }
    return TimePoint(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
  }

  int listener_;
  std::array<int, 2> stop_{-1, -1};
  std::uint16_t port_ = 0;
  std::map<int, Connection> connections_{};
  mutable std::mutex mutex_{};
  mutable std::condition_variable changed_{};
  std::vector<TimePoint> arrivals_{};
  std::thread thread_{};
};

ArrivalServer::ArrivalServer() : loop_(std::make_unique<Loop>()) {}
ArrivalServer::~ArrivalServer() = default;
std::string ArrivalServer::url() const { return "http://127.0.0.1:" + std::to_string(loop_->port()) + "/v1"; }
std::vector<TimePoint> ArrivalServer::arrivals() const { return loop_->arrivals(); }
std::uint64_t ArrivalServer::count() const { return loop_->count(); }
bool ArrivalServer::wait_for(std::uint64_t count) const { return loop_->wait_for(count); }

}  // namespace keywheel::testing
