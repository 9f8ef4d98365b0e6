#include "providers/gemini_models.hpp"

#include <array>
#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using Thinking = GeminiGeneration::Thinking;

constexpr std::array<std::string_view, 4> kAllLevels = {"minimal", "low", "medium", "high"};
constexpr std::array<std::string_view, 3> kProLevels = {"low", "medium", "high"};
constexpr std::array<std::string_view, 2> kFirstProLevels = {"low", "high"};

// The first that fits holds.  https://ai.google.dev/gemini-api/docs/thinking
constexpr std::array kGenerations = {
    GeminiGeneration{.prefix = "gemini-1", .thinking = Thinking::none, .json_schema = false},
    GeminiGeneration{.prefix = "gemini-2.0", .thinking = Thinking::none, .json_schema = false},
    GeminiGeneration{.prefix = "gemini-2.5-pro", .thinking = Thinking::budget},
    GeminiGeneration{.prefix = "gemini-2", .thinking = Thinking::budget, .can_stop_thinking = true},
    GeminiGeneration{.prefix = "gemini-robotics", .thinking = Thinking::budget, .can_stop_thinking = true},
    GeminiGeneration{.prefix = "gemma", .thinking = Thinking::none, .json_schema = false},
    GeminiGeneration{.prefix = "learnlm", .thinking = Thinking::none, .json_schema = false},
    GeminiGeneration{
        .prefix = "gemini-3-pro", .levels = kFirstProLevels, .signs_calls = true, .media_in_results = true},
    GeminiGeneration{.prefix = "gemini-3.1-pro", .levels = kProLevels, .signs_calls = true, .media_in_results = true},
    GeminiGeneration{.prefix = "", .levels = kAllLevels, .signs_calls = true, .media_in_results = true},
};

}  // namespace

const GeminiGeneration& gemini_generation(std::string_view model) noexcept {
  if (const std::size_t slash = model.rfind('/'); slash != std::string_view::npos) model.remove_prefix(slash + 1);
  for (const GeminiGeneration& generation : kGenerations) {
    if (model.starts_with(generation.prefix)) return generation;
  }
  return kGenerations.back();
}

Resumption gemini_resumption(std::string_view model) noexcept {
  const GeminiGeneration& generation = gemini_generation(model);
  return generation.thinking == Thinking::none && generation.prefix.starts_with("gemini") ? Resumption::appends
                                                                                          : Resumption::none;
}

std::optional<std::int64_t> gemini_budget(std::string_view effort) noexcept {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kBudgets = {
      {{"none", 0}, {"minimal", 1024}, {"low", 1024}, {"medium", 8192}, {"high", 24'576}}};
  for (const auto& [word, tokens] : kBudgets) {
    if (word == effort) return tokens;
  }
  return std::nullopt;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
