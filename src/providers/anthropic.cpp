#include "providers/anthropic.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "providers/anthropic_body.hpp"
#include "providers/anthropic_models.hpp"
#include "providers/credential_fields.hpp"
#include "providers/request_headers.hpp"
#include "wire/json.hpp"
#include "wire/rfc3339.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kVersion = "2023-06-01";
constexpr std::string_view kMessages = "/messages";

/// "2026-07-24T00:00:00Z" as Unix seconds; 0: none.
std::int64_t unix_time(std::string_view text) {
  const auto time = parse_rfc3339(text);
  return time ? std::chrono::floor<std::chrono::seconds>(*time).time_since_epoch().count() : 0;
}

class AnthropicTransport final : public Transport {
 public:
  explicit AnthropicTransport(const Preset& preset) : preset_(preset) {}

  Capabilities capabilities() const override { return {.files = true, .listing = true}; }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(name(target), target);
    HttpRequest sent = prepared(target, kMessages, check);
    write_anthropic_body(sent.body, request, target, {}, check);
    if (!check.ok()) return check.error();
    set_header(sent, "Accept", target.stream ? "text/event-stream" : "application/json");
    set_extra_headers(sent, target.service, request);
    if (std::string betas = anthropic_betas(request, target); !betas.empty()) {
      set_header(sent, "anthropic-beta", std::move(betas));
    }
    return sent;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return make_anthropic_decoder(head, target.stream, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_anthropic_answer(head, body, now);
  }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    for (std::size_t i = 0; i < service.credentials.size(); ++i) {
      const CredentialConfig& credential = service.credentials[i];
      if (!credential.api_key.empty() || !credential_field(credential, "auth_token").empty()) continue;
      const std::string& origin = credential.api_key.origin();
      faults.push_back(fmt::format("credentials[{}].api_key: a key is needed{}", i,
                                   origin.empty() ? "" : fmt::format(" ({} is not set)", origin)));
    }
    return faults;
  }

  Resumption resumption(const ChatRequest& request, const ServiceConfig& /*service*/,
                        std::string_view model) const override {
    return claude_resumption(request, model);
  }

  Result<HttpRequest> encode_listing(const Target& target) const override {
    RequestCheck check(name(target), target);
    HttpRequest sent = prepared(target, "/models", check);
    if (!check.ok()) return check.error();
    sent.method = "GET";
    // The API's longest page; there is no vendor of the dialect with more models.
    sent.url += sent.url.find('?') == std::string::npos ? "?limit=1000" : "&limit=1000";
    set_extra_headers(sent, target.service);
    return sent;
  }

  // https://platform.claude.com/docs/en/api/models-list
  std::optional<Failure> decode_listing(std::string_view body, std::vector<ModelInfo>& into) const override {
    JsonDoc doc;
    if (!doc.parse(body)) return broken_answer(fmt::format("the listing is not JSON: {}", doc.error()));
    const JsonValue data = doc.root()["data"];
    if (!data.is_array()) return broken_answer("the listing has no \"data\"");
    for (const JsonValue model : data.items()) {
      const std::string_view id = model["id"].string();
      if (id.empty()) continue;
      into.push_back({.id = std::string(id),
                      .owner = std::string(model["owned_by"].string_or("anthropic")),
                      .created = model["created"].integer_or(unix_time(model["created_at"].string()))});
    }
    return std::nullopt;
  }

 private:
  HttpRequest prepared(const Target& target, std::string_view path, RequestCheck& check) const {
    HttpRequest sent;
    sent.url = anthropic_url(target.base_url.empty() ? preset_.base_url : target.base_url, path);
    if (const std::string_view token = credential_field(target.credential, "auth_token"); !token.empty()) {
      set_bearer(sent, token);
    } else if (!target.credential.api_key.empty()) {
      set_header(sent, "x-api-key", std::string(target.credential.api_key.reveal()));
    } else {
      check.misconfigured("api_key: a key is needed");
    }
    const auto version = target.service.options.find("anthropic_version");
    set_header(sent, "anthropic-version",
               version == target.service.options.end() ? std::string(kVersion) : version->second);
    if (path == kMessages) set_header(sent, "Content-Type", "application/json");
    return sent;
  }

  /// As the config spells it, where it has more than one spelling.
  [[nodiscard]] std::string_view name(const Target& target) const {
    return target.service.provider.empty() ? preset_.name : std::string_view(target.service.provider);
  }

  const Preset& preset_;
};

}  // namespace

std::string anthropic_url(std::string_view base_url, std::string_view path) {
  const std::size_t mark = std::min(base_url.find('?'), base_url.size());
  const std::string_view query = base_url.substr(mark);
  std::string_view base = base_url.substr(0, mark);
  const auto cut = [&base] {
    while (base.ends_with('/')) base.remove_suffix(1);
  };
  cut();
  if (base.ends_with(kMessages)) base.remove_suffix(kMessages.size());
  cut();
  return fmt::format("{}{}{}{}", base, base.ends_with("/v1") ? "" : "/v1", path, query);
}

std::shared_ptr<const Transport> make_anthropic_transport(const Preset& preset) {
  return std::make_shared<AnthropicTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
