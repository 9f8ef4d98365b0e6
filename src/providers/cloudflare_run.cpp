#include "providers/cloudflare_run.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "providers/native_decoder.hpp"
#include "providers/native_embedding.hpp"
#include "providers/native_request.hpp"
#include "providers/native_tools.hpp"
#include "providers/openai_chunks.hpp"
#include "providers/openai_encode.hpp"
#include "providers/request_headers.hpp"
#include "wire/json_writer.hpp"
#include "wire/percent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "cloudflare";
constexpr std::string_view kRoot = "https://api.cloudflare.com";
constexpr std::string_view kPrefix = "/client/v4";
// https://developers.cloudflare.com/workers-ai/models/bge-base-en-v1.5/
constexpr std::size_t kEmbeddingBatch = 100;

constexpr Sayable kSayable = {.tools = true,
                              .json_object = true,
                              .json_schema = true,
                              .max_tokens = true,
                              .temperature = true,
                              .top_p = true,
                              .top_k = true,
                              .seed = true,
                              .presence_penalty = true,
                              .frequency_penalty = true};

class CloudflareDecoder final : public NativeDecoder {
 public:
  CloudflareDecoder(const HttpHead& head, const Target& target, const Bounds& bounds, const Preset& preset)
      : NativeDecoder(head, target, bounds), model_(target.model), preset_(preset) {}

 private:
  std::optional<Failure> whole(JsonValue body) override {
    if (body["success"] && !body["success"].boolean_or(true)) return fail(read_error_value(body), rules_of(preset_));
    const JsonValue result = body["result"];
    if (!result.is_object()) return broken_answer("the answer has no result");
    if (auto failure = take(result)) return failure;
    if (auto failure = close()) return failure;
    end();
    return std::nullopt;
  }

  std::optional<Failure> piece(JsonValue data, std::string_view /*name*/) override {
    if (data["errors"].size() > 0 || data["error"].has_value()) return fail(read_error_value(data), rules_of(preset_));
    return take(data);
  }

  /// The stream has no word for its end but [DONE], which its models do not agree to send.
  std::optional<Failure> cut_off(bool done) override {
    return done || spoken() ? close() : NativeDecoder::cut_off(done);
  }

  std::optional<Failure> take(JsonValue result) {
    start({}, model_);
    count(read_openai_usage(result["usage"]));
    const JsonValue choice = result["choices"].at(0);
    if (choice.exists()) return take_choice(choice);
    // With a response_format the answer is the JSON itself.
    const JsonValue response = result["response"];
    text(response.is_object() || response.is_array() ? response.raw() : response.string());
    return take_calls(result["tool_calls"]);
  }

  /// Newer models answer as OpenAI's do.
  std::optional<Failure> take_choice(JsonValue choice) {
    const JsonValue message = choice["delta"].is_object() ? choice["delta"] : choice["message"];
    reasoning(message["reasoning_content"].is_string() ? message["reasoning_content"].string()
                                                       : message["reasoning"].string());
    text(message["content"].string());
    if (auto failure = take_calls(message["tool_calls"])) return failure;
    if (const std::string_view reason = choice["finish_reason"].string(); !reason.empty()) return finish_reason(reason);
    return std::nullopt;
  }

  std::optional<Failure> take_calls(JsonValue calls) {
    for (const JsonValue call : calls.items()) {
      const JsonValue function = call["function"].is_object() ? call["function"] : call;
      const JsonValue arguments = function["arguments"];
      const ToolPiece piece{call["index"].integer(), call["id"].string(), function["name"].string()};
      if (auto failure = tool_call(piece, arguments.is_string() ? arguments.string() : arguments.raw())) return failure;
    }
    return std::nullopt;
  }

  std::optional<Failure> close() {
    return finish_reason({}, calls() > 0 ? FinishReason::tool_calls : FinishReason::stop);
  }

  std::string model_;
  const Preset& preset_;
};

void write_tools(JsonWriter& json, const ChatRequest& request) {
  json.key("tools").begin_array();
  for (const Tool& tool : request.tools) {
    if (!tool.raw.empty()) {
      json.raw(tool.raw, "tools");
      continue;
    }
    json.begin_object().member("type", "function").key("function");
    write_function(json, tool);
    json.end_object();
  }
  json.end_array();
}

void write_format(JsonWriter& json, const ResponseFormat& format) {
  if (format.type == ResponseFormat::Type::text) return;
  json.key("response_format").begin_object();
  if (format.type == ResponseFormat::Type::json_object) {
    json.member("type", "json_object");
  } else {
    // The schema itself, without OpenAI's envelope.  https://developers.cloudflare.com/workers-ai/features/json-mode/
    json.member("type", "json_schema").key("json_schema").raw(format.schema, "response_format.schema");
  }
  json.end_object();
}

class CloudflareRunTransport final : public Transport {
 public:
  explicit CloudflareRunTransport(const Preset& preset) : preset_(preset) {}

  Capabilities capabilities() const override { return {.embeddings = true}; }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    require_fields(service, {"api_key"}, "it is an API token with the permission Workers AI", faults);
    const bool everywhere = service.options.count("account_id") != 0;
    if (!everywhere) {
      require_fields(service, {"account_id"}, "the account is part of the address (or set options.account_id)", faults);
    }
    return faults;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, kSayable, check);
    refuse_beside_schema(request, check);
    std::string body;
    JsonWriter json(body);
    json.begin_object();
    write_openai_messages(request.messages, {preset_, target, target.model}, json, check);
    json.member("stream", target.stream);
    if (request.max_tokens) json.member("max_tokens", *request.max_tokens);
    if (request.temperature) json.member("temperature", *request.temperature);
    if (request.top_p) json.member("top_p", *request.top_p);
    if (request.top_k) json.member("top_k", *request.top_k);
    if (request.seed) json.member("seed", *request.seed);
    if (request.presence_penalty) json.member("presence_penalty", *request.presence_penalty);
    if (request.frequency_penalty) json.member("frequency_penalty", *request.frequency_penalty);
    if (!request.tools.empty()) write_tools(json, request);
    if (request.response_format) write_format(json, *request.response_format);
    json.end_object(request.extra, "extra");
    check.written(json.fault());
    HttpRequest http = json_post(address(target, check), std::move(body), target.stream);
    add_bearer(http, target.credential.api_key.reveal());
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<CloudflareDecoder>(head, target, bounds, preset_);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, rules_of(preset_));
  }

  std::size_t embedding_batch(std::string_view /*model*/) const override { return kEmbeddingBatch; }

  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, EmbeddingSayable{}, check);
    std::string body;
    JsonWriter json(body);
    json.begin_object().member("text", inputs).end_object(request.extra, "extra");
    check.written(json.fault());
    HttpRequest http = json_post(address(target, check), std::move(body), false);
    add_bearer(http, target.credential.api_key.reveal());
    set_extra_headers(http, target.service);
    if (!check.ok()) return check.error();
    return http;
  }

  std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                          EmbeddingResponse& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body)) return failure;
    if (!doc.root()["success"].boolean_or(true)) return classify_error(doc.root(), rules_of(preset_));
    into.usage = read_openai_usage(doc.root()["result"]["usage"]);
    return read_vectors(doc.root()["result"]["data"], {}, inputs, into);
  }

 private:
  /// A model's name has slashes, which part the address.
  static std::string address(const Target& target, RequestCheck& check) {
    const std::string_view account = setting(target, "account_id");
    if (account.empty()) check.misconfigured("fields.account_id: is missing; the account is part of the address");
    const std::string path =
        fmt::format("/accounts/{}/ai/run/{}", percent_encoded(account), percent_encoded(target.model, "/@"));
    return endpoint(target.base_url, kRoot, kPrefix, path);
  }

  const Preset& preset_;
};

}  // namespace

std::shared_ptr<const Transport> make_cloudflare_run_transport(const Preset& preset) {
  return std::make_shared<CloudflareRunTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
