#pragma once

#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The request goes to multimodal-generation, whose content is a list of parts.
[[nodiscard]] bool dashscope_multimodal(const ChatRequest& request, std::string_view model) noexcept;

/// The body of a generation. What it cannot say goes to `check`.
[[nodiscard]] std::string dashscope_chat_body(const ChatRequest& request, const Target& target, RequestCheck& check);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
