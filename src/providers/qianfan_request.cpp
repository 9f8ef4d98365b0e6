#include "providers/qianfan_request.hpp"

#include <cstddef>
#include <string_view>

#include "providers/native_request.hpp"
#include "providers/native_tools.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr Sayable kSayable = {.tools = true,
                              .tool_choice = true,
                              .json_object = true,
                              .max_tokens = true,
                              .temperature = true,
                              .top_p = true,
                              .stop = true,
                              .frequency_penalty = true,
                              .user = true};

/// The system prompt has a member of its own, so it can only stand before the conversation.
std::string system_prompt(const ChatRequest& request, RequestCheck& check) {
  std::string prompt;
  bool talking = false;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const Message& message = request.messages[i];
    if (message.role != Role::system && message.role != Role::developer) {
      talking = true;
      continue;
    }
    refuse_unsayable(message, i, {}, check);
    if (talking) {
      check.unsupported(message_path(i), "a system message can only stand before the first turn");
      continue;
    }
    if (!prompt.empty()) prompt += "\n";
    prompt += plain_text(message, i, check);
  }
  return prompt;
}

/// The name of the function whose result a message holds: its own, or that of the last call with its id.
std::string_view function_name(const ChatRequest& request, std::size_t place, RequestCheck& check) {
  const Message& result = request.messages[place];
  if (!result.name.empty()) return result.name;
  for (std::size_t i = place; i-- > 0;) {
    for (const ToolCall& call : request.messages[i].tool_calls) {
      if (call.id == result.tool_call_id) return call.name;
    }
  }
  check.invalid(message_path(place) +
                ".tool_call_id: no earlier message calls a tool by this id, and qianfan needs the function's name; set "
                "the message's name");
  return {};
}

void write_message(JsonWriter& json, const ChatRequest& request, std::size_t place, RequestCheck& check) {
  const Message& message = request.messages[place];
  refuse_unsayable(message, place, {.name = true, .tool_calls = true, .extra = true}, check);
  json.begin_object();
  if (message.role == Role::tool) {
    json.member("role", "function").member("name", function_name(request, place, check));
  } else {
    json.member("role", message.role == Role::assistant ? "assistant" : "user");
    if (!message.name.empty()) json.member("name", message.name);
  }
  json.member("content", plain_text(message, place, check));
  if (message.role == Role::assistant && !message.tool_calls.empty()) {
    if (message.tool_calls.size() > 1) {
      check.unsupported(message_path(place) + ".tool_calls", "a message calls one function at most");
    }
    const ToolCall& call = message.tool_calls.front();
    json.key("function_call").begin_object().member("name", call.name).member("arguments", arguments_of(call));
    json.end_object(call.extra, message_path(place) + ".tool_calls[0].extra");
  }
  json.end_object(message.extra, message_path(place) + ".extra");
}

void write_tool_choice(JsonWriter& json, const ToolChoice& choice, RequestCheck& check) {
  if (!choice.raw.empty()) {
    json.key("tool_choice").raw(choice.raw, "tool_choice.raw");
  } else if (choice.mode == ToolChoice::Mode::function) {
    json.key("tool_choice").begin_object().member("type", "function").key("function").begin_object();
    json.member("name", choice.name).end_object().end_object();
  } else if (choice.mode != ToolChoice::Mode::automatic) {
    check.unsupported("tool_choice", "it only knows one function by name, or the model's own choice");
  }
}

}  // namespace

std::string qianfan_chat_body(const ChatRequest& request, const Target& target, RequestCheck& check) {
  refuse_unsayable(request, kSayable, check);
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("messages").begin_array();
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const Role role = request.messages[i].role;
    if (role != Role::system && role != Role::developer) write_message(json, request, i, check);
  }
  json.end_array();
  if (const std::string system = system_prompt(request, check); !system.empty()) json.member("system", system);
  json.member("stream", target.stream);
  if (const auto value =
          in_range(request.temperature, {.low = 0, .high = 1, .above_low = true}, "temperature", check)) {
    json.member("temperature", *value);
  }
  if (const auto value = in_range(request.top_p, {.low = 0, .high = 1}, "top_p", check)) json.member("top_p", *value);
  if (request.frequency_penalty.value_or(0) != 0) {
    check.unsupported("frequency_penalty",
                      R"(its own measure is "penalty_score", from 1 to 2, which can be given in extra)");
  }
  if (request.max_tokens) json.member("max_output_tokens", *request.max_tokens);
  if (!request.stop.empty()) json.member("stop", request.stop);
  if (!request.tools.empty()) write_functions(json, request.tools);
  if (request.tool_choice) write_tool_choice(json, *request.tool_choice, check);
  if (request.response_format && request.response_format->type == ResponseFormat::Type::json_object) {
    json.member("response_format", "json_object");
  }
  if (!request.user.empty()) json.member("user_id", request.user);
  json.end_object(request.extra, "extra");
  check.written(json.fault());
  return body;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
