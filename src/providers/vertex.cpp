#include "providers/vertex.hpp"

#include <string>

#include <fmt/format.h>

#include "providers/anthropic_body.hpp"
#include "providers/anthropic_models.hpp"
#include "providers/credential_fields.hpp"
#include "providers/gemini_body.hpp"
#include "providers/gemini_decoder.hpp"
#include "providers/gemini_embedding.hpp"
#include "providers/gemini_errors.hpp"
#include "providers/gemini_models.hpp"
#include "providers/provider.hpp"
#include "providers/request_headers.hpp"
#include "providers/request_parts.hpp"
#include "providers/vertex_token.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
constexpr std::string_view kClaudeVersion = "vertex-2023-10-16";

std::string_view location_of(const Target& target) {
  const std::string_view location = credential_setting(target.service, target.credential, "location");
  if (!location.empty()) return location;
  const std::string_view region = credential_field(target.credential, "region");
  return region.empty() ? std::string_view("global") : region;
}

/// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
std::string host_of_location(std::string_view location) {
  if (location == "global") return "https://aiplatform.googleapis.com";
  if (location == "us" || location == "eu") return fmt::format("https://aiplatform.{}.rep.googleapis.com", location);
  return fmt::format("https://{}-aiplatform.googleapis.com", location);
}

bool is_claude(std::string_view model) noexcept {
  return model.starts_with("claude-") || model.find("publishers/anthropic/") != std::string_view::npos;
}

/// Tuned models and endpoints are named by their resource; what is not, is a publisher's.
std::string resource(std::string_view model) {
  std::string encoded = percent_encoded(model, "/@");
  if (model.find('/') != std::string_view::npos) return encoded;
  return fmt::format("publishers/{}/models/{}", is_claude(model) ? "anthropic" : "google", encoded);
}

/// The way to a model: host, version, and the project where the credential is not an API key's.
std::string model_url(const Target& target, RequestCheck& check) {
  const std::string_view location = location_of(target);
  std::string base = target.base_url.empty() ? host_of_location(location) : std::string(base_of(target, {}));
  const std::string_view last = std::string_view(base).substr(base.rfind('/') + 1);
  if (last != "v1" && last != "v1beta1") {
    const auto version = target.service.options.find("api_version");
    base += fmt::format("/{}", version == target.service.options.end() ? "v1" : version->second);
  }
  const std::string_view project = credential_setting(target.service, target.credential, "project_id");
  if (project.empty()) {
    if (target.credential.api_key.empty()) check.misconfigured("project_id: Vertex AI needs a project");
    return fmt::format("{}/{}", base, resource(target.model));
  }
  if (target.model.starts_with("projects/")) return fmt::format("{}/{}", base, resource(target.model));
  return fmt::format("{}/projects/{}/locations/{}/{}", base, percent_encoded(project), percent_encoded(location),
                     resource(target.model));
}

class VertexTransport final : public Transport {
 public:
  explicit VertexTransport(const Preset& preset) : preset_(preset) {}

  [[nodiscard]] Capabilities capabilities() const override {
    return {.audio = true, .files = true, .embeddings = true};
  }

  [[nodiscard]] std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults = check_base(service);
    for (std::size_t i = 0; i < service.credentials.size(); ++i) {
      const CredentialConfig& credential = service.credentials[i];
      if (!credential.enabled) continue;
      const auto fault = [&](std::string_view what) { faults.push_back(fmt::format("credentials[{}].{}", i, what)); };
      const std::string_view json = credential_field(credential, "json_file");
      if (credential.api_key.empty() && credential_field(credential, "access_token").empty()) {
        if (json.empty()) {
          fault("json_file: expected a service account's file or its JSON, or access_token, or api_key");
          continue;
        }
        if (const std::string wrong = google_credential_fault(json); !wrong.empty()) fault(wrong);
      }
      if (credential.api_key.empty() && credential_setting(service, credential, "project_id").empty()) {
        fault("project_id: expected the id of a Google Cloud project");
      }
    }
    return faults;
  }

  [[nodiscard]] Resumption resumption(const ChatRequest& request, const ServiceConfig& /*service*/,
                                      std::string_view model) const override {
    return is_claude(model) ? claude_resumption(request, model) : gemini_resumption(model);
  }

  [[nodiscard]] Result<std::optional<HttpRequest>> token_request(const Target& target) const override {
    const CredentialConfig& credential = target.credential;
    if (!credential.api_key.empty() || !credential_field(credential, "access_token").empty())
      return std::optional<HttpRequest>();
    Result<HttpRequest> request = google_token_request(credential_field(credential, "json_file"), target.now);
    if (request) return std::optional<HttpRequest>(*std::move(request));
    Error error = std::move(request).error();
    error.provider = preset_.name;
    error.service = target.service.id;
    error.credential = credential.id;
    return error;
  }

  [[nodiscard]] Result<Token> read_token(std::string_view body, const Target& target) const override {
    Result<Token> token = read_google_token(body);
    if (!token) {
      token.error().provider = preset_.name;
      token.error().service = target.service.id;
      token.error().credential = target.credential.id;
    }
    return token;
  }

  [[nodiscard]] Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(preset_.name, target);
    HttpRequest http = post(target, check);
    if (is_claude(target.model)) {
      http.url += target.stream ? ":streamRawPredict" : ":rawPredict";
      write_anthropic_body(http.body, request, target, {.version = kClaudeVersion}, check);
      set_extra_headers(http, target.service, request);
      if (std::string betas = anthropic_betas(request, target); !betas.empty()) {
        set_header(http, "anthropic-beta", std::move(betas));
      }
    } else {
      http.url += target.stream ? ":streamGenerateContent?alt=sse" : ":generateContent";
      http.body = gemini_body(request, target.model, GeminiDoor::vertex, check);
      set_extra_headers(http, target.service, request);
    }
    if (!check.ok()) return check.error();
    return http;
  }

  [[nodiscard]] std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target,
                                                 const Bounds& bounds) const override {
    if (is_claude(target.model)) return make_anthropic_decoder(head, target.stream, bounds);
    return std::make_unique<GeminiDecoder>(bounds, target.nonce);
  }

  [[nodiscard]] Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    // Whose error it is shows in its form: Google's gateway answers for Anthropic's models too.
    JsonDoc doc;
    if (doc.parse(body) && doc.root()["type"].string() == "error") return classify_anthropic_answer(head, body, now);
    return classify_google_answer(head, body, now);
  }

  [[nodiscard]] std::size_t embedding_batch(std::string_view model) const override {
    return model.starts_with("gemini-") ? 1 : 100;
  }

  // https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
  [[nodiscard]] Result<HttpRequest> encode_embedding(const EmbeddingRequest& request,
                                                     const std::vector<std::string_view>& inputs,
                                                     const Target& target) const override {
    RequestCheck check(preset_.name, target);
    if (!request.user.empty()) check.unsupported("user");
    HttpRequest http = post(target, check);
    http.url += ":predict";
    JsonWriter json(http.body);
    json.begin_object().key("instances").begin_array();
    for (const std::string_view input : inputs) {
      json.begin_object().member("content", input);
      if (!request.purpose.empty()) json.member("task_type", google_task_type(request.purpose));
      json.end_object();
    }
    json.end_array();
    if (request.dimensions) {
      json.key("parameters").begin_object().member("outputDimensionality", *request.dimensions).end_object();
    }
    json.end_object(request.extra, "extra");
    check.written(json.fault());
    set_extra_headers(http, target.service);
    if (!check.ok()) return check.error();
    return http;
  }

  [[nodiscard]] std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                                        EmbeddingResponse& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body, kVectorLimits)) return failure;
    const JsonValue root = doc.root();
    if (root["error"].has_value()) return classify_google_error(root);
    std::size_t found = 0;
    std::optional<std::int64_t> tokens;
    for (const JsonValue one : root["predictions"].items()) {
      const JsonValue embedding = one["embeddings"];
      if (!read_embedding(embedding["values"], into)) {
        return broken_answer("an embedding of the answer is not a list of numbers");
      }
      if (const auto count = embedding["statistics"]["token_count"].integer()) tokens = tokens.value_or(0) + *count;
      ++found;
    }
    into.usage.merge({.prompt_tokens = tokens});
    return wrong_count(found, inputs);
  }

 private:
  /// The request up to the method's name.
  [[nodiscard]] HttpRequest post(const Target& target, RequestCheck& check) const {
    HttpRequest http;
    http.url = model_url(target, check);
    set_header(http, "Content-Type", "application/json");
    if (!target.credential.api_key.empty()) {
      set_header(http, "x-goog-api-key", std::string(target.credential.api_key.reveal()));
    } else if (const std::string_view given = credential_field(target.credential, "access_token"); !given.empty()) {
      set_bearer(http, given);
    } else {
      set_bearer(http, target.token);
    }
    return http;
  }

  const Preset& preset_;
};

}  // namespace

std::shared_ptr<const Transport> make_vertex_transport(const Preset& preset) {
  return std::make_shared<VertexTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
