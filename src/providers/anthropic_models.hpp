#pragma once

#include <cstdint>
#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How a Claude model is told how much to think.
enum class ClaudeThinking : std::uint8_t {
  none,      ///< it does not
  budget,    ///< thinking.budget_tokens
  either,    ///< a budget, or adaptive with output_config.effort
  adaptive,  ///< output_config.effort; can be switched off
  always,    ///< output_config.effort; cannot be switched off
};

/// What keywheel must know of a model to write a request that it takes.
struct ClaudeTraits {
  std::int64_t max_tokens = 0;  ///< the longest answer; sent where a request states none, since the API demands one
  ClaudeThinking thinking = ClaudeThinking::none;
  bool sampling = true;         ///< takes temperature, top_p and top_k
  bool forced_tools = true;     ///< takes tool_choice any and tool
  bool schemas = true;          ///< takes output_config.format
  bool signed_thoughts = true;  ///< takes only those thoughts back that carry its seal
};

/// Traits by a model's name in any spelling: "claude-sonnet-4-5", "anthropic/claude-opus-4.6",
/// "us.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-haiku-4-5@20251001". A Claude newer than the table is taken
/// for the newest of it; a name that is no Claude's (a deployment's, another vendor's) is trusted to take everything.
[[nodiscard]] ClaudeTraits claude_traits(std::string_view model) noexcept;

/// Whether it goes on with an answer of its own that ends the conversation: Claudes before 4.6 do, while they do not
/// think. https://platform.claude.com/docs/en/build-with-claude/working-with-messages (prefill)
[[nodiscard]] Resumption claude_resumption(const ChatRequest& request, std::string_view model) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
