#include "providers/huoshan.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "auth/volc_v4.hpp"
#include "providers/native_request.hpp"
#include "providers/openai.hpp"
#include "providers/request_headers.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kControl = "https://open.volcengineapi.com";
constexpr std::string_view kContentType = "application/json; charset=utf-8";
constexpr std::string_view kRegion = "cn-beijing";
constexpr std::string_view kEndpoint = "ep-";
// The longest that the API grants is 30 days.
constexpr std::chrono::seconds kLifetime = std::chrono::hours(24 * 7);

bool fetches_key(const CredentialConfig& credential) {
  return credential.api_key.empty() && !credential_field(credential, "access_key").empty();
}

std::string_view sent_as(const ServiceConfig& service, const std::string& model) {
  const auto mapped = service.model_map.find(model);
  return mapped == service.model_map.end() ? std::string_view(model) : std::string_view(mapped->second);
}

/// Every endpoint that the service's calls may go to: one key is fetched for all of them.
std::set<std::string_view> endpoints_of(const ServiceConfig& service) {
  std::set<std::string_view> endpoints;
  const auto add = [&endpoints](std::string_view model) {
    if (model.starts_with(kEndpoint)) endpoints.insert(model);
  };
  for (const auto* models : {&service.models, &service.embedding_models}) {
    for (const std::string& model : *models) add(sent_as(service, model));
  }
  for (const auto& [alias, model] : service.model_redirect) add(sent_as(service, model));
  for (const auto& [name, model] : service.model_map) add(model);
  return endpoints;
}

class HuoshanTransport final : public OpenAiTransport {
 public:
  using OpenAiTransport::OpenAiTransport;

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults = OpenAiTransport::check(service);
    bool fetches = false;
    for (std::size_t i = 0; i < service.credentials.size(); ++i) {
      const CredentialConfig& credential = service.credentials[i];
      if (!credential.api_key.empty()) continue;
      fetches = true;
      for (const CredentialField field : {CredentialField("access_key"), CredentialField("secret_key")}) {
        if (credential_field(credential, field).empty()) {
          faults.push_back(
              fmt::format("credentials[{}].fields.{}: is missing; ark takes an api_key, or access_key and secret_key",
                          i, field.name()));
        }
      }
    }
    if (fetches && endpoints_of(service).empty()) {
      faults.emplace_back(
          "models: expected endpoints (ep-…): with access_key and secret_key a key is fetched for those named here");
    }
    return faults;
  }

  Result<std::optional<HttpRequest>> token_request(const Target& target) const override {
    if (!fetches_key(target.credential)) return std::optional<HttpRequest>();
    std::set<std::string_view> endpoints = endpoints_of(target.service);
    if (target.model.starts_with(kEndpoint)) endpoints.insert(target.model);
    if (endpoints.empty()) {
      RequestCheck check(preset_.name, target);
      check.misconfigured("models: an access_key serves endpoints (ep-…) only; other models and bots need an api_key");
      return check.error();
    }
    HttpRequest http;
    JsonWriter json(http.body);
    json.begin_object().member("DurationSeconds", static_cast<std::int64_t>(kLifetime.count()));
    json.member("ResourceType", "endpoint").key("ResourceIds").begin_array();
    for (const std::string_view id : endpoints) json.string(id);
    json.end_array().end_object();

    const auto configured = target.service.options.find("control_url");
    const std::string_view root =
        configured == target.service.options.end() ? kControl : std::string_view(configured->second);
    const std::string_view region = setting(target, "region");
    const VolcSignature signature =
        volc_sign({.host = root.substr(std::min(root.size(), root.find("://") + 3)),
                   .query = {{"Action", "GetApiKey"}, {"Version", "2024-01-01"}},
                   .content_type = kContentType,
                   .body = http.body,
                   .region = region.empty() ? kRegion : region,
                   .service = "ark",
                   .now = target.now},
                  credential_field(target.credential, "access_key"), credential_field(target.credential, "secret_key"));
    http.url = fmt::format("{}/?{}", root, signature.query);
    set_header(http, "Content-Type", std::string(kContentType));
    set_header(http, "Accept", "application/json");
    set_header(http, "X-Date", signature.date);
    set_header(http, "X-Content-Sha256", signature.content_sha256);
    set_header(http, "Authorization", signature.authorization);
    return std::optional(std::move(http));
  }

  Result<Token> read_token(std::string_view body, const Target& target) const override {
    JsonDoc doc;
    Error error;
    error.provider = preset_.name;
    error.service = target.service.id;
    error.credential = target.credential.id;
    if (!doc.parse(body)) {
      error.kind = ErrorKind::protocol;
      error.message = "the answer of GetApiKey is not JSON: " + doc.error();
      return error;
    }
    const JsonValue result = doc.root()["Result"];
    const std::int64_t ends = result["ExpiredTime"].integer_or(0);
    const auto now = std::chrono::floor<std::chrono::seconds>(target.now).time_since_epoch().count();
    if (const std::string_view key = result["ApiKey"].string(); !key.empty() && ends > now) {
      return Token{.value = Secret(key), .lifetime = std::min(std::chrono::seconds(ends - now), kLifetime)};
    }
    const Failure failure = classify_error(doc.root(), rules_of(preset_));
    error.kind = failure.error_kind();
    error.code = failure.code;
    error.message = result.is_object() ? "the answer of GetApiKey has no key that is still good" : failure.message;
    return error;
  }

 protected:
  void authorize(HttpRequest& request, const Target& target, RequestCheck& check) const override {
    if (!fetches_key(target.credential)) return OpenAiTransport::authorize(request, target, check);
    if (target.token.empty()) check.misconfigured("fields.access_key: no key was fetched with it");
    add_bearer(request, target.token);
  }
};

}  // namespace

std::shared_ptr<const Transport> make_huoshan_transport(const Preset& preset) {
  return std::make_shared<HuoshanTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
