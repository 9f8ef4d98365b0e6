#include "providers/qianfan_models.hpp"

#include <array>
#include <span>

#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

struct Address {
  std::string_view model;
  std::string_view path;
};

// https://cloud.baidu.com/doc/WENXINWORKSHOP/s/Nlks5zkzu
constexpr std::array kChat = {
    Address{"ERNIE-4.0-8K", "completions_pro"},
    Address{"ERNIE-4.0-8K-Latest", "ernie-4.0-8k-latest"},
    Address{"ERNIE-4.0-8K-Preview", "ernie-4.0-8k-preview"},
    Address{"ERNIE-4.0-8K-0329", "ernie-4.0-8k-0329"},
    Address{"ERNIE-4.0-8K-0613", "ernie-4.0-8k-0613"},
    Address{"ERNIE-4.0-Turbo-8K", "ernie-4.0-turbo-8k"},
    Address{"ERNIE-4.0-Turbo-8K-Preview", "ernie-4.0-turbo-8k-preview"},
    Address{"ERNIE-3.5-8K", "completions"},
    Address{"ERNIE-3.5-8K-Preview", "ernie-3.5-8k-preview"},
    Address{"ERNIE-3.5-8K-0329", "ernie-3.5-8k-0329"},
    Address{"ERNIE-3.5-8K-0613", "ernie-3.5-8k-0613"},
    Address{"ERNIE-3.5-8K-0701", "ernie-3.5-8k-0701"},
    Address{"ERNIE-3.5-128K", "ernie-3.5-128k"},
    Address{"ERNIE-Speed-8K", "ernie_speed"},
    Address{"ERNIE-Speed-128K", "ernie-speed-128k"},
    Address{"ERNIE-Lite-8K", "ernie-lite-8k"},
    Address{"ERNIE-Lite-8K-0922", "eb-instant"},
    Address{"ERNIE-Tiny-8K", "ernie-tiny-8k"},
    Address{"ERNIE-Novel-8K", "ernie-novel-8k"},
    Address{"ERNIE-Character-8K", "ernie-char-8k"},
    Address{"ERNIE-Functions-8K", "ernie-func-8k"},
    Address{"Qianfan-Dynamic-8K", "qianfan-dynamic-8k"},
    Address{"ERNIE-Speed-AppBuilder-8K", "ai_apaas"},
    Address{"ERNIE-Lite-AppBuilder-8K-0614", "ai_apaas_lite"},
    Address{"Gemma-7B-it", "gemma_7b_it"},
    Address{"Yi-34B-Chat", "yi_34b_chat"},
    Address{"Mixtral-8x7B-Instruct", "mixtral_8x7b_instruct"},
    Address{"Llama-2-7b-chat", "llama_2_7b"},
    Address{"Llama-2-13b-chat", "llama_2_13b"},
    Address{"Llama-2-70b-chat", "llama_2_70b"},
    Address{"Qianfan-Chinese-Llama-2-7B", "qianfan_chinese_llama_2_7b"},
    Address{"Qianfan-Chinese-Llama-2-13B-v1", "qianfan_chinese_llama_2_13b"},
    Address{"Qianfan-Chinese-Llama-2-70B", "qianfan_chinese_llama_2_70b"},
    Address{"Meta-Llama-3-8B-Instruct", "llama_3_8b"},
    Address{"Meta-Llama-3-70B-Instruct", "llama_3_70b"},
    Address{"ChatGLM2-6B-32K", "chatglm2_6b_32k"},
    Address{"XuanYuan-70B-Chat-4bit", "xuanyuan_70b_chat"},
    Address{"ChatLaw", "chatlaw"},
    Address{"AquilaChat-7B", "aquilachat_7b"},
    Address{"BLOOMZ-7B", "bloomz_7b1"},
    Address{"Qianfan-BLOOMZ-7B-compressed", "qianfan_bloomz_7b_compressed"},
};

// https://cloud.baidu.com/doc/WENXINWORKSHOP/s/alj562vvu
constexpr std::array kEmbedding = {
    Address{"Embedding-V1", "embedding-v1"},
    Address{"bge-large-zh", "bge_large_zh"},
    Address{"bge-large-en", "bge_large_en"},
    Address{"tao-8k", "tao_8k"},
};

std::string_view find(std::span<const Address> table, std::string_view model) noexcept {
  for (const Address& address : table) {
    if (equal_ignoring_case(address.model, model)) return address.path;
  }
  return {};
}

}  // namespace

std::string_view qianfan_chat_address(std::string_view model) noexcept { return find(kChat, model); }

std::string_view qianfan_embedding_address(std::string_view model) noexcept { return find(kEmbedding, model); }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
