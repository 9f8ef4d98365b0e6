#include "providers/hunyuan_request.hpp"

#include <cstddef>
#include <variant>

#include "providers/native_request.hpp"
#include "providers/native_tools.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr Sayable kSayable = {.tools = true,
                              .tool_choice = true,
                              .temperature = true,
                              .top_p = true,
                              .stop = true,
                              .seed = true,
                              .reasoning_effort = true};

bool has_image(const Message& message) {
  for (const Part& part : message.content) {
    if (std::holds_alternative<ImagePart>(part) || std::holds_alternative<RawPart>(part)) return true;
  }
  return false;
}

void write_tool(JsonWriter& json, const Tool& tool) {
  if (!tool.raw.empty()) {
    json.raw(tool.raw, "tools");
    return;
  }
  json.begin_object().member("Type", "function").key("Function").begin_object();
  json.member("Name", tool.name);
  if (!tool.description.empty()) json.member("Description", tool.description);
  // The schema is a string that holds JSON, not JSON.
  json.member("Parameters", parameters_of(tool)).end_object().end_object();
}

void write_contents(JsonWriter& json, const Message& message, std::size_t place, RequestCheck& check) {
  json.key("Contents").begin_array();
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const Part& part = message.content[i];
    const std::string path = part_path(place, i);
    if (const auto* text = std::get_if<TextPart>(&part)) {
      json.begin_object().member("Type", "text").member("Text", text->text).end_object(text->extra, path + ".extra");
    } else if (const auto* image = std::get_if<ImagePart>(&part)) {
      if (!image->detail.empty()) check.unsupported(path + ".detail");
      json.begin_object().member("Type", "image_url").key("ImageUrl").begin_object();
      json.member("Url", image_address(*image, path, check)).end_object().end_object(image->extra, path + ".extra");
    } else if (const auto* raw = std::get_if<RawPart>(&part)) {
      json.raw(raw->json, path);
    } else if (!std::holds_alternative<ReasoningPart>(part)) {
      check.unsupported(path, "only text and images are taken here");
    }
  }
  json.end_array();
}

void write_message(JsonWriter& json, const Message& message, std::size_t place, RequestCheck& check) {
  refuse_unsayable(message, place, {.tool_calls = true, .extra = true}, check);
  json.begin_object().member("Role", role_of(message.role));
  if (has_image(message)) {
    write_contents(json, message, place, check);
  } else {
    json.member("Content", plain_text(message, place, check));
  }
  if (message.role == Role::assistant && !message.tool_calls.empty()) {
    json.key("ToolCalls").begin_array();
    for (const ToolCall& call : message.tool_calls) {
      json.begin_object().member("Id", call.id).member("Type", "function").key("Function").begin_object();
      json.member("Name", call.name).member("Arguments", arguments_of(call)).end_object();
      json.end_object(call.extra, message_path(place) + ".tool_calls.extra");
    }
    json.end_array();
  }
  if (message.role == Role::tool) json.member("ToolCallId", message.tool_call_id);
  json.end_object(message.extra, message_path(place) + ".extra");
}

void write_tool_choice(JsonWriter& json, const ChatRequest& request, RequestCheck& check) {
  const ToolChoice& choice = *request.tool_choice;
  if (!choice.raw.empty()) {
    json.key("ToolChoice").raw(choice.raw, "tool_choice.raw");
    return;
  }
  switch (choice.mode) {
    case ToolChoice::Mode::automatic:
      json.member("ToolChoice", "auto");
      return;
    case ToolChoice::Mode::none:
      json.member("ToolChoice", "none");
      return;
    case ToolChoice::Mode::required:
      check.unsupported("tool_choice", "it knows none, auto, and one function by name");
      return;
    case ToolChoice::Mode::function:
      break;
  }
  for (const Tool& tool : request.tools) {
    if (tool.name != choice.name) continue;
    json.member("ToolChoice", "custom").key("CustomTool");
    write_tool(json, tool);
    return;
  }
  check.invalid("tool_choice: names a function that is not among the tools");
}

}  // namespace

std::string hunyuan_chat_body(const ChatRequest& request, const Target& target, RequestCheck& check) {
  refuse_unsayable(request, kSayable, check);
  std::string body;
  JsonWriter json(body);
  json.begin_object().member("Model", target.model).key("Messages").begin_array();
  for (std::size_t i = 0; i < request.messages.size(); ++i) write_message(json, request.messages[i], i, check);
  json.end_array().member("Stream", target.stream);
  if (const auto value = in_range(request.temperature, {.low = 0, .high = 2}, "temperature", check)) {
    json.member("Temperature", *value);
  }
  if (const auto value = in_range(request.top_p, {.low = 0, .high = 1}, "top_p", check)) json.member("TopP", *value);
  if (request.seed) json.member("Seed", *request.seed);
  if (!request.stop.empty()) json.member("Stop", request.stop);
  if (!request.tools.empty()) {
    json.key("Tools").begin_array();
    for (const Tool& tool : request.tools) write_tool(json, tool);
    json.end_array();
  }
  if (request.tool_choice) write_tool_choice(json, request, check);
  if (request.reasoning_effort == "none") {
    json.member("EnableThinking", false);
  } else if (!request.reasoning_effort.empty()) {
    check.unsupported("reasoning_effort",
                      R"(thinking is on or off: only "none" is taken, and "EnableThinking" in extra)");
  }
  json.end_object(request.extra, "extra");
  check.written(json.fault());
  return body;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
