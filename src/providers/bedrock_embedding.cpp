#include "providers/bedrock_embedding.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "providers/text.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kCohereBatch = 96;

struct Purpose {
  std::string_view ours;
  std::string_view cohere;
};

constexpr std::array kPurposes = {
    Purpose{"", "search_document"},
    Purpose{"document", "search_document"},
    Purpose{"search_document", "search_document"},
    Purpose{"query", "search_query"},
    Purpose{"search_query", "search_query"},
    Purpose{"classification", "classification"},
    Purpose{"clustering", "clustering"},
};

bool cohere(std::string_view model) { return contains_ignoring_case(model, "cohere"); }

void write_titan(JsonWriter& out, const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                 const Target& target, RequestCheck& check) {
  if (!request.purpose.empty()) check.unsupported("purpose", "Titan knows none");
  out.member("inputText", inputs.empty() ? std::string_view{} : inputs.front());
  if (!request.dimensions) return;
  if (contains_ignoring_case(target.model, "v1")) {
    check.unsupported("dimensions", "the first Titan has 1536");
  } else {
    out.member("dimensions", *request.dimensions);
  }
}

void write_cohere(JsonWriter& out, const EmbeddingRequest& request, const std::vector<std::string_view>& inputs,
                  const Target& target, RequestCheck& check) {
  out.member("texts", inputs);
  const auto purpose =
      std::find_if(kPurposes.begin(), kPurposes.end(), [&](const Purpose& p) { return p.ours == request.purpose; });
  if (purpose == kPurposes.end()) {
    check.unsupported(
        "purpose", fmt::format("Cohere knows document, query, classification and clustering, not {}", request.purpose));
  } else {
    out.member("input_type", purpose->cohere);
  }
  if (!request.dimensions) return;
  if (contains_ignoring_case(target.model, "v3")) {
    check.unsupported("dimensions", "this model's are fixed");
  } else {
    out.member("output_dimension", *request.dimensions);
  }
}

bool read_vector(JsonValue list, EmbeddingResponse& into) {
  if (!list.is_array() || list.size() == 0) return false;
  std::vector<float>& vector = into.embeddings.emplace_back();
  vector.reserve(list.size());
  for (const JsonValue number : list.items()) {
    const std::optional<double> value = number.number();
    if (!value) return false;
    vector.push_back(static_cast<float>(*value));
  }
  return true;
}

}  // namespace

std::size_t bedrock_embedding_batch(std::string_view model) noexcept { return cohere(model) ? kCohereBatch : 1; }

void write_bedrock_embedding(std::string& out, const EmbeddingRequest& request,
                             const std::vector<std::string_view>& inputs, const Target& target, RequestCheck& check) {
  if (!request.user.empty()) check.unsupported("user");
  JsonWriter writer(out);
  writer.begin_object();
  if (cohere(target.model)) {
    write_cohere(writer, request, inputs, target, check);
  } else {
    write_titan(writer, request, inputs, target, check);
  }
  writer.end_object(request.extra, "extra");
  check.written(writer.fault());
}

std::optional<Failure> read_bedrock_embedding(std::string_view body, std::size_t inputs, EmbeddingResponse& into) {
  JsonDoc doc;
  if (auto failure = parse_answer(doc, body)) return failure;
  const JsonValue root = doc.root();
  // Titan has one vector; Cohere a list of them, by type where several were asked for.
  std::vector<JsonValue> vectors;
  if (root["embedding"]) {
    vectors.push_back(root["embedding"]);
  } else {
    const JsonValue list = root["embeddings"].is_object() ? root["embeddings"]["float"] : root["embeddings"];
    for (const JsonValue vector : list.items()) vectors.push_back(vector);
  }
  if (vectors.size() != inputs) {
    return broken_answer(fmt::format("{} embeddings came for {} inputs", vectors.size(), inputs));
  }
  for (const JsonValue vector : vectors) {
    if (!read_vector(vector, into)) return broken_answer("an embedding is not a list of numbers");
  }
  if (const auto count = root["inputTextTokenCount"].integer()) {
    into.usage.prompt_tokens = count;
    into.usage.total_tokens = count;
  }
  return std::nullopt;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
