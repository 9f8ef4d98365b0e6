#include "http/proxy.hpp"

#include <array>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>
#include <openssl/crypto.h>

#include "http/curl_url.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

/// "example.com:8080", "[::1]:8080" and "::1" into host and port; port empty where none is given.
std::pair<std::string_view, std::string_view> split_port(std::string_view entry) noexcept {
  if (entry.starts_with('[')) {
    const std::size_t close = entry.find(']');
    if (close == std::string_view::npos) return {entry.substr(1), {}};
    const std::string_view rest = entry.substr(close + 1);
    return {entry.substr(1, close - 1), rest.starts_with(':') ? rest.substr(1) : std::string_view{}};
  }
  const std::size_t colon = entry.find(':');
  if (colon == std::string_view::npos || entry.find(':', colon + 1) != std::string_view::npos) return {entry, {}};
  return {entry.substr(0, colon), entry.substr(colon + 1)};
}

bool entry_matches(std::string_view entry, const Origin& origin) noexcept {
  if (entry == "*") return true;
  auto [name, port] = split_port(entry);
  if (!port.empty()) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number != origin.port) return false;
  }
  if (name.starts_with("*.")) name.remove_prefix(1);
  if (name.starts_with('.')) name.remove_prefix(1);
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string_view host = origin.host;
  if (host.ends_with('.')) host.remove_suffix(1);
  if (name.empty()) return false;
  if (same(name, host)) return true;
  if (is_address(host) || host.size() <= name.size()) return false;
  return host[host.size() - name.size() - 1] == '.' && same(host.substr(host.size() - name.size()), name);
}

Secret first_of(const char* a, const char* b, const char* c = nullptr, const char* d = nullptr) {
  for (const char* name : {a, b, c, d}) {
    if (name == nullptr) continue;
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return Secret(value);
  }
  return {};
}

}  // namespace

std::variant<Proxy, std::string> read_proxy(const Secret& url) {
  std::string text(url.reveal());
  CurlUrl parsed;
  const CURLUcode code = parsed.parse(text.c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME);
  const bool spelled = text.find("://") != std::string::npos;
  OPENSSL_cleanse(text.data(), text.size());
  if (code != CURLUE_OK) return fmt::format("the proxy's URL cannot be read: {}", curl_url_strerror(code));

  std::string scheme = "http";
  if (spelled) parsed.with(CURLUPART_SCHEME, 0, [&](std::string_view part) { scheme = part; });
  for (char& c : scheme) c = lower(c);
  const bool known = scheme == "http" || scheme == "https" || scheme == "socks5" || scheme == "socks5h";
  if (!known) return "the proxy's URL must begin with http://, https://, socks5:// or socks5h://";

  Proxy proxy{.port = static_cast<std::uint16_t>(scheme == "https" ? 443 : 1080), .names_here = scheme == "socks5"};
  std::string host;
  parsed.with(CURLUPART_HOST, 0, [&](std::string_view part) { host = part; });
  if (host.empty()) return "the proxy's URL names no host";
  parsed.with(CURLUPART_PORT, 0,
              [&](std::string_view part) { std::from_chars(part.data(), part.data() + part.size(), proxy.port); });
  parsed.with(CURLUPART_USER, CURLU_URLDECODE, [&](std::string_view part) { proxy.user = Secret(part); });
  parsed.with(CURLUPART_PASSWORD, CURLU_URLDECODE, [&](std::string_view part) { proxy.password = Secret(part); });
  proxy.url = fmt::format("{}://{}:{}", scheme, host, proxy.port);
  for (char& c : host) c = lower(c);
  proxy.host = host.front() == '[' ? host.substr(1, host.size() - 2) : host;
  return proxy;
}

bool bypasses(std::string_view no_proxy, const Origin& origin) noexcept {
  constexpr std::string_view kSeparators = ", \t";
  while (!no_proxy.empty()) {
    const std::size_t end = no_proxy.find_first_of(kSeparators);
    const std::string_view entry = no_proxy.substr(0, end);
    if (!entry.empty() && entry_matches(entry, origin)) return true;
    if (end == std::string_view::npos) break;
    no_proxy.remove_prefix(end + 1);
  }
  return false;
}

EnvironmentProxies EnvironmentProxies::read() {
  EnvironmentProxies found;
  // In a CGI program HTTP_PROXY is the request's Proxy header (https://httpoxy.org), so there only lower case counts.
  const char* http = std::getenv("REQUEST_METHOD") == nullptr ? "HTTP_PROXY" : nullptr;
  found.http = first_of("http_proxy", http, "all_proxy", "ALL_PROXY");
  found.https = first_of("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY");
  found.no_proxy = std::string(first_of("no_proxy", "NO_PROXY").reveal());
  return found;
}

const Secret* choose_proxy(const ProxyConfig& config, const EnvironmentProxies& environment,
                           const Origin& origin) noexcept {
  const bool configured = !config.url.empty();
  if (!configured && !config.from_environment) return nullptr;
  if (bypasses(config.no_proxy, origin)) return nullptr;
  if (configured) return &config.url;
  if (bypasses(environment.no_proxy, origin)) return nullptr;
  const Secret& url = origin.https ? environment.https : environment.http;
  return url.empty() ? nullptr : &url;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
