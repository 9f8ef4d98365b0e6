#include "providers/finish_reason.hpp"

#include <array>

#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using enum FinishReason;

constexpr std::array kFacts = {
    FinishFact{"stop", stop},
    FinishFact{"eos", stop},
    FinishFact{"eos_token", stop},
    FinishFact{"end_turn", stop},
    FinishFact{"end", stop},
    FinishFact{"complete", stop},
    FinishFact{"completed", stop},
    FinishFact{"stop_sequence", stop},
    FinishFact{"normal", stop},  // qianfan
    FinishFact{"length", length},
    FinishFact{"max_tokens", length},
    FinishFact{"max_output_tokens", length},
    FinishFact{"model_length", length},  // Mistral: the context is full
    FinishFact{"tool_calls", tool_calls},
    FinishFact{"tool_call", tool_calls},
    FinishFact{"tool_use", tool_calls},
    FinishFact{"function_call", tool_calls},
    FinishFact{"content_filter", content_filter},
    FinishFact{"content-filter", content_filter},
    FinishFact{"safety", content_filter},
    FinishFact{"sensitive", content_filter},  // zhipu, hunyuan
    FinishFact{"refusal", content_filter},
    // https://docs.bigmodel.cn/api-reference: the model's service broke off.
    FinishFact{"network_error", error, FailureClass::server},
    FinishFact{"model_context_window_exceeded", length, FailureClass::context, true},
    // https://api-docs.deepseek.com/api/create-chat-completion
    FinishFact{"insufficient_system_resource", error, FailureClass::capacity},
    // https://docs.cohere.com/reference/chat
    FinishFact{"timeout", error, FailureClass::timeout},
    // https://openrouter.ai/docs/api-reference/overview: the provider behind it failed.
    FinishFact{"error", error, FailureClass::server},
};

}  // namespace

FinishFact finish_fact(std::string_view native) noexcept {
  for (const FinishFact& fact : kFacts) {
    if (equal_ignoring_case(fact.native, native)) return fact;
  }
  return {native, unknown, {}, false};
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
