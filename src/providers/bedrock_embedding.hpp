#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include "providers/provider.hpp"

/// Embeddings by InvokeModel, whose body is the model vendor's own.
/// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html and …-embed.html

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

[[nodiscard]] std::size_t bedrock_embedding_batch(std::string_view model) noexcept;

void write_bedrock_embedding(std::string& out, const EmbeddingRequest& request,
                             const std::vector<std::string_view>& inputs, const Target& target, RequestCheck& check);

[[nodiscard]] std::optional<Failure> read_bedrock_embedding(std::string_view body, std::size_t inputs,
                                                            EmbeddingResponse& into);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
