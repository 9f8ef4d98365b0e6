#include "providers/presets.hpp"

#include <array>

#include "providers/anthropic_body.hpp"
#include "providers/azure.hpp"
#include "providers/bedrock_body.hpp"
#include "providers/cohere_errors.hpp"
#include "providers/openai_errors.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using Names = std::span<const std::string_view>;

template <std::size_t N>
constexpr Names list(const std::array<std::string_view, N>& names) {
  return Names(names);
}

template <class... T>
constexpr std::array<std::string_view, sizeof...(T)> words(T... text) {
  return {std::string_view(text)...};
}

constexpr std::string_view kBeijing = "Asia/Shanghai";
constexpr std::string_view kPacific = "America/Los_Angeles";

constexpr auto kOpenAiEnv = words("OPENAI_API_KEY");
constexpr auto kDeepSeekEnv = words("DEEPSEEK_API_KEY");
constexpr auto kZhipuEnv = words("ZHIPUAI_API_KEY", "ZHIPU_API_KEY", "ZAI_API_KEY");
constexpr auto kGroqEnv = words("GROQ_API_KEY");
constexpr auto kMoonshotEnv = words("MOONSHOT_API_KEY");
constexpr auto kMistralEnv = words("MISTRAL_API_KEY");
constexpr auto kCohereEnv = words("COHERE_API_KEY", "CO_API_KEY");
constexpr auto kVoyageEnv = words("VOYAGE_API_KEY");
constexpr auto kOllamaEnv = words("OLLAMA_API_KEY");
constexpr auto kXaiEnv = words("XAI_API_KEY");
constexpr auto kOpenRouterEnv = words("OPENROUTER_API_KEY");
constexpr auto kTogetherEnv = words("TOGETHER_API_KEY");
constexpr auto kFireworksEnv = words("FIREWORKS_API_KEY");
constexpr auto kPerplexityEnv = words("PERPLEXITY_API_KEY", "PPLX_API_KEY");
constexpr auto kCerebrasEnv = words("CEREBRAS_API_KEY");
constexpr auto kNvidiaEnv = words("NVIDIA_API_KEY");
constexpr auto kSiliconFlowEnv = words("SILICONFLOW_API_KEY");
constexpr auto kYiEnv = words("YI_API_KEY", "LINGYIWANWU_API_KEY");
constexpr auto kHuggingFaceEnv = words("HF_TOKEN", "HUGGINGFACE_API_KEY");
constexpr auto kGitHubEnv = words("GITHUB_TOKEN");
constexpr auto kSambaNovaEnv = words("SAMBANOVA_API_KEY");
constexpr auto kCloudflareEnv = words("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY");
constexpr auto kDashScopeEnv = words("DASHSCOPE_API_KEY");
constexpr auto kArkEnv = words("ARK_API_KEY", "VOLC_API_KEY");
constexpr auto kSparkEnv = words("SPARK_API_PASSWORD", "SPARK_API_KEY");
constexpr auto kMiniMaxEnv = words("MINIMAX_API_KEY");
constexpr auto kGeminiEnv = words("GEMINI_API_KEY", "GOOGLE_API_KEY");
constexpr auto kQianfanEnv = words("QIANFAN_API_KEY");
constexpr auto kHunyuanEnv = words("HUNYUAN_API_KEY");
constexpr auto kClaudeEnv = words("ANTHROPIC_API_KEY");
constexpr auto kDifyEnv = words("DIFY_API_KEY");
constexpr auto kCozeEnv = words("COZE_API_TOKEN", "COZE_API_KEY");

// What a service serves where its entry names no models: the lists of simple-one-api, whose configs rely on them.
constexpr auto kDeepSeekModels = words("deepseek-chat", "deepseek-coder");
constexpr auto kZhipuModels =
    words("glm-3-turbo", "glm-4-0520", "glm-4", "glm-4-air", "glm-4-airx", "glm-4-flash", "glm-4v");
constexpr auto kGroqModels = words("llama3-70b-8192", "llama3-8b-8192", "gemma-7b-it", "mixtral-8x7b-32768");
constexpr auto kMiniMaxModels = words("abab6.5", "abab6.5s", "abab6.5t", "abab6.5g", "abab5.5s");
constexpr auto kArkModels = words("Doubao-pro-4k", "Doubao-pro-32k", "Doubao-pro-128k", "Doubao-lite-4k",
                                  "Doubao-lite-32k", "Doubao-lite-128k");
constexpr auto kSparkModels = words("spark-lite", "spark-v2.0", "spark-pro", "spark-max");
constexpr auto kHunyuanModels = words("hunyuan-lite", "hunyuan-standard", "hunyuan-standard-256K", "hunyuan-pro");

// https://platform.openai.com/docs/api-reference/chat/create: these refuse max_tokens.
constexpr auto kCompletionModels = words("o1", "o3", "o4", "gpt-5");

// https://console.groq.com/docs/openai: "the following fields are currently not supported".
constexpr auto kGroqLacks = words("logit_bias");
// https://docs.mistral.ai/api: unknown fields are refused.
constexpr auto kMistralLacks = words("user", "logit_bias", "logprobs", "top_logprobs", "service_tier");

// How a broken answer is gone on with. Models that think first would think anew, and are left out.
// https://api-docs.deepseek.com/guides/chat_prefix_completion (under /beta only)
constexpr auto kDeepSeekThinks = words("deepseek-reasoner");
constexpr ResumeStyle kDeepSeekResume = {
    .way = ResumeStyle::Way::prefix, .except = list(kDeepSeekThinks), .version = "beta"};
// https://docs.mistral.ai/capabilities/completion: the answer begins with the prefix.
constexpr auto kMistralThinks = words("magistral");
constexpr ResumeStyle kMistralResume = {
    .way = ResumeStyle::Way::prefix, .except = list(kMistralThinks), .repeats = true};
// https://platform.moonshot.ai/docs/guide/use-partial-mode-feature-of-kimi-api
constexpr auto kMoonshotThinks = words("kimi-k2-thinking", "kimi-thinking");
constexpr ResumeStyle kMoonshotResume = {.way = ResumeStyle::Way::partial, .except = list(kMoonshotThinks)};
// https://help.aliyun.com/zh/model-studio/partial-mode
constexpr auto kQwenPartial = words("qwen-max", "qwen-plus", "qwen-flash", "qwen-turbo", "qwen3-max", "qwen3-coder",
                                    "qwen-coder", "qwen2.5", "qwen-vl", "qwen3-vl");
constexpr auto kQwenThinks = words("qwen3-vl-235b-a22b-thinking", "qwen3-vl-30b-a3b-thinking");
constexpr ResumeStyle kQwenResume = {
    .way = ResumeStyle::Way::partial, .models = list(kQwenPartial), .except = list(kQwenThinks)};
// https://www.volcengine.com/docs/82379/1359497: models without thoughts; the answer is what follows.
constexpr auto kArkPrefill = words("doubao-1-5-pro-32k", "doubao-1-5-pro-256k", "doubao-1-5-lite", "doubao-pro-",
                                   "doubao-lite-", "Doubao-pro-", "Doubao-lite-");
constexpr ResumeStyle kArkResume = {.way = ResumeStyle::Way::plain, .models = list(kArkPrefill)};
// https://console.groq.com/docs/prefilling
constexpr auto kGroqPrefill = words("llama", "gemma", "mixtral", "meta-llama/");
constexpr ResumeStyle kGroqResume = {.way = ResumeStyle::Way::plain, .models = list(kGroqPrefill)};
// https://openrouter.ai/docs/api-reference/overview (assistant prefill), for models whose own API can.
constexpr auto kOpenRouterPrefill =
    words("anthropic/claude-3", "anthropic/claude-sonnet-4.5", "anthropic/claude-opus-4.5", "anthropic/claude-opus-4.1",
          "anthropic/claude-haiku-4.5", "mistralai/mistral", "meta-llama/", "deepseek/deepseek-chat", "qwen/qwen-2.5");
constexpr auto kOpenRouterAnew = words("anthropic/claude-3.7-sonnet:thinking");
constexpr ResumeStyle kOpenRouterResume = {
    .way = ResumeStyle::Way::plain, .models = list(kOpenRouterPrefill), .except = list(kOpenRouterAnew)};
// https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (continue_final_message)
constexpr ResumeStyle kVllmResume = {.way = ResumeStyle::Way::final_message, .anywhere = true};
// llama.cpp's server (--prefill-assistant, on by default) and Ollama render a last assistant message without its end.
constexpr ResumeStyle kLocalResume = {.way = ResumeStyle::Way::plain, .anywhere = true};

// https://www.xfyun.cn/doc/spark/HTTP%E8%B0%83%E7%94%A8%E6%96%87%E6%A1%A3.html
constexpr std::array kSparkNames = {
    ModelName{"spark-lite", "lite", {}},
    ModelName{"general", "lite", {}},
    ModelName{"spark-v2.0", "generalv3", {}},
    ModelName{"generalv2", "generalv3", {}},
    ModelName{"spark-pro", "generalv3", {}},
    ModelName{"spark-pro-128k", "pro-128k", {}},
    ModelName{"spark-max", "generalv3.5", {}},
    ModelName{"spark3.5-max", "generalv3.5", {}},
    ModelName{"spark-max32k", "max-32k", {}},
    ModelName{"spark-max-32k", "max-32k", {}},
    ModelName{"spark-4.0-ultra", "4.0Ultra", {}},
    ModelName{"4.0ultra", "4.0Ultra", {}},
    ModelName{"spark-x1", "x1", "v2"},
    ModelName{"x1", "x1", "v2"},
};

constexpr std::array kPresets = {
    Preset{.name = "openai",
           .base_url = "https://api.openai.com/v1",
           .env = list(kOpenAiEnv),
           .errors = &openai_errors,
           .responses = true,
           .openai = {.completion_models = list(kCompletionModels), .developer_role = true, .lenient_elsewhere = true}},
    Preset{.name = "deepseek",
           .base_url = "https://api.deepseek.com/v1",
           .env = list(kDeepSeekEnv),
           .models = list(kDeepSeekModels),
           .day_zone = kBeijing,
           .errors = &deepseek_errors,
           .responses = true,
           // https://api-docs.deepseek.com/quick_start/rate_limit: blank lines or comments for up to ten minutes
           .openai = {.json_schema = false, .queues = true, .embeddings_path = {}, .resume = kDeepSeekResume}},
    Preset{.name = "zhipu",
           .base_url = "https://open.bigmodel.cn/api/paas/v4",
           .env = list(kZhipuEnv),
           .models = list(kZhipuModels),
           .day_zone = kBeijing,
           .errors = &zhipu_errors,
           .openai = {.json_schema = false, .echo = ThoughtEcho::reasoning_content, .embedding_batch = 64}},
    Preset{.name = "groq",
           .base_url = "https://api.groq.com/openai/v1",
           .env = list(kGroqEnv),
           .models = list(kGroqModels),
           .errors = &groq_errors,
           .responses = true,
           .openai = {.lacks = list(kGroqLacks), .echo = ThoughtEcho::reasoning, .resume = kGroqResume}},
    Preset{.name = "moonshot",
           .base_url = "https://api.moonshot.cn/v1",
           .env = list(kMoonshotEnv),
           .day_zone = kBeijing,
           .errors = &moonshot_errors,
           .openai = {.echo = ThoughtEcho::reasoning_content, .embeddings_path = {}, .resume = kMoonshotResume}},
    Preset{.name = "mistral",
           .base_url = "https://api.mistral.ai/v1",
           .env = list(kMistralEnv),
           .errors = &mistral_errors,
           .openai = {.seed = "random_seed",
                      .lacks = list(kMistralLacks),
                      .required_tool = "any",
                      .short_call_ids = true,
                      .stream_options = false,
                      .echo = ThoughtEcho::thinking,
                      .file_url = "document_url",
                      .embedding_batch = 128,
                      .resume = kMistralResume}},
    Preset{.name = "xai",
           .base_url = "https://api.x.ai/v1",
           .env = list(kXaiEnv),
           .errors = &xai_errors,
           .responses = true,
           .openai = {.developer_role = true}},
    Preset{.name = "openrouter",
           .base_url = "https://openrouter.ai/api/v1",
           .env = list(kOpenRouterEnv),
           .errors = &openrouter_errors,
           .responses = true,
           .openai = {.top_k = "top_k",
                      .reasoning_tokens = "reasoning.max_tokens",
                      .developer_role = true,
                      .echo = ThoughtEcho::details,
                      .cache_control = true,
                      .file_url = "file",
                      .resume = kOpenRouterResume}},
    Preset{.name = "together",
           .base_url = "https://api.together.xyz/v1",
           .env = list(kTogetherEnv),
           .errors = &open_model_errors,
           .openai = {.top_k = "top_k", .audio_url = "audio_url"}},
    Preset{.name = "fireworks",
           .base_url = "https://api.fireworks.ai/inference/v1",
           .env = list(kFireworksEnv),
           .errors = &open_model_errors,
           .openai = {.top_k = "top_k", .echo = ThoughtEcho::reasoning_content}},
    Preset{.name = "perplexity",
           .base_url = "https://api.perplexity.ai",
           .env = list(kPerplexityEnv),
           .openai = {.top_k = "top_k", .models_path = {}}},
    Preset{.name = "cerebras",
           .base_url = "https://api.cerebras.ai/v1",
           .env = list(kCerebrasEnv),
           .errors = &cerebras_errors,
           .openai = {.max_tokens = "max_completion_tokens", .echo = ThoughtEcho::reasoning, .embeddings_path = {}}},
    Preset{.name = "nvidia",
           .base_url = "https://integrate.api.nvidia.com/v1",
           .env = list(kNvidiaEnv),
           .errors = &open_model_errors,
           .openai = {.think_tags = true}},
    Preset{.name = "siliconflow",
           .base_url = "https://api.siliconflow.cn/v1",
           .env = list(kSiliconFlowEnv),
           .day_zone = kBeijing,
           .errors = &open_model_errors,
           .openai = {.top_k = "top_k",
                      .reasoning_tokens = "thinking_budget",
                      .audio_url = "audio_url",
                      .embedding_batch = 32}},
    Preset{.name = "lingyiwanwu",
           .base_url = "https://api.lingyiwanwu.com/v1",
           .env = list(kYiEnv),
           .day_zone = kBeijing,
           .openai = {.embeddings_path = {}}},
    Preset{.name = "huggingface",
           .base_url = "https://router.huggingface.co/v1",
           .env = list(kHuggingFaceEnv),
           .errors = &open_model_errors},
    Preset{.name = "github",
           .base_url = "https://models.github.ai/inference",
           .env = list(kGitHubEnv),
           .errors = &openai_errors,
           .openai = {.completion_models = list(kCompletionModels), .developer_role = true, .models_path = {}}},
    Preset{.name = "sambanova",
           .base_url = "https://api.sambanova.ai/v1",
           .env = list(kSambaNovaEnv),
           .errors = &open_model_errors,
           .openai = {.top_k = "top_k", .think_tags = true}},
    Preset{.name = "cloudflare",
           .base_url = "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
           .env = list(kCloudflareEnv),
           .errors = &cloudflare_errors,
           .openai = {.models_path = {}}},
    Preset{.name = "bailian",
           .base_url = "https://dashscope.aliyuncs.com/compatible-mode/v1",
           .env = list(kDashScopeEnv),
           .day_zone = kBeijing,
           .errors = &dashscope_errors,
           .openai = {.top_k = "top_k",
                      .reasoning_tokens = "thinking_budget",
                      .cache_control = true,
                      .embedding_batch = 10,
                      .resume = kQwenResume}},
    Preset{.name = "huoshan",
           .base_url = "https://ark.cn-beijing.volces.com/api/v3",
           .env = list(kArkEnv),
           .models = list(kArkModels),
           .day_zone = kBeijing,
           .errors = &ark_errors,
           .openai = {.echo = ThoughtEcho::reasoning_content,
                      .bot_prefix = "bot-",
                      .bot_path = "/bots/chat/completions",
                      .models_path = {},
                      .embedding_batch = 256,
                      .resume = kArkResume}},
    Preset{.name = "xinghuo",
           .base_url = "https://spark-api-open.xf-yun.com/v1",
           .auth = AuthStyle::pair,
           .env = list(kSparkEnv),
           .models = list(kSparkModels),
           .day_zone = kBeijing,
           .errors = &spark_errors,
           .openai = {.top_k = "top_k",
                      .json_schema = false,
                      .embeddings_path = {},
                      .models_path = {},
                      .model_names = kSparkNames}},
    Preset{.name = "minimax",
           .base_url = "https://api.minimaxi.com/v1",
           .env = list(kMiniMaxEnv),
           .models = list(kMiniMaxModels),
           .day_zone = kBeijing,
           .errors = &minimax_errors,
           .openai = {.echo = ThoughtEcho::details, .embeddings_path = {}, .models_path = {}}},
    Preset{.name = "qianfan/v2",
           .base_url = "https://qianfan.baidubce.com/v2",
           .env = list(kQianfanEnv),
           .day_zone = kBeijing,
           .errors = &qianfan_errors,
           .openai = {.embedding_batch = 16}},
    Preset{.name = "hunyuan/v1",
           .base_url = "https://api.hunyuan.cloud.tencent.com/v1",
           .env = list(kHunyuanEnv),
           .models = list(kHunyuanModels),
           .day_zone = kBeijing,
           .openai = {.models_path = {}, .embedding_batch = 50}},
    // https://docs.voyageai.com/reference/embeddings-api
    Preset{.name = "voyage",
           .base_url = "https://api.voyageai.com/v1",
           .env = list(kVoyageEnv),
           .errors = &voyage_errors,
           .openai = {.models_path = {}, .embedding_batch = 1000}},
    Preset{.name = "cohere",
           .base_url = "https://api.cohere.com",
           .auth = AuthStyle::own,
           .env = list(kCohereEnv),
           .errors = &cohere_errors},
    Preset{.name = "dify", .base_url = "https://api.dify.ai/v1", .auth = AuthStyle::own, .env = list(kDifyEnv)},
    Preset{.name = "coze",
           .base_url = "https://api.coze.cn/v3",
           .auth = AuthStyle::own,
           .env = list(kCozeEnv),
           .day_zone = kBeijing},
    Preset{.name = "ollama/v1",
           .base_url = "http://127.0.0.1:11434/v1",
           .auth = AuthStyle::optional_bearer,
           .env = list(kOllamaEnv),
           .errors = &ollama_errors,
           .openai = {.think_tags = true, .echo = ThoughtEcho::reasoning, .resume = kLocalResume}},
    Preset{.name = "lmstudio",
           .base_url = "http://127.0.0.1:1234/v1",
           .auth = AuthStyle::optional_bearer,
           .errors = &open_model_errors,
           .responses = true,
           .openai = {.top_k = "top_k", .think_tags = true}},
    Preset{.name = "vllm",
           .base_url = "http://127.0.0.1:8000/v1",
           .auth = AuthStyle::optional_bearer,
           .errors = &open_model_errors,
           .responses = true,
           .openai = {.top_k = "top_k",
                      .developer_role = true,
                      .think_tags = true,
                      .audio_url = "audio_url",
                      .resume = kVllmResume}},
    Preset{.name = "llamacpp",
           .base_url = "http://127.0.0.1:8080/v1",
           .auth = AuthStyle::optional_bearer,
           .errors = &open_model_errors,
           .openai =
               {.top_k = "top_k", .think_tags = true, .echo = ThoughtEcho::reasoning_content, .resume = kLocalResume}},
    Preset{.name = "azure",
           .auth = AuthStyle::header,
           .auth_header = "api-key",
           .errors = &azure_errors,
           .openai = {.completion_models = list(kCompletionModels), .developer_role = true, .lenient_elsewhere = true}},
    Preset{.name = "claude",
           .base_url = "https://api.anthropic.com",
           .auth = AuthStyle::own,
           .env = list(kClaudeEnv),
           .errors = &anthropic_error_rules},
    Preset{.name = "bedrock", .auth = AuthStyle::own, .errors = &bedrock_error_rules},
    Preset{.name = "gemini",
           .base_url = "https://generativelanguage.googleapis.com/v1beta",
           .auth = AuthStyle::own,
           .env = list(kGeminiEnv),
           .day_zone = kPacific},
    Preset{.name = "vertexai", .auth = AuthStyle::own, .day_zone = kPacific},
};

}  // namespace

std::span<const Preset> presets() noexcept { return kPresets; }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
