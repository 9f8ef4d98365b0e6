#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// iFlytek Spark: OpenAI's dialect over HTTPS; a base_url that begins with ws asks for the WebSocket API instead, which
/// check() refuses where libcurl speaks none. A `domain` in the credential overrides the model's name in both.
[[nodiscard]] std::shared_ptr<const Transport> make_xinghuo_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
