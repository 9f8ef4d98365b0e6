#include <keywheel/transport.hpp>

#include "providers/quota_headers.hpp"
#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace {

Error cannot(const Target& target, std::string_view what) {
  Error error;
  error.kind = ErrorKind::unsupported;
  error.message = target.service.provider + " has no " + std::string(what) + " in keywheel";
  error.provider = target.service.provider;
  error.service = target.service.id;
  return error;
}

Failure cannot(std::string_view what) {
  Failure failure;
  failure.failure = FailureClass::unsupported;
  failure.message = "this provider has no " + std::string(what) + " in keywheel";
  return failure;
}

}  // namespace

std::string_view HttpHead::find(std::string_view name) const noexcept {
  for (const HttpHeader& header : headers) {
    if (detail::equal_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

Transport::~Transport() = default;

StatedQuota Transport::stated_quota(const HttpHead& head, WallTime now) const {
  return detail::read_quota_headers(head, now);
}

std::vector<std::string> Transport::check(const ServiceConfig& /*service*/) const { return {}; }

Result<std::optional<HttpRequest>> Transport::token_request(const Target& /*target*/) const {
  return std::optional<HttpRequest>();
}

Result<Token> Transport::read_token(std::string_view /*body*/, const Target& target) const {
  return cannot(target, "token request");
}

Resumption Transport::resumption(const ChatRequest& /*request*/, const ServiceConfig& /*service*/,
                                 std::string_view /*model*/) const {
  return Resumption::none;
}

std::size_t Transport::embedding_batch(std::string_view /*model*/) const { return 1; }

Result<HttpRequest> Transport::encode_embedding(const EmbeddingRequest& /*request*/,
                                                const std::vector<std::string_view>& /*inputs*/,
                                                const Target& target) const {
  return cannot(target, "embeddings");
}

std::optional<Failure> Transport::decode_embedding(std::string_view /*body*/, std::size_t /*inputs*/,
                                                   EmbeddingResponse& /*into*/) const {
  return cannot("embeddings");
}

Result<HttpRequest> Transport::encode_listing(const Target& target) const { return cannot(target, "model listing"); }

std::optional<Failure> Transport::decode_listing(std::string_view /*body*/, std::vector<ModelInfo>& /*into*/) const {
  return cannot("model listing");
}

KEYWHEEL_END_NAMESPACE
