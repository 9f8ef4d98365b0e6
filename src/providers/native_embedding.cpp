#include "providers/native_embedding.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "providers/native_decoder.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void refuse_unsayable(const EmbeddingRequest& request, const EmbeddingSayable& can, RequestCheck& check) {
  if (!request.purpose.empty() && !can.purpose) check.unsupported("purpose");
  if (request.dimensions && !can.dimensions) check.unsupported("dimensions");
  if (!request.user.empty() && !can.user) check.unsupported("user");
}

Usage input_usage(JsonValue tokens) noexcept {
  return {.prompt_tokens = count_of(tokens), .total_tokens = count_of(tokens)};
}

std::optional<Failure> read_vectors(JsonValue list, const VectorNames& names, std::size_t inputs,
                                    EmbeddingResponse& into) {
  if (list.size() != inputs) {
    return broken_answer(fmt::format("the answer has {} embeddings for {} inputs", list.size(), inputs));
  }
  std::vector<std::vector<float>> vectors(inputs);
  std::size_t place = 0;
  for (const JsonValue item : list.items()) {
    const JsonValue numbers = names.vector.empty() ? item : item[names.vector];
    const std::int64_t index =
        names.index.empty() ? static_cast<std::int64_t>(place) : item[names.index].integer_or(-1);
    if (index < 0 || index >= static_cast<std::int64_t>(inputs)) {
      return broken_answer(fmt::format("the answer has an embedding for input {} of {}", index, inputs));
    }
    std::vector<float>& vector = vectors[static_cast<std::size_t>(index)];
    if (!vector.empty() || numbers.size() == 0) {
      return broken_answer(fmt::format("the embedding of input {} is empty or doubled", index));
    }
    vector.reserve(numbers.size());
    for (const JsonValue number : numbers.items()) {
      const std::optional<double> value = number.number();
      if (!value) return broken_answer("an embedding holds something that is no number");
      vector.push_back(static_cast<float>(*value));
    }
    ++place;
  }
  into.embeddings = std::move(vectors);
  return std::nullopt;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
