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

/// In which form the thoughts of earlier turns are sent back.
enum class ThoughtEcho : std::uint8_t {
  none,               ///< not at all: the provider wants none, or ignores them
  reasoning_content,  ///< a string of that name
  reasoning,          ///< a string of that name
  details,            ///< the list `reasoning_details`, with seals (OpenRouter)
  thinking,           ///< a content part (Mistral)
};

/// A model's name where the vendor's differs from the one that configs use, or where it lives under another version.
struct ModelName {
  std::string_view ours{};
  std::string_view theirs{};
  std::string_view version{};  ///< instead of the base URL's last segment ("v2"); empty: the same
};

/// How a provider is asked to go on with an answer that broke off.
struct ResumeStyle {
  enum class Way : std::uint8_t {
    none,           ///< it cannot
    plain,          ///< it does so wherever the last message is the assistant's
    prefix,         ///< "prefix": true in that message
    partial,        ///< "partial": true in that message
    final_message,  ///< "continue_final_message": true in the body
  };
  Way way = Way::none;
  std::span<const std::string_view> models{};  ///< prefixes of the models that can; empty: all
  std::span<const std::string_view> except{};  ///< prefixes of those that cannot
  std::string_view version{};                  ///< instead of the base URL's last segment; empty: the same
  bool repeats = false;                        ///< it answers with the given beginning, too
  bool anywhere = false;                       ///< also with another base URL than its own: a server one runs oneself
};

/// What a server does otherwise than OpenAI's. Data, so that no code asks for a provider's name.
struct OpenAiQuirks {
  std::string_view max_tokens = "max_tokens";
  std::span<const std::string_view> completion_models{};  ///< prefixes of models that want `max_completion_tokens`
  std::string_view seed = "seed";
  std::string_view top_k{};                     ///< member that takes top_k; empty: none
  std::string_view reasoning_tokens{};          ///< member that takes it, a.b for nested; empty: none
  std::span<const std::string_view> lacks{};    ///< fields of ChatRequest that the API refuses
  bool developer_role = false;                  ///< knows the role; else it is sent as `system`
  std::string_view required_tool = "required";  ///< its word for tool_choice `required`
  bool short_call_ids = false;                  ///< takes ids of tool calls of nine letters and digits only
  bool stream_options = true;                   ///< takes stream_options.include_usage
  bool json_schema = true;                      ///< takes response_format json_schema
  bool think_tags = false;                      ///< <think>…</think> at the start of the content is reasoning
  bool think_opened = false;                    ///< the content begins inside a thought that only </think> ends
  bool queues = false;                          ///< keeps a request waiting within the answer, and closes it when full
  ThoughtEcho echo = ThoughtEcho::none;
  bool cache_control = false;      ///< takes Anthropic's cache_control in parts and tools
  std::string_view audio_url{};    ///< part type for audio by URL; empty: none
  std::string_view file_url{};     ///< part type for files by URL; empty: none
  bool lenient_elsewhere = false;  ///< with another base URL any server may be behind it: send what the own one lacks
  std::string_view chat_path = "/chat/completions";
  std::string_view bot_prefix{};  ///< models that begin so are called at `bot_path`
  std::string_view bot_path{};
  std::string_view embeddings_path = "/embeddings";  ///< empty: no embeddings
  std::string_view models_path = "/models";          ///< empty: no listing
  int embedding_batch = 2048;                        ///< texts in one embedding request
  std::span<const ModelName> model_names{};
  ResumeStyle resume{};
};

/// What keywheel knows of a provider before a config says a word.
struct Preset {
  std::string_view name{};      ///< as in ServiceConfig::provider; "name/api" for another dialect of the same provider
  std::string_view base_url{};  ///< what the provider's own paths are appended to; {name} stands for an option of the
                                ///< service or a field of the credential; empty: the service must say
  AuthStyle auth = AuthStyle::bearer;
  std::string_view auth_header{};
  std::span<const std::string_view> env{};     ///< environment variables that hold its key, first found first
  std::span<const std::string_view> models{};  ///< served where a service names none; empty: any
  std::string_view day_zone = "UTC";  ///< in which its days turn: "UTC", "Asia/Shanghai", "America/Los_Angeles"
  std::span<const ErrorRule> (*errors)() noexcept = nullptr;  ///< what its errors mean; null: nothing of their own

  bool responses = false;  ///< speaks OpenAI's Responses API, too
  OpenAiQuirks openai{};
};

/// The error rules of a preset; none: empty.
[[nodiscard]] inline std::span<const ErrorRule> rules_of(const Preset& preset) noexcept {
  return preset.errors == nullptr ? std::span<const ErrorRule>{} : preset.errors();
}

/// All providers that ship with keywheel.
[[nodiscard]] std::span<const Preset> presets() noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
