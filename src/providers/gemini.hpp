#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Google's Gemini API (AI Studio), with an API key.  https://ai.google.dev/api
[[nodiscard]] std::shared_ptr<const Transport> make_gemini_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
