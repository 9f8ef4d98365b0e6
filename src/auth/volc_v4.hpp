#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What Volcengine's signature covers.  https://www.volcengine.com/docs/6369/67269
struct VolcRequest {
  std::string_view method = "POST";
  std::string_view host{};  ///< as in the Host header
  std::string_view path = "/";
  std::vector<std::pair<std::string_view, std::string_view>> query{};  ///< names and values, not encoded
  std::string_view content_type{};
  std::string_view body{};
  std::string_view region{};   ///< "cn-beijing"
  std::string_view service{};  ///< "ark"
  WallTime now{};
};

struct VolcSignature {
  std::string date{};            ///< X-Date
  std::string content_sha256{};  ///< X-Content-Sha256
  std::string query{};           ///< in the order and the spelling that was signed, without the `?`
  std::string authorization{};   ///< Authorization
};

/// Signs content-type, host, x-content-sha256, x-date, the query and the body.
[[nodiscard]] VolcSignature volc_sign(const VolcRequest& request, std::string_view access_key,
                                      std::string_view secret_key);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
