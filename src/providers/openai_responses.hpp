#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"
#include "providers/provider.hpp"

/// OpenAI's Responses API, spoken where a service says `api = "responses"`.
/// https://platform.openai.com/docs/api-reference/responses

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

[[nodiscard]] std::shared_ptr<const Transport> make_responses_transport(const Preset& preset);

/// The body of a request. What cannot be said is told to `check`; the body counts only if that is ok then.
[[nodiscard]] std::string write_responses_body(const ChatRequest& request, const Target& target, RequestCheck& check);

[[nodiscard]] std::unique_ptr<Decoder> make_responses_decoder(std::span<const ErrorRule> errors, const Bounds& bounds);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
