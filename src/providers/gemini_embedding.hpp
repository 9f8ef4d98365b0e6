#pragma once

#include <optional>
#include <string_view>

#include <keywheel/embedding.hpp>
#include <keywheel/failure.hpp>

#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A batch of a thousand vectors of 4096 numbers, each written out.
inline constexpr JsonLimits kVectorLimits{.depth = 16, .values = std::size_t{1} << 23U};

/// EmbeddingRequest::purpose in Google's words; a word of Google's own goes through.
/// https://ai.google.dev/api/embeddings#TaskType
[[nodiscard]] std::string_view google_task_type(std::string_view purpose) noexcept;

/// Reads the numbers of one embedding to the end of `into`. False: there is no list of numbers.
[[nodiscard]] bool read_embedding(JsonValue values, EmbeddingResponse& into);

/// What is wrong with an answer that holds `found` embeddings for `inputs` texts; nothing where they are as many.
[[nodiscard]] std::optional<Failure> wrong_count(std::size_t found, std::size_t inputs);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
