#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/credential_pool.hpp>
#include <keywheel/transport.hpp>

/// Requests as the loopback server reads them.

namespace keywheel::testing {

/// True when both are the same but for the case of ASCII letters.
[[nodiscard]] bool same_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// One whole request, as it arrived.
struct ReceivedRequest {
  std::uint64_t number = 0;         ///< from 1, in the order of arrival
  std::uint64_t connection = 0;     ///< from 1, in the order in which connections were accepted
  std::uint64_t on_connection = 0;  ///< from 1: the how-manieth of its connection
  TimePoint arrived{};              ///< when its last byte was read
  std::string method{};
  std::string target{};  ///< path and query, as sent
  std::vector<HttpHeader> headers{};
  std::string body{};  ///< without its transfer coding
  bool keep_alive = true;

  [[nodiscard]] std::string_view path() const noexcept;
  [[nodiscard]] std::string_view query() const noexcept;  ///< without the question mark
  /// Value of a header, by name in any case; empty when absent.
  [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
};

/// Reads HTTP/1.x requests from whatever pieces they come in (RFC 9112). Strict: what is not well formed is an error
/// and not guessed at.
class RequestParser {
 public:
  struct Bounds {
    std::size_t max_head = 64U << 10U;
    std::size_t max_headers = 200;
    std::size_t max_body = 64U << 20U;
  };
  enum class Status : std::uint8_t { need_more, complete, failed };

  RequestParser() = default;
  explicit RequestParser(Bounds bounds) : bounds_(bounds) {}

  /// Takes bytes off the front of `bytes`. After `complete` what is left belongs to the next request; after `failed`
  /// nothing more can be read from this connection.
  [[nodiscard]] Status feed(std::string_view& bytes);

  /// After `complete`: the request. The parser is ready for the next one.
  [[nodiscard]] ReceivedRequest take();

  /// The client waits for "100 Continue" before it sends the body. True once a request.
  [[nodiscard]] bool wants_continue() noexcept;

  /// After `failed`: the status to answer with, and why.
  [[nodiscard]] int error_status() const noexcept { return error_status_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  /// Nothing of a request has come yet.
  [[nodiscard]] bool idle() const noexcept { return state_ == State::head && buffer_.empty(); }

 private:
  enum class State : std::uint8_t { head, fixed, chunk_size, chunk_data, chunk_end, trailers, done, failed };

  Status fail(int status, std::string why);  ///< always `failed`
  bool reject(int status, std::string why);  ///< always false
  bool read_head();
  bool read_request_line(std::string_view line);
  bool read_header(std::string_view line);
  bool read_body_length();
  bool read_chunk_size(std::string_view line);
  /// Moves a line (without CRLF) from `bytes` to `line_`; false: it is not whole yet, or too long (state_ failed).
  bool take_line(std::string_view& bytes);

  Bounds bounds_{};
  State state_ = State::head;
  std::string buffer_{};
  std::string line_{};
  bool line_whole_ = false;
  std::size_t left_ = 0;
  bool continue_ = false;
  ReceivedRequest request_{};
  int error_status_ = 0;
  std::string error_{};
};

}  // namespace keywheel::testing
