#include "providers/ollama.hpp"

#include <string>
#include <utility>

#include "providers/native_decoder.hpp"
#include "providers/native_embedding.hpp"
#include "providers/native_request.hpp"
#include "providers/ollama_request.hpp"
#include "providers/openai.hpp"
#include "providers/openai_errors.hpp"
#include "providers/request_headers.hpp"
#include "providers/two_dialects.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "ollama";
constexpr std::string_view kRoot = "http://127.0.0.1:11434";
// No limit is stated: the server takes the texts one by one, and its answer is as long as they are many.
constexpr std::size_t kEmbeddingBatch = 512;

std::string address(const Target& target, std::string_view path) {
  return endpoint(target.base_url, kRoot, "/api", path, {"/chat", "/generate", "/embed", "/embeddings", "/tags"});
}

/// One object, whole or the last of many, ends the answer.
class OllamaDecoder final : public NativeDecoder {
 public:
  OllamaDecoder(const HttpHead& head, const Target& target, const Bounds& bounds)
      : NativeDecoder(head, target, bounds, Framing::objects) {}

 private:
  std::optional<Failure> whole(JsonValue body) override { return piece(body, {}); }

  std::optional<Failure> piece(JsonValue data, std::string_view /*name*/) override {
    if (data["error"].has_value()) return fail(read_error_value(data), ollama_errors(), claimed(data["status_code"]));
    start({}, data["model"].string());
    const JsonValue message = data["message"];
    reasoning(message["thinking"].string());
    reasoning(message["reasoning_content"].string());  // of servers that play Ollama
    text(message["content"].string());
    for (const JsonValue call : message["tool_calls"].items()) {
      // Each comes whole; not every version counts them.
      const JsonValue function = call["function"];
      const ToolPiece whole{static_cast<std::int64_t>(calls()), call["id"].string(), function["name"].string()};
      const JsonValue arguments = function["arguments"];
      const std::string_view json = arguments.is_string() || arguments.is_null() ? arguments.string() : arguments.raw();
      if (auto failure = tool_call(whole, json)) return failure;
    }
    logprobs(data["logprobs"]);
    return data["done"].boolean_or(false) ? done(data) : std::nullopt;
  }

  std::optional<Failure> done(JsonValue last) {
    count({.prompt_tokens = count_of(last["prompt_eval_count"]), .completion_tokens = count_of(last["eval_count"])});
    // It says "stop" where the model calls; old versions say nothing, and an empty chat only loads or unloads.
    const std::string_view reason = last["done_reason"].string();
    const bool stopped = reason.empty() || reason == "stop" || reason == "load" || reason == "unload";
    const FinishReason meant = calls() > 0 ? FinishReason::tool_calls : FinishReason::stop;
    if (auto failure = finish_reason(reason, stopped ? std::optional(meant) : std::nullopt)) return failure;
    end();
    return std::nullopt;
  }

  static std::optional<int> claimed(JsonValue status) {
    const std::int64_t code = status.integer_or(0);
    return code >= 400 && code < 600 ? std::optional(static_cast<int>(code)) : std::nullopt;
  }
};

class OllamaNativeTransport final : public Transport {
 public:
  Capabilities capabilities() const override { return {.embeddings = true, .listing = true}; }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    HttpRequest http = post(target, "/chat", ollama_chat_body(request, target, check));
    if (target.stream) set_header(http, "Accept", "application/x-ndjson");
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  // A last message of the assistant's is rendered without its end.
  Resumption resumption(const ChatRequest&, const ServiceConfig&, std::string_view) const override {
    return Resumption::appends;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<OllamaDecoder>(head, target, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, ollama_errors());
  }

  std::size_t embedding_batch(std::string_view /*model*/) const override { return kEmbeddingBatch; }

  // https://docs.ollama.com/api/embed
  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, EmbeddingSayable{.dimensions = true}, check);
    std::string body;
    JsonWriter json(body);
    json.begin_object().member("model", target.model).member("input", inputs);
    if (request.dimensions) json.member("dimensions", *request.dimensions);
    json.end_object(request.extra, "extra");
    check.written(json.fault());
    HttpRequest http = post(target, "/embed", std::move(body));
    set_extra_headers(http, target.service);
    if (!check.ok()) return check.error();
    return http;
  }

  std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                          EmbeddingResponse& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body, {.values = std::size_t{1} << 24U})) return failure;
    const JsonValue answer = doc.root();
    if (!answer["embeddings"].is_array()) return classify_error(answer, ollama_errors());
    into.usage = input_usage(answer["prompt_eval_count"]);
    into.model = answer["model"].string();
    return read_vectors(answer["embeddings"], {}, inputs, into);
  }

  // https://docs.ollama.com/api/tags
  Result<HttpRequest> encode_listing(const Target& target) const override {
    HttpRequest http = post(target, "/tags", {});
    http.method = "GET";
    set_extra_headers(http, target.service);
    return http;
  }

  std::optional<Failure> decode_listing(std::string_view body, std::vector<ModelInfo>& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body)) return failure;
    const JsonValue models = doc.root()["models"];
    if (!models.is_array()) return classify_error(doc.root(), ollama_errors());
    for (const JsonValue model : models.items()) {
      const std::string_view id = model["model"].string_or(model["name"].string());
      if (!id.empty()) into.push_back({.id = std::string(id)});
    }
    return std::nullopt;
  }

 private:
  /// A server of one's own wants no key; ollama.com, or a proxy before the server, does.
  static HttpRequest post(const Target& target, std::string_view path, std::string body) {
    HttpRequest http = json_post(address(target, path), std::move(body), false);
    if (!target.credential.api_key.empty()) add_bearer(http, target.credential.api_key.reveal());
    return http;
  }
};

}  // namespace

std::shared_ptr<const Transport> make_ollama_native_transport(const Preset& /*preset*/) {
  return std::make_shared<OllamaNativeTransport>();
}

std::shared_ptr<const Transport> make_ollama_transport(const Preset& preset) {
  return std::make_shared<TwoDialects>(make_ollama_native_transport(preset), make_openai_transport(preset),
                                       [](const ServiceConfig&, const CredentialConfig&, std::string_view base_url) {
                                         base_url = base_url.substr(0, base_url.find_first_of("?#"));
                                         while (base_url.ends_with('/')) base_url.remove_suffix(1);
                                         return !base_url.ends_with("/v1") && !base_url.ends_with("/chat/completions");
                                       });
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
