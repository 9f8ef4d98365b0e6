#include "providers/openai_errors.hpp"

#include <array>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using enum FailureClass;
using R = ErrorRule;

// https://platform.openai.com/docs/guides/error-codes, help.openai.com
constexpr std::array kOpenAi = {
    R{401, {}, "must be a member of an organization", permission, Scope::key},
    R{401, "mismatched_organization", {}, permission, Scope::key},
    R{401, "mismatched_project", {}, permission, Scope::key},
    R{0, "ip_not_authorized", {}, place, Scope::host},
    R{401, {}, "ip not authorized", place, Scope::host},
    R{0, "account_deactivated", {}, auth, Scope::account},
    R{0, "unsupported_country_region_territory", {}, place, Scope::host},
    R{403, {}, "not allowed to sample from this model", permission, Scope::key_model},
    R{404, {}, "is not supported in this model", request, Scope::call},
    // In a stream there is no status beside it.
    R{0, "rate_limit_exceeded", "request too large", too_big, Scope::account_model},
    R{0, "rate_limit_exceeded", {}, rate, Scope::account_model},
    R{0, "credit_balance_exhausted", {}, quota, Scope::account},
    R{0, "organization_usage_limit_exceeded", {}, quota, Scope::account},
    R{0, "organization_spend_limit_exceeded", {}, quota, Scope::account},
    R{0, "project_spend_limit_exceeded", {}, quota, Scope::project},
    R{0, "billing_hard_limit_reached", {}, quota, Scope::account},
    R{0, "slow_down", {}, capacity, Scope::service_model},
    R{0, "server_is_overloaded", {}, capacity, Scope::service_model},
    R{0, {}, "engine is currently overloaded", capacity, Scope::service_model},
    R{0, {}, "engine overloaded", capacity, Scope::service_model},
    R{400, "string_above_max_length", {}, context, Scope::call},
    R{400, "invalid_image_url", {}, request, Scope::call},
    R{0, "previous_response_not_found", {}, request, Scope::call},
    R{429, {}, "rate limit reached for", rate, Scope::account_model},
};

// https://api-docs.deepseek.com/quick_start/error_codes. The limit is a number of calls in flight for each account.
constexpr std::array kDeepSeek = {
    R{401, {}, "authentication fails", auth, Scope::key},
    R{402, {}, "insufficient balance", quota, Scope::account},
    R{400, {}, "supported api model names are", model, Scope::service_model},
    R{400, {}, "content exists risk", filter, Scope::call},
    R{429, {}, {}, rate, Scope::account_model},
    R{503, {}, {}, capacity, Scope::service_model},
};

// https://console.groq.com/docs/errors. Limits belong to the organisation, by model and service tier.
constexpr std::array kGroq = {
    R{413, "rate_limit_exceeded", {}, too_big, Scope::account_model},
    R{0, "rate_limit_exceeded", "request too large", too_big, Scope::account_model},
    R{0, "rate_limit_exceeded", "per day", quota, Scope::account_model},
    R{0, "rate_limit_exceeded", {}, rate, Scope::account_model},
    R{0, "organization_restricted", {}, auth, Scope::account},
    R{0, "capacity_exceeded", {}, capacity, Scope::service_model},
    R{0, "tool_use_failed", {}, output, Scope::call},
    R{0, "json_validate_failed", {}, output, Scope::call},
    R{0, "model_not_found", {}, model, Scope::service_model},
    R{0, "model_decommissioned", {}, model, Scope::service_model},
    R{498, {}, {}, capacity, Scope::service_model},
};

// "Quota" is their word for a limit of a minute.
constexpr std::array kCerebras = {
    R{0, "request_quota_exceeded", "per day", quota, Scope::account_model},
    R{0, "token_quota_exceeded", "per day", quota, Scope::account_model},
    R{0, "request_quota_exceeded", {}, rate, Scope::account_model},
    R{0, "token_quota_exceeded", {}, rate, Scope::account_model},
    R{0, "queue_exceeded", {}, capacity, Scope::service_model},
};

// https://docs.x.ai/docs/key-information/debugging
constexpr std::array kXai = {
    R{400, {}, "incorrect api key", auth, Scope::key},
    R{403, {}, "doesn't have any credits", quota, Scope::account},
    R{403, {}, "run out of credits", quota, Scope::account},
    R{429, {}, "used all available credits", quota, Scope::account},
    R{429, {}, "monthly spending limit", quota, Scope::account},
    R{403, {}, "violates usage guidelines", filter, Scope::call},
};

// https://openrouter.ai/docs/api-reference/errors. What it quotes of the provider behind it is matched too.
constexpr std::array kOpenRouter = {
    R{402, "openrouter_credits", {}, quota, Scope::account},
    R{402, "openrouter_key_limit", {}, quota, Scope::key},
    R{402, "in_flight_budget_exhausted", {}, rate, Scope::account},
    R{402, "weight_exceeds_budget", {}, too_big, Scope::account},
    R{403, "flagged_input", {}, filter, Scope::call},
    R{403, {}, "moderation", filter, Scope::call},
    R{403, {}, "flagged", filter, Scope::call},
    R{403, {}, "violates usage guidelines", filter, Scope::call},
    R{403, {}, "budget limit exceeded", quota, Scope::key},
    R{429, {}, "rate-limited upstream", capacity, Scope::service_model},
    R{429, {}, "free-models-per-day", quota, Scope::account},
    R{429, {}, "free-models-per-min", rate, Scope::account},
    R{404, {}, "no endpoints found that support", request, Scope::call},
    R{404, {}, "no endpoints found", model, Scope::service_model},
    R{400, {}, "is not a valid model id", model, Scope::service_model},
    R{400, {}, "does not exist", model, Scope::service_model},
    R{503, {}, {}, capacity, Scope::service_model},
};

constexpr std::array kMistral = {
    R{0, "3505", {}, capacity, Scope::service_model},
    R{0, "service_tier_capacity_exceeded", {}, capacity, Scope::service_model},
    R{0, "1300", {}, rate, Scope::account},
    R{0, "rate_limited", {}, rate, Scope::account},
    R{0, "3210", {}, request, Scope::call},
    R{0, "invalid_model", {}, model, Scope::key_model},
    R{0, "1500", {}, model, Scope::key_model},
    R{0, {}, "service tier capacity exceeded", capacity, Scope::service_model},
    R{429, {}, "requests rate limit exceeded", rate, Scope::account},
};

// https://developers.cloudflare.com/workers-ai/platform/errors
constexpr std::array kCloudflare = {
    R{0, "10000", {}, auth, Scope::key},
    R{0, "3036", {}, quota, Scope::account},
    R{0, "3040", {}, capacity, Scope::service_model},
    R{0, "5007", {}, model, Scope::service_model},
    R{0, "5016", {}, permission, Scope::key_model},
    R{0, "5018", {}, permission, Scope::key_model},
    R{0, "3041", {}, permission, Scope::key_model},
    R{0, "3023", {}, permission, Scope::account},
    R{0, "3007", {}, timeout, Scope::service_model},
    R{0, "3006", {}, request, Scope::call},
};

// It has no codes.  https://github.com/ollama/ollama/blob/main/server/routes.go
constexpr std::array kOllama = {
    R{404, {}, "not found", model, Scope::service_model},
    R{400, {}, "does not support", request, Scope::call},
    R{400, {}, "input length exceeds", context, Scope::call},
    R{500, {}, "requires more system memory", capacity, Scope::service_model},
    R{503, {}, {}, capacity, Scope::service_model},
    R{429, {}, "weekly usage limit", quota, Scope::account},
    R{429, {}, "hourly usage limit", rate, Scope::account},
};

// https://docs.voyageai.com/docs/error-codes. Limits belong to the organisation.
constexpr std::array kVoyage = {
    R{400, {}, "context length", context, Scope::call},
    R{400, {}, "tokens per submitted batch", context, Scope::call},
    R{400, {}, "supported models are", model, Scope::service_model},
    R{403, {}, {}, place, Scope::host},
    R{429, {}, {}, rate, Scope::account},
    R{502, {}, {}, capacity, Scope::service_model},
    R{503, {}, {}, capacity, Scope::service_model},
    R{504, {}, {}, capacity, Scope::service_model},
};

constexpr std::array kOpenModels = {
    R{402, {}, "monthly included credits", quota, Scope::account},                    // Hugging Face
    R{403, "30001", {}, quota, Scope::account},                                       // SiliconFlow
    R{400, "20012", {}, model, Scope::service_model},                                 // SiliconFlow
    R{429, {}, "tpm limit", rate, Scope::account_model},                              // SiliconFlow
    R{429, {}, "rpm limit", rate, Scope::account_model},                              // SiliconFlow
    R{400, {}, "degraded function cannot be invoked", server, Scope::service_model},  // NVIDIA
    R{500, {}, "is too large", context, Scope::call},           // llama.cpp: more tokens than a batch
    R{404, {}, "does not exist", model, Scope::service_model},  // vLLM
};

}  // namespace

std::span<const ErrorRule> openai_errors() noexcept { return kOpenAi; }
std::span<const ErrorRule> deepseek_errors() noexcept { return kDeepSeek; }
std::span<const ErrorRule> groq_errors() noexcept { return kGroq; }
std::span<const ErrorRule> cerebras_errors() noexcept { return kCerebras; }
std::span<const ErrorRule> xai_errors() noexcept { return kXai; }
std::span<const ErrorRule> openrouter_errors() noexcept { return kOpenRouter; }
std::span<const ErrorRule> mistral_errors() noexcept { return kMistral; }
std::span<const ErrorRule> cloudflare_errors() noexcept { return kCloudflare; }
std::span<const ErrorRule> ollama_errors() noexcept { return kOllama; }
std::span<const ErrorRule> voyage_errors() noexcept { return kVoyage; }
std::span<const ErrorRule> open_model_errors() noexcept { return kOpenModels; }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
