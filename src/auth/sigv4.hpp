#pragma once

#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

/// AWS Signature Version 4.
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

struct AwsCredential {
  std::string_view access_key{};
  std::string_view secret_key{};
  std::string_view session_token{};  ///< of temporary credentials; empty: none
};

/// For what a signature holds.
struct AwsScope {
  std::string_view region{};
  std::string_view service{};
  bool normalize_path = true;  ///< "." and ".." and empty segments are resolved first; S3 alone takes them as they are
};

/// Signs a request that is otherwise complete: adds X-Amz-Date, X-Amz-Security-Token where there is one, and
/// Authorization. Every header that it has by then is signed, and Host, which it need not have. The URL is signed as it
/// stands, its path encoded once more, as all services but S3 want it: a "%3A" on the wire is signed as "%253A".
void sign_aws(HttpRequest& request, const AwsCredential& credential, const AwsScope& scope, WallTime now);

/// Everything but letters, digits and "-._~" as %XX (RFC 3986), for one segment of a path or a part of a query.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// The text that is hashed into the signature. `signed_headers` becomes its list of header names. For sign_aws() and
/// its tests.
[[nodiscard]] std::string aws_canonical_request(const HttpRequest& request, const AwsScope& scope,
                                                std::string& signed_headers);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
