#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Ollama. A base_url that ends in /v1 or /chat/completions speaks OpenAI's dialect, every other the native one.
[[nodiscard]] std::shared_ptr<const Transport> make_ollama_transport(const Preset& preset);

/// The native API.  https://docs.ollama.com/api/chat
///
/// `extra` goes to the body (`keep_alive`, …), and its member `options` is merged into the request's own
/// (`num_ctx`, `repeat_penalty`, …).
[[nodiscard]] std::shared_ptr<const Transport> make_ollama_native_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
