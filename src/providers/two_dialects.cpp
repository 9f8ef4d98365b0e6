#include "providers/two_dialects.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// A fault of a service with one credential, as one of the service it was taken from.
std::string placed(std::string fault, std::size_t credential) {
  constexpr std::string_view kFirst = "credentials[0]";
  if (std::string_view(fault).starts_with(kFirst)) {
    fault.replace(0, kFirst.size(), fmt::format("credentials[{}]", credential));
  }
  return fault;
}

}  // namespace

const Transport& TwoDialects::speaker(const Target& target) const {
  return is_native_(target.service, target.credential, target.base_url) ? *native_ : *compatible_;
}

/// What both can: a request that the router plans for may go to either.
Capabilities TwoDialects::capabilities() const {
  const Capabilities a = native_->capabilities();
  const Capabilities b = compatible_->capabilities();
  return {.stream = a.stream && b.stream,
          .tools = a.tools && b.tools,
          .parallel_tools = a.parallel_tools && b.parallel_tools,
          .images = a.images && b.images,
          .audio = a.audio && b.audio,
          .files = a.files && b.files,
          .json_schema = a.json_schema && b.json_schema,
          .reasoning = a.reasoning && b.reasoning,
          .embeddings = a.embeddings && b.embeddings,
          .listing = a.listing && b.listing,
          .usage_in_stream = a.usage_in_stream && b.usage_in_stream};
}

std::vector<std::string> TwoDialects::check(const ServiceConfig& service) const {
  std::vector<std::string> faults;
  for (std::size_t i = 0; i < service.credentials.size(); ++i) {
    const CredentialConfig& credential = service.credentials[i];
    ServiceConfig alone = service;
    alone.credentials = {credential};
    const bool native =
        is_native_(service, credential, credential.base_url.empty() ? service.base_url : credential.base_url);
    for (std::string& fault : (native ? *native_ : *compatible_).check(alone)) {
      fault = placed(std::move(fault), i);
      if (std::find(faults.begin(), faults.end(), fault) == faults.end()) faults.push_back(std::move(fault));
    }
  }
  return faults;
}

Result<HttpRequest> TwoDialects::encode(const ChatRequest& request, const Target& target) const {
  return speaker(target).encode(request, target);
}

std::unique_ptr<Decoder> TwoDialects::decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const {
  return speaker(target).decoder(head, target, bounds);
}

Failure TwoDialects::classify(const HttpHead& head, std::string_view body, WallTime now) const {
  JsonDoc doc;
  const bool compatible = doc.parse(body) && doc.root()["error"].is_object();
  return (compatible ? *compatible_ : *native_).classify(head, body, now);
}

Resumption TwoDialects::resumption(const ChatRequest& request, const ServiceConfig& service,
                                   std::string_view model) const {
  const Resumption theirs = compatible_->resumption(request, service, model);
  if (native_->resumption(request, service, model) == theirs) return theirs;
  const bool compatible =
      std::none_of(service.credentials.begin(), service.credentials.end(), [&](const CredentialConfig& credential) {
        return is_native_(service, credential, credential.base_url.empty() ? service.base_url : credential.base_url);
      });
  return compatible ? theirs : Resumption::none;
}

Result<std::optional<HttpRequest>> TwoDialects::token_request(const Target& target) const {
  return speaker(target).token_request(target);
}

Result<Token> TwoDialects::read_token(std::string_view body, const Target& target) const {
  return speaker(target).read_token(body, target);
}

std::size_t TwoDialects::embedding_batch(std::string_view model) const {
  return std::min(native_->embedding_batch(model), compatible_->embedding_batch(model));
}

Result<HttpRequest> TwoDialects::encode_embedding(const EmbeddingRequest& request,
                                                  const std::vector<std::string_view>& inputs,
                                                  const Target& target) const {
  return speaker(target).encode_embedding(request, inputs, target);
}

std::optional<Failure> TwoDialects::decode_embedding(std::string_view body, std::size_t inputs,
                                                     EmbeddingResponse& into) const {
  JsonDoc doc;
  const bool compatible = doc.parse(body) && (doc.root()["data"].is_array() || doc.root()["error"].is_object());
  return (compatible ? *compatible_ : *native_).decode_embedding(body, inputs, into);
}

Result<HttpRequest> TwoDialects::encode_listing(const Target& target) const {
  return speaker(target).encode_listing(target);
}

std::optional<Failure> TwoDialects::decode_listing(std::string_view body, std::vector<ModelInfo>& into) const {
  return compatible_->decode_listing(body, into);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
