#include "auth/volc_v4.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "auth/digest.hpp"
#include "auth/utc.hpp"
#include "wire/percent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kSignedHeaders = "content-type;host;x-content-sha256;x-date";

std::string canonical_query(const std::vector<std::pair<std::string_view, std::string_view>>& query) {
  std::vector<std::pair<std::string, std::string>> sorted;
  sorted.reserve(query.size());
  for (const auto& [name, value] : query) sorted.emplace_back(name, value);
  std::sort(sorted.begin(), sorted.end());
  std::string joined;
  for (const auto& [name, value] : sorted) {
    if (!joined.empty()) joined += '&';
    append_percent_encoded(joined, name);
    joined += '=';
    append_percent_encoded(joined, value);
  }
  return joined;
}

}  // namespace

VolcSignature volc_sign(const VolcRequest& request, std::string_view access_key, std::string_view secret_key) {
  VolcSignature signature;
  signature.date = utc_basic(request.now);
  signature.content_sha256 = sha256_hex(request.body);
  signature.query = canonical_query(request.query);

  const std::string canonical =
      fmt::format("{}\n{}\n{}\ncontent-type:{}\nhost:{}\nx-content-sha256:{}\nx-date:{}\n\n{}\n{}", request.method,
                  request.path, signature.query, request.content_type, request.host, signature.content_sha256,
                  signature.date, kSignedHeaders, signature.content_sha256);
  const std::string_view day = std::string_view(signature.date).substr(0, 8);
  const std::string scope = fmt::format("{}/{}/{}/request", day, request.region, request.service);
  const std::string to_sign = fmt::format("HMAC-SHA256\n{}\n{}\n{}", signature.date, scope, sha256_hex(canonical));

  const Digest<32> dated = hmac_sha256(secret_key, day);
  const Digest<32> region = hmac_sha256(dated.view(), request.region);
  const Digest<32> service = hmac_sha256(region.view(), request.service);
  const Digest<32> key = hmac_sha256(service.view(), "request");
  signature.authorization = fmt::format("HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}", access_key,
                                        scope, kSignedHeaders, hex(hmac_sha256(key.view(), to_sign).view()));
  return signature;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
