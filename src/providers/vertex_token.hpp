#pragma once

#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The request that exchanges Google credentials for an access token: a service account's by a signed assertion (RFC
/// 7523), a user's (what `gcloud auth application-default login` leaves) by its refresh token. `json` is the text of
/// the file. The error (ErrorKind::config) begins with "json_file" and holds nothing of it.
/// https://developers.google.com/identity/protocols/oauth2/service-account#httprest
[[nodiscard]] Result<HttpRequest> google_token_request(std::string_view json, WallTime now);

/// What is wrong with the text of a credential file; empty: nothing.
[[nodiscard]] std::string google_credential_fault(std::string_view json);

/// The answer to it. The error (ErrorKind::protocol) holds nothing of the token.
[[nodiscard]] Result<Token> read_google_token(std::string_view body);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
