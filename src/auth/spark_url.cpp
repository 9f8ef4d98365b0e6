#include "auth/spark_url.hpp"

#include <fmt/format.h>

#include "auth/digest.hpp"
#include "auth/utc.hpp"
#include "wire/base64.hpp"
#include "wire/percent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

std::string spark_url_query(std::string_view host, std::string_view path, WallTime now, std::string_view api_key,
                            std::string_view api_secret) {
  const std::string date = http_date(now);
  const std::string to_sign = fmt::format("host: {}\ndate: {}\nGET {} HTTP/1.1", host, date, path);
  const std::string signature = base64_encode(hmac_sha256(api_secret, to_sign).view());
  std::string origin = fmt::format(
      R"(api_key="{}", algorithm="hmac-sha256", headers="host date request-line", signature="{}")", api_key, signature);
  std::string query = "authorization=";
  append_percent_encoded(query, base64_encode(origin));
  wipe(origin.data(), origin.size());
  query += "&date=";
  append_percent_encoded(query, date);
  query += "&host=";
  append_percent_encoded(query, host);
  return query;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
