#pragma once

#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"
#include "providers/provider.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How one service is written to.
struct OpenAiWriting {
  const Preset& preset;
  const Target& target;
  std::string_view model;  ///< as the vendor names it
  bool elsewhere = false;  ///< the service points the preset to another host
};

/// The body of a chat request. What cannot be said is told to `check`; the body counts only if that is ok then.
/// https://platform.openai.com/docs/api-reference/chat/create
[[nodiscard]] std::string write_openai_chat(const ChatRequest& request, const OpenAiWriting& how, RequestCheck& check);

/// The member `messages` and its value.
void write_openai_messages(const std::vector<Message>& messages, const OpenAiWriting& how, JsonWriter& out,
                           RequestCheck& check);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
