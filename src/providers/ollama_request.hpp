#pragma once

#include <string>

#include <keywheel/transport.hpp>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The body of a chat. What it cannot say goes to `check`.
[[nodiscard]] std::string ollama_chat_body(const ChatRequest& request, const Target& target, RequestCheck& check);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
