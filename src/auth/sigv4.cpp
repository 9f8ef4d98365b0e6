#include "auth/sigv4.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "auth/digest.hpp"
#include "providers/request_headers.hpp"
#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

struct UrlParts {
  std::string_view host{};
  std::string_view path{};
  std::string_view query{};
};

UrlParts split_url(std::string_view url) {
  UrlParts parts;
  const std::size_t scheme = url.find("://");
  const std::string_view name = url.substr(0, scheme == std::string_view::npos ? 0 : scheme);
  url.remove_prefix(scheme == std::string_view::npos ? 0 : scheme + 3);
  url = url.substr(0, url.find('#'));
  parts.host = url.substr(0, url.find_first_of("/?"));
  url.remove_prefix(parts.host.size());
  const std::size_t mark = std::min(url.find('?'), url.size());
  parts.path = url.substr(0, mark);
  parts.query = mark < url.size() ? url.substr(mark + 1) : std::string_view{};
  // An HTTP client leaves the scheme's own port out of Host.
  const std::string_view usual = name == "http" ? ":80" : ":443";
  if (parts.host.ends_with(usual)) parts.host.remove_suffix(usual.size());
  return parts;
}

bool unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    if (unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 0xFU];
    }
  }
}

std::string decoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string canonical_path(std::string_view path, bool normalize) {
  std::vector<std::string_view> segments;
  bool folder = false;
  for (std::string_view rest = path; !rest.empty();) {
    rest.remove_prefix(1);  // the slash
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    rest.remove_prefix(end);
    if (!normalize) {
      segments.push_back(segment);
      continue;
    }
    folder = segment.empty() || segment == "." || segment == "..";
    if (segment == ".." && !segments.empty()) segments.pop_back();
    if (!folder) segments.push_back(segment);
  }
  std::string out;
  for (const std::string_view segment : segments) {
    out += '/';
    append_encoded(out, segment);
  }
  if (out.empty() || folder) out += '/';
  return out;
}

/// By encoded name, then by encoded value.
std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto& [name, value] = pairs.emplace_back();
    append_encoded(name, decoded(pair.substr(0, equals)));
    if (equals < pair.size()) append_encoded(value, decoded(pair.substr(equals + 1)));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

/// Without space around, and with one blank for each run of white space within.
void append_folded(std::string& out, std::string_view value) {
  bool space = false;
  for (const char c : trimmed(value)) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      space = true;
      continue;
    }
    if (space) out += ' ';
    space = false;
    out += c;
  }
}

}  // namespace

std::string percent_encode(std::string_view text) {
  std::string out;
  append_encoded(out, text);
  return out;
}

std::string aws_canonical_request(const HttpRequest& request, const AwsScope& scope, std::string& signed_headers) {
  const UrlParts url = split_url(request.url);
  std::vector<std::pair<std::string, std::string>> headers;
  const auto add = [&headers](std::string_view name, std::string_view value) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(), ascii_lower);
    const auto same = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == lower; });
    const bool again = same != headers.end();
    std::string& into = again ? same->second : headers.emplace_back(std::move(lower), "").second;
    if (again) into += ',';
    append_folded(into, value);
  };
  const auto is_host = [](const HttpHeader& header) { return equal_ignoring_case(header.name, "host"); };
  if (std::none_of(request.headers.begin(), request.headers.end(), is_host)) add("host", url.host);
  for (const HttpHeader& header : request.headers) add(header.name, header.value);
  std::sort(headers.begin(), headers.end());

  std::string text = fmt::format("{}\n{}\n{}\n", request.method, canonical_path(url.path, scope.normalize_path),
                                 canonical_query(url.query));
  signed_headers.clear();
  for (auto& [name, value] : headers) {
    text.append(name).append(":").append(value).append("\n");
    if (!signed_headers.empty()) signed_headers += ';';
    signed_headers += name;
    // Security tokens and bearer keys are among them.
    wipe(value.data(), value.size());
  }
  text.append("\n").append(signed_headers).append("\n").append(sha256_hex(request.body));
  return text;
}

void sign_aws(HttpRequest& request, const AwsCredential& credential, const AwsScope& scope, WallTime now) {
  constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - day));
  const std::string stamp = fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                                        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                        time.hours().count(), time.minutes().count(), time.seconds().count());
  const std::string_view today = std::string_view(stamp).substr(0, 8);

  set_header(request, "X-Amz-Date", stamp);
  if (!credential.session_token.empty()) {
    set_header(request, "X-Amz-Security-Token", std::string(credential.session_token));
  }
  std::string signed_headers;
  std::string canonical = aws_canonical_request(request, scope, signed_headers);
  const std::string reach = fmt::format("{}/{}/{}/aws4_request", today, scope.region, scope.service);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, stamp, reach, sha256_hex(canonical));
  wipe(canonical.data(), canonical.size());

  std::string secret;
  secret.reserve(4 + credential.secret_key.size());
  secret.append("AWS4").append(credential.secret_key);
  const auto key = hmac_sha256(
      hmac_sha256(hmac_sha256(hmac_sha256(secret, today).view(), scope.region).view(), scope.service).view(),
      "aws4_request");
  wipe(secret.data(), secret.size());
  set_header(request, "Authorization",
             fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, credential.access_key,
                         reach, signed_headers, hex(hmac_sha256(key.view(), to_sign).view())));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
