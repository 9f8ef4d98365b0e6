#include "providers/anthropic_thinking.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// The API's least budget. https://platform.claude.com/docs/en/build-with-claude/extended-thinking
constexpr std::int64_t kLeastBudget = 1024;

struct Effort {
  std::string_view name;      ///< as ChatRequest::reasoning_effort has it
  std::string_view adaptive;  ///< as output_config.effort has it
  std::int64_t budget;        ///< for models that take a budget; ours, since the API names none
};

constexpr std::array kEfforts = {
    Effort{"minimal", "low", 1'024}, Effort{"low", "low", 2'048},      Effort{"medium", "medium", 8'192},
    Effort{"high", "high", 16'384},  Effort{"xhigh", "xhigh", 32'000}, Effort{"max", "max", 32'000},
};

ClaudeThoughts budget_of(std::int64_t wanted, bool stated, std::int64_t max_tokens, RequestCheck& check) {
  const std::string_view field = stated ? "reasoning_tokens" : "reasoning_effort";
  if (max_tokens <= kLeastBudget) {
    check.unsupported(field, fmt::format("it thinks with {} tokens or more, and max_tokens, which holds the thoughts "
                                         "too, is {}",
                                         kLeastBudget, max_tokens));
    return {};
  }
  if (!stated) {
    // A quarter of a small ceiling is left for the answer.
    return {"enabled", std::min(wanted, std::max(kLeastBudget, max_tokens - max_tokens / 4)), {}};
  }
  if (wanted < kLeastBudget) {
    check.unsupported(field, fmt::format("its least is {}", kLeastBudget));
    return {};
  }
  if (wanted >= max_tokens) {
    check.invalid(fmt::format("reasoning_tokens: less than max_tokens ({}) was expected", max_tokens));
  }
  return {"enabled", wanted, {}};
}

}  // namespace

ClaudeThoughts plan_thinking(const ChatRequest& request, const ClaudeTraits& traits, std::int64_t max_tokens,
                             RequestCheck& check) {
  using enum ClaudeThinking;
  const std::string& effort = request.reasoning_effort;
  const bool off = effort == "none" || request.reasoning_tokens == 0;
  if (off) {
    if (traits.thinking == always)
      check.unsupported(effort == "none" ? "reasoning_effort" : "reasoning_tokens", "this model always thinks");
    return traits.thinking == none || traits.thinking == always ? ClaudeThoughts{} : ClaudeThoughts{"disabled", 0, {}};
  }
  if (traits.thinking == none) {
    if (!effort.empty()) check.unsupported("reasoning_effort", "this model does not think");
    if (request.reasoning_tokens) check.unsupported("reasoning_tokens", "this model does not think");
    return {};
  }
  const auto known = std::find_if(kEfforts.begin(), kEfforts.end(), [&](const Effort& e) { return e.name == effort; });
  if (!effort.empty() && known == kEfforts.end()) {
    check.unsupported("reasoning_effort",
                      fmt::format("it knows none, low, medium, high, xhigh and max, not {}", effort));
    return {};
  }
  const bool by_budget = traits.thinking == budget || traits.thinking == either;
  if (request.reasoning_tokens) {
    if (by_budget) {
      if (!effort.empty()) check.left_out("reasoning_effort", "reasoning_tokens says it, and Claude takes one of them");
      return budget_of(*request.reasoning_tokens, true, max_tokens, check);
    }
    check.unsupported("reasoning_tokens", "this model takes reasoning_effort only");
  }
  if (effort.empty()) return {};
  if (traits.thinking == budget) return budget_of(known->budget, false, max_tokens, check);
  return {"adaptive", 0, known->adaptive};
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
