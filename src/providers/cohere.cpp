#include "providers/cohere.hpp"

#include <string>
#include <utility>

#include "providers/cohere_errors.hpp"
#include "providers/cohere_request.hpp"
#include "providers/native_decoder.hpp"
#include "providers/native_embedding.hpp"
#include "providers/native_request.hpp"
#include "providers/request_headers.hpp"
#include "providers/request_parts.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "cohere";
// https://docs.cohere.com/reference/embed
constexpr std::size_t kEmbeddingBatch = 96;

/// Below a root, …/v1, …/v2, or an endpoint of either version.
std::string address(const Target& target, const Preset& preset, std::string_view version, std::string_view path) {
  return endpoint(target.base_url, preset.base_url, version, path, {"/chat", "/embed", "/models", "/v1", "/v2"});
}

/// `tokens` is what the model saw and wrote; `billed_units`, of which Cohere's own preamble is not a part, where it is
/// missing.
Usage read_usage(JsonValue usage) {
  const JsonValue tokens = usage["tokens"].has_value() ? usage["tokens"] : usage["billed_units"];
  return {.prompt_tokens = count_of(tokens["input_tokens"]),
          .completion_tokens = count_of(tokens["output_tokens"]),
          .cached_tokens = count_of(usage["cached_tokens"]),
          .reasoning_tokens = count_of(tokens["reasoning_tokens"])};
}

class CohereDecoder final : public NativeDecoder {
 public:
  CohereDecoder(const HttpHead& head, const Target& target, const Bounds& bounds)
      : NativeDecoder(head, target, bounds), model_(target.model) {}

 private:
  std::optional<Failure> whole(JsonValue body) override {
    const JsonValue message = body["message"];
    if (!message.is_object()) {
      if (message.exists() || body["error"].exists()) return fail(read_error_value(body), kCohereErrors);
      return broken_answer("the answer has no message");
    }
    start(body["id"].string(), model_);
    reasoning(message["tool_plan"].string());
    text(message["content"].string());
    for (const JsonValue part : message["content"].items()) content(part);
    for (const JsonValue call : message["tool_calls"].items()) {
      const JsonValue function = call["function"];
      const ToolPiece piece{.id = call["id"].string(), .name = function["name"].string()};
      if (auto failure = tool_call(piece, arguments(function))) return failure;
    }
    for (const JsonValue citation : message["citations"].items()) part(citation.raw());
    logprobs(body["logprobs"]);
    return ended(body);
  }

  std::optional<Failure> piece(JsonValue data, std::string_view name) override {
    const std::string_view type = data["type"].string_or(name);
    const JsonValue delta = data["delta"];
    const JsonValue message = delta["message"];
    if (type == "message-start") {
      start(data["id"].string(), model_);
    } else if (type == "content-start" || type == "content-delta") {
      content(message["content"]);
      logprobs(data["logprobs"]);
    } else if (type == "tool-plan-delta") {
      reasoning(message["tool_plan"].string());
    } else if (type == "tool-call-start" || type == "tool-call-delta") {
      const JsonValue call = message["tool_calls"];
      const JsonValue function = call["function"];
      return tool_call({data["index"].integer(), call["id"].string(), function["name"].string()}, arguments(function));
    } else if (type == "citation-start") {
      part(message["citations"].raw());
    } else if (type == "message-end") {
      return ended(delta);
    } else if (type.empty() || type == "error") {
      return fail(read_error_value(data), kCohereErrors);
    }
    return std::nullopt;
  }

  void content(JsonValue content) {
    if (content["thinking"].is_string()) {
      reasoning(content["thinking"].string());
    } else if (content["text"].is_string()) {
      text(content["text"].string());
    } else if (content.size() > 0) {
      part(content.raw());
    }
  }

  static std::string_view arguments(JsonValue function) {
    const JsonValue value = function["arguments"];
    return value.is_object() ? value.raw() : value.string();
  }

  std::optional<Failure> ended(JsonValue answer) {
    count(read_usage(answer["usage"]));
    if (const JsonValue error = answer["error"]; error.has_value()) {
      return fail(read_error_value(answer), kCohereErrors);
    }
    if (auto failure = finish_reason(answer["finish_reason"].string())) return failure;
    end();
    return std::nullopt;
  }

  std::string model_;
};

class CohereTransport final : public Transport {
 public:
  explicit CohereTransport(const Preset& preset) : preset_(preset) {}

  Capabilities capabilities() const override { return {.embeddings = true, .listing = true}; }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    require_fields(service, {"api_key"}, "create one at https://dashboard.cohere.com/api-keys", faults);
    return faults;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    std::string body = cohere_chat_body(request, target, check);
    HttpRequest http = json_post(address(target, preset_, "/v2", "/chat"), std::move(body), target.stream);
    add_bearer(http, target.credential.api_key.reveal());
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<CohereDecoder>(head, target, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, kCohereErrors);
  }

  std::size_t embedding_batch(std::string_view /*model*/) const override { return kEmbeddingBatch; }

  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, EmbeddingSayable{.purpose = true, .dimensions = true}, check);
    std::string body;
    JsonWriter json(body);
    json.begin_object().member("model", target.model).member("texts", inputs);
    json.member("input_type", input_type(request.purpose));
    json.key("embedding_types").begin_array().string("float").end_array();
    if (request.dimensions) json.member("output_dimension", *request.dimensions);
    json.end_object(request.extra, "extra");
    check.written(json.fault());
    HttpRequest http = json_post(address(target, preset_, "/v2", "/embed"), std::move(body), false);
    add_bearer(http, target.credential.api_key.reveal());
    set_extra_headers(http, target.service);
    if (!check.ok()) return check.error();
    return http;
  }

  std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                          EmbeddingResponse& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body)) return failure;
    const JsonValue answer = doc.root();
    JsonValue vectors = answer["embeddings"];
    if (!vectors.has_value()) return classify_error(answer, kCohereErrors);
    // By type, of which `extra` may have asked for another than float; version 1 gave the list alone.
    for (const JsonMember& member : vectors.members()) {
      if (member.value.size() > 0) vectors = member.value;
    }
    into.usage = input_usage(answer["meta"]["billed_units"]["input_tokens"]);
    return read_vectors(vectors, {}, inputs, into);
  }

  // https://docs.cohere.com/reference/list-models
  Result<HttpRequest> encode_listing(const Target& target) const override {
    HttpRequest http = json_post(address(target, preset_, "/v1", "/models"), {}, false);
    http.method = "GET";
    http.url += http.url.find('?') == std::string::npos ? "?page_size=1000" : "&page_size=1000";
    add_bearer(http, target.credential.api_key.reveal());
    set_extra_headers(http, target.service);
    return http;
  }

  std::optional<Failure> decode_listing(std::string_view body, std::vector<ModelInfo>& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body)) return failure;
    const JsonValue models = doc.root()["models"];
    if (!models.is_array()) return classify_error(doc.root(), kCohereErrors);
    for (const JsonValue model : models.items()) {
      if (const std::string_view id = model["name"].string(); !id.empty()) into.push_back({.id = std::string(id)});
    }
    return std::nullopt;
  }

 private:
  /// The API wants to be told.
  static std::string_view input_type(std::string_view purpose) noexcept {
    if (purpose.empty() || purpose == "document") return "search_document";
    return purpose == "query" ? std::string_view("search_query") : purpose;
  }

  const Preset& preset_;
};

}  // namespace

std::shared_ptr<const Transport> make_cohere_transport(const Preset& preset) {
  return std::make_shared<CohereTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
