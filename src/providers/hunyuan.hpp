#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Tencent Hunyuan. A credential with secret_id speaks Tencent Cloud's own API; one with an api_key alone OpenAI's
/// dialect.
[[nodiscard]] std::shared_ptr<const Transport> make_hunyuan_transport(const Preset& preset);

/// Tencent Cloud's own alone: ChatCompletions and GetEmbedding, signed with TC3-HMAC-SHA256. The credential holds
/// secret_id and secret_key, and `token` where they are temporary; its region, or the option `region`, is sent where it
/// is set. https://cloud.tencent.com/document/api/1729/105701
[[nodiscard]] std::shared_ptr<const Transport> make_hunyuan_native_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
