#include "providers/vertex_token.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>

#include <fmt/format.h>

#include "auth/jwt.hpp"
#include "providers/request_headers.hpp"
#include "providers/request_parts.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kTokenUri = "https://oauth2.googleapis.com/token";
constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::chrono::seconds kLifetime = std::chrono::hours(1);  // the longest that Google grants

Error misconfigured(std::string message) { return Error{.kind = ErrorKind::config, .message = std::move(message)}; }

std::string fault_of(JsonValue file) {
  const auto need = [&](std::initializer_list<std::string_view> names) -> std::string {
    for (const std::string_view name : names) {
      if (file[name].string().empty()) return fmt::format("json_file has no \"{}\"", name);
    }
    return {};
  };
  if (!file.is_object()) return "json_file is not a JSON object";
  const std::string_view type = file["type"].string();
  if (type == "service_account") return need({"client_email", "private_key"});
  if (type == "authorized_user") return need({"client_id", "client_secret", "refresh_token"});
  return fmt::format("json_file is of type \"{}\"; expected service_account or authorized_user", type);
}

HttpRequest form_request(std::string_view url, std::string body) {
  HttpRequest request{.url = std::string(url), .body = std::move(body)};
  set_header(request, "Content-Type", "application/x-www-form-urlencoded");
  set_header(request, "Accept", "application/json");
  return request;
}

Result<HttpRequest> service_account(JsonValue file, WallTime now) {
  const std::string_view uri = file["token_uri"].string_or(kTokenUri);
  std::string header;
  JsonWriter head(header);
  head.begin_object().member("alg", "RS256").member("typ", "JWT");
  if (const std::string_view id = file["private_key_id"].string(); !id.empty()) head.member("kid", id);
  head.end_object();
  const auto issued = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  std::string claims;
  JsonWriter(claims)
      .begin_object()
      .member("iss", file["client_email"].string())
      .member("scope", kScope)
      .member("aud", uri)
      .member("iat", std::int64_t{issued.count()})
      .member("exp", std::int64_t{(issued + kLifetime).count()})
      .end_object();
  const Result<Secret> assertion = jwt_rs256(header, claims, file["private_key"].string());
  if (!assertion) return misconfigured("json_file: " + assertion.error().message);
  return form_request(uri, fmt::format("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
                                       assertion->reveal()));
}

HttpRequest authorized_user(JsonValue file) {
  const auto value = [&](std::string_view name) { return percent_encoded(file[name].string()); };
  return form_request(file["token_uri"].string_or(kTokenUri),
                      fmt::format("grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
                                  value("client_id"), value("client_secret"), value("refresh_token")));
}

}  // namespace

std::string google_credential_fault(std::string_view json) {
  JsonDoc doc;
  // The parser's words may quote the text, which is a key.
  if (!doc.parse(json)) return "json_file is neither the JSON of a service account nor a file that was read";
  return fault_of(doc.root());
}

Result<HttpRequest> google_token_request(std::string_view json, WallTime now) {
  JsonDoc doc;
  if (!doc.parse(json)) return misconfigured(google_credential_fault(json));
  if (std::string fault = fault_of(doc.root()); !fault.empty()) return misconfigured(std::move(fault));
  if (doc.root()["type"].string() == "authorized_user") return authorized_user(doc.root());
  return service_account(doc.root(), now);
}

Result<Token> read_google_token(std::string_view body) {
  JsonDoc doc;
  const bool read = doc.parse(body);
  const std::string_view token = doc.root()["access_token"].string();
  if (!read || token.empty()) {
    return Error{.kind = ErrorKind::protocol, .message = "Google's token endpoint answered without an access_token"};
  }
  const std::int64_t lifetime = doc.root()["expires_in"].integer_or(kLifetime.count());
  return Token{.value = Secret(token), .lifetime = std::chrono::seconds(std::clamp<std::int64_t>(lifetime, 0, 86'400))};
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
