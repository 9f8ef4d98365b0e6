#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Zhipu: OpenAI's dialect. The key itself authenticates; with options.auth "jwt" a token signed with it does, as
/// older deployments want it.  https://docs.bigmodel.cn/cn/api/introduction
[[nodiscard]] std::shared_ptr<const Transport> make_zhipu_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
