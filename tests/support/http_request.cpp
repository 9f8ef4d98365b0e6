#include "support/http_request.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace keywheel::testing {
namespace {

constexpr std::size_t kMaxLine = 4096;  // of a chunk's size line or a trailer

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || kOthers.find(c) != kOthers.npos;
  });
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::size_t> number(std::string_view text, int base) noexcept {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view ReceivedRequest::path() const noexcept { return std::string_view(target).substr(0, target.find('?')); }

std::string_view ReceivedRequest::query() const noexcept {
  const std::size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view{} : std::string_view(target).substr(mark + 1);
}

std::string_view ReceivedRequest::find(std::string_view name) const noexcept {
  for (const HttpHeader& header : headers) {
    if (same_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

bool RequestParser::reject(int status, std::string why) {
  state_ = State::failed;
  error_status_ = status;
  error_ = std::move(why);
  return false;
}

RequestParser::Status RequestParser::fail(int status, std::string why) {
  reject(status, std::move(why));
  return Status::failed;
}

RequestParser::Status RequestParser::feed(std::string_view& bytes) {
  for (;;) {
    switch (state_) {
      case State::head: {
        const std::size_t from = buffer_.size() < 3 ? 0 : buffer_.size() - 3;
        const std::size_t before = buffer_.size();
        const std::size_t room = bounds_.max_head + 4 - std::min(bounds_.max_head + 4, before);
        buffer_.append(bytes.substr(0, room));
        const std::size_t end = buffer_.find("\r\n\r\n", from);
        if (end == std::string::npos) {
          bytes.remove_prefix(std::min(room, bytes.size()));
          if (buffer_.size() > bounds_.max_head) return fail(431, "the head is larger than the bound");
          return Status::need_more;
        }
        bytes.remove_prefix(end + 4 - before);
        buffer_.resize(end);
        if (!read_head()) return Status::failed;
        buffer_.clear();
        break;
      }
      case State::fixed:
      case State::chunk_data: {
        const std::size_t count = std::min(left_, bytes.size());
        request_.body.append(bytes.substr(0, count));
        bytes.remove_prefix(count);
        left_ -= count;
        if (left_ > 0) return Status::need_more;
        state_ = state_ == State::fixed ? State::done : State::chunk_end;
        break;
      }
      case State::chunk_size:
        if (!take_line(bytes)) return state_ == State::failed ? Status::failed : Status::need_more;
        if (!read_chunk_size(line_)) return Status::failed;
        break;
      case State::chunk_end:
        if (!take_line(bytes)) return state_ == State::failed ? Status::failed : Status::need_more;
        if (!line_.empty()) return fail(400, "a chunk is longer than its size says");
        state_ = State::chunk_size;
        break;
      case State::trailers:
        if (!take_line(bytes)) return state_ == State::failed ? Status::failed : Status::need_more;
        if (line_.empty()) {
          state_ = State::done;
        } else if (left_-- == 0) {
          return fail(431, "more trailers than the bound");
        }
        break;
      case State::done:
        return Status::complete;
      case State::failed:
        return Status::failed;
    }
  }
}

ReceivedRequest RequestParser::take() {
  state_ = State::head;
  continue_ = false;
  return std::exchange(request_, {});
}

bool RequestParser::wants_continue() noexcept {
  const bool body_to_come = state_ == State::fixed || state_ == State::chunk_size;
  return body_to_come && std::exchange(continue_, false);
}

bool RequestParser::take_line(std::string_view& bytes) {
  if (line_whole_) {
    line_.clear();
    line_whole_ = false;
  }
  while (!bytes.empty()) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (c == '\n') {
      if (line_.empty() || line_.back() != '\r') {
        return reject(400, "a line of the body's framing does not end in CRLF");
      }
      line_.pop_back();
      line_whole_ = true;
      return true;
    }
    if (line_.size() >= kMaxLine) {
      return reject(400, "a line of the body's framing is too long");
    }
    line_.push_back(c);
  }
  return false;
}

bool RequestParser::read_head() {
  std::string_view rest = buffer_;
  bool first = true;
  while (first || !rest.empty()) {
    const std::size_t end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return reject(400, "a control character in the head");
    }
    if (!(first ? read_request_line(line) : read_header(line))) return false;
    first = false;
  }
  return read_body_length();
}

bool RequestParser::read_request_line(std::string_view line) {
  const std::size_t a = line.find(' ');
  const std::size_t b = line.rfind(' ');
  if (a == std::string_view::npos || a == b) return reject(400, "no request line");
  const std::string_view method = line.substr(0, a);
  const std::string_view target = line.substr(a + 1, b - a - 1);
  const std::string_view version = line.substr(b + 1);
  if (!is_token(method)) return reject(400, "the method is not a token");
  if (target.empty() || target.find(' ') != std::string_view::npos) return reject(400, "the target is malformed");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return reject(505, "not HTTP/1.1");
  request_.method = method;
  request_.target = target;
  request_.keep_alive = version == "HTTP/1.1";
  return true;
}

bool RequestParser::read_header(std::string_view line) {
  if (request_.headers.size() >= bounds_.max_headers) return reject(431, "more headers than the bound");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return reject(400, "a header line is malformed");
  }
  request_.headers.push_back({std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
  return true;
}

bool RequestParser::read_body_length() {
  std::optional<std::size_t> length;
  bool chunked = false;
  for (const HttpHeader& header : request_.headers) {
    if (same_ignoring_case(header.name, "Content-Length")) {
      const std::optional<std::size_t> value = number(header.value, 10);
      if (!value || (length && *length != *value)) return reject(400, "Content-Length is malformed");
      length = value;
    } else if (same_ignoring_case(header.name, "Transfer-Encoding")) {
      if (!same_ignoring_case(header.value, "chunked")) return reject(501, "Transfer-Encoding is not chunked");
      chunked = true;
    } else if (same_ignoring_case(header.name, "Connection")) {
      if (same_ignoring_case(header.value, "close")) request_.keep_alive = false;
    } else if (same_ignoring_case(header.name, "Expect")) {
      continue_ = same_ignoring_case(header.value, "100-continue");
    }
  }
  if (chunked && length) return reject(400, "both Content-Length and Transfer-Encoding");
  if (length && *length > bounds_.max_body) return reject(413, "the body is larger than the bound");
  if (chunked) {
    state_ = State::chunk_size;
  } else {
    left_ = length.value_or(0);
    state_ = left_ > 0 ? State::fixed : State::done;
  }
  return true;
}

bool RequestParser::read_chunk_size(std::string_view line) {
  const std::optional<std::size_t> size = number(trim(line.substr(0, line.find(';'))), 16);
  if (!size) return reject(400, "a chunk's size is malformed");
  if (*size > bounds_.max_body - request_.body.size()) return reject(413, "the body is larger than the bound");
  if (*size == 0) {
    left_ = bounds_.max_headers;
    state_ = State::trailers;
  } else {
    left_ = *size;
    state_ = State::chunk_data;
  }
  return true;
}

}  // namespace keywheel::testing
