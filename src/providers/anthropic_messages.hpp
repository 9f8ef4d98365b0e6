#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/chat.hpp>

#include "providers/anthropic_models.hpp"
#include "providers/provider.hpp"
#include "providers/turns.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Writes a conversation's messages as content blocks.
class AnthropicMessages {
 public:
  AnthropicMessages(JsonWriter& out, RequestCheck& check, const ClaudeTraits& traits)
      : out_(out), check_(check), traits_(traits) {}

  /// The value of `system`.
  void system(const std::vector<PlacedMessage>& messages);
  /// An element of `messages`.
  void turn(const Turn& turn);
  /// `cache_control`, where there is a breakpoint.
  void cache_control(const std::optional<CacheBreakpoint>& cache, std::string_view where);

 private:
  void message_parts(const PlacedMessage& placed);
  void parts(const Message& message, const std::string& where);
  void text(const TextPart& part, const std::vector<std::string_view>& citations, const std::string& where);
  void image(const ImagePart& part, const std::string& where);
  void file(const FilePart& part, const std::string& where);
  void reasoning(const ReasoningPart& part, const std::string& where);
  void tool_use(const ToolCall& call, const std::string& where);
  void tool_result(const PlacedMessage& placed);
  void source_of_bytes(std::string_view media_type, std::string_view data);
  void source_of_url(std::string_view url);

  JsonWriter& out_;
  RequestCheck& check_;
  const ClaudeTraits& traits_;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
