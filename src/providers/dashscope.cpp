#include "providers/dashscope.hpp"

#include <string>
#include <utility>

#include "providers/dashscope_request.hpp"
#include "providers/native_decoder.hpp"
#include "providers/native_embedding.hpp"
#include "providers/native_request.hpp"
#include "providers/openai.hpp"
#include "providers/openai_errors.hpp"
#include "providers/request_headers.hpp"
#include "providers/text.hpp"
#include "providers/two_dialects.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "dashscope";
constexpr std::string_view kRoot = "https://dashscope.aliyuncs.com";
constexpr std::string_view kPrefix = "/api/v1";
constexpr std::string_view kText = "/services/aigc/text-generation/generation";
constexpr std::string_view kMultimodal = "/services/aigc/multimodal-generation/generation";
constexpr std::string_view kEmbedding = "/services/embeddings/text-embedding/text-embedding";

std::string address(const Target& target, std::string_view path) {
  return endpoint(target.base_url, kRoot, kPrefix, path, {kText, kMultimodal, kEmbedding});
}

/// Text models count the cached part beside the whole, multimodal ones among the kinds of input.
Usage read_usage(JsonValue usage) {
  const JsonValue input =
      usage["prompt_tokens_details"] ? usage["prompt_tokens_details"] : usage["input_tokens_details"];
  const JsonValue output = usage["output_tokens_details"];
  return {.prompt_tokens = count_of(usage["input_tokens"]),
          .completion_tokens = count_of(usage["output_tokens"]),
          .total_tokens = count_of(usage["total_tokens"]),
          .cached_tokens = count_of(input["cached_tokens"]),
          .cache_write_tokens = count_of(input["cache_creation_input_tokens"]),
          .reasoning_tokens = count_of(output["reasoning_tokens"])};
}

class DashScopeDecoder final : public NativeDecoder {
 public:
  DashScopeDecoder(const HttpHead& head, const Target& target, const Bounds& bounds)
      : NativeDecoder(head, target, bounds), model_(target.model) {}

 private:
  std::optional<Failure> whole(JsonValue body) override {
    if (auto failure = take(body, {})) return failure;
    if (!finished()) return broken_answer("the answer has no output");
    end();
    return std::nullopt;
  }

  std::optional<Failure> piece(JsonValue data, std::string_view name) override { return take(data, name); }

  std::optional<Failure> take(JsonValue answer, std::string_view event) {
    if (!answer["code"].string().empty() || event == "error") {
      Failure failure = fail(read_error_value(answer), dashscope_errors());
      if (const std::string_view id = answer["request_id"].string(); !id.empty()) failure.request_id = id;
      return failure;
    }
    start(answer["request_id"].string(), model_);
    count(read_usage(answer["usage"]));
    const JsonValue output = answer["output"];
    extra("search_info", output["search_info"]);
    extra("tool_info", output["tool_info"]);
    const JsonValue choice = output["choices"].at(0);
    // Models from before result_format answer with a text alone.
    if (!choice.exists()) {
      text(output["text"].string());
      return ended(output["finish_reason"].string());
    }
    const JsonValue message = choice["message"];
    reasoning(message["reasoning_content"].string());
    content(message["content"]);
    for (const JsonValue call : message["tool_calls"].items()) {
      const JsonValue function = call["function"];
      const ToolPiece piece{call["index"].integer(), call["id"].string(), function["name"].string()};
      if (auto failure = tool_call(piece, function["arguments"].string())) return failure;
    }
    return ended(choice["finish_reason"].string());
  }

  /// Text, or the parts of a multimodal answer.
  void content(JsonValue content) {
    text(content.string());
    for (const JsonValue piece : content.items()) {
      if (piece["text"].is_string()) {
        text(piece["text"].string());
      } else if (piece.is_object() && piece.size() > 0) {
        part(piece.raw());
      }
    }
  }

  /// An answer that goes on has the reason "null", in four letters.
  std::optional<Failure> ended(std::string_view reason) {
    return reason.empty() || reason == "null" ? std::nullopt : finish_reason(reason);
  }

  std::string model_;
};

class DashScopeNativeTransport final : public Transport {
 public:
  Capabilities capabilities() const override { return {.audio = true, .embeddings = true}; }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    require_fields(service, {"api_key"}, "create one at https://bailian.console.aliyun.com", faults);
    return faults;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    std::string body = dashscope_chat_body(request, target, check);
    HttpRequest http = json_post(address(target, dashscope_multimodal(request, target.model) ? kMultimodal : kText),
                                 std::move(body), target.stream);
    add_bearer(http, target.credential.api_key.reveal());
    if (target.stream) set_header(http, "X-DashScope-SSE", "enable");
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<DashScopeDecoder>(head, target, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, dashscope_errors());
  }

  // https://help.aliyun.com/zh/model-studio/text-embedding-synchronous-api
  std::size_t embedding_batch(std::string_view model) const override {
    return contains_ignoring_case(model, "-v1") || contains_ignoring_case(model, "-v2") ? 25 : 10;
  }

  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, EmbeddingSayable{.purpose = true, .dimensions = true}, check);
    const SplitExtra extra = split_extra(request.extra, "input", "parameters", check);
    std::string body;
    JsonWriter json(body);
    json.begin_object().member("model", target.model).key("input").begin_object().member("texts", inputs);
    json.end_object(extra.named, "extra.input").key("parameters").begin_object();
    if (request.dimensions) json.member("dimension", *request.dimensions);
    if (!request.purpose.empty()) json.member("text_type", request.purpose);
    json.end_object(extra.home, "extra").end_object();
    check.written(json.fault());
    HttpRequest http = json_post(address(target, kEmbedding), std::move(body), false);
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
    if (!answer["code"].string().empty()) return classify_error(answer, dashscope_errors());
    into.usage = input_usage(answer["usage"]["total_tokens"]);
    return read_vectors(answer["output"]["embeddings"], {.vector = "embedding", .index = "text_index"}, inputs, into);
  }
};

}  // namespace

std::shared_ptr<const Transport> make_dashscope_native_transport(const Preset& /*preset*/) {
  return std::make_shared<DashScopeNativeTransport>();
}

std::shared_ptr<const Transport> make_dashscope_transport(const Preset& preset) {
  return std::make_shared<TwoDialects>(make_dashscope_native_transport(preset), make_openai_transport(preset),
                                       [](const ServiceConfig&, const CredentialConfig&, std::string_view base_url) {
                                         return base_url.find("compatible-mode") == std::string_view::npos &&
                                                !base_url.ends_with("/chat/completions");
                                       });
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
