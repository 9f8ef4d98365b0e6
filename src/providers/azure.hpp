#pragma once

#include <memory>
#include <span>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Azure OpenAI: OpenAI's dialect behind deployment URLs with an api-version, or behind …/openai/v1 without one; the
/// key in `api-key`, or an Entra token (fields.access_token) as bearer.
/// https://learn.microsoft.com/azure/ai-foundry/openai/reference
[[nodiscard]] std::shared_ptr<const Transport> make_azure_transport(const Preset& preset);

/// The same for the Responses API (`api = "responses"`).
[[nodiscard]] std::shared_ptr<const Transport> make_azure_responses_transport(const Preset& preset);

/// What its errors mean. https://learn.microsoft.com/azure/ai-foundry/openai/how-to/troubleshoot-errors
[[nodiscard]] std::span<const ErrorRule> azure_errors() noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
