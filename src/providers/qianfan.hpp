#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Baidu Qianfan. A credential with secret_key beside api_key, or with an access_token, speaks v1 (wenxinworkshop); one
/// with an api_key alone speaks v2, which is OpenAI's dialect.
[[nodiscard]] std::shared_ptr<const Transport> make_qianfan_transport(const Preset& preset);

/// v1 alone. The token is fetched with api_key and secret_key, or is the credential's access_token as it stands.
/// `addresss` (so the seed spells it; `address` is read too) is the address of a model that the user deployed.
/// https://cloud.baidu.com/doc/WENXINWORKSHOP/s/Nlks5zkzu
[[nodiscard]] std::shared_ptr<const Transport> make_qianfan_v1_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
