#include "support/loopback_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <queue>
#include <set>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace keywheel::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t kReadSize = 64U << 10U;
constexpr std::size_t kWriteAhead = 256U << 10U;  // gathered before a write
constexpr std::size_t kMaxUnread = 1U << 20U;     // sent by a client that does not wait for its answer
constexpr int kWritesInARow = 64;                 // of a split answer, before other connections have their turn

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

TimePoint clock_now() { return std::chrono::steady_clock::now(); }

/// A file descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd = -1) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  void reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

}  // namespace

class LoopbackServer::Loop {
 public:
  Loop(Handler handler, Options options);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  [[nodiscard]] std::uint16_t port() const noexcept { return options_.port; }
  void release(std::string name);
  void close_idle();

  /// What other threads read, under mutex.
  struct Log {
    std::vector<RequestRecord> records{};
    std::uint64_t requests = 0;
    std::uint64_t malformed = 0;
    std::uint64_t accepted = 0;
    std::uint64_t open = 0;
  };
  template <class F>
  auto read(F&& f) const {
    const std::lock_guard lock(mutex_);
    return f(log_);
  }
  template <class F>
  bool wait(F&& condition) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return condition(log_); });
  }

 private:
  // What epoll hands back. Connection n is kFirstConnection + n.
  enum : std::uint64_t { kListener, kWake, kFirstConnection };

  struct Connection {
    explicit Connection(RequestParser::Bounds bounds) : parser(bounds) {}

    Fd fd{};
    std::uint64_t number = 0;
    std::uint64_t requests = 0;
    RequestParser parser;
    std::string unread{};  // came while an earlier request is answered
    std::unique_ptr<ReplyWriter> writer{};
    std::optional<WireStep> step{};  // waits for its time or its hold
    bool all_written = false;        // the writer has no more steps
    std::string out{};               // due, not yet taken by the socket
    std::size_t out_done = 0;
    std::uint64_t answering = 0;  // number of the request
    std::uint64_t sent = 0;
    std::uint64_t wait = 0;  // of the newest timer; older ones are void
    std::string held{};      // waits for this name
    std::size_t split = 0;
    nanoseconds split_delay{0};
    bool wants_out = false;  // EPOLLOUT is asked for
    bool draining = false;   // our side is shut; what the peer still sends is thrown away
    bool gone = false;
  };

  struct Timer {
    TimePoint when;
    std::uint64_t connection;
    std::uint64_t wait;
    bool operator>(const Timer& other) const noexcept { return when > other.when; }
  };

  void run();
  void wake() const;
  void watch_new(int fd, std::uint64_t data) const;
  void accept_all();
  void on_event(Connection& c, std::uint32_t events);
  void receive(Connection& c);
  /// Goes on with the answer, and with the requests behind it.
  void proceed(Connection& c);
  void answer(Connection& c);
  void refuse(Connection& c);
  void advance(Connection& c);
  [[nodiscard]] bool flush(Connection& c);
  void gather(Connection& c);
  void finish(Connection& c);
  void break_off(Connection& c, Cut::How how);
  void set_timer(Connection& c, nanoseconds delay);
  void watch_out(Connection& c, bool out);
  void shut(Connection& c);
  void close(Connection& c);
  void reset(Connection& c);
  void end_answer(Connection& c, RequestEnd end);
  void run_timers();
  void run_orders();
  void bury();
  [[nodiscard]] int timeout() const;

  Handler handler_;
  Options options_;
  Fd listener_{};
  Fd epoll_{};
  Fd wake_{};
  Fd spare_{};  // given up for a moment to turn a connection away when there are no more descriptors
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_{};
  std::vector<std::uint64_t> dead_{};
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_{};
  std::set<std::string, std::less<>> released_{};
  std::array<char, kReadSize> buffer_{};

  mutable std::mutex mutex_{};
  mutable std::condition_variable changed_{};
  Log log_{};

  std::mutex orders_mutex_{};
  std::vector<std::string> releases_{};
  bool close_idle_ = false;
  bool stop_ = false;

  std::thread thread_{};
};

LoopbackServer::Loop::Loop(Handler handler, Options options)
    : handler_(std::move(handler)),
      options_(options),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  if (listener_.get() < 0 || epoll_.get() < 0 || wake_.get() < 0) fail("loopback server: no descriptor");
  const int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(options_.port);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, size) != 0) fail("loopback server: bind");
  if (::listen(listener_.get(), 4096) != 0) fail("loopback server: listen");
  if (::getsockname(listener_.get(), generic, &size) != 0) fail("loopback server: getsockname");
  options_.port = ntohs(address.sin_port);
  watch_new(listener_.get(), kListener);
  watch_new(wake_.get(), kWake);
  thread_ = std::thread([this] { run(); });
}

LoopbackServer::Loop::~Loop() {
  {
    const std::lock_guard lock(orders_mutex_);
    stop_ = true;
  }
  wake();
  thread_.join();
}

void LoopbackServer::Loop::wake() const {
  const std::uint64_t one = 1;
  // A full counter wakes as well.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void LoopbackServer::Loop::release(std::string name) {
  {
    const std::lock_guard lock(orders_mutex_);
    releases_.push_back(std::move(name));
  }
  wake();
}

void LoopbackServer::Loop::close_idle() {
  {
    const std::lock_guard lock(orders_mutex_);
    close_idle_ = true;
  }
  wake();
}

void LoopbackServer::Loop::watch_new(int fd, std::uint64_t data) const {
  epoll_event event{};
  event.events = EPOLLIN | (data >= kFirstConnection ? EPOLLRDHUP : 0U);
  event.data.u64 = data;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail("loopback server: epoll_ctl");
}

void LoopbackServer::Loop::run() {
  std::array<epoll_event, 256> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout());
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == kListener) {
        accept_all();
      } else if (event.data.u64 == kWake) {
        std::uint64_t ignored = 0;
        [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &ignored, sizeof ignored);
      } else if (const auto it = connections_.find(event.data.u64 - kFirstConnection); it != connections_.end()) {
        on_event(*it->second, event.events);
      }
    }
    run_timers();
    run_orders();
    bury();
    const std::lock_guard lock(orders_mutex_);
    if (stop_) return;
  }
}

int LoopbackServer::Loop::timeout() const {
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(timers_.top().when - clock_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void LoopbackServer::Loop::accept_all() {
  for (;;) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EMFILE && errno != ENFILE) return;
      spare_.reset();
      Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
      spare_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      return;
    }
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<Connection>(options_.bounds);
    {
      const std::lock_guard lock(mutex_);
      connection->number = ++log_.accepted;
      ++log_.open;
    }
    changed_.notify_all();
    watch_new(fd.get(), kFirstConnection + connection->number);
    connection->fd = std::move(fd);
    connections_.emplace(connection->number, std::move(connection));
  }
}

void LoopbackServer::Loop::on_event(Connection& c, std::uint32_t events) {
  if (c.gone) return;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) receive(c);
  if (!c.gone && ((events & EPOLLOUT) != 0 || c.writer == nullptr)) proceed(c);
}

void LoopbackServer::Loop::receive(Connection& c) {
  for (;;) {
    const ssize_t got = ::recv(c.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    // A client that shuts its side is taken to have gone: none that this server is for does so and reads on.
    if (got <= 0) return close(c);
    if (c.draining) continue;
    c.unread.append(buffer_.data(), static_cast<std::size_t>(got));
    if (c.writer != nullptr && c.unread.size() > kMaxUnread) return close(c);
    if (static_cast<std::size_t>(got) < buffer_.size()) return;
    if (c.writer == nullptr) return;  // epoll comes back for the rest
  }
}

void LoopbackServer::Loop::proceed(Connection& c) {
  if (c.writer != nullptr) advance(c);
  std::size_t taken = 0;
  while (!c.gone && !c.draining && c.writer == nullptr && taken < c.unread.size()) {
    std::string_view bytes = std::string_view(c.unread).substr(taken);
    const RequestParser::Status status = c.parser.feed(bytes);
    taken = c.unread.size() - bytes.size();
    if (status == RequestParser::Status::complete) {
      answer(c);
    } else if (status == RequestParser::Status::failed) {
      refuse(c);
    } else if (c.parser.wants_continue()) {
      c.out = "HTTP/1.1 100 Continue\r\n\r\n";
      c.out_done = 0;
      if (!flush(c)) break;
    }
  }
  c.unread.erase(0, taken);
  if (c.unread.empty()) std::string().swap(c.unread);
}

void LoopbackServer::Loop::answer(Connection& c) {
  RequestRecord record{.request = c.parser.take()};
  ReceivedRequest& request = record.request;
  request.connection = c.number;
  request.on_connection = ++c.requests;
  request.arrived = clock_now();
  request.number = c.answering = log_.requests + 1;  // only this thread writes it
  Reply reply = handler_(request);
  record.status = reply.no_answer ? 0 : reply.status;
  const bool no_answer = reply.no_answer;
  c.split = reply.split;
  c.split_delay = reply.split_delay;
  c.sent = 0;
  c.all_written = false;
  c.writer = std::make_unique<ReplyWriter>(std::move(reply), request.keep_alive, request.method == "HEAD");
  if (!options_.record_bodies) std::string().swap(request.body);
  {
    const std::lock_guard lock(mutex_);
    ++log_.requests;
    if (log_.records.size() < options_.max_records) log_.records.push_back(std::move(record));
  }
  changed_.notify_all();
  if (no_answer) return break_off(c, Cut::How::close);
  advance(c);
}

void LoopbackServer::Loop::refuse(Connection& c) {
  {
    const std::lock_guard lock(mutex_);
    ++log_.malformed;
  }
  changed_.notify_all();
  Reply reply = Reply::of(c.parser.error_status(), "text/plain", c.parser.error() + "\n");
  c.answering = 0;
  c.split = 0;
  c.all_written = false;
  c.writer = std::make_unique<ReplyWriter>(std::move(reply), false, false);
  advance(c);
}

void LoopbackServer::Loop::advance(Connection& c) {
  while (!c.gone && c.writer != nullptr) {
    if (!flush(c)) return;
    if (c.all_written) return finish(c);
    gather(c);
    if (c.all_written || !c.out.empty()) continue;
    if (c.step->delay.count() > 0) {
      set_timer(c, std::exchange(c.step->delay, {}));
    } else {
      c.held = c.step->hold;
    }
    return;
  }
}

void LoopbackServer::Loop::gather(Connection& c) {
  while (c.out.size() < kWriteAhead) {
    if (!c.step) c.step = c.writer->next();
    if (!c.step) {
      c.all_written = true;
      return;
    }
    if (c.step->delay.count() > 0) return;
    if (!c.step->hold.empty() && !released_.contains(c.step->hold)) return;
    c.out += c.step->bytes;
    c.step.reset();
  }
}

bool LoopbackServer::Loop::flush(Connection& c) {
  int writes = 0;
  while (c.out_done < c.out.size()) {
    std::size_t size = c.out.size() - c.out_done;
    if (c.split > 0) size = std::min(size, c.split);
    const ssize_t sent = ::send(c.fd.get(), c.out.data() + c.out_done, size, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        watch_out(c, true);
      } else {
        close(c);
      }
      return false;
    }
    c.out_done += static_cast<std::size_t>(sent);
    c.sent += static_cast<std::size_t>(sent);
    if (c.split > 0 && (c.split_delay.count() > 0 || ++writes == kWritesInARow)) {
      set_timer(c, c.split_delay);
      return false;
    }
  }
  watch_out(c, false);
  c.out_done = 0;
  std::string().swap(c.out);
  return true;
}

void LoopbackServer::Loop::finish(Connection& c) {
  if (c.writer->cut()) return break_off(c, c.writer->cut()->how);
  const bool keep_alive = c.writer->keep_alive();
  end_answer(c, RequestEnd::complete);
  if (!keep_alive) shut(c);
}

void LoopbackServer::Loop::break_off(Connection& c, Cut::How how) {
  // The writer stays, so that no request behind this one is read.
  if (how == Cut::How::stall) return;
  int queued = 0;
  ::ioctl(c.fd.get(), SIOCOUTQ, &queued);
  // A reset throws away what the peer has not acknowledged.
  if (how == Cut::How::reset && queued > 0) return set_timer(c, milliseconds(1));
  end_answer(c, RequestEnd::cut);
  if (how == Cut::How::reset) {
    reset(c);
  } else {
    shut(c);
  }
}

void LoopbackServer::Loop::end_answer(Connection& c, RequestEnd end) {
  c.writer.reset();
  c.step.reset();
  c.held.clear();
  const std::uint64_t number = std::exchange(c.answering, 0);
  {
    const std::lock_guard lock(mutex_);
    if (number == 0 || number > log_.records.size()) return;
    RequestRecord& record = log_.records[number - 1];
    record.end = end;
    record.ended = clock_now();
    record.sent_bytes = c.sent;
  }
  changed_.notify_all();
}

void LoopbackServer::Loop::set_timer(Connection& c, nanoseconds delay) {
  timers_.push({clock_now() + delay, c.number, ++c.wait});
}

void LoopbackServer::Loop::watch_out(Connection& c, bool out) {
  if (c.wants_out == out) return;
  c.wants_out = out;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | (out ? EPOLLOUT : 0U);
  event.data.u64 = kFirstConnection + c.number;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, c.fd.get(), &event);
}

void LoopbackServer::Loop::shut(Connection& c) {
  ::shutdown(c.fd.get(), SHUT_WR);
  c.draining = true;
}

void LoopbackServer::Loop::reset(Connection& c) {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(c.fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(c);
}

void LoopbackServer::Loop::close(Connection& c) {
  if (c.gone) return;
  c.gone = true;
  c.fd.reset();
  dead_.push_back(c.number);
  if (c.writer != nullptr) {
    const bool cut = c.all_written && c.writer->cut();
    end_answer(c, cut ? RequestEnd::cut : RequestEnd::peer_closed);
  }
  {
    const std::lock_guard lock(mutex_);
    --log_.open;
  }
  changed_.notify_all();
}

void LoopbackServer::Loop::run_timers() {
  const TimePoint now = clock_now();
  while (!timers_.empty() && timers_.top().when <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    const auto it = connections_.find(timer.connection);
    if (it == connections_.end() || it->second->gone || it->second->wait != timer.wait) continue;
    proceed(*it->second);
  }
}

void LoopbackServer::Loop::run_orders() {
  std::vector<std::string> releases;
  bool close_all_idle = false;
  {
    const std::lock_guard lock(orders_mutex_);
    releases.swap(releases_);
    close_all_idle = std::exchange(close_idle_, false);
  }
  for (std::string& name : releases) {
    for (auto& [number, connection] : connections_) {
      if (connection->gone || connection->held != name) continue;
      connection->held.clear();
      connection->step->hold.clear();
      proceed(*connection);
    }
    released_.insert(std::move(name));
  }
  if (!close_all_idle) return;
  for (auto& [number, connection] : connections_) {
    if (connection->writer == nullptr && connection->parser.idle()) close(*connection);
  }
}

void LoopbackServer::Loop::bury() {
  for (const std::uint64_t number : dead_) connections_.erase(number);
  dead_.clear();
}

LoopbackServer::LoopbackServer(Handler handler, Options options)
    : loop_(std::make_unique<Loop>(std::move(handler), options)) {}

LoopbackServer::~LoopbackServer() = default;

std::uint16_t LoopbackServer::port() const noexcept { return loop_->port(); }

std::string LoopbackServer::url() const { return fmt::format("http://127.0.0.1:{}", port()); }

void LoopbackServer::release(std::string name) { loop_->release(std::move(name)); }

void LoopbackServer::close_idle() { loop_->close_idle(); }

std::vector<RequestRecord> LoopbackServer::records() const {
  return loop_->read([](const auto& log) { return log.records; });
}

RequestRecord LoopbackServer::record(std::uint64_t number) const {
  return loop_->read([&](const auto& log) { return log.records.at(number - 1); });
}

std::uint64_t LoopbackServer::request_count() const {
  return loop_->read([](const auto& log) { return log.requests; });
}

std::uint64_t LoopbackServer::malformed_count() const {
  return loop_->read([](const auto& log) { return log.malformed; });
}

std::uint64_t LoopbackServer::connection_count() const {
  return loop_->read([](const auto& log) { return log.accepted; });
}

std::uint64_t LoopbackServer::open_connections() const {
  return loop_->read([](const auto& log) { return log.open; });
}

bool LoopbackServer::wait_for_requests(std::uint64_t count) const {
  return loop_->wait([&](const auto& log) { return log.requests >= count; });
}

bool LoopbackServer::wait_for_end(std::uint64_t number) const {
  return loop_->wait(
      [&](const auto& log) { return log.records.size() >= number && log.records[number - 1].end != RequestEnd::open; });
}

bool LoopbackServer::wait_for_open_connections(std::uint64_t count) const {
  return loop_->wait([&](const auto& log) { return log.open == count; });
}

std::size_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
  return limit.rlim_cur;
}

}  // namespace keywheel::testing
