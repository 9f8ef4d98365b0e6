#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Dify's chat applications. The model, its prompt and its tools are the application's, which the key stands for.
///
/// A request is one user message. To go on with a conversation, put the `conversation_id` of the last answer's extra
/// into the request's; the messages before the last are then the application's to know. `inputs`, too, go into extra.
/// https://docs.dify.ai/api-reference/chat/send-chat-message
[[nodiscard]] std::shared_ptr<const Transport> make_dify_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
