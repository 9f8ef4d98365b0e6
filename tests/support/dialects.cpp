#include "support/dialects.hpp"

#include <algorithm>
#include <array>

#include "support/dialect_anthropic.hpp"
#include "support/dialect_gemini.hpp"
#include "support/dialect_openai.hpp"
#include "support/provider_engine.hpp"

namespace keywheel::testing {
namespace {

struct Row {
  std::string_view provider;
  std::string_view api;
  std::unique_ptr<Dialect> (*make)();
};

constexpr std::array kRows = {
    Row{"openai", "responses", &responses_dialect},
    Row{"azure", "", &azure_dialect},
    Row{"azure", "responses", &responses_dialect},
    Row{"anthropic", "", &anthropic_dialect},
    Row{"claude", "", &anthropic_dialect},
    Row{"gemini", "", &gemini_dialect},
    Row{"vertexai", "", &vertex_dialect},
    Row{"bedrock", "", &bedrock_dialect},
    Row{"hunyuan", "native", &hunyuan_dialect},
    Row{"qianfan", "v1", &qianfan_v1_dialect},
    Row{"minimax", "pro", &minimax_pro_dialect},
    Row{"huoshan", "", &huoshan_dialect},
    Row{"dashscope", "native", &dashscope_dialect},
    Row{"bailian", "app", &bailian_app_dialect},
    Row{"dify", "", &dify_dialect},
    Row{"coze", "", &coze_dialect},
    Row{"cloudflare", "run", &cloudflare_run_dialect},
    Row{"cohere", "", &cohere_dialect},
    Row{"ollama", "native", &ollama_dialect},
};

}  // namespace

std::unique_ptr<Dialect> make_dialect(std::string_view provider, std::string_view api) {
  const auto* const row =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.provider == provider && r.api == api; });
  return row == kRows.end() ? compatible_dialect(provider) : row->make();
}

void add_every_dialect(ProviderEngine& engine) {
  for (const Row& row : kRows) engine.add_dialect(row.make());
}

}  // namespace keywheel::testing
