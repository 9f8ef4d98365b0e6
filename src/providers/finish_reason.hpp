#pragma once

#include <optional>
#include <string_view>

#include <keywheel/chat.hpp>
#include <keywheel/failure.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a provider's word for the end of an answer means.
struct FinishFact {
  std::string_view native{};
  FinishReason reason = FinishReason::unknown;
  std::optional<FailureClass> failure{};  ///< the end is a failure in a clean 200
  bool only_if_empty = false;             ///< a failure only where nothing was said before
};

/// Looks a word up in the table of all dialects; an unknown word is FinishReason::unknown and no failure.
[[nodiscard]] FinishFact finish_fact(std::string_view native) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
