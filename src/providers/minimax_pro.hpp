#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// MiniMax's chatcompletion_pro, the API before the OpenAI-compatible one, in which senders have names. The credential
/// holds group_id beside api_key.
/// https://platform.minimaxi.com/document/ChatCompletion%20Pro
[[nodiscard]] std::shared_ptr<const Transport> make_minimax_pro_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
