#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Coze's v3 chat with a bot: `bot_id` is a field of the credential, an option of the service, or else the model's
/// name. The prompt and the tools are the bot's. A unary call is a stream too, since the API's own unary form must be
/// polled.
///
/// `conversation_id` in extra goes on with a conversation that Coze keeps; without it the whole conversation is sent.
/// https://www.coze.cn/open/docs/developer_guides/chat_v3
[[nodiscard]] std::shared_ptr<const Transport> make_coze_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
