#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/openai_chunks.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A decoder of an OpenAI chat answer. Whether it is a stream is seen from its first character, not from what was asked
/// for: servers answer a request for a stream with plain JSON, and gateways the other way round.
[[nodiscard]] std::unique_ptr<Decoder> make_openai_decoder(const OpenAiReading& reading, const Bounds& bounds);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
