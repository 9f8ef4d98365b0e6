#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// MiniMax: OpenAI's dialect, at chat/completions or, where base_url says so, text/chatcompletion_v2, and embeddings of
/// its own. A base_url with chatcompletion_pro in it means that older API.
[[nodiscard]] std::shared_ptr<const Transport> make_minimax_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
