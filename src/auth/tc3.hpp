#pragma once

#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What Tencent Cloud's signature version 3 covers.  https://cloud.tencent.com/document/api/1729/101843
struct Tc3Request {
  std::string_view method = "POST";
  std::string_view host{};  ///< as in the Host header
  std::string_view path = "/";
  std::string_view query{};         ///< as in the URL, without the `?`
  std::string_view content_type{};  ///< as in the header
  std::string_view body{};          ///< the exact bytes
  std::string_view service{};       ///< "hunyuan"
  WallTime now{};                   ///< X-TC-Timestamp is its whole seconds
};

/// The value of the Authorization header. It covers content-type, host and the body.
[[nodiscard]] std::string tc3_authorization(const Tc3Request& request, std::string_view secret_id,
                                            std::string_view secret_key);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
