#pragma once

#include <span>

#include "providers/provider.hpp"

/// What each OpenAI-compatible provider's errors mean, as data. Within a table the narrower row stands first: a code
/// with a phrase before the code alone.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

[[nodiscard]] std::span<const ErrorRule> openai_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> deepseek_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> groq_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> cerebras_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> xai_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> openrouter_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> mistral_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> cloudflare_errors() noexcept;
/// Both of Ollama's dialects, and ollama.com.
[[nodiscard]] std::span<const ErrorRule> ollama_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> voyage_errors() noexcept;
/// Hosts of open models: Hugging Face, SiliconFlow, NVIDIA, llama.cpp, vLLM, LM Studio, …
[[nodiscard]] std::span<const ErrorRule> open_model_errors() noexcept;

[[nodiscard]] std::span<const ErrorRule> zhipu_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> moonshot_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> dashscope_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> ark_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> minimax_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> spark_errors() noexcept;
[[nodiscard]] std::span<const ErrorRule> qianfan_errors() noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
