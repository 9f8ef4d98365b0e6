#include "providers/minimax.hpp"

#include <string>
#include <utility>

#include "providers/minimax_pro.hpp"
#include "providers/native_embedding.hpp"
#include "providers/native_request.hpp"
#include "providers/openai.hpp"
#include "providers/openai_chunks.hpp"
#include "providers/request_headers.hpp"
#include "providers/two_dialects.hpp"
#include "wire/json_writer.hpp"
#include "wire/percent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kV2 = "/text/chatcompletion_v2";
constexpr std::string_view kPro = "/text/chatcompletion_pro";
// https://platform.minimaxi.com/document/embeddings
constexpr std::size_t kEmbeddingBatch = 64;

class MinimaxTransport final : public OpenAiTransport {
 public:
  using OpenAiTransport::OpenAiTransport;

  Capabilities capabilities() const override {
    Capabilities can = OpenAiTransport::capabilities();
    can.embeddings = true;
    return can;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    Result<HttpRequest> http = OpenAiTransport::encode(request, target);
    if (http && target.base_url.ends_with(kV2)) http->url = target.base_url;
    return http;
  }

  std::size_t embedding_batch(std::string_view /*model*/) const override { return kEmbeddingBatch; }

  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    RequestCheck check(preset_.name, target);
    refuse_unsayable(request, EmbeddingSayable{.purpose = true}, check);
    std::string body;
    JsonWriter json(body);
    json.begin_object().member("model", target.model).member("texts", inputs);
    const std::string_view purpose = request.purpose.empty() ? std::string_view("document") : request.purpose;
    if (purpose != "query" && purpose != "document" && purpose != "db") {
      check.unsupported("purpose", "it knows query and document");
    }
    // What is stored and what is asked for are embedded in two ways.
    json.member("type", purpose == "query" ? "query" : "db").end_object(request.extra, "extra");
    check.written(json.fault());
    std::string url =
        endpoint(target.base_url, preset_.base_url, "/v1", "/embeddings", {"/chat/completions", kV2, kPro});
    if (const std::string_view group = setting(target, "group_id"); !group.empty()) {
      url += (url.find('?') == std::string::npos ? "?GroupId=" : "&GroupId=") + percent_encoded(group);
    }
    HttpRequest http = json_post(std::move(url), std::move(body), false);
    authorize(http, target, check);
    set_extra_headers(http, target.service);
    if (!check.ok()) return check.error();
    return http;
  }

  std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                          EmbeddingResponse& into) const override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body)) return failure;
    const JsonValue answer = doc.root();
    if (answer["base_resp"]["status_code"].integer_or(0) != 0 || answer["error"].has_value()) {
      return classify_error(answer, rules_of(preset_));
    }
    into.usage.total_tokens = answer["total_tokens"].integer();
    into.usage.prompt_tokens = into.usage.total_tokens;
    return read_vectors(answer["vectors"], {}, inputs, into);
  }
};

bool is_pro(const ServiceConfig& /*service*/, const CredentialConfig& /*credential*/, std::string_view base_url) {
  return base_url.find(kPro) != std::string_view::npos;
}

/// Two ways to chat, and one of embedding for both.
class MinimaxEither final : public TwoDialects {
 public:
  MinimaxEither(const Preset& preset, std::shared_ptr<const MinimaxTransport> current)
      : TwoDialects(make_minimax_pro_transport(preset), current, &is_pro), current_(std::move(current)) {}

  Capabilities capabilities() const override {
    Capabilities can = TwoDialects::capabilities();
    can.embeddings = true;
    return can;
  }
  std::size_t embedding_batch(std::string_view model) const override { return current_->embedding_batch(model); }
  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    return current_->encode_embedding(request, inputs, target);
  }
  std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                          EmbeddingResponse& into) const override {
    return current_->decode_embedding(body, inputs, into);
  }

 private:
  std::shared_ptr<const MinimaxTransport> current_;
};

}  // namespace

std::shared_ptr<const Transport> make_minimax_transport(const Preset& preset) {
  return std::make_shared<MinimaxEither>(preset, std::make_shared<MinimaxTransport>(preset));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
