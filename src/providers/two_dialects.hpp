#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A provider with a dialect of its own beside OpenAI's, where the service's entry and the credential say which is
/// meant.
///
/// An error or a list of embeddings is read in whichever dialect it is written in: OpenAI's have an object `error`, or
/// an array `data`.
class TwoDialects : public Transport {
 public:
  /// Whether a credential of a service speaks the native dialect. `base_url`: the credential's, or the service's.
  using IsNative = bool (*)(const ServiceConfig& service, const CredentialConfig& credential,
                            std::string_view base_url);

  TwoDialects(std::shared_ptr<const Transport> native, std::shared_ptr<const Transport> compatible, IsNative is_native)
      : native_(std::move(native)), compatible_(std::move(compatible)), is_native_(is_native) {}

  [[nodiscard]] Capabilities capabilities() const override;
  [[nodiscard]] std::vector<std::string> check(const ServiceConfig& service) const override;
  [[nodiscard]] Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override;
  [[nodiscard]] std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target,
                                                 const Bounds& bounds) const override;
  [[nodiscard]] Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override;
  [[nodiscard]] Resumption resumption(const ChatRequest& request, const ServiceConfig& service,
                                      std::string_view model) const override;
  [[nodiscard]] Result<std::optional<HttpRequest>> token_request(const Target& target) const override;
  [[nodiscard]] Result<Token> read_token(std::string_view body, const Target& target) const override;
  [[nodiscard]] std::size_t embedding_batch(std::string_view model) const override;
  [[nodiscard]] Result<HttpRequest> encode_embedding(const EmbeddingRequest& request,
                                                     const std::vector<std::string_view>& inputs,
                                                     const Target& target) const override;
  [[nodiscard]] std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                                        EmbeddingResponse& into) const override;
  [[nodiscard]] Result<HttpRequest> encode_listing(const Target& target) const override;
  [[nodiscard]] std::optional<Failure> decode_listing(std::string_view body,
                                                      std::vector<ModelInfo>& into) const override;

 private:
  [[nodiscard]] const Transport& speaker(const Target& target) const;

  std::shared_ptr<const Transport> native_;
  std::shared_ptr<const Transport> compatible_;
  IsNative is_native_;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
