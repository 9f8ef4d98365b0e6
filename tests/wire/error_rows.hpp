#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/failure.hpp>
#include <keywheel/transport.hpp>

/// A failed answer, and what it must be read as. One table a family of providers: tests/wire/error_rows_*_test.cpp.

namespace keywheel::testing {

struct ErrorRow {
  std::string_view provider{};  ///< "name" or "name/api", as in ServiceConfig
  int status = 0;               ///< 200: the error is in the answer's body, or in its stream where that begins as one
  std::string body{};
  FailureClass failure{};
  Scope scope{};
  std::optional<std::chrono::milliseconds> wait{};  ///< as stated; nothing: the answer states none
  std::optional<ErrorKind> kind{};                  ///< nothing: the class's usual kind
  std::vector<HttpHeader> headers{};
};

/// Now is 23 November 2026, 12:00 UTC.
void check_rows(std::initializer_list<ErrorRow> rows);

// Bodies in the forms that several vendors share.

/// {"error":{"message","type","param","code"}}; an empty code is null.
[[nodiscard]] std::string openai_error(std::string_view message, std::string_view code = "",
                                       std::string_view type = "invalid_request_error");
/// A streamed answer that ends with this reason, having said "Hi" before where `spoken`.
[[nodiscard]] std::string openai_finish(std::string_view reason, bool spoken = false);
/// One event of a stream.
[[nodiscard]] std::string sse(std::string_view json, std::string_view event = "");

}  // namespace keywheel::testing
