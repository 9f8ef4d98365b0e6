#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Workers AI's own endpoint, accounts/{account_id}/ai/run/{model}, which also serves models that the OpenAI-compatible
/// one lacks. `account_id` is a field of the credential or an option of the service.
/// https://developers.cloudflare.com/api/resources/ai/methods/run/
[[nodiscard]] std::shared_ptr<const Transport> make_cloudflare_run_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
