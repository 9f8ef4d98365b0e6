#include "providers/azure.hpp"

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "providers/credential_fields.hpp"
#include "providers/openai.hpp"
#include "providers/openai_responses.hpp"
#include "providers/openai_url.hpp"
#include "providers/request_parts.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using enum FailureClass;
using R = ErrorRule;

// Limits belong to a deployment, which is what a model's name stands for here.
constexpr std::array kErrors = {
    R{401, {}, "audience", token, Scope::key},
    R{401, {}, "token is expired", token, Scope::key},
    R{401, {}, "invalid subscription key", auth, Scope::key},
    R{403, {}, "public access is disabled", place, Scope::host},
    R{403, {}, "virtual network", place, Scope::host},
    // Nobody says for how long: a guess.
    R{403, {}, "unusual behavior", quota, Scope::account, {}, std::chrono::minutes(10)},
    R{403, {}, "out of call volume quota", quota, Scope::key},
    R{404, "deploymentnotfound", {}, model, Scope::key_model},
    R{429, {}, "token budget exceeded", too_big, Scope::account_model},
    R{429, {}, "experiencing high demand", capacity, Scope::service_model},
    R{429, {}, "temporarily unable", capacity, Scope::service_model},
    R{429, {}, {}, rate, Scope::account_model},
    R{0, "content_filter", {}, filter, Scope::call},
    R{0, "responsibleaipolicyviolation", {}, filter, Scope::call},
};

// The newest version without "preview".  https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
constexpr std::string_view kVersion = "2024-10-21";

struct Parts {
  std::string_view base{};   ///< without slashes at its end
  std::string_view query{};  ///< without its question mark
};

Parts parts_of(std::string_view url) {
  Parts parts;
  url = url.substr(0, url.find('#'));
  if (const std::size_t mark = url.find('?'); mark != std::string_view::npos) {
    parts.query = url.substr(mark + 1);
    url = url.substr(0, mark);
  }
  for (const std::string_view endpoint : {"/chat/completions", "/embeddings", "/responses"}) {
    if (url.ends_with(endpoint)) url.remove_suffix(endpoint.size());
  }
  while (url.ends_with('/')) url.remove_suffix(1);
  parts.base = url;
  return parts;
}

class AzureTransport : public OpenAiTransport {
 public:
  using OpenAiTransport::OpenAiTransport;

  Result<HttpRequest> encode_listing(const Target& target) const override {
    RequestCheck check(preset_.name, target);
    const Parts parts = parts_of(target.base_url);
    const std::string_view root = parts.base.substr(0, parts.base.find("/openai"));
    const bool versioned = parts.base.ends_with("/openai/v1");
    HttpRequest request =
        begin(target,
              versioned ? fmt::format("{}/models", parts.base)
                        : fmt::format("{}/openai/models?api-version={}", root, version(target, parts)),
              {}, check);
    request.method = "GET";
    if (!check.ok()) return check.error();
    return request;
  }

 protected:
  // The forms people write: the resource's root (the deployment is the model's name), a whole deployment URL with its
  // api-version, and the newer …/openai/v1, which takes neither.
  std::string base_url(const Target& target, RequestCheck& check) const override {
    const Parts parts = parts_of(target.base_url);
    if (parts.base.empty()) check.misconfigured("base_url: azure needs the resource's, https://NAME.openai.azure.com");
    if (parts.base.ends_with("/openai/v1"))
      return fmt::format("{}{}{}", parts.base, parts.query.empty() ? "" : "?", parts.query);
    const bool whole =
        parts.base.find("/openai/deployments/") != std::string_view::npos || parts.base.ends_with("/models");
    if (whole) return fmt::format("{}?api-version={}", parts.base, version(target, parts));
    const std::string_view root =
        parts.base.ends_with("/openai") ? parts.base.substr(0, parts.base.size() - 7) : parts.base;
    return fmt::format("{}/openai/deployments/{}?api-version={}", root, percent_encoded(target.model),
                       version(target, parts));
  }

  void authorize(HttpRequest& request, const Target& target, RequestCheck& check) const override {
    const std::string_view token = credential_field(target.credential, "access_token");
    if (token.empty()) return OpenAiTransport::authorize(request, target, check);
    HttpHeader header{"Authorization", "Bearer "};
    header.value += token;
    request.headers.push_back(std::move(header));
  }

  static std::string version(const Target& target, const Parts& parts) {
    constexpr std::string_view kName = "api-version=";
    if (const std::size_t at = parts.query.find(kName); at != std::string_view::npos) {
      const std::string_view rest = parts.query.substr(at + kName.size());
      return std::string(rest.substr(0, rest.find('&')));
    }
    const auto option = target.service.options.find("api_version");
    return option == target.service.options.end() ? std::string(kVersion) : percent_encoded(option->second);
  }
};

/// The Responses API at Azure's addresses. The model's name is the deployment's, in the body.
/// https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses
class AzureResponsesTransport final : public ResponsesOver<AzureTransport> {
 public:
  using ResponsesOver::ResponsesOver;

 protected:
  // …/openai/v1/responses, or …/openai/responses where an api-version is stated; that of a deployment's URL is for
  // chat.
  std::string responses_url(const Target& target, RequestCheck& check) const override {
    const Parts parts = parts_of(target.base_url);
    if (parts.base.empty()) check.misconfigured("base_url: azure needs the resource's, https://NAME.openai.azure.com");
    if (parts.base.ends_with("/openai/v1"))
      return fmt::format("{}/responses{}{}", parts.base, parts.query.empty() ? "" : "?", parts.query);
    const std::string_view root = parts.base.substr(0, parts.base.find("/openai"));
    const bool stated = target.service.options.count("api_version") != 0 ||
                        (parts.base.ends_with("/openai") && parts.query.find("api-version=") != std::string_view::npos);
    return stated ? fmt::format("{}/openai/responses?api-version={}", root, version(target, parts))
                  : fmt::format("{}/openai/v1/responses", root);
  }
  std::span<const ErrorRule> error_rules() const noexcept override { return kErrors; }
};

}  // namespace

std::span<const ErrorRule> azure_errors() noexcept { return kErrors; }

std::shared_ptr<const Transport> make_azure_transport(const Preset& preset) {
  return std::make_shared<AzureTransport>(preset);
}

std::shared_ptr<const Transport> make_azure_responses_transport(const Preset& preset) {
  return std::make_shared<AzureResponsesTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
