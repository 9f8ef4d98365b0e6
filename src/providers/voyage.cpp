#include "providers/voyage.hpp"

#include <utility>

#include <fmt/format.h>

#include "providers/native_embedding.hpp"
#include "providers/openai.hpp"
#include "providers/openai_url.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Answers as OpenAI does, and asks in words of its own.
class VoyageTransport final : public OpenAiTransport {
 public:
  using OpenAiTransport::OpenAiTransport;

  Capabilities capabilities() const override {
    return {.stream = false,
            .tools = false,
            .parallel_tools = false,
            .images = false,
            .json_schema = false,
            .reasoning = false,
            .embeddings = true,
            .usage_in_stream = false};
  }

  Result<HttpRequest> encode(const ChatRequest& /*request*/, const Target& target) const override {
    Error error;
    error.kind = ErrorKind::unsupported;
    error.message = fmt::format(
        "{} serves embeddings only; name its models in embedding_models, and route \"{}\" to another service",
        preset_.name, target.model);
    error.provider = preset_.name;
    error.service = target.service.id;
    error.credential = target.credential.id;
    return error;
  }

  Result<HttpRequest> encode_embedding(const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                                       const Target& target) const override {
    RequestCheck check(preset_.name, target);
    refuse_unsayable(request, EmbeddingSayable{.purpose = true, .dimensions = true}, check);
    HttpRequest http = begin(target, endpoint_url(base_url(target, check), preset_.openai.embeddings_path), {}, check);
    JsonWriter json(http.body);
    json.begin_object().member("model", target.model).member("input", inputs);
    if (!request.purpose.empty()) json.member("input_type", std::string_view(request.purpose));
    if (request.dimensions) json.member("output_dimension", *request.dimensions);
    json.end_object(request.extra, "extra");
    check.written(json.fault());
    if (!check.ok()) return check.error();
    return http;
  }

  std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                          EmbeddingResponse& into) const override {
    auto failure = OpenAiTransport::decode_embedding(body, inputs, into);
    into.usage.prompt_tokens = into.usage.total_tokens;
    return failure;
  }
};

}  // namespace

std::shared_ptr<const Transport> make_voyage_transport(const Preset& preset) {
  return std::make_shared<VoyageTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
