#pragma once

#include <memory>
#include <string>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"
#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The dialect of OpenAI's chat completions, which most providers speak, each in its own way: the preset says in which.
class OpenAiTransport : public Transport {
 public:
  explicit OpenAiTransport(const Preset& preset) : preset_(preset) {}

  [[nodiscard]] Capabilities capabilities() const override;
  [[nodiscard]] Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override;
  [[nodiscard]] std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target,
                                                 const Bounds& bounds) const override;
  [[nodiscard]] Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override;
  [[nodiscard]] std::vector<std::string> check(const ServiceConfig& service) const override;
  [[nodiscard]] Resumption resumption(const ChatRequest& request, const ServiceConfig& service,
                                      std::string_view model) const override;

  [[nodiscard]] std::size_t embedding_batch(std::string_view model) const override;
  [[nodiscard]] Result<HttpRequest> encode_embedding(const EmbeddingRequest& request,
                                                     const std::vector<std::string_view>& inputs,
                                                     const Target& target) const override;
  [[nodiscard]] std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                                        EmbeddingResponse& into) const override;

  [[nodiscard]] Result<HttpRequest> encode_listing(const Target& target) const override;
  [[nodiscard]] std::optional<Failure> decode_listing(std::string_view body,
                                                      std::vector<ModelInfo>& into) const override;

 protected:
  /// What requests go to: the target's base URL or the preset's own, normalised, its {names} filled in.
  [[nodiscard]] virtual std::string base_url(const Target& target, RequestCheck& check) const;
  /// The headers that authenticate.
  virtual void authorize(HttpRequest& request, const Target& target, RequestCheck& check) const;

  /// A request with the headers that all have; `extra` are the caller's.
  [[nodiscard]] HttpRequest begin(const Target& target, std::string url,
                                  const std::map<std::string, std::string>& extra, RequestCheck& check) const;

  const Preset& preset_;  ///< one of presets(), which outlive everything
};

[[nodiscard]] std::shared_ptr<const Transport> make_openai_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
