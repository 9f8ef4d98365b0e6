#include "quota/redis_url.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

#include "wipe.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

Error fault(const char* what) {
  return {.kind = ErrorKind::config,
          .message = std::string("redis_store: ") + what +
                     "; expected redis://user:password@host:port/db, all but the host may be left out"};
}

bool read_number(std::string_view text, int most, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 && number <= most;
}

/// False: a '%' is not followed by two digits.
bool decode(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    int byte = 0;
    if (i + 2 >= text.size()) return false;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (error != std::errc() || end != text.data() + i + 3) return false;
    out += static_cast<char>(byte);
    i += 2;
  }
  return true;
}

}  // namespace

Result<RedisUrl> RedisUrl::parse(const std::string& url) {
  constexpr std::string_view kPlain = "redis://";
  constexpr std::string_view kTls = "rediss://";
  constexpr int kMostPort = 65535;
  constexpr int kMostDatabase = 1'000'000;
  std::string_view rest = url;
  RedisUrl parts;
  if (rest.starts_with(kTls)) {
    parts.tls = true;
    rest.remove_prefix(kTls.size());
  } else if (rest.starts_with(kPlain)) {
    rest.remove_prefix(kPlain.size());
  } else {
    return fault("the URL does not begin with redis:// or rediss://");
  }
  if (rest.find_first_of("?#") != std::string_view::npos) return fault("the URL has a query or a fragment");
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    const auto colon = login.find(':');
    std::string password;
    if (colon == std::string_view::npos) return fault("the URL has a user and no password");
    password.reserve(login.size());
    if (!decode(login.substr(0, colon), parts.user) || !decode(login.substr(colon + 1), password)) {
      return fault("a % in user or password is not followed by two hexadecimal digits");
    }
    parts.password = Secret(password);
    wipe(password);
  }
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    const std::string_view database = rest.substr(slash + 1);
    rest = rest.substr(0, slash);
    if (!database.empty() && !read_number(database, kMostDatabase, parts.database)) {
      return fault("what follows the host is not the number of a database");
    }
  }
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return fault("the URL's host has a [ and no ]");
    parts.host = rest.substr(1, end - 1);
    port = rest.substr(end + 1);
  } else {
    const auto colon = rest.find(':');
    parts.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon);
  }
  if (!port.empty() && (port[0] != ':' || !read_number(port.substr(1), kMostPort, parts.port) || parts.port == 0)) {
    return fault("the URL's port is not a number from 1 to 65535");
  }
  if (parts.host.empty()) return fault("the URL has no host");
  return parts;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
