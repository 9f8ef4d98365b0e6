#include <ostream>
#include <utility>

#include <keywheel/error.hpp>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace {

std::string describe(const Error& error) {
  std::string text(to_string(error.kind));
  if (error.status) text += fmt::format(" ({})", *error.status);
  if (!error.message.empty()) text += fmt::format(": {}", error.message);
  std::string where;
  const auto add = [&where](std::string_view word, const std::string& value) {
    if (value.empty()) return;
    if (!where.empty()) where += ", ";
    where += fmt::format("{} {}", word, value);
  };
  add("service", error.service);
  add("credential", error.credential);
  add("request", error.request_id);
  if (error.attempts.size() > 1) {
    if (!where.empty()) where += ", ";
    where += fmt::format("{} attempts", error.attempts.size());
  }
  if (!where.empty()) text += fmt::format(" [{}]", where);
  return text;
}

}  // namespace

std::string_view to_string(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::invalid_request:
      return "invalid_request";
    case ErrorKind::authentication:
      return "authentication";
    case ErrorKind::permission:
      return "permission";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::rate_limited:
      return "rate_limited";
    case ErrorKind::quota_exhausted:
      return "quota_exhausted";
    case ErrorKind::context_length:
      return "context_length";
    case ErrorKind::content_filter:
      return "content_filter";
    case ErrorKind::overloaded:
      return "overloaded";
    case ErrorKind::server_error:
      return "server_error";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::connection:
      return "connection";
    case ErrorKind::protocol:
      return "protocol";
    case ErrorKind::cancelled:
      return "cancelled";
    case ErrorKind::config:
      return "config";
    case ErrorKind::unsupported:
      return "unsupported";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, const Error& error) { return out << describe(error); }

/// Shared, so that copying the exception cannot throw.
struct Exception::State {
  Error error;
  std::string what;
};

Exception::Exception(Error error) {
  std::string text = describe(error);
  state_ = std::make_shared<const State>(State{std::move(error), std::move(text)});
}
Exception::Exception(const Exception&) noexcept = default;
Exception& Exception::operator=(const Exception&) noexcept = default;
Exception::~Exception() = default;

const char* Exception::what() const noexcept { return state_->what.c_str(); }
const Error& Exception::error() const noexcept { return state_->error; }

KEYWHEEL_END_NAMESPACE
