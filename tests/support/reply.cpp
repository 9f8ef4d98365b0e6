#include "support/reply.hpp"

#include <utility>

#include <fmt/format.h>

namespace keywheel::testing {

Reply Reply::of(int status, std::string content_type, std::string body) {
  Reply reply;
  reply.status = status;
  reply.headers.push_back({"Content-Type", std::move(content_type)});
  if (!body.empty()) reply.body.push_back({.bytes = std::move(body)});
  return reply;
}

Reply Reply::json(int status, std::string body) { return of(status, "application/json", std::move(body)); }

Reply Reply::sse(std::vector<std::string> events, std::chrono::nanoseconds between) {
  Reply reply;
  reply.headers.push_back({"Content-Type", "text/event-stream"});
  reply.framing = Framing::chunked;
  for (std::string& event : events) {
    const bool first = reply.body.empty();
    reply.body.push_back({.bytes = std::move(event), .delay = first ? std::chrono::nanoseconds{0} : between});
  }
  return reply;
}

std::string Reply::whole_body() const {
  std::string whole;
  for (const Piece& piece : body) whole += piece.bytes;
  return whole;
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

ReplyWriter::ReplyWriter(Reply reply, bool keep_alive, bool head_only)
    : reply_(std::move(reply)),
      keep_alive_(keep_alive && !reply_.close_after && reply_.framing != Reply::Framing::until_close),
      head_only_(head_only) {}

std::string ReplyWriter::head() const {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", reply_.status, reason_phrase(reply_.status));
  for (const HttpHeader& header : reply_.headers) head += fmt::format("{}: {}\r\n", header.name, header.value);
  if (reply_.framing == Reply::Framing::content_length) {
    std::size_t length = 0;
    for (const Piece& piece : reply_.body) length += piece.bytes.size();
    head += fmt::format("Content-Length: {}\r\n", length);
  } else if (reply_.framing == Reply::Framing::chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  }
  if (!keep_alive_) head += "Connection: close\r\n";
  head += "\r\n";
  return head;
}

std::optional<Piece> ReplyWriter::next_piece() {
  if (next_ < reply_.body.size()) return std::move(reply_.body[next_++]);
  if (reply_.more) return reply_.more();
  return std::nullopt;
}

WireStep ReplyWriter::framed(Piece piece) {
  WireStep step{.delay = piece.delay, .hold = std::move(piece.hold)};
  const std::size_t size = piece.bytes.size();
  std::size_t begin = 0;
  // A chunk of no bytes would end the body.
  if (reply_.framing != Reply::Framing::chunked || size == 0) {
    step.bytes = std::move(piece.bytes);
  } else {
    step.bytes = fmt::format("{:x}\r\n", size);
    begin = step.bytes.size();
    step.bytes += piece.bytes;
    step.bytes += "\r\n";
  }
  return checked(std::move(step), begin, size);
}

WireStep ReplyWriter::checked(WireStep step, std::size_t body_begin, std::size_t body_size) {
  if (reply_.cut) {
    const Cut& cut = *reply_.cut;
    if (cut.from == Cut::From::start && cut.after <= written_ + step.bytes.size()) {
      step.bytes.resize(cut.after - written_);
      reached_ = cut;
    } else if (cut.from == Cut::From::body && body_begin + body_size > 0 && cut.after <= body_written_ + body_size) {
      step.bytes.resize(body_begin + cut.after - body_written_);
      reached_ = cut;
    }
  }
  written_ += step.bytes.size();
  body_written_ += body_size;
  return step;
}

std::optional<WireStep> ReplyWriter::next() {
  if (reached_) phase_ = Phase::done;
  switch (phase_) {
    case Phase::head: {
      phase_ = head_only_ ? Phase::done : Phase::body;
      WireStep step{.bytes = head(), .delay = reply_.delay, .hold = std::move(reply_.hold)};
      step = checked(std::move(step), 0, 0);
      if (!reached_ && reply_.cut && reply_.cut->from == Cut::From::body && reply_.cut->after == 0)
        reached_ = reply_.cut;
      return step;
    }
    case Phase::body:
      if (std::optional<Piece> piece = next_piece()) return framed(std::move(*piece));
      phase_ = Phase::end;
      [[fallthrough]];
    case Phase::end:
      phase_ = Phase::done;
      if (reply_.framing == Reply::Framing::chunked) return checked({.bytes = "0\r\n\r\n"}, 0, 0);
      return std::nullopt;
    case Phase::done:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace keywheel::testing
