#include "pool/provider_rules.hpp"

#include <algorithm>
#include <array>
#include <string>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr minutes kDay{24 * 60};
constexpr ChargingRule kAhead{.ahead = true};
constexpr ChargingRule kCachedFree{.cached = false};

// Sources, by row:
// azure     learn.microsoft.com/azure/ai-services/openai/how-to/quota: requests are judged over 1 or 10 seconds; tokens
// are
//           estimated from the prompt, max_tokens and best_of when the request comes. Limits belong to the deployment.
// bailian, dashscope  help.aliyun.com/model-studio/rate-limit: also judged by the second, at RPM/60.
// bedrock   docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html: max_tokens is held from the start
// and
//           settled at the end; tokens read from the cache are free.
// cerebras  inference-docs.cerebras.ai/support/rate-limits: input and max_completion_tokens are charged ahead, 16,384
// where
//           absent; limits belong to the organisation.
// claude    docs.claude.com/en/api/rate-limits: a token bucket of the organisation and model class; input read from the
//           cache is free; output counts as it is written.
// gemini    ai.google.dev/gemini-api/docs/rate-limits: of the project; tokens a minute are of the input alone.
// groq      console.groq.com/docs/rate-limits and /errors: of the organisation; requests by the day, tokens by the
// minute;
//           max_tokens counts, cached tokens do not. Recorded resets fit a bucket to the tenth of a second.
// moonshot  platform.moonshot.cn/docs/introduction: max_tokens counts when the request comes.
// openai    platform.openai.com/docs/guides/rate-limits: the greater of max_tokens and the estimate counts when the
// request
//           comes; limits belong to organisation, project and model; `reset` is when the bucket is full.
constexpr std::array kRules = {
    ProviderRules{.provider = "anthropic", .charging = kCachedFree, .refills = true},
    ProviderRules{.provider = "azure",
                  .charging = kAhead,
                  .request_burst = seconds(10),
                  .token_burst = seconds(10),
                  .owner = LimitOwner::key},
    ProviderRules{.provider = "bailian", .request_burst = seconds(1)},
    ProviderRules{.provider = "bedrock", .charging = kCachedFree},
    ProviderRules{.provider = "cerebras", .charging = kAhead, .absent_ceiling = 16'384},
    ProviderRules{.provider = "claude", .charging = kCachedFree, .refills = true},
    ProviderRules{.provider = "dashscope", .request_burst = seconds(1)},
    ProviderRules{.provider = "gemini", .charging = {.output = false}, .owner = LimitOwner::project},
    ProviderRules{.provider = "github", .charging = kAhead, .refills = true},
    ProviderRules{
        .provider = "groq", .charging = {.ahead = true, .cached = false}, .request_window = kDay, .refills = true},
    ProviderRules{.provider = "huggingface", .owner = LimitOwner::key},
    ProviderRules{.provider = "moonshot", .charging = kAhead, .by_model = false},
    ProviderRules{.provider = "openai",
                  .host = "api.openai.com",
                  .charging = kAhead,
                  .owner = LimitOwner::project,
                  .refills = true},
    ProviderRules{.provider = "openrouter", .by_model = false},
    ProviderRules{.provider = "vertexai", .owner = LimitOwner::project},
};

constexpr ProviderRules kOthers{};

}  // namespace

const ProviderRules& rules_of(const ServiceConfig& service) noexcept {
  const auto* const found = std::find_if(kRules.begin(), kRules.end(),
                                         [&](const ProviderRules& row) { return row.provider == service.provider; });
  if (found == kRules.end()) return kOthers;
  const bool elsewhere =
      !service.base_url.empty() && !found->host.empty() && service.base_url.find(found->host) == std::string::npos;
  return elsewhere ? kOthers : *found;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
