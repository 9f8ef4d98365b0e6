#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/chat.hpp>

#include "providers/provider.hpp"
#include "providers/turns.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Writes a conversation's messages as Converse's content blocks.
class BedrockMessages {
 public:
  BedrockMessages(JsonWriter& out, RequestCheck& check) : out_(out), check_(check) {}

  /// The value of `system`.
  void system(const std::vector<PlacedMessage>& messages);
  /// An element of `messages`.
  void turn(const Turn& turn);
  /// An element that ends what is cached, where there is a breakpoint.
  void cache_point(const std::optional<CacheBreakpoint>& cache, const std::string& where);

 private:
  void parts(const Message& message, const std::string& where);
  void text(const TextPart& part, const std::string& where);
  void cited_text(const TextPart& part, std::string_view citations, const std::string& where);
  void image(const ImagePart& part, const std::string& where);
  void file(const FilePart& part, const std::string& where);
  void reasoning(const ReasoningPart& part, const std::string& where);
  void tool_uses(const Message& message, const std::string& where, bool server);
  void tool_use(const ToolCall& call, const std::string& where);
  void tool_result(const PlacedMessage& placed);
  /// Bytes, what a data: URL holds, or an s3:// URL.
  void source(std::string_view data, std::string_view url);

  JsonWriter& out_;
  RequestCheck& check_;
  int documents_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
