#include "support/dialect_base.hpp"

namespace keywheel::testing {
namespace {

using Wrong = std::optional<std::string>;

/// A string, or a list of parts.
Wrong read_content(const rapidjson::Value& message, Turn& turn) {
  const rapidjson::Value* content = member(message, "content");
  if (content == nullptr || content->IsNull()) return std::nullopt;
  if (content->IsString()) {
    turn.text = view(*content);
    return std::nullopt;
  }
  if (!content->IsArray()) return "a message's content is neither a string nor a list";
  for (const rapidjson::Value& part : content->GetArray()) {
    const std::string_view type = string_member(part, "type");
    if (type.empty()) return "a part of a message has no type";
    if (type == "text") turn.text += string_member(part, "text");
    if (type != "image_url") continue;
    const rapidjson::Value* image = member(part, "image_url");
    const std::string_view url = image == nullptr ? std::string_view{} : string_member(*image, "url");
    if (url.empty()) return "an image has no image_url.url";
    turn.images.push_back(image_of(url));
  }
  return std::nullopt;
}

Wrong read_calls(const rapidjson::Value& message, Turn& turn) {
  const rapidjson::Value* calls = member(message, "tool_calls");
  if (calls == nullptr || !calls->IsArray()) return std::nullopt;
  for (const rapidjson::Value& call : calls->GetArray()) {
    const rapidjson::Value* function = member(call, "function");
    if (function == nullptr || string_member(call, "id").empty()) return "a tool call has no id, or no function";
    if (member(*function, "arguments") == nullptr || !member(*function, "arguments")->IsString()) {
      return "the arguments of a call are not a string";
    }
    turn.calls.push_back({std::string(string_member(call, "id")), std::string(string_member(*function, "name")),
                          std::string(string_member(*function, "arguments"))});
  }
  return std::nullopt;
}

Wrong read_message(const rapidjson::Value& message, Turn& turn) {
  const std::string_view role = string_member(message, "role");
  if (role == "system" || role == "developer") {
    turn.who = Turn::Who::system;
  } else if (role == "assistant") {
    turn.who = Turn::Who::assistant;
    if (Wrong wrong = read_calls(message, turn)) return wrong;
  } else if (role == "tool") {
    turn.who = Turn::Who::tool;
    turn.answers = string_member(message, "tool_call_id");
    if (turn.answers->empty()) return "a tool's message has no tool_call_id";
  } else if (role != "user") {
    return "a message has no role that is known";
  }
  return read_content(message, turn);
}

}  // namespace

std::optional<std::string> read_openai_turns(const rapidjson::Value& body, std::vector<Turn>& turns) {
  const rapidjson::Value* messages = member(body, "messages");
  if (messages == nullptr || !messages->IsArray() || messages->Empty()) {
    return "Missing required parameter: 'messages'.";
  }
  for (const rapidjson::Value& message : messages->GetArray()) {
    Turn turn;
    if (Wrong wrong = read_message(message, turn)) return wrong;
    turns.push_back(std::move(turn));
  }
  return std::nullopt;
}

std::optional<std::string> read_openai_tools(const rapidjson::Value& body, Ask& ask) {
  const rapidjson::Value* tools = member(body, "tools");
  if (tools == nullptr || !tools->IsArray()) return std::nullopt;
  for (const rapidjson::Value& tool : tools->GetArray()) {
    if (string_member(tool, "type").empty()) return "a tool has no type";
    const rapidjson::Value* function = member(tool, "function");
    if (function == nullptr) continue;
    const rapidjson::Value* parameters = member(*function, "parameters");
    if (string_member(*function, "name").empty()) return "a tool has no name";
    if (parameters != nullptr && !parameters->IsObject()) return "the parameters of a tool are not a schema";
    ask.tools.push_back(offered_tool(string_member(*function, "name"), parameters));
  }
  if (string_member(body, "tool_choice") == "none") ask.tools.clear();
  return std::nullopt;
}

}  // namespace keywheel::testing
