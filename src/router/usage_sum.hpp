#pragma once

#include <cstdint>
#include <optional>

#include <keywheel/chat.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Adds what another attempt used. A count that only one of them gave is that one's.
inline void add_usage(Usage& to, const Usage& more) noexcept {
  // Whoever gives parts but no total means their sum.
  const auto total = [](const Usage& usage) -> std::optional<std::int64_t> {
    if (usage.total_tokens || (!usage.prompt_tokens && !usage.completion_tokens)) return usage.total_tokens;
    return usage.prompt_tokens.value_or(0) + usage.completion_tokens.value_or(0);
  };
  const auto both = to.total_tokens || more.total_tokens ? total(to) : std::nullopt;
  const auto other = to.total_tokens || more.total_tokens ? total(more) : std::nullopt;
  const auto add = [](std::optional<std::int64_t>& sum, const std::optional<std::int64_t>& count) {
    if (count) sum = sum.value_or(0) + *count;
  };
  to.total_tokens = both;
  add(to.total_tokens, other);
  add(to.prompt_tokens, more.prompt_tokens);
  add(to.completion_tokens, more.completion_tokens);
  add(to.cached_tokens, more.cached_tokens);
  add(to.cache_write_tokens, more.cache_write_tokens);
  add(to.reasoning_tokens, more.reasoning_tokens);
  to.estimated = to.estimated || more.estimated;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
