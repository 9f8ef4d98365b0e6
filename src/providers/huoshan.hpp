#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Volcengine's Ark: OpenAI's dialect with an api_key, or with the key that access_key and secret_key fetch for the
/// service's endpoints (its models named ep-…).  https://www.volcengine.com/docs/82379/1263279
[[nodiscard]] std::shared_ptr<const Transport> make_huoshan_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
