#include <keywheel/failure.hpp>

KEYWHEEL_BEGIN_NAMESPACE

std::string_view to_string(FailureClass failure) noexcept {
  switch (failure) {
    case FailureClass::rate:
      return "rate";
    case FailureClass::quota:
      return "quota";
    case FailureClass::capacity:
      return "capacity";
    case FailureClass::auth:
      return "auth";
    case FailureClass::token:
      return "token";
    case FailureClass::clock:
      return "clock";
    case FailureClass::permission:
      return "permission";
    case FailureClass::model:
      return "model";
    case FailureClass::place:
      return "place";
    case FailureClass::server:
      return "server";
    case FailureClass::connection:
      return "connection";
    case FailureClass::connect_timeout:
      return "connect_timeout";
    case FailureClass::timeout:
      return "timeout";
    case FailureClass::request:
      return "request";
    case FailureClass::context:
      return "context";
    case FailureClass::filter:
      return "filter";
    case FailureClass::too_big:
      return "too_big";
    case FailureClass::output:
      return "output";
    case FailureClass::unknown:
      return "unknown";
    case FailureClass::unsupported:
      return "unsupported";
    case FailureClass::config:
      return "config";
    case FailureClass::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string_view to_string(Scope scope) noexcept {
  switch (scope) {
    case Scope::call:
      return "call";
    case Scope::key:
      return "key";
    case Scope::key_model:
      return "key_model";
    case Scope::project:
      return "project";
    case Scope::project_model:
      return "project_model";
    case Scope::account:
      return "account";
    case Scope::account_model:
      return "account_model";
    case Scope::service_model:
      return "service_model";
    case Scope::service:
      return "service";
    case Scope::host:
      return "host";
  }
  return "unknown";
}

ErrorKind Failure::error_kind() const noexcept {
  if (kind) return *kind;
  switch (failure) {
    case FailureClass::rate:
      return ErrorKind::rate_limited;
    case FailureClass::quota:
      return ErrorKind::quota_exhausted;
    case FailureClass::capacity:
      return ErrorKind::overloaded;
    case FailureClass::auth:
    case FailureClass::token:
    case FailureClass::clock:
      return ErrorKind::authentication;
    case FailureClass::permission:
    case FailureClass::place:
      return ErrorKind::permission;
    case FailureClass::model:
      return ErrorKind::not_found;
    case FailureClass::server:
    case FailureClass::output:
      return ErrorKind::server_error;
    case FailureClass::connection:
      return ErrorKind::connection;
    case FailureClass::connect_timeout:
    case FailureClass::timeout:
      return ErrorKind::timeout;
    case FailureClass::request:
    case FailureClass::unknown:
      return ErrorKind::invalid_request;
    case FailureClass::context:
      return ErrorKind::context_length;
    case FailureClass::filter:
      return ErrorKind::content_filter;
    case FailureClass::too_big:
      return ErrorKind::rate_limited;
    case FailureClass::unsupported:
      return ErrorKind::unsupported;
    case FailureClass::config:
      return ErrorKind::config;
    case FailureClass::cancelled:
      return ErrorKind::cancelled;
  }
  return ErrorKind::server_error;
}

KEYWHEEL_END_NAMESPACE
