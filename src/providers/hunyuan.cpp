#include "providers/hunyuan.hpp"

#include <string>
#include <utility>

#include "auth/tc3.hpp"
#include "auth/utc.hpp"
#include "providers/hunyuan_errors.hpp"
#include "providers/hunyuan_request.hpp"
#include "providers/native_decoder.hpp"
#include "providers/native_embedding.hpp"
#include "providers/native_request.hpp"
#include "providers/openai.hpp"
#include "providers/request_headers.hpp"
#include "providers/two_dialects.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "hunyuan";
constexpr std::string_view kRoot = "https://hunyuan.tencentcloudapi.com/";
constexpr std::string_view kVersion = "2023-09-01";
constexpr std::string_view kContentType = "application/json";
// Fewer than InputList takes, so that one request stays small.  https://cloud.tencent.com/document/api/1729/102832
constexpr std::size_t kEmbeddingBatch = 50;

ErrorBody read_error(JsonValue error) {
  ErrorBody body = read_error_value(error);
  if (body.type.empty()) body.type = body.code.substr(0, body.code.find('.'));
  return body;
}

Usage read_usage(JsonValue usage) {
  return {.prompt_tokens = count_of(usage["PromptTokens"]),
          .completion_tokens = count_of(usage["CompletionTokens"]),
          .total_tokens = count_of(usage["TotalTokens"])};
}

class HunyuanDecoder final : public NativeDecoder {
 public:
  using NativeDecoder::NativeDecoder;

 private:
  std::optional<Failure> whole(JsonValue body) override {
    if (auto failure = take(body)) return failure;
    if (!finished()) return broken_answer("the answer has no Choices");
    end();
    return std::nullopt;
  }

  std::optional<Failure> piece(JsonValue data, std::string_view /*name*/) override { return take(data); }

  /// An answer stands in `Response` or, in a stream, bare.
  std::optional<Failure> take(JsonValue root) {
    const JsonValue answer = root["Response"].is_object() ? root["Response"] : root;
    if (answer["Error"].is_object()) {
      Failure failure = fail(read_error(answer["Error"]), kHunyuanErrors);
      if (const std::string_view id = answer["RequestId"].string(); !id.empty()) failure.request_id = id;
      return failure;
    }
    if (answer["ErrorMsg"].is_object() && answer["ErrorMsg"]["Code"].integer_or(0) != 0) {
      return fail(read_error(answer["ErrorMsg"]), kHunyuanErrors);
    }
    start(answer["Id"].string());
    count(read_usage(answer["Usage"]));
    if (!noted_) extra("Note", answer["Note"]);
    noted_ = true;
    for (const std::string_view name : {"SearchInfo", "ModerationLevel", "Processes", "RecommendedQuestions"}) {
      extra(name, answer[name]);
    }
    // There is one choice always.
    const JsonValue choice = answer["Choices"].at(0);
    const JsonValue message = choice["Delta"].is_object() ? choice["Delta"] : choice["Message"];
    reasoning(message["ReasoningContent"].string());
    text(message["Content"].string());
    for (const JsonValue call : message["ToolCalls"].items()) {
      const JsonValue function = call["Function"];
      const ToolPiece piece{call["Index"].integer(), call["Id"].string(), function["Name"].string()};
      if (auto failure = tool_call(piece, function["Arguments"].string())) return failure;
    }
    if (const std::string_view reason = choice["FinishReason"].string(); !reason.empty()) return finish_reason(reason);
    return std::nullopt;
  }

  bool noted_ = false;
};

/// The parts of a URL that are signed.
struct Place {
  std::string_view host{};
  std::string_view path{};
  std::string_view query{};
};

Place place_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  Place place;
  place.host = url.substr(0, url.find_first_of("/?"));
  url.remove_prefix(place.host.size());
  place.path = url.substr(0, url.find('?'));
  if (place.path.size() < url.size()) place.query = url.substr(place.path.size() + 1);
  if (place.path.empty()) place.path = "/";
  return place;
}

class HunyuanTransport final : public Transport {
 public:
  Capabilities capabilities() const override { return {.json_schema = false, .embeddings = true}; }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    require_fields(service, {"secret_id", "secret_key"},
                   "hunyuan signs with both, from https://console.cloud.tencent.com/cam/capi", faults);
    return faults;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    std::string body = hunyuan_chat_body(request, target, check);
    HttpRequest http = signed_post("ChatCompletions", std::move(body), target.stream, target, check);
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<HunyuanDecoder>(head, target, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, kHunyuanErrors);
  }

  std::size_t embedding_batch(std::string_view /*model*/) const override { return kEmbeddingBatch; }

  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, EmbeddingSayable{}, check);
    std::string body;
    JsonWriter json(body);
    json.begin_object().member("InputList", inputs).end_object(request.extra, "extra");
    check.written(json.fault());
    HttpRequest http = signed_post("GetEmbedding", std::move(body), false, target, check);
    set_extra_headers(http, target.service);
    if (!check.ok()) return check.error();
    return http;
  }

  std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                          EmbeddingResponse& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body)) return failure;
    const JsonValue answer = doc.root()["Response"].is_object() ? doc.root()["Response"] : doc.root();
    if (answer["Error"].is_object()) {
      return classify_error(read_error(answer["Error"]), std::nullopt, std::nullopt, kHunyuanErrors);
    }
    into.usage = read_usage(answer["Usage"]);
    return read_vectors(answer["Data"], {.vector = "Embedding", .index = "Index"}, inputs, into);
  }

 private:
  static HttpRequest signed_post(std::string_view action, std::string body, bool stream, const Target& target,
                                 RequestCheck& check) {
    const std::string_view id = credential_field(target.credential, "secret_id");
    const std::string_view key = credential_field(target.credential, "secret_key");
    if (id.empty() || key.empty()) {
      check.misconfigured("fields.secret_id, fields.secret_key: hunyuan signs with both, and one is missing");
    }
    HttpRequest http =
        json_post(target.base_url.empty() ? std::string(kRoot) : std::string(target.base_url), std::move(body), stream);
    set_header(http, "Content-Type", std::string(kContentType));
    set_header(http, "X-TC-Action", std::string(action));
    set_header(http, "X-TC-Version", std::string(kVersion));
    set_header(http, "X-TC-Timestamp", unix_seconds(target.now));
    if (const std::string_view region = setting(target, "region"); !region.empty()) {
      set_header(http, "X-TC-Region", std::string(region));
    }
    if (const std::string_view token = credential_field(target.credential, "token"); !token.empty()) {
      set_header(http, "X-TC-Token", std::string(token));
    }
    const Place place = place_of(http.url);
    set_header(http, "Authorization",
               tc3_authorization({.host = place.host,
                                  .path = place.path,
                                  .query = place.query,
                                  .content_type = kContentType,
                                  .body = http.body,
                                  .service = kName,
                                  .now = target.now},
                                 id, key));
    return http;
  }
};

}  // namespace

std::shared_ptr<const Transport> make_hunyuan_native_transport(const Preset& /*preset*/) {
  return std::make_shared<HunyuanTransport>();
}

std::shared_ptr<const Transport> make_hunyuan_transport(const Preset& preset) {
  return std::make_shared<TwoDialects>(make_hunyuan_native_transport(preset), make_openai_transport(preset),
                                       [](const ServiceConfig&, const CredentialConfig& credential, std::string_view) {
                                         return credential.api_key.empty() ||
                                                !credential_field(credential, "secret_id").empty();
                                       });
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
