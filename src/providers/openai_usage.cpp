#include <initializer_list>

#include "providers/openai_chunks.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

std::optional<std::int64_t> first_count(std::initializer_list<JsonValue> values) {
  for (const JsonValue value : values) {
    if (const auto count = value.integer(); count && *count >= 0) return count;
  }
  return std::nullopt;
}

}  // namespace

Usage read_openai_usage(JsonValue usage) {
  Usage counts;
  const JsonValue prompt =
      usage["prompt_tokens_details"] ? usage["prompt_tokens_details"] : usage["input_tokens_details"];
  const JsonValue completion =
      usage["completion_tokens_details"] ? usage["completion_tokens_details"] : usage["output_tokens_details"];
  counts.prompt_tokens = first_count({usage["prompt_tokens"], usage["input_tokens"]});
  counts.completion_tokens = first_count({usage["completion_tokens"], usage["output_tokens"]});
  counts.total_tokens = first_count({usage["total_tokens"]});
  // In order: OpenAI; DeepSeek; Moonshot; gateways to Anthropic.
  counts.cached_tokens = first_count({prompt["cached_tokens"], usage["prompt_cache_hit_tokens"], usage["cached_tokens"],
                                      usage["cache_read_input_tokens"]});
  counts.cache_write_tokens = first_count({prompt["cache_write_tokens"], usage["cache_creation_input_tokens"]});
  counts.reasoning_tokens = first_count({completion["reasoning_tokens"], usage["reasoning_tokens"]});
  return counts;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
