#include "providers/dashscope_request.hpp"

#include <array>
#include <cstddef>
#include <variant>

#include "providers/native_request.hpp"
#include "providers/native_tools.hpp"
#include "providers/text.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr Sayable kSayable = {.tools = true,
                              .tool_choice = true,
                              .parallel_tool_calls = true,
                              .json_object = true,
                              .json_schema = true,
                              .max_tokens = true,
                              .temperature = true,
                              .top_p = true,
                              .top_k = true,
                              .stop = true,
                              .seed = true,
                              .presence_penalty = true,
                              .logprobs = true,
                              .reasoning_effort = true,
                              .reasoning_tokens = true};

// Parts of the names of models that only multimodal-generation serves.
constexpr std::array<std::string_view, 5> kMultimodal = {"-vl", "qvq", "-ocr", "-audio", "-asr"};

void write_parts(JsonWriter& json, const Message& message, std::size_t place, RequestCheck& check) {
  json.key("content").begin_array();
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const Part& part = message.content[i];
    const std::string path = part_path(place, i);
    if (const auto* text = std::get_if<TextPart>(&part)) {
      json.begin_object().member("text", text->text).end_object(text->extra, path + ".extra");
    } else if (const auto* image = std::get_if<ImagePart>(&part)) {
      if (!image->detail.empty()) check.unsupported(path + ".detail");
      json.begin_object().member("image", image_address(*image, path, check));
      json.end_object(image->extra, path + ".extra");
    } else if (const auto* audio = std::get_if<AudioPart>(&part)) {
      json.begin_object().key("audio");
      if (audio->url.empty()) {
        json.base64("data:audio/" + (audio->format.empty() ? "wav" : audio->format) + ";base64,", audio->data);
      } else {
        json.string(audio->url);
      }
      json.end_object(audio->extra, path + ".extra");
    } else if (const auto* raw = std::get_if<RawPart>(&part)) {
      json.raw(raw->json, path);
    } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
      json.begin_object().member("text", refusal->text).end_object();
    } else if (!std::holds_alternative<ReasoningPart>(part)) {
      check.unsupported(path, "text, images and audio are taken here");
    }
  }
  json.end_array();
}

void write_message(JsonWriter& json, const Message& message, std::size_t place, bool multimodal, RequestCheck& check) {
  refuse_unsayable(message, place, {.name = true, .tool_calls = true, .extra = true}, check);
  json.begin_object().member("role", role_of(message.role));
  if (!message.name.empty()) json.member("name", message.name);
  if (multimodal) {
    write_parts(json, message, place, check);
  } else {
    json.member("content", plain_text(message, place, check));
  }
  if (message.role == Role::assistant && !message.tool_calls.empty()) {
    json.key("tool_calls").begin_array();
    std::int64_t index = 0;
    for (const ToolCall& call : message.tool_calls) {
      json.begin_object().member("index", index++);
      write_call_members(json, call);
      json.end_object(call.extra, message_path(place) + ".tool_calls.extra");
    }
    json.end_array();
  }
  if (message.role == Role::tool) json.member("tool_call_id", message.tool_call_id);
  json.end_object(message.extra, message_path(place) + ".extra");
}

void write_tools(JsonWriter& json, const ChatRequest& request) {
  json.key("tools").begin_array();
  for (const Tool& tool : request.tools) {
    if (tool.raw.empty()) {
      write_tool(json, tool, tool.parameters, "tools.parameters");
    } else {
      json.raw(tool.raw, "tools");
    }
  }
  json.end_array();
}

void write_tool_choice(JsonWriter& json, const ToolChoice& choice, RequestCheck& check) {
  if (!choice.raw.empty()) {
    json.key("tool_choice").raw(choice.raw, "tool_choice.raw");
    return;
  }
  switch (choice.mode) {
    case ToolChoice::Mode::automatic:
      json.member("tool_choice", "auto");
      return;
    case ToolChoice::Mode::none:
      json.member("tool_choice", "none");
      return;
    case ToolChoice::Mode::required:
      check.unsupported("tool_choice", "it knows none, auto, and one function by name");
      return;
    case ToolChoice::Mode::function:
      json.key("tool_choice").begin_object().member("type", "function").key("function").begin_object();
      json.member("name", choice.name).end_object().end_object();
      return;
  }
}

void write_format(JsonWriter& json, const ResponseFormat& format) {
  if (format.type == ResponseFormat::Type::text) return;
  json.key("response_format").begin_object();
  if (format.type == ResponseFormat::Type::json_object) {
    json.member("type", "json_object").end_object();
    return;
  }
  json.member("type", "json_schema").key("json_schema").begin_object().member("name", format.name);
  if (!format.description.empty()) json.member("description", format.description);
  if (format.strict) json.member("strict", *format.strict);
  json.key("schema").raw(format.schema, "response_format.schema").end_object().end_object();
}

void write_thinking(JsonWriter& json, const ChatRequest& request, RequestCheck& check) {
  if (request.reasoning_effort == "none") {
    json.member("enable_thinking", false);
  } else if (!request.reasoning_effort.empty()) {
    check.unsupported("reasoning_effort", R"(only "none" is taken; reasoning_tokens sets a ceiling)");
  }
  if (!request.reasoning_tokens) return;
  if (request.reasoning_effort != "none") json.member("enable_thinking", true);
  json.member("thinking_budget", *request.reasoning_tokens);
}

void write_sampling(JsonWriter& json, const ChatRequest& request) {
  if (request.max_tokens) json.member("max_tokens", *request.max_tokens);
  if (request.temperature) json.member("temperature", *request.temperature);
  if (request.top_p) json.member("top_p", *request.top_p);
  if (request.top_k) json.member("top_k", *request.top_k);
  if (request.seed) json.member("seed", *request.seed);
  if (request.presence_penalty) json.member("presence_penalty", *request.presence_penalty);
  if (!request.stop.empty()) json.member("stop", request.stop);
  if (request.logprobs) json.member("logprobs", *request.logprobs);
  if (request.top_logprobs) json.member("top_logprobs", *request.top_logprobs);
}

}  // namespace

bool dashscope_multimodal(const ChatRequest& request, std::string_view model) noexcept {
  for (const std::string_view mark : kMultimodal) {
    if (contains_ignoring_case(model, mark)) return true;
  }
  for (const Message& message : request.messages) {
    for (const Part& part : message.content) {
      if (std::holds_alternative<ImagePart>(part) || std::holds_alternative<AudioPart>(part) ||
          std::holds_alternative<RawPart>(part)) {
        return true;
      }
    }
  }
  return false;
}

std::string dashscope_chat_body(const ChatRequest& request, const Target& target, RequestCheck& check) {
  refuse_unsayable(request, kSayable, check);
  const SplitExtra extra = split_extra(request.extra, "input", "parameters", check);
  const bool multimodal = dashscope_multimodal(request, target.model);
  std::string body;
  JsonWriter json(body);
  json.begin_object().member("model", target.model).key("input").begin_object().key("messages").begin_array();
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    write_message(json, request.messages[i], i, multimodal, check);
  }
  json.end_array().end_object(extra.named, "extra.input");
  json.key("parameters").begin_object().member("result_format", "message");
  if (target.stream) json.member("incremental_output", true);
  write_sampling(json, request);
  write_thinking(json, request, check);
  if (!request.tools.empty()) write_tools(json, request);
  if (request.tool_choice) write_tool_choice(json, *request.tool_choice, check);
  if (request.parallel_tool_calls) json.member("parallel_tool_calls", *request.parallel_tool_calls);
  if (request.response_format) write_format(json, *request.response_format);
  json.end_object(extra.home, "extra").end_object();
  check.written(json.fault());
  return body;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
