#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Cohere's API v2.  https://docs.cohere.com/reference/chat
///
/// `extra` takes what ChatRequest has no field for: `documents`, `citation_options`, `safety_mode`, … Citations come as
/// parts of the answer, and go back with it. A tool plan is reasoning, and goes back with the calls that it led to.
[[nodiscard]] std::shared_ptr<const Transport> make_cohere_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
