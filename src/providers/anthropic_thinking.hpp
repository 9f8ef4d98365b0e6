#pragma once

#include <cstdint>
#include <string_view>

#include <keywheel/chat.hpp>

#include "providers/anthropic_models.hpp"
#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How much a Claude is to think, in the API's words.
struct ClaudeThoughts {
  std::string_view type{};    ///< of `thinking`; empty: nothing is sent
  std::int64_t budget = 0;    ///< budget_tokens; 0: none
  std::string_view effort{};  ///< output_config.effort; empty: none
};

/// What a request's reasoning_effort and reasoning_tokens mean to a model. `max_tokens`: the answer's ceiling, which
/// holds the thoughts too.
[[nodiscard]] ClaudeThoughts plan_thinking(const ChatRequest& request, const ClaudeTraits& traits,
                                           std::int64_t max_tokens, RequestCheck& check);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
