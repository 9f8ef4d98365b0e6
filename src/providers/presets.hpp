#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <keywheel/version.hpp>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

enum class AuthStyle : std::uint8_t {
  bearer,           ///< Authorization: Bearer KEY
  optional_bearer,  ///< the same where there is a key: local servers
  header,           ///< the key alone, in Preset::auth_header
  pair,             ///< Bearer api_key:api_secret; api_key alone where there is no api_secret
  own,              ///< the dialect signs by itself
};

/// What a preset's server does otherwise than OpenAI's. Data, so that no code asks for a provider's name.
struct OpenAiQuirks {
  std::string_view max_tokens = "max_tokens";    ///< the name of the ceiling
  bool completion_tokens_for_reasoning = false;  ///< models named o1…, o3…, gpt-5… want `max_completion_tokens`
  bool developer_role = false;                   ///< knows the role; else it is sent as `system`
  bool stream_options = true;                    ///< takes stream_options.include_usage
  bool think_tags = false;                       ///< <think>…</think> at the start of the content is reasoning
  bool think_opened = false;                     ///< the content begins inside a thought that only `</think>` ends
  std::string_view models_path = "/models";
  std::string_view embeddings_path = "/embeddings";
  std::string_view chat_path = "/chat/completions";
  std::string_view bot_prefix{};  ///< models that begin so go to `bot_chat_path`
  std::string_view bot_chat_path{};
  std::string_view reasoning_tokens{};  ///< member that takes ChatRequest::reasoning_tokens; empty: none
  std::string_view top_k{};             ///< member that takes top_k; empty: none
  bool audio = false;
  bool files = false;
  bool logit_bias = true;
  bool logprobs = true;
  bool many = true;            ///< n > 1
  int embedding_batch = 2048;  ///< texts in one embedding request
  bool embeddings = true;
  bool listing = true;
};

/// What keywheel knows of a provider before a config says a word.
struct Preset {
  std::string_view name{};
  std::string_view base_url{};  ///< what the provider's own paths are appended to
  AuthStyle auth = AuthStyle::bearer;
  std::string_view auth_header{};
  std::span<const std::string_view> env{};     ///< environment variables that hold its key, first found first
  std::span<const std::string_view> models{};  ///< served where a service names none; empty: any
  std::string_view day_zone = "UTC";  ///< in which its days turn: "UTC", "Asia/Shanghai", "America/Los_Angeles"
  std::span<const ErrorRule> errors{};
  OpenAiQuirks openai{};
};

/// All providers that ship with keywheel.
[[nodiscard]] std::span<const Preset> presets() noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
