#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/provider.hpp"

/// Amazon Bedrock's Converse without its address and its signature.
/// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The body of Converse and ConverseStream, which is the same, appended to `out`.
///
/// Members of ChatRequest::extra that Converse has are merged into the body; all others are the model's own and go to
/// additionalModelRequestFields. Service options: guardrail_id, guardrail_version, guardrail_trace, guardrail_stream
/// (streamProcessingMode), latency (performanceConfig).
void write_bedrock_body(std::string& out, const ChatRequest& request, const Target& target, RequestCheck& check);

/// A decoder for a 2xx answer of either, by its Content-Type. `model` is what the answer does not say.
[[nodiscard]] std::unique_ptr<Decoder> make_bedrock_decoder(const HttpHead& head, bool stream, std::string_view model,
                                                            const Bounds& bounds);

/// What is known of AWS's errors. classify_bedrock_answer() also knows where their names stand.
[[nodiscard]] std::span<const ErrorRule> bedrock_error_rules() noexcept;

[[nodiscard]] Failure classify_bedrock_answer(const HttpHead& head, std::string_view body, WallTime now);

/// An error in a stream: the name of the exception and its JSON payload.
[[nodiscard]] Failure classify_bedrock_exception(std::string_view name, std::string_view payload);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
