#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Alibaba Cloud Model Studio. A base_url with compatible-mode in it speaks OpenAI's dialect, every other the native
/// one.
[[nodiscard]] std::shared_ptr<const Transport> make_dashscope_transport(const Preset& preset);

/// The native API: text-generation, and multimodal-generation where the model's name or the request asks for it.
/// `extra` goes to the body's `parameters`, but for its members `input` and `parameters`, which go where they say.
/// https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope
[[nodiscard]] std::shared_ptr<const Transport> make_dashscope_native_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
