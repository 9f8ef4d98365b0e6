#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <keywheel/chat.hpp>
#include <keywheel/error.hpp>

KEYWHEEL_BEGIN_NAMESPACE

struct EmbeddingRequest {
  std::string model{};
  std::vector<std::string> input{};  ///< any number: batches are split to the provider's limit, order is kept
  std::optional<std::int64_t> dimensions{};
  std::string purpose{};  ///< "query", "document", …, where a provider tells them apart
  std::string user{};
  std::string extra{};  ///< JSON object merged into the body
  std::string region{};
  std::chrono::milliseconds deadline{0};  ///< 0: RouterConfig::timeouts.total
  OnUnsupported on_unsupported = OnUnsupported::error;
};

struct EmbeddingResponse {
  std::vector<std::vector<float>> embeddings{};  ///< one for each input, in the same order
  Usage usage{};
  std::string model{};
  std::string provider{};
  std::string service{};
  std::string credential{};
  std::vector<std::string> warnings{};
  std::vector<Attempt> attempts{};
};

/// A model that a service offers, as its listing says.
struct ModelInfo {
  std::string id{};
  std::string owner{};
  std::int64_t created = 0;  ///< Unix seconds; 0: not given
};

KEYWHEEL_END_NAMESPACE
