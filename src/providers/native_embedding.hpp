#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <keywheel/embedding.hpp>

#include "providers/provider.hpp"
#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Which fields of an EmbeddingRequest a dialect has words for. What is false here is refused by name when it is set.
struct EmbeddingSayable {
  bool purpose = false;
  bool dimensions = false;
  bool user = false;
};
void refuse_unsayable(const EmbeddingRequest& request, const EmbeddingSayable& can, RequestCheck& check);

/// The usage of an answer that counts one thing, the tokens that went in.
[[nodiscard]] Usage input_usage(JsonValue tokens) noexcept;

/// What the members of one element of a list of embeddings are called. An empty name: the element is the vector.
struct VectorNames {
  std::string_view vector{};
  std::string_view index{};  ///< empty: they come in the order of the inputs
};

/// Reads as many vectors as there were inputs, each to its place. Fails where one is missing or is no vector.
[[nodiscard]] std::optional<Failure> read_vectors(JsonValue list, const VectorNames& names, std::size_t inputs,
                                                  EmbeddingResponse& into);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
