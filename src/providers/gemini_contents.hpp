#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <keywheel/chat.hpp>

#include "providers/gemini_body.hpp"
#include "providers/gemini_models.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Writes the conversation: `systemInstruction` and `contents`.
class GeminiContents {
 public:
  GeminiContents(const ChatRequest& request, const GeminiGeneration& generation, GeminiDoor door, RequestCheck& check,
                 JsonWriter& json)
      : request_(request), generation_(generation), door_(door), check_(check), json_(json) {}

  void write();

 private:
  void system_instruction();
  void contents();
  /// Opens the content that the next part of this role goes to: roles alternate, so what follows with the same role
  /// joins.
  void turn(std::string_view role);
  void end_turn(std::string_view extra = {});

  void user(const Message& message, std::size_t at);
  void assistant(const Message& message, std::size_t at);
  void result(const Message& message, std::size_t at);

  void part(const Part& part, const std::string& path);
  void media(std::string_view url, std::string_view data, std::string_view type, std::string_view extra,
             const std::string& path);
  void file(const FilePart& file, const std::string& path);
  void reasoning(const ReasoningPart& part);
  void function_call(const ToolCall& call, const std::string& path, bool first);
  void function_result(std::string_view text, bool failed);

  const ChatRequest& request_;
  const GeminiGeneration& generation_;
  GeminiDoor door_;
  RequestCheck& check_;
  JsonWriter& json_;
  std::string_view role_{};  ///< of the open content; empty: none is open
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
