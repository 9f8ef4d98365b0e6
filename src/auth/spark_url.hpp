#pragma once

#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The query that lets a WebSocket in at Spark: `authorization`, `date` and `host`, percent-encoded. It signs the host,
/// the date and the request line, so it holds for one path and, by the server's clock, five minutes.
/// https://www.xfyun.cn/doc/spark/general_url_authentication.html
[[nodiscard]] std::string spark_url_query(std::string_view host, std::string_view path, WallTime now,
                                          std::string_view api_key, std::string_view api_secret);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
