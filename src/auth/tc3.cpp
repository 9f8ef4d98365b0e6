#include "auth/tc3.hpp"

#include <fmt/format.h>

#include "auth/digest.hpp"
#include "auth/utc.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

std::string tc3_authorization(const Tc3Request& request, std::string_view secret_id, std::string_view secret_key) {
  const std::string canonical =
      fmt::format("{}\n{}\n{}\ncontent-type:{}\nhost:{}\n\ncontent-type;host\n{}", request.method, request.path,
                  request.query, request.content_type, request.host, sha256_hex(request.body));
  const std::string date = utc_date(request.now);
  const std::string scope = fmt::format("{}/{}/tc3_request", date, request.service);
  const std::string to_sign =
      fmt::format("TC3-HMAC-SHA256\n{}\n{}\n{}", unix_seconds(request.now), scope, sha256_hex(canonical));

  std::string first = std::string("TC3").append(secret_key);
  const Digest<32> day = hmac_sha256(first, date);
  wipe(first.data(), first.size());
  const Digest<32> service = hmac_sha256(day.view(), request.service);
  const Digest<32> key = hmac_sha256(service.view(), "tc3_request");
  return fmt::format("TC3-HMAC-SHA256 Credential={}/{}, SignedHeaders=content-type;host, Signature={}", secret_id,
                     scope, hex(hmac_sha256(key.view(), to_sign).view()));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
