#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include <curl/curl.h>

#include "wipe.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A header whose value authenticates, by its name: Authorization, X-Api-Key, cookies and their like.
[[nodiscard]] bool is_secret_header(std::string_view name) noexcept;

/// What is wrong with a header, in words that hold no value: a name that is no token (RFC 9110, 5.6.2), a value with
/// CR, LF or NUL.
[[nodiscard]] std::optional<std::string> header_fault(const HttpHeader& header);

/// The headers of one request as libcurl takes them, in one piece of memory that is wiped at the end. libcurl reads
/// such a list and never frees or changes it.
class HeaderList {
 public:
  HeaderList() = default;
  /// Takes the headers and wipes the originals. Adds what keeps libcurl from adding headers of its own.
  explicit HeaderList(std::vector<HttpHeader> headers);
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { clear(); }

  /// The same; `user_agent` stands where the headers name none.
  void assign(std::vector<HttpHeader> headers, std::string_view user_agent);
  void clear() noexcept;
  [[nodiscard]] curl_slist* get() noexcept { return nodes_.empty() ? nullptr : nodes_.data(); }

 private:
  std::string text_{};
  std::vector<curl_slist> nodes_{};
};

/// Reads the lines of an answer's head as libcurl hands them over, one a call.
class HeadReader {
 public:
  enum class Line { more, interim, final };

  /// `final`: the head is complete. `interim`: a 1xx answer's, forgotten.
  Line line(std::string_view text);
  /// An upgrade was asked for: 101 is no interim answer but the last one.
  void expect_upgrade() noexcept { upgrade_ = true; }
  [[nodiscard]] HttpHead take() noexcept { return std::move(head_); }
  [[nodiscard]] bool http2() const noexcept { return http2_; }
  /// The status line of the answer has come.
  [[nodiscard]] bool begun() const noexcept { return head_.status != 0; }

 private:
  HttpHead head_{};
  bool http2_ = false;
  bool upgrade_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
