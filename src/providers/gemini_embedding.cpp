#include "providers/gemini_embedding.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

std::string_view google_task_type(std::string_view purpose) noexcept {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kTypes = {{
      {"query", "RETRIEVAL_QUERY"},
      {"document", "RETRIEVAL_DOCUMENT"},
      {"similarity", "SEMANTIC_SIMILARITY"},
      {"classification", "CLASSIFICATION"},
      {"clustering", "CLUSTERING"},
      {"question", "QUESTION_ANSWERING"},
      {"fact", "FACT_VERIFICATION"},
      {"code_query", "CODE_RETRIEVAL_QUERY"},
  }};
  for (const auto& [word, type] : kTypes) {
    if (word == purpose) return type;
  }
  return purpose;
}

bool read_embedding(JsonValue values, EmbeddingResponse& into) {
  if (!values.is_array()) return false;
  std::vector<float> numbers;
  numbers.reserve(values.size());
  for (const JsonValue value : values.items()) {
    const std::optional<double> number = value.number();
    if (!number) return false;
    numbers.push_back(static_cast<float>(*number));
  }
  into.embeddings.push_back(std::move(numbers));
  return true;
}

std::optional<Failure> wrong_count(std::size_t found, std::size_t inputs) {
  if (found == inputs) return std::nullopt;
  return broken_answer(fmt::format("the answer holds {} embeddings for {} texts", found, inputs));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
