#include "providers/qianfan.hpp"

#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "providers/native_decoder.hpp"
#include "providers/native_embedding.hpp"
#include "providers/native_request.hpp"
#include "providers/openai.hpp"
#include "providers/qianfan_errors.hpp"
#include "providers/qianfan_models.hpp"
#include "providers/qianfan_request.hpp"
#include "providers/request_headers.hpp"
#include "providers/two_dialects.hpp"
#include "wire/json_writer.hpp"
#include "wire/percent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "qianfan";
constexpr std::string_view kRoot = "https://aip.baidubce.com";
constexpr std::string_view kPrefix = "/rpc/2.0/ai_custom/v1/wenxinworkshop";
// https://cloud.baidu.com/doc/WENXINWORKSHOP/s/alj562vvu
constexpr std::size_t kEmbeddingBatch = 16;

Usage read_usage(JsonValue usage) {
  return {.prompt_tokens = count_of(usage["prompt_tokens"]),
          .completion_tokens = count_of(usage["completion_tokens"]),
          .total_tokens = count_of(usage["total_tokens"])};
}

/// A token that was given, not fetched, cannot be fetched again: when it is stale the credential is dead.
Failure own_token(Failure failure, bool fetched) {
  if (failure.failure == FailureClass::token && !fetched) failure.failure = FailureClass::auth;
  return failure;
}

bool fetches_token(const CredentialConfig& credential) { return credential_field(credential, "access_token").empty(); }

class QianfanDecoder final : public NativeDecoder {
 public:
  QianfanDecoder(const HttpHead& head, const Target& target, const Bounds& bounds)
      : NativeDecoder(head, target, bounds), model_(target.model), fetched_(fetches_token(target.credential)) {}

 private:
  std::optional<Failure> whole(JsonValue body) override {
    if (auto failure = take(body)) return failure;
    if (!body["result"].is_string() && calls() == 0) return broken_answer("the answer has no result");
    return close(body);
  }

  std::optional<Failure> piece(JsonValue data, std::string_view /*name*/) override {
    if (auto failure = take(data)) return failure;
    return data["is_end"].boolean_or(false) ? close(data) : std::nullopt;
  }

  std::optional<Failure> take(JsonValue answer) {
    if (answer["error_code"].exists() && answer["error_code"].string_or_number() != "0") {
      return own_token(fail(read_error_value(answer), kQianfanErrors), fetched_);
    }
    start(answer["id"].string(), model_);
    count(read_usage(answer["usage"]));
    text(answer["result"].string());
    for (const std::string_view name : {"search_info", "need_clear_history", "ban_round", "flag"}) {
      const JsonValue value = answer[name];
      if (value.is_object() || value.boolean_or(false) || value.integer_or(0) != 0) extra(name, value);
    }
    const JsonValue call = answer["function_call"];
    if (!call.is_object()) return std::nullopt;
    reasoning(call["thoughts"].string());
    return tool_call({.name = calls() == 0 ? call["name"].string() : std::string_view{}}, call["arguments"].string());
  }

  /// Older models say how it ended in flags, newer ones in a word.
  std::optional<Failure> close(JsonValue answer) {
    const std::string_view native = answer["finish_reason"].string();
    std::optional<FinishReason> reason;
    if (calls() > 0) {
      reason = FinishReason::tool_calls;
    } else if (answer["is_truncated"].boolean_or(false)) {
      reason = FinishReason::length;
    } else if (native.empty()) {
      reason = FinishReason::stop;
    }
    if (auto failure = finish_reason(native, reason)) return failure;
    end();
    return std::nullopt;
  }

  std::string model_;
  bool fetched_;
};

class QianfanV1Transport final : public Transport {
 public:
  Capabilities capabilities() const override {
    return {.parallel_tools = false, .images = false, .json_schema = false, .reasoning = false, .embeddings = true};
  }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    for (std::size_t i = 0; i < service.credentials.size(); ++i) {
      const CredentialConfig& credential = service.credentials[i];
      if (!fetches_token(credential)) continue;
      for (const CredentialField field : {CredentialField("api_key"), CredentialField("secret_key")}) {
        if (credential_field(credential, field).empty()) {
          faults.push_back(
              fmt::format("credentials[{}].{}: is missing; qianfan v1 fetches its token with api_key and "
                          "fields.secret_key, or takes "
                          "fields.access_token as it is",
                          i, field.name() == "api_key" ? "api_key" : "fields.secret_key"));
        }
      }
    }
    return faults;
  }

  Result<std::optional<HttpRequest>> token_request(const Target& target) const override {
    if (!fetches_token(target.credential)) return std::optional<HttpRequest>();
    const std::string_view key = target.credential.api_key.reveal();
    const std::string_view secret = credential_field(target.credential, "secret_key");
    if (key.empty() || secret.empty()) {
      RequestCheck check(kName, target);
      check.misconfigured("fields.secret_key: qianfan v1 fetches its token with api_key and secret_key");
      return check.error();
    }
    HttpRequest http;
    http.url = root_of(target) + "/oauth/2.0/token";
    http.body = "grant_type=client_credentials&client_id=";
    append_percent_encoded(http.body, key);
    http.body += "&client_secret=";
    append_percent_encoded(http.body, secret);
    set_header(http, "Content-Type", "application/x-www-form-urlencoded");
    set_header(http, "Accept", "application/json");
    return std::optional(std::move(http));
  }

  Result<Token> read_token(std::string_view body, const Target& target) const override {
    JsonDoc doc;
    Error error;
    error.provider = kName;
    error.service = target.service.id;
    error.credential = target.credential.id;
    if (!doc.parse(body)) {
      error.kind = ErrorKind::protocol;
      error.message = "the answer to the token request is not JSON: " + doc.error();
      return error;
    }
    const std::string_view token = doc.root()["access_token"].string();
    const std::int64_t lifetime = doc.root()["expires_in"].integer_or(0);
    if (!token.empty() && lifetime > 0)
      return Token{.value = Secret(token), .lifetime = std::chrono::seconds(lifetime)};
    const Failure failure = classify_error(doc.root(), kQianfanErrors);
    error.kind = failure.error_kind();
    error.code = failure.code;
    error.message = token.empty() ? failure.message : "the answer to the token request has no expires_in";
    return error;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    std::string body = qianfan_chat_body(request, target, check);
    HttpRequest http = json_post(root_of(target).append(kPrefix).append("/chat/").append(chat_address(target)),
                                 std::move(body), target.stream);
    add_token(http, target, check);
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<QianfanDecoder>(head, target, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, kQianfanErrors);
  }

  std::size_t embedding_batch(std::string_view model) const override {
    return qianfan_embedding_address(model) == "tao_8k" ? 1 : kEmbeddingBatch;
  }

  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, EmbeddingSayable{.user = true}, check);
    std::string body;
    JsonWriter json(body);
    json.begin_object().member("input", inputs);
    if (!request.user.empty()) json.member("user_id", request.user);
    json.end_object(request.extra, "extra");
    check.written(json.fault());
    const std::string_view known = qianfan_embedding_address(target.model);
    HttpRequest http = json_post(root_of(target)
                                     .append(kPrefix)
                                     .append("/embeddings/")
                                     .append(known.empty() ? percent_encoded(target.model) : std::string(known)),
                                 std::move(body), false);
    add_token(http, target, check);
    set_extra_headers(http, target.service);
    if (!check.ok()) return check.error();
    return http;
  }

  std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                          EmbeddingResponse& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body)) return failure;
    const JsonValue answer = doc.root();
    if (answer["error_code"].exists()) return classify_error(answer, kQianfanErrors);
    into.usage = read_usage(answer["usage"]);
    return read_vectors(answer["data"], {.vector = "embedding", .index = "index"}, inputs, into);
  }

 private:
  /// What a config gives, up to where this API's paths begin.
  static std::string root_of(const Target& target) {
    std::string_view base = target.base_url.empty() ? kRoot : target.base_url;
    base = base.substr(0, base.find(kPrefix));
    while (base.ends_with('/')) base.remove_suffix(1);
    return std::string(base);
  }

  static std::string chat_address(const Target& target) {
    if (const std::string_view known = qianfan_chat_address(target.model); !known.empty()) return std::string(known);
    for (const CredentialField field : {CredentialField("addresss"), CredentialField("address")}) {
      if (const std::string_view own = setting(target, field); !own.empty()) return percent_encoded(own);
    }
    return percent_encoded(target.model);
  }

  static void add_token(HttpRequest& http, const Target& target, RequestCheck& check) {
    const std::string_view given = credential_field(target.credential, "access_token");
    const std::string_view token = given.empty() ? target.token : given;
    if (token.empty()) check.misconfigured("fields.access_token: there is none, and none was fetched");
    http.secret_query = "access_token=" + percent_encoded(token);
  }
};

}  // namespace

std::shared_ptr<const Transport> make_qianfan_v1_transport(const Preset& /*preset*/) {
  return std::make_shared<QianfanV1Transport>();
}

std::shared_ptr<const Transport> make_qianfan_transport(const Preset& preset) {
  return std::make_shared<TwoDialects>(make_qianfan_v1_transport(preset), make_openai_transport(preset),
                                       [](const ServiceConfig&, const CredentialConfig& credential, std::string_view) {
                                         return !fetches_token(credential) ||
                                                !credential_field(credential, "secret_key").empty();
                                       });
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
