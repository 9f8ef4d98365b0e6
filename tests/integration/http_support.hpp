#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/loop.hpp"
#include "router/runtime.hpp"

/// What the tests of src/http share: a server that does on each connection what a test says, and a listener that
/// writes down what it is told.

namespace http_test {

using namespace keywheel;          // NOLINT(google-build-using-namespace)
using namespace keywheel::detail;  // NOLINT(google-build-using-namespace)

/// A request as the server read it.
struct Received {
  std::string head{};  ///< request line and headers
  std::string body{};

  [[nodiscard]] std::string header(std::string_view name) const;
};

/// One accepted connection; the handler runs on a thread of its own and blocks as it likes.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  /// Nothing: the peer closed.
  [[nodiscard]] std::optional<Received> read_request();
  /// False: the peer is gone.
  bool write(std::string_view bytes);
  /// A whole answer with a Content-Length.
  bool answer(std::string_view body, std::string_view more_headers = {}, int status = 200);
  bool chunk(std::string_view bytes);
  bool begin_chunked();
  /// Blocks until the peer closes.
  void drain();
  void reset();  ///< closes with RST
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] std::string& buffered() noexcept { return buffer_; }
  bool read_some();

 private:
  int fd_;
  std::string buffer_{};
};

class Server {
 public:
  using Handler = std::function<void(Connection&, int number)>;  ///< number of the connection, from 1

  explicit Server(Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url(std::string_view path = "/") const;
  [[nodiscard]] int connections() const noexcept { return connections_; }

 private:
  void accept_all();

  Handler handler_;
  std::uint16_t port_ = 0;
  int fd_;
  std::atomic<int> connections_{0};
  std::atomic<bool> closing_{false};
  std::mutex mutex_{};
  std::vector<int> open_{};
  std::vector<std::thread> threads_{};
  std::thread acceptor_{};
};

/// Answers each request on a connection with what `reply` makes of it.
[[nodiscard]] Server::Handler echo(std::function<std::string(const Received&)> reply);

/// Bytes both ways until either side closes.
void tunnel(Connection& a, Connection& b);

/// A blocking TCP connection to a loopback port; -1 when refused.
[[nodiscard]] int connect_to(std::uint16_t port);
/// A listening socket on 127.0.0.1; puts the port into `port`.
[[nodiscard]] int listen_on_loopback(std::uint16_t& port);

class Recorder : public ExchangeListener {
 public:
  explicit Recorder(Runtime& to) : runtime(to) {}

  void on_sent() override;
  void on_head(HttpHead got) override;
  void on_body(std::string_view bytes) override;
  void on_end(ExchangeEnd got) override;

  Runtime& runtime;
  Gate gate{};  // opened at the end, unless when_end is set
  int sent = 0;
  int heads = 0;
  int ends = 0;
  HttpHead head{};
  std::string body{};
  std::vector<std::string> pieces{};
  ExchangeEnd end{};
  std::unique_ptr<Exchange> exchange{};
  std::function<void()> when_sent{};
  std::function<void()> when_head{};
  std::function<void()> when_body{};
  std::function<void()> when_end{};
};

/// Starts an exchange on the loop; it is the recorder's.
void start(Runtime& loop, Recorder& recorder, HttpRequest request, ExchangeOptions options = {});
/// Starts it and waits for its end.
void run(Runtime& loop, Recorder& recorder, HttpRequest request, ExchangeOptions options = {});
/// Runs `task` on the loop and waits until it has run.
void on_loop(Runtime& loop, Task task);
/// Destroys the recorder's exchange, on the loop.
void cancel(Runtime& loop, Recorder& recorder);

[[nodiscard]] HttpRequest post(std::string url, std::string body = "{}", std::vector<HttpHeader> headers = {});
[[nodiscard]] HttpRequest get(std::string url);

/// A signal between threads of a test. Must outlive open().
class Latch {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    signal_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    signal_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_{};
  std::condition_variable signal_{};
  bool open_ = false;
};

}  // namespace http_test
