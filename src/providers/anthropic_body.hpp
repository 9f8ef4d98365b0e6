#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/provider.hpp"

/// Anthropic's Messages API without its address and its authentication, which differ where others host Claude:
/// Anthropic's own, Vertex AI, Bedrock's InvokeModel, and the vendors that speak the same dialect.
/// https://platform.claude.com/docs/en/api/messages

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a host's body has otherwise than Anthropic's own.
struct AnthropicForm {
  /// `anthropic_version` in the body, where the URL names the model: "vertex-2023-10-16", "bedrock-2023-05-31". Empty:
  /// the body names the model, and the version is a header.
  std::string_view version{};
  bool stream = true;  ///< the body says whether the answer is streamed; Bedrock's URL does
};

/// The request's body, appended to `out`. What the dialect cannot express and what is wrong goes to `check`; the body
/// is only to be sent where `check.ok()`.
void write_anthropic_body(std::string& out, const ChatRequest& request, const Target& target, const AnthropicForm& form,
                          RequestCheck& check);

/// The value of `anthropic-beta`: what the service's option anthropic_beta, its headers and the request's ask for, and
/// what the request needs. Empty: none. Where the dialect has no headers (Bedrock's InvokeModel), `anthropic_beta` is a
/// list in the body.
[[nodiscard]] std::string anthropic_betas(const ChatRequest& request, const Target& target);

/// A decoder for a 2xx answer: server-sent events or one JSON object, as its Content-Type says.
[[nodiscard]] std::unique_ptr<Decoder> make_anthropic_decoder(const HttpHead& head, bool stream, const Bounds& bounds);

/// What is known of the dialect's errors, for classify_answer().
[[nodiscard]] std::span<const ErrorRule> anthropic_error_rules() noexcept;

/// classify_answer() with these rules and the date in the words of a spending limit.
[[nodiscard]] Failure classify_anthropic_answer(const HttpHead& head, std::string_view body, WallTime now);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
