#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How a generation of Gemini models takes what the others take otherwise.
struct GeminiGeneration {
  std::string_view prefix{};  ///< of the model's name
  enum class Thinking : std::uint8_t { none, budget, level } thinking = Thinking::level;
  bool can_stop_thinking = false;              ///< takes a budget of 0
  std::span<const std::string_view> levels{};  ///< the thinking levels it knows; with `level`
  bool json_schema = true;                     ///< takes JSON Schema, not only Google's subset of OpenAPI's
  bool signs_calls = false;                    ///< refuses a function call that comes back without its signature
  bool media_in_results = false;               ///< takes pictures inside a function's result
};

/// The generation of a model, with or without "models/" before its name. What is not known counts as of the newest.
[[nodiscard]] const GeminiGeneration& gemini_generation(std::string_view model) noexcept;

/// Whether it goes on with a turn of its own that ends the contents: those do that do not think.
[[nodiscard]] Resumption gemini_resumption(std::string_view model) noexcept;

/// Tokens that an effort is worth, where a generation takes a number. Nothing: the word is not known.
/// https://ai.google.dev/gemini-api/docs/openai#thinking
[[nodiscard]] std::optional<std::int64_t> gemini_budget(std::string_view effort) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
