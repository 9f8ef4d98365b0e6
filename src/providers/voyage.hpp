#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Voyage AI: embeddings, and no chat.  https://docs.voyageai.com/reference/embeddings-api
[[nodiscard]] std::shared_ptr<const Transport> make_voyage_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
