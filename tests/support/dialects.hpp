#pragma once

#include <memory>
#include <string_view>

#include "support/dialect.hpp"

/// The wire formats that the loopback provider speaks beside OpenAI's chat completions, one file each.

namespace keywheel::testing {

/// The dialect of a provider's API, as ServiceConfig::provider and ::api name them; OpenAI's, with the errors of that
/// vendor, where it has none of its own.
[[nodiscard]] std::unique_ptr<Dialect> make_dialect(std::string_view provider, std::string_view api = {});

class ProviderEngine;
/// Every dialect that a request's path or headers tell from the others.
void add_every_dialect(ProviderEngine& engine);

/// Azure's deployments (…/openai/deployments/NAME/chat/completions?api-version=…) and …/openai/v1, with `api-key`.
[[nodiscard]] std::unique_ptr<Dialect> azure_dialect();
/// POST …/v1/responses. https://platform.openai.com/docs/api-reference/responses
[[nodiscard]] std::unique_ptr<Dialect> responses_dialect();
/// A service account's token (POST …/token), and Gemini and Claude at …/publishers/….
[[nodiscard]] std::unique_ptr<Dialect> vertex_dialect();
/// Converse and ConverseStream. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
[[nodiscard]] std::unique_ptr<Dialect> bedrock_dialect();
/// TC3-signed ChatCompletions at the root. https://cloud.tencent.com/document/api/1729/105701
[[nodiscard]] std::unique_ptr<Dialect> hunyuan_dialect();
/// OAuth token, then wenxinworkshop. https://cloud.baidu.com/doc/WENXINWORKSHOP/s/clntwmv7t
[[nodiscard]] std::unique_ptr<Dialect> qianfan_v1_dialect();
/// chatcompletion_pro. https://platform.minimaxi.com/document/ChatCompletion%20Pro
[[nodiscard]] std::unique_ptr<Dialect> minimax_pro_dialect();
/// Ark, with a key or with one that GetApiKey gives for AK and SK. https://www.volcengine.com/docs/82379
[[nodiscard]] std::unique_ptr<Dialect> huoshan_dialect();
/// text-generation and multimodal-generation. https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope
[[nodiscard]] std::unique_ptr<Dialect> dashscope_dialect();
/// …/apps/ID/completion. https://help.aliyun.com/zh/model-studio/call-single-agent-application
[[nodiscard]] std::unique_ptr<Dialect> bailian_app_dialect();
/// https://docs.dify.ai/api-reference/chat/send-chat-message
[[nodiscard]] std::unique_ptr<Dialect> dify_dialect();
/// https://www.coze.cn/open/docs/developer_guides/chat_v3
[[nodiscard]] std::unique_ptr<Dialect> coze_dialect();
/// …/ai/run/MODEL. https://developers.cloudflare.com/api/resources/ai/methods/run/
[[nodiscard]] std::unique_ptr<Dialect> cloudflare_run_dialect();
/// …/v2/chat. https://docs.cohere.com/reference/chat
[[nodiscard]] std::unique_ptr<Dialect> cohere_dialect();
/// …/api/chat, without a key. https://docs.ollama.com/api/chat
[[nodiscard]] std::unique_ptr<Dialect> ollama_dialect();

}  // namespace keywheel::testing
