#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "providers/openai.hpp"
#include "providers/openai_chunks.hpp"
#include "providers/openai_url.hpp"
#include "wire/base64.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// A batch of 2048 vectors of 4096 numbers, each written out.
constexpr JsonLimits kVectorLimits{.depth = 16, .values = std::size_t{1} << 24U};

/// Little-endian 32-bit floats, as OpenAI packs them.
bool read_packed(std::string_view text, std::vector<float>& into) {
  const std::optional<std::string> bytes = base64_decode(text);
  if (!bytes || bytes->size() % 4 != 0) return false;
  into.resize(bytes->size() / 4);
  for (std::size_t i = 0; i < into.size(); ++i) {
    std::uint32_t bits = 0;
    for (std::size_t b = 4; b-- > 0;) bits = bits << 8U | static_cast<unsigned char>((*bytes)[i * 4 + b]);
    into[i] = std::bit_cast<float>(bits);
  }
  return true;
}

bool read_vector(JsonValue value, std::vector<float>& into) {
  if (value.is_string()) return read_packed(value.string(), into);
  if (!value.is_array()) return false;
  into.reserve(value.size());
  for (const JsonValue item : value.items()) {
    const std::optional<double> number = item.number();
    if (!number) return false;
    into.push_back(static_cast<float>(*number));
  }
  return true;
}

/// An error that came with status 200.
Failure failure_of(JsonValue root, std::string_view what, std::span<const ErrorRule> rules) {
  if (root["error"].has_value() || root["message"].has_value() || root["detail"].has_value()) {
    return classify_error(root, rules);
  }
  return broken_answer(fmt::format("the answer has no {}", what));
}

}  // namespace

std::size_t OpenAiTransport::embedding_batch(std::string_view /*model*/) const {
  return static_cast<std::size_t>(preset_.openai.embedding_batch);
}

Result<HttpRequest> OpenAiTransport::encode_embedding(const EmbeddingRequest& request,
                                                      const std::vector<std::string_view>& inputs,
                                                      const Target& target) const {
  if (preset_.openai.embeddings_path.empty()) return Transport::encode_embedding(request, inputs, target);
  RequestCheck check(preset_.name, target);
  HttpRequest made = begin(target, endpoint_url(base_url(target, check), preset_.openai.embeddings_path), {}, check);
  JsonWriter out(made.body);
  out.begin_object().member("model", target.model).member("input", inputs);
  if (request.dimensions) out.member("dimensions", *request.dimensions);
  if (!request.user.empty()) out.member("user", std::string_view(request.user));
  if (!request.purpose.empty()) check.unsupported("purpose");
  out.end_object(request.extra, "extra");
  check.written(out.fault());
  if (!check.ok()) return check.error();
  return made;
}

std::optional<Failure> OpenAiTransport::decode_embedding(std::string_view body, std::size_t inputs,
                                                         EmbeddingResponse& into) const {
  JsonDoc doc;
  if (auto failure = parse_answer(doc, body, kVectorLimits)) return failure;
  const JsonValue root = doc.root();
  const JsonValue data = root["data"];
  if (!data.is_array()) return failure_of(root, "embeddings", rules_of(preset_));
  std::vector<std::vector<float>> vectors(inputs);
  std::vector<bool> filled(inputs, false);
  std::size_t place = 0;
  for (const JsonValue item : data.items()) {
    const std::int64_t index = item["index"].integer_or(static_cast<std::int64_t>(place++));
    const auto at = static_cast<std::size_t>(index);
    if (index < 0 || at >= inputs || filled[at]) {
      return broken_answer(fmt::format("data[{}].index is {}, with {} inputs", place - 1, index, inputs));
    }
    if (!read_vector(item["embedding"], vectors[at])) {
      return broken_answer(
          fmt::format("data[{}].embedding is neither a list of numbers nor base64 of floats", place - 1));
    }
    filled[at] = true;
  }
  if (place != inputs) return broken_answer(fmt::format("{} embeddings came for {} inputs", place, inputs));
  for (auto& vector : vectors) into.embeddings.push_back(std::move(vector));
  into.usage.merge(read_openai_usage(root["usage"]));
  if (const std::string_view model = root["model"].string(); !model.empty()) into.model = model;
  return std::nullopt;
}

Result<HttpRequest> OpenAiTransport::encode_listing(const Target& target) const {
  if (preset_.openai.models_path.empty()) return Transport::encode_listing(target);
  RequestCheck check(preset_.name, target);
  HttpRequest made = begin(target, endpoint_url(base_url(target, check), preset_.openai.models_path), {}, check);
  made.method = "GET";
  if (!check.ok()) return check.error();
  return made;
}

std::optional<Failure> OpenAiTransport::decode_listing(std::string_view body, std::vector<ModelInfo>& into) const {
  JsonDoc doc;
  if (auto failure = parse_answer(doc, body)) return failure;
  // Together gives the bare list, GitHub and others name it otherwise.
  const JsonValue root = doc.root();
  const JsonValue list = root.is_array() ? root : root["data"].is_array() ? root["data"] : root["models"];
  if (!list.is_array()) return failure_of(root, "list of models", rules_of(preset_));
  for (const JsonValue item : list.items()) {
    const std::string_view id = item.is_string() ? item.string() : item["id"].string_or(item["name"].string());
    if (id.empty()) continue;
    const JsonValue owner = item["owned_by"] ? item["owned_by"] : item["organization"];
    into.push_back({std::string(id), std::string(owner.string()), item["created"].integer_or(0)});
  }
  return std::nullopt;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
