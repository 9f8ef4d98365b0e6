#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace keywheel::testing {

/// A blocking TCP connection to 127.0.0.1, for tests that look at single bytes. Waits end after a minute, in a test
/// that fails anyway. Throws std::system_error when the connection cannot be made or written to.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient();

  void send(std::string_view bytes);
  void shut();  ///< no more will be sent

  /// The next bytes, at least one; empty at the end of the connection.
  [[nodiscard]] std::string receive_some();
  /// So many bytes, or fewer at the end of the connection.
  [[nodiscard]] std::string receive(std::size_t count);
  [[nodiscard]] std::string receive_all();
  /// Up to and with `end`, or all there is.
  [[nodiscard]] std::string receive_until(std::string_view end);
  /// Head and body of one answer with a Content-Length.
  [[nodiscard]] std::string receive_answer();

  /// The connection ended by a reset, or by silence for a minute.
  [[nodiscard]] bool was_reset() const noexcept { return reset_; }
  [[nodiscard]] bool timed_out() const noexcept { return timed_out_; }

 private:
  int fd_ = -1;
  std::string buffer_{};
  bool reset_ = false;
  bool timed_out_ = false;
};

/// A chat-completions request, ready to be sent.
[[nodiscard]] std::string raw_chat_request(std::string_view key, std::string_view prompt, bool stream = false);

}  // namespace keywheel::testing
