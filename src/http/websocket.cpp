#include "http/websocket.hpp"

#include <algorithm>
#include <string_view>

#include <curl/curl.h>
#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

bool speaks_websocket() noexcept {
  constexpr unsigned kSettled = 0x080b00;
  const curl_version_info_data* libcurl = curl_version_info(CURLVERSION_NOW);
  if (libcurl->version_num < kSettled) return false;
  const char* const* first = libcurl->protocols;
  const char* const* last = first;
  while (*last != nullptr) ++last;
  const auto has = [&](std::string_view name) {
    return std::any_of(first, last, [&](const char* protocol) { return protocol == name; });
  };
  return has("ws") && has("wss");
}

std::string no_websocket() {
  return fmt::format("this libcurl ({}) speaks no WebSocket; that takes 8.11 or newer, built with it",
                     curl_version_info(CURLVERSION_NOW)->version);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
