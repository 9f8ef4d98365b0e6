#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// iFlytek Spark over WebSocket: one frame asks, many answer. The credential holds appid, api_key and api_secret;
/// `domain` overrides what follows from the model. Where a frame ends in the bytes that are fed does not matter.
/// https://www.xfyun.cn/doc/spark/Web.html
[[nodiscard]] std::shared_ptr<const Transport> make_xinghuo_ws_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
