#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/chat.hpp>
#include <keywheel/embedding.hpp>
#include <keywheel/transport.hpp>

#include "router/routes.hpp"
#include "router/token_estimate.hpp"

/// What a call asks of a provider. The attempt loop is the same for all of them.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Tokens that a request will use, as far as can be told beforehand.
struct Estimate {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
  bool completion_stated = false;  ///< by the request; else what is usual
};

/// The part of a request that concerns the router.
struct CallOptions {
  std::string_view model{};
  std::string_view service{};  ///< only this one; empty: whatever the routes say
  std::string_view session{};
  std::string_view tenant{};
  std::string_view region{};
  std::optional<Rotation> rotation{};
  std::chrono::milliseconds deadline{0};
  std::optional<int> max_attempts{};
  std::optional<bool> hedge{};
  std::optional<bool> resume{};
  OnUnsupported on_unsupported = OnUnsupported::error;
  std::string_view operation = "chat";
  bool hedgeable = false;  ///< two of its attempts may run at once
  Routes::Kind kind = Routes::Kind::chat;
  bool stream = false;
  bool keep_raw = false;
  double max_cost = 0;
  bool charged = true;  ///< it costs what its model does
};

class Operation {
 public:
  virtual ~Operation() = default;
  [[nodiscard]] virtual CallOptions options() const = 0;
  [[nodiscard]] virtual Estimate estimate(const TokenCounter& counter) const = 0;
  [[nodiscard]] virtual Result<HttpRequest> encode(const Transport& transport, const Target& target) const = 0;
  [[nodiscard]] virtual std::unique_ptr<Decoder> decoder(const Transport& transport, const HttpHead& head,
                                                         const Target& target, const Bounds& bounds) = 0;

  /// Whether a provider can go on with a broken answer to it.
  [[nodiscard]] virtual Resumption resumption(const Transport&, const ServiceConfig&, std::string_view) const {
    return Resumption::none;
  }
  /// From here on it asks for what follows this beginning of the answer. Only where resumption() is not none.
  virtual void resume(std::string_view /*beginning*/) {}
};

/// A chat. `stream`: the caller wants the events as they come.
class ChatOperation final : public Operation {
 public:
  /// The request is owned.
  ChatOperation(ChatRequest request, bool stream);
  /// The request is borrowed until the call has ended.
  ChatOperation(const ChatRequest* request, bool stream) noexcept : request_(request), stream_(stream) {}

  [[nodiscard]] CallOptions options() const override;
  [[nodiscard]] Estimate estimate(const TokenCounter& counter) const override;
  [[nodiscard]] Result<HttpRequest> encode(const Transport& transport, const Target& target) const override;
  [[nodiscard]] std::unique_ptr<Decoder> decoder(const Transport& transport, const HttpHead& head, const Target& target,
                                                 const Bounds& bounds) override;
  [[nodiscard]] Resumption resumption(const Transport& transport, const ServiceConfig& service,
                                      std::string_view model) const override;
  void resume(std::string_view beginning) override;

 private:
  std::optional<ChatRequest> own_{};
  const ChatRequest* request_;
  std::optional<ChatRequest> resumed_{};  ///< the request with the beginning of its answer
  bool stream_;
};

/// One batch of an embedding request. Both are borrowed.
class EmbeddingOperation final : public Operation {
 public:
  EmbeddingOperation(const EmbeddingRequest& request, std::vector<std::string_view> inputs) noexcept
      : request_(request), inputs_(std::move(inputs)) {}

  [[nodiscard]] CallOptions options() const override;
  [[nodiscard]] Estimate estimate(const TokenCounter& counter) const override;
  [[nodiscard]] Result<HttpRequest> encode(const Transport& transport, const Target& target) const override;
  [[nodiscard]] std::unique_ptr<Decoder> decoder(const Transport& transport, const HttpHead& head, const Target& target,
                                                 const Bounds& bounds) override;
  /// What the batch gave; outlives the operation.
  [[nodiscard]] std::shared_ptr<EmbeddingResponse> answer_holder() const noexcept { return answer_; }

 private:
  const EmbeddingRequest& request_;
  std::vector<std::string_view> inputs_;
  std::shared_ptr<EmbeddingResponse> answer_ = std::make_shared<EmbeddingResponse>();
};

/// The models of one service.
class ListingOperation final : public Operation {
 public:
  explicit ListingOperation(std::string service) noexcept : service_(std::move(service)) {}

  [[nodiscard]] CallOptions options() const override;
  [[nodiscard]] Estimate estimate(const TokenCounter& /*counter*/) const override {
    return {.completion_stated = true};
  }
  [[nodiscard]] Result<HttpRequest> encode(const Transport& transport, const Target& target) const override;
  [[nodiscard]] std::unique_ptr<Decoder> decoder(const Transport& transport, const HttpHead& head, const Target& target,
                                                 const Bounds& bounds) override;
  /// What the service listed; outlives the operation.
  [[nodiscard]] std::shared_ptr<std::vector<ModelInfo>> answer_holder() const noexcept { return answer_; }

 private:
  std::string service_;
  std::shared_ptr<std::vector<ModelInfo>> answer_ = std::make_shared<std::vector<ModelInfo>>();
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
