#include "router/operation.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// What is reserved for an answer whose ceiling the request does not state.
constexpr std::int64_t kUsualAnswer = 1024;
// Vendors charge an image between 85 and about 1,600 tokens by its size, which a URL does not tell.
constexpr std::int64_t kImage = 800;

/// Gathers a whole body and hands it to a function.
class WholeBody final : public Decoder {
 public:
  using Read = std::function<std::optional<Failure>(std::string_view, EventSink&)>;
  WholeBody(Read read, std::size_t bound) : read_(std::move(read)), bound_(bound) {}

  std::optional<Failure> feed(std::string_view bytes, EventSink&) override {
    if (body_.size() + bytes.size() > bound_) {
      return Failure{.failure = FailureClass::server,
                     .scope = Scope::service_model,
                     .kind = ErrorKind::protocol,
                     .message = "the answer is longer than Bounds::max_body"};
    }
    body_ += bytes;
    return std::nullopt;
  }
  std::optional<Failure> finish(EventSink& sink) override { return read_(body_, sink); }
  std::uint64_t progress() const noexcept override { return body_.size(); }

 private:
  Read read_;
  std::size_t bound_;
  std::string body_{};
};

std::int64_t estimate_part(const Part& part, const TokenCounter& count) {
  if (const auto* text = std::get_if<TextPart>(&part)) return count(text->text);
  if (const auto* thought = std::get_if<ReasoningPart>(&part)) return count(thought->text);
  if (const auto* refusal = std::get_if<RefusalPart>(&part)) return count(refusal->text);
  if (const auto* raw = std::get_if<RawPart>(&part)) return count(raw->json);
  if (const auto* file = std::get_if<FilePart>(&part)) return static_cast<std::int64_t>(file->data.size() / 8) + kImage;
  return kImage;
}

}  // namespace

ChatOperation::ChatOperation(ChatRequest request, bool stream)
    : own_(std::move(request)), request_(&*own_), stream_(stream) {}

CallOptions ChatOperation::options() const {
  const ChatRequest& r = *request_;
  return {.model = r.model,
          .session = r.session,
          .tenant = r.tenant,
          .region = r.region,
          .rotation = r.rotation,
          .deadline = r.deadline,
          .max_attempts = r.max_attempts,
          .hedge = r.hedge,
          .resume = r.resume,
          .on_unsupported = r.on_unsupported,
          .hedgeable = true,
          .kind = Routes::Kind::chat,
          .stream = stream_,
          .keep_raw = r.keep_raw,
          .max_cost = r.max_cost};
}

Estimate ChatOperation::estimate(const TokenCounter& count) const {
  Estimate estimate;
  const ChatRequest& request = resumed_ ? *resumed_ : *request_;
  for (const Message& message : request.messages) {
    estimate.prompt += 4;  // the role and the separators around it
    for (const Part& part : message.content) estimate.prompt += estimate_part(part, count);
    for (const ToolCall& call : message.tool_calls) estimate.prompt += count(call.name) + count(call.arguments);
  }
  for (const Tool& tool : request_->tools) {
    estimate.prompt += count(tool.name) + count(tool.description) + count(tool.parameters) + count(tool.raw);
  }
  if (request_->response_format) estimate.prompt += count(request_->response_format->schema);
  estimate.completion = request.max_tokens.value_or(kUsualAnswer) * request_->n.value_or(1);
  estimate.completion_stated = request.max_tokens.has_value();
  return estimate;
}

Result<HttpRequest> ChatOperation::encode(const Transport& transport, const Target& target) const {
  return transport.encode(resumed_ ? *resumed_ : *request_, target);
}

// What is written under a schema, or in several answers at once, is not gone on with by any provider; nor is an answer
// that the caller began himself, for nobody could tell what of it was his.
Resumption ChatOperation::resumption(const Transport& transport, const ServiceConfig& service,
                                     std::string_view model) const {
  const ChatRequest& r = *request_;
  const bool free_text = !r.response_format || r.response_format->type == ResponseFormat::Type::text;
  if (!free_text || r.n.value_or(1) != 1 || r.messages.empty() || r.messages.back().role == Role::assistant)
    return Resumption::none;
  return transport.resumption(r, service, model);
}

void ChatOperation::resume(std::string_view beginning) {
  resumed_ = *request_;
  resumed_->messages.push_back(assistant(std::string(beginning)));
  // The ceiling is one for the whole answer.
  if (resumed_->max_tokens)
    resumed_->max_tokens = std::max<std::int64_t>(1, *resumed_->max_tokens - estimate_tokens(beginning));
}

std::unique_ptr<Decoder> ChatOperation::decoder(const Transport& transport, const HttpHead& head, const Target& target,
                                                const Bounds& bounds) {
  return transport.decoder(head, target, bounds);
}

CallOptions EmbeddingOperation::options() const {
  return {.model = request_.model,
          .region = request_.region,
          .deadline = request_.deadline,
          .on_unsupported = request_.on_unsupported,
          .operation = "embeddings",
          .kind = Routes::Kind::embedding};
}

Estimate EmbeddingOperation::estimate(const TokenCounter& count) const {
  Estimate estimate{.completion_stated = true};
  for (const std::string_view input : inputs_) estimate.prompt += count(input);
  return estimate;
}

Result<HttpRequest> EmbeddingOperation::encode(const Transport& transport, const Target& target) const {
  return transport.encode_embedding(request_, inputs_, target);
}

std::unique_ptr<Decoder> EmbeddingOperation::decoder(const Transport& transport, const HttpHead&, const Target&,
                                                     const Bounds& bounds) {
  return std::make_unique<WholeBody>(
      [this, &transport](std::string_view body, EventSink& sink) {
        *answer_ = {};
        std::optional<Failure> failure = transport.decode_embedding(body, inputs_.size(), *answer_);
        if (!failure) sink.event({.type = ChatEvent::Type::usage, .usage = answer_->usage});
        return failure;
      },
      bounds.max_body);
}

CallOptions ListingOperation::options() const {
  return {.service = service_, .operation = "list_models", .charged = false};
}

Result<HttpRequest> ListingOperation::encode(const Transport& transport, const Target& target) const {
  return transport.encode_listing(target);
}

std::unique_ptr<Decoder> ListingOperation::decoder(const Transport& transport, const HttpHead&, const Target&,
                                                   const Bounds& bounds) {
  return std::make_unique<WholeBody>(
      [this, &transport](std::string_view body, EventSink&) {
        answer_->clear();
        return transport.decode_listing(body, *answer_);
      },
      bounds.max_body);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
