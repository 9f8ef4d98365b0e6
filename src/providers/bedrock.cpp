#include "providers/bedrock.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "auth/sigv4.hpp"
#include "providers/anthropic_models.hpp"
#include "providers/bedrock_body.hpp"
#include "providers/bedrock_embedding.hpp"
#include "providers/credential_fields.hpp"
#include "providers/request_headers.hpp"
#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kRuntime = "bedrock-runtime";
constexpr std::string_view kControl = "bedrock";

std::string_view without_end(std::string_view base) {
  base = base.substr(0, base.find_first_of("?#"));
  // The whole endpoint of a model stands for its host.
  base = base.substr(0, base.find("/model/"));
  while (base.ends_with('/')) base.remove_suffix(1);
  return base;
}

/// "us-east-1" of "https://bedrock-runtime.us-east-1.amazonaws.com"; empty: the host says none.
std::string_view region_in(std::string_view base) {
  for (const std::string_view lead : {"://bedrock-runtime.", "://bedrock-runtime-fips.", "://bedrock."}) {
    const std::size_t begin = base.find(lead);
    if (begin == std::string_view::npos) continue;
    const std::string_view rest = base.substr(begin + lead.size());
    return rest.substr(0, rest.find('.'));
  }
  return {};
}

std::string_view region_of(const ServiceConfig& service, const CredentialConfig& credential, std::string_view base) {
  const std::string_view stated = credential_setting(service, credential, "region");
  return stated.empty() ? region_in(base) : stated;
}

class BedrockTransport final : public Transport {
 public:
  explicit BedrockTransport(const Preset& preset) : preset_(preset) {}

  Capabilities capabilities() const override { return {.files = true, .embeddings = true, .listing = true}; }

  Resumption resumption(const ChatRequest& request, const ServiceConfig& /*service*/,
                        std::string_view model) const override {
    return claude_resumption(request, model);
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(name(target), target);
    HttpRequest sent;
    sent.url = model_url(target, target.stream ? "converse-stream" : "converse", check);
    write_bedrock_body(sent.body, request, target, check);
    set_header(sent, "Content-Type", "application/json");
    set_header(sent, "Accept", target.stream ? "application/vnd.amazon.eventstream" : "application/json");
    set_extra_headers(sent, target.service, request);
    authorize(sent, target, check);
    if (!check.ok()) return check.error();
    return sent;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return make_bedrock_decoder(head, target.stream, target.model, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_bedrock_answer(head, body, now);
  }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    for (std::size_t i = 0; i < service.credentials.size(); ++i) {
      const CredentialConfig& credential = service.credentials[i];
      const bool pair = !credential_field(credential, "access_key").empty();
      if (!pair && credential.api_key.empty()) {
        faults.push_back(fmt::format(
            "credentials[{}]: fields.access_key and fields.secret_key are needed, or a Bedrock API key as api_key", i));
      } else if (pair && credential_field(credential, "secret_key").empty()) {
        faults.push_back(fmt::format("credentials[{}].fields.secret_key: is missing beside access_key", i));
      }
      const std::string_view base = credential.base_url.empty() ? service.base_url : credential.base_url;
      if (region_of(service, credential, base).empty()) {
        faults.push_back(fmt::format("credentials[{}].region: is missing (\"us-east-1\")", i));
      }
    }
    const auto set = [&service](const char* name) {
      const auto option = service.options.find(name);
      return option != service.options.end() && !option->second.empty();
    };
    for (const char* name : {"guardrail_version", "guardrail_trace", "guardrail_stream"}) {
      if (set(name) && !set("guardrail_id")) {
        faults.push_back(fmt::format("options.{}: means nothing without guardrail_id", name));
      }
    }
    return faults;
  }

  std::size_t embedding_batch(std::string_view model) const override { return bedrock_embedding_batch(model); }

  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    RequestCheck check(name(target), target);
    HttpRequest sent;
    sent.url = model_url(target, "invoke", check);
    write_bedrock_embedding(sent.body, request, inputs, target, check);
    set_header(sent, "Content-Type", "application/json");
    set_header(sent, "Accept", "application/json");
    set_extra_headers(sent, target.service);
    authorize(sent, target, check);
    if (!check.ok()) return check.error();
    return sent;
  }

  std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                          EmbeddingResponse& into) const override {
    return read_bedrock_embedding(body, inputs, into);
  }

  // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
  Result<HttpRequest> encode_listing(const Target& target) const override {
    RequestCheck check(name(target), target);
    HttpRequest sent;
    sent.method = "GET";
    sent.url = base_url(target, kControl, check) + "/foundation-models";
    set_header(sent, "Accept", "application/json");
    set_extra_headers(sent, target.service);
    authorize(sent, target, check);
    if (!check.ok()) return check.error();
    return sent;
  }

  std::optional<Failure> decode_listing(std::string_view body, std::vector<ModelInfo>& into) const override {
    JsonDoc doc;
    if (!doc.parse(body)) return broken_answer(fmt::format("the listing is not JSON: {}", doc.error()));
    const JsonValue models = doc.root()["modelSummaries"];
    if (!models.is_array()) return broken_answer("the listing has no \"modelSummaries\"");
    for (const JsonValue model : models.items()) {
      const std::string_view id = model["modelId"].string();
      if (!id.empty()) into.push_back({.id = std::string(id), .owner = std::string(model["providerName"].string())});
    }
    return std::nullopt;
  }

 private:
  static std::string_view region(const Target& target) {
    return region_of(target.service, target.credential, target.base_url);
  }

  /// Models are called at one host and listed at another.
  static std::string base_url(const Target& target, std::string_view host, RequestCheck& check) {
    const std::string_view at = region(target);
    if (at.empty()) check.misconfigured("region: is missing (\"us-east-1\")");
    if (target.base_url.empty()) {
      return fmt::format("https://{}.{}.amazonaws.com{}", host, at, at.starts_with("cn-") ? ".cn" : "");
    }
    std::string base(without_end(target.base_url));
    const std::size_t runtime = base.find(fmt::format("://{}", kRuntime));
    if (runtime != std::string::npos) base.replace(runtime + 3, kRuntime.size(), host);
    return base;
  }

  /// The model's id is one segment of the path, whatever it holds: ARNs have slashes.
  static std::string model_url(const Target& target, std::string_view operation, RequestCheck& check) {
    return fmt::format("{}/model/{}/{}", base_url(target, kRuntime, check), percent_encode(target.model), operation);
  }

  static void authorize(HttpRequest& sent, const Target& target, RequestCheck& check) {
    const AwsCredential pair{credential_field(target.credential, "access_key"),
                             credential_field(target.credential, "secret_key"),
                             credential_field(target.credential, "session_token")};
    if (!pair.access_key.empty() && !pair.secret_key.empty()) {
      sign_aws(sent, pair, {region(target), kControl}, target.now);
    } else if (!target.credential.api_key.empty()) {
      set_bearer(sent, target.credential.api_key.reveal());
    } else {
      check.misconfigured("access_key and secret_key are needed, or a Bedrock API key as api_key");
    }
  }

  /// As the config spells it, where it has more than one spelling.
  [[nodiscard]] std::string_view name(const Target& target) const {
    return target.service.provider.empty() ? preset_.name : std::string_view(target.service.provider);
  }

  const Preset& preset_;
};

}  // namespace

std::shared_ptr<const Transport> make_bedrock_transport(const Preset& preset) {
  return std::make_shared<BedrockTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
