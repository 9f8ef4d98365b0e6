#include "providers/registry.hpp"

#include <algorithm>
#include <array>

#include "providers/anthropic.hpp"
#include "providers/azure.hpp"
#include "providers/bailian.hpp"
#include "providers/bedrock.hpp"
#include "providers/cloudflare_run.hpp"
#include "providers/cohere.hpp"
#include "providers/coze.hpp"
#include "providers/dashscope.hpp"
#include "providers/dify.hpp"
#include "providers/gemini.hpp"
#include "providers/hunyuan.hpp"
#include "providers/huoshan.hpp"
#include "providers/minimax.hpp"
#include "providers/minimax_pro.hpp"
#include "providers/ollama.hpp"
#include "providers/openai.hpp"
#include "providers/openai_responses.hpp"
#include "providers/qianfan.hpp"
#include "providers/vertex.hpp"
#include "providers/voyage.hpp"
#include "providers/xinghuo.hpp"
#include "providers/zhipu.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using Make = std::shared_ptr<const Transport> (*)(const Preset& preset);

/// A dialect that is not just the OpenAI-compatible one of the preset of the provider's name.
struct Row {
  std::string_view provider;
  std::string_view api;  ///< as in ServiceConfig::api; empty: the usual one
  std::string_view preset;
  Make make;
};

constexpr std::array kRows = {
    Row{"azure", "", "azure", &make_azure_transport},
    Row{"azure", "responses", "azure", &make_azure_responses_transport},
    Row{"claude", "", "claude", &make_anthropic_transport},
    Row{"anthropic", "", "claude", &make_anthropic_transport},
    Row{"bedrock", "", "bedrock", &make_bedrock_transport},
    Row{"gemini", "", "gemini", &make_gemini_transport},
    Row{"vertexai", "", "vertexai", &make_vertex_transport},
    Row{"dashscope", "", "bailian", &make_dashscope_transport},
    Row{"dashscope", "native", "bailian", &make_dashscope_native_transport},
    Row{"dashscope", "compatible", "bailian", &make_openai_transport},
    Row{"dashscope", "openai", "bailian", &make_openai_transport},
    Row{"bailian", "", "bailian", &make_bailian_transport},
    Row{"bailian", "app", "bailian", &make_bailian_app_transport},
    Row{"bailian", "openai", "bailian", &make_openai_transport},
    Row{"qianfan", "", "qianfan/v2", &make_qianfan_transport},
    Row{"qianfan", "v1", "qianfan/v2", &make_qianfan_v1_transport},
    Row{"qianfan", "v2", "qianfan/v2", &make_openai_transport},
    Row{"hunyuan", "", "hunyuan/v1", &make_hunyuan_transport},
    Row{"hunyuan", "native", "hunyuan/v1", &make_hunyuan_native_transport},
    Row{"hunyuan", "compatible", "hunyuan/v1", &make_openai_transport},
    Row{"hunyuan", "openai", "hunyuan/v1", &make_openai_transport},
    Row{"minimax", "", "minimax", &make_minimax_transport},
    Row{"minimax", "pro", "minimax", &make_minimax_pro_transport},
    Row{"huoshan", "", "huoshan", &make_huoshan_transport},
    Row{"zhipu", "", "zhipu", &make_zhipu_transport},
    Row{"xinghuo", "", "xinghuo", &make_xinghuo_transport},
    Row{"dify", "", "dify", &make_dify_transport},
    Row{"coze", "", "coze", &make_coze_transport},
    Row{"cloudflare", "run", "cloudflare", &make_cloudflare_run_transport},
    Row{"cohere", "", "cohere", &make_cohere_transport},
    Row{"voyage", "", "voyage", &make_voyage_transport},
    Row{"ollama", "", "ollama/v1", &make_ollama_transport},
    Row{"ollama", "native", "ollama/v1", &make_ollama_native_transport},
    Row{"ollama", "compatible", "ollama/v1", &make_openai_transport},
    Row{"ollama", "openai", "ollama/v1", &make_openai_transport},
};

const Row* find_row(std::string_view provider, std::string_view api) noexcept {
  const auto row =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.provider == provider && r.api == api; });
  return row == kRows.end() ? nullptr : &*row;
}

const Preset* preset_named(std::string_view name) noexcept {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<const Transport> make_transport(std::string_view provider, std::string_view api) {
  if (const Row* row = find_row(provider, api)) {
    const Preset* preset = preset_named(row->preset);
    return preset == nullptr ? nullptr : row->make(*preset);
  }
  const Preset* preset = preset_named(provider);
  if (preset != nullptr && api == "responses" && preset->responses) return make_responses_transport(*preset);
  const bool compatible = preset != nullptr && preset->auth != AuthStyle::own;
  return compatible && (api.empty() || api == "chat") ? make_openai_transport(*preset) : nullptr;
}

std::vector<std::string_view> provider_names() {
  std::vector<std::string_view> names;
  for (const Preset& preset : presets()) {
    if (preset.name.find('/') == std::string_view::npos) names.push_back(preset.name);
  }
  for (const Row& row : kRows) names.push_back(row.provider);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

const Preset* find_preset(std::string_view name) noexcept {
  if (const Preset* preset = preset_named(name)) return preset;
  const Row* row = find_row(name, {});
  return row == nullptr ? nullptr : preset_named(row->preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
