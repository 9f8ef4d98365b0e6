#pragma once

#include <string>
#include <string_view>

#include <keywheel/chat.hpp>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Google's two doors to the same dialect, which differ in a few fields.
enum class GeminiDoor : std::uint8_t { gemini, vertex };

/// The body of generateContent and streamGenerateContent.
/// https://ai.google.dev/api/generate-content
///
/// Names that are labels only (of a schema, of a file) have no place in it and are left out. `extra` is merged into the
/// body, its `generationConfig` into ours member by member.
[[nodiscard]] std::string gemini_body(const ChatRequest& request, std::string_view model, GeminiDoor door,
                                      RequestCheck& check);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
