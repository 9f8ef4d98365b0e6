#include "http/url.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "http/curl_url.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {

void lower(std::string& text) noexcept {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
}

void unbracket(std::string& host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
}

}  // namespace

std::string Origin::authority() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::variant<Origin, std::string> read_url(const std::string& url) {
  if (url.find('\0') != std::string::npos) return "the URL holds a NUL byte";
  CurlUrl parsed;
  const CURLUcode code = parsed.parse(url.c_str(), CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) return fmt::format("the URL cannot be read: {}", curl_url_strerror(code));

  std::string scheme;
  parsed.with(CURLUPART_SCHEME, 0, [&](std::string_view text) { scheme = text; });
  lower(scheme);
  const bool websocket = scheme == "wss" || scheme == "ws";
  if (scheme != "https" && scheme != "http" && !websocket)
    return fmt::format("the URL's scheme is \"{}\", expected https (or http)", scheme.substr(0, 32));

  Origin origin{.https = scheme == "https" || scheme == "wss",
                .websocket = websocket,
                .user_info = parsed.has(CURLUPART_USER) || parsed.has(CURLUPART_PASSWORD)};
  // libcurl looks a name up in punycode; where it has no IDN support, it looks it up as it stands.
  const auto take = [&](std::string_view text) { origin.host = text; };
  if (!parsed.with(CURLUPART_HOST, CURLU_PUNYCODE, take)) parsed.with(CURLUPART_HOST, 0, take);
  lower(origin.host);
  unbracket(origin.host);
  if (origin.host.empty()) return "the URL names no host";
  parsed.with(CURLUPART_PORT, CURLU_DEFAULT_PORT,
              [&](std::string_view text) { std::from_chars(text.data(), text.data() + text.size(), origin.port); });
  return origin;
}

bool is_address(std::string_view host) noexcept {
  char text[64];
  if (host.empty() || host.size() >= sizeof text) return false;
  *std::copy(host.begin(), host.end(), text) = '\0';
  unsigned char binary[16];
  return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

bool is_loopback(std::string_view host) noexcept {
  if (host == "localhost") return true;
  char text[64];
  if (host.empty() || host.size() >= sizeof text) return false;
  *std::copy(host.begin(), host.end(), text) = '\0';
  unsigned char binary[16];
  if (inet_pton(AF_INET, text, binary) == 1) return binary[0] == 127;
  if (inet_pton(AF_INET6, text, binary) != 1) return false;
  return std::all_of(binary, binary + 15, [](unsigned char byte) { return byte == 0; }) && binary[15] == 1;
}

bool needs_no_lookup(std::string_view host) noexcept {
  constexpr std::string_view kLocal = ".localhost";
  return host == "localhost" || host.ends_with(kLocal) || is_address(host) || host.find('%') != std::string_view::npos;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
