#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/http_request.hpp"
#include "support/reply.hpp"

namespace keywheel::testing {

/// How the server's side of a request ended.
enum class RequestEnd : std::uint8_t {
  open,         ///< it has not
  complete,     ///< the whole answer was handed to the system
  cut,          ///< the answer broke off where its script said
  peer_closed,  ///< the client went away before the answer was whole
};

/// A request and what became of its answer.
struct RequestRecord {
  ReceivedRequest request{};
  int status = 0;  ///< that was answered; 0: no answer
  RequestEnd end = RequestEnd::open;
  TimePoint ended{};
  std::uint64_t sent_bytes = 0;
};

/// An HTTP/1.1 server on 127.0.0.1 that does what a script says, well or badly.
///
/// One thread, non-blocking, so that it holds ten thousand connections. Member functions may be called from any
/// thread; the handler is called on the server's thread, one request at a time, and must not block. Where a test must
/// know that something has come to pass, it waits for it here and does not sleep: the waits end early only when
/// `kPatience` has passed, in a test that fails anyway.
class LoopbackServer {
 public:
  using Handler = std::function<Reply(const ReceivedRequest&)>;

  struct Options {
    std::uint16_t port = 0;               ///< 0: one that is free
    std::size_t max_records = 1'000'000;  ///< of what later requests held only the counts are kept
    bool record_bodies = true;
    RequestParser::Bounds bounds{};
  };
  static constexpr std::chrono::seconds kPatience{60};

  explicit LoopbackServer(Handler handler) : LoopbackServer(std::move(handler), Options{}) {}
  /// Throws std::system_error when the port cannot be had.
  LoopbackServer(Handler handler, Options options);
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer();

  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] std::string url() const;  ///< "http://127.0.0.1:PORT"

  /// Lets every answer that waits, or will wait, for this name go on.
  void release(std::string name);

  /// Closes kept connections that carry no request just now.
  void close_idle();

  [[nodiscard]] std::vector<RequestRecord> records() const;
  [[nodiscard]] RequestRecord record(std::uint64_t number) const;  ///< throws std::out_of_range
  [[nodiscard]] std::uint64_t request_count() const;
  [[nodiscard]] std::uint64_t malformed_count() const;   ///< requests that were not HTTP
  [[nodiscard]] std::uint64_t connection_count() const;  ///< accepted so far
  [[nodiscard]] std::uint64_t open_connections() const;

  /// Wait until so many requests have arrived; until this one's answer has ended; until so many connections are open.
  /// False: patience ended.
  [[nodiscard]] bool wait_for_requests(std::uint64_t count) const;
  [[nodiscard]] bool wait_for_end(std::uint64_t number) const;
  [[nodiscard]] bool wait_for_open_connections(std::uint64_t count) const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

/// Raises this process's soft limit of open files to its hard limit; returns it. For programs that hold thousands of
/// connections.
std::size_t raise_file_limit();

}  // namespace keywheel::testing
