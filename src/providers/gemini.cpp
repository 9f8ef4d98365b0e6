#include "providers/gemini.hpp"

#include <string>

#include <fmt/format.h>

#include "providers/gemini_body.hpp"
#include "providers/gemini_decoder.hpp"
#include "providers/gemini_embedding.hpp"
#include "providers/gemini_errors.hpp"
#include "providers/gemini_models.hpp"
#include "providers/provider.hpp"
#include "providers/request_headers.hpp"
#include "providers/request_parts.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Models and other resources are told apart by what stands before the slash.
std::string resource(std::string_view model) {
  return percent_encoded(
      model.find('/') == std::string_view::npos ? fmt::format("models/{}", model) : std::string(model), "/");
}

/// People write the root, the root with its version, or the whole way to a model.
std::string api_root(const Target& target, std::string_view usual) {
  std::string_view base = base_of(target, usual);
  const std::size_t models = base.rfind("/models");
  if (models != std::string_view::npos && (models + 7 == base.size() || base[models + 7] == '/'))
    base = base.substr(0, models);
  const std::string_view last = base.substr(base.rfind('/') + 1);
  const bool versioned = last.size() >= 2 && last[0] == 'v' && last[1] >= '0' && last[1] <= '9';
  return versioned ? std::string(base) : fmt::format("{}/v1beta", base);
}

class GeminiTransport final : public Transport {
 public:
  explicit GeminiTransport(const Preset& preset) : preset_(preset) {}

  [[nodiscard]] Capabilities capabilities() const override {
    return {.audio = true, .files = true, .embeddings = true, .listing = true};
  }

  [[nodiscard]] std::vector<std::string> check(const ServiceConfig& service) const override {
    return check_keys(service);
  }

  [[nodiscard]] Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(preset_.name, target);
    HttpRequest http =
        post(target, resource(target.model), target.stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
    http.body = gemini_body(request, target.model, GeminiDoor::gemini, check);
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  [[nodiscard]] Resumption resumption(const ChatRequest& /*request*/, const ServiceConfig& /*service*/,
                                      std::string_view model) const override {
    return gemini_resumption(model);
  }

  [[nodiscard]] std::unique_ptr<Decoder> decoder(const HttpHead& /*head*/, const Target& target,
                                                 const Bounds& bounds) const override {
    return std::make_unique<GeminiDecoder>(bounds, target.nonce);
  }

  [[nodiscard]] Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    Failure failure = classify_google_answer(head, body, now);
    // There is no token here that could be stale: what is not accepted is the key.
    if (failure.failure == FailureClass::token) failure.failure = FailureClass::auth;
    return failure;
  }

  [[nodiscard]] std::size_t embedding_batch(std::string_view /*model*/) const override { return 100; }

  [[nodiscard]] Result<HttpRequest> encode_embedding(const EmbeddingRequest& request,
                                                     const std::vector<std::string_view>& inputs,
                                                     const Target& target) const override {
    RequestCheck check(preset_.name, target);
    if (!request.user.empty()) check.unsupported("user");
    const std::string model = resource(target.model);
    HttpRequest http = post(target, model, ":batchEmbedContents");
    JsonWriter json(http.body);
    json.begin_object().key("requests").begin_array();
    for (const std::string_view input : inputs) {
      json.begin_object().member("model", model);
      json.key("content").begin_object().key("parts").begin_array();
      json.begin_object().member("text", input).end_object().end_array().end_object();
      if (!request.purpose.empty()) json.member("taskType", google_task_type(request.purpose));
      if (request.dimensions) json.member("outputDimensionality", *request.dimensions);
      json.end_object();
    }
    json.end_array().end_object(request.extra, "extra");
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
    for (const JsonValue one : root["embeddings"].items()) {
      if (!read_embedding(one["values"], into))
        return broken_answer("an embedding of the answer is not a list of numbers");
      ++found;
    }
    if (root["embedding"].is_object() && read_embedding(root["embedding"]["values"], into)) ++found;
    into.usage.merge({.prompt_tokens = root["usageMetadata"]["promptTokenCount"].integer()});
    return wrong_count(found, inputs);
  }

  [[nodiscard]] Result<HttpRequest> encode_listing(const Target& target) const override {
    HttpRequest http;
    http.method = "GET";
    http.url = api_root(target, preset_.base_url) + "/models?pageSize=1000";
    set_header(http, "x-goog-api-key", std::string(target.credential.api_key.reveal()));
    set_extra_headers(http, target.service);
    return http;
  }

  [[nodiscard]] std::optional<Failure> decode_listing(std::string_view body,
                                                      std::vector<ModelInfo>& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body)) return failure;
    if (doc.root()["error"].has_value()) return classify_google_error(doc.root());
    if (!doc.root()["models"].is_array()) return broken_answer("the answer holds no list of models");
    for (const JsonValue model : doc.root()["models"].items()) {
      std::string_view name = model["name"].string();
      if (name.starts_with("models/")) name.remove_prefix(7);
      if (!name.empty()) into.push_back({.id = std::string(name), .owner = "google"});
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] HttpRequest post(const Target& target, std::string_view model, std::string_view method) const {
    HttpRequest http;
    http.url = fmt::format("{}/{}{}", api_root(target, preset_.base_url), model, method);
    set_header(http, "content-type", "application/json");
    set_header(http, "x-goog-api-key", std::string(target.credential.api_key.reveal()));
    return http;
  }

  const Preset& preset_;
};

}  // namespace

std::shared_ptr<const Transport> make_gemini_transport(const Preset& preset) {
  return std::make_shared<GeminiTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
