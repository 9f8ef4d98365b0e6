#include "providers/ollama_request.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "providers/data_url.hpp"
#include "providers/native_request.hpp"
#include "providers/native_tools.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr Sayable kSayable = {.tools = true,
                              .tool_choice = true,
                              .json_object = true,
                              .json_schema = true,
                              .max_tokens = true,
                              .temperature = true,
                              .top_p = true,
                              .top_k = true,
                              .stop = true,
                              .seed = true,
                              .presence_penalty = true,
                              .frequency_penalty = true,
                              .logprobs = true,
                              .reasoning_effort = true};

class MessageWriter {
 public:
  MessageWriter(const std::vector<Message>& messages, JsonWriter& out, RequestCheck& check)
      : messages_(messages), out_(out), check_(check) {}

  void write(std::size_t place) {
    const Message& message = messages_[place];
    refuse_unsayable(message, place, {.tool_calls = true, .extra = true}, check_);
    out_.begin_object().member("role", role_of(message.role));
    write_texts(message, place);
    write_images(message, place);
    if (message.role == Role::assistant && !message.tool_calls.empty()) write_calls(message, place);
    if (message.role == Role::tool) write_origin(message, place);
    out_.end_object(message.extra, message_path(place) + ".extra");
  }

 private:
  void write_texts(const Message& message, std::size_t place) {
    std::string text;
    std::string thought;
    for (std::size_t i = 0; i < message.content.size(); ++i) {
      const Part& part = message.content[i];
      if (const auto* words = std::get_if<TextPart>(&part)) {
        text += words->text;
        if (!words->extra.empty()) check_.unsupported(part_path(place, i) + ".extra");
      } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
        text += refusal->text;
      } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
        thought += reasoning->text;
      } else if (!std::holds_alternative<ImagePart>(part)) {
        check_.unsupported(part_path(place, i), "it takes text and images");
      }
    }
    out_.member("content", std::string_view(text));
    if (!thought.empty() && message.role == Role::assistant) out_.member("thinking", std::string_view(thought));
  }

  void write_images(const Message& message, std::size_t place) {
    bool any = false;
    for (std::size_t i = 0; i < message.content.size(); ++i) {
      const auto* image = std::get_if<ImagePart>(&message.content[i]);
      if (image == nullptr) continue;
      if (!any) out_.key("images").begin_array();
      any = true;
      write_image(*image, part_path(place, i));
    }
    if (any) out_.end_array();
  }

  void write_image(const ImagePart& image, const std::string& path) {
    if (!image.detail.empty()) check_.unsupported(path + ".detail");
    if (!image.extra.empty()) check_.unsupported(path + ".extra");
    if (!image.data.empty()) {
      out_.base64("", image.data);
    } else if (const auto inside = read_data_url(image.url)) {
      out_.string(inside->base64);
    } else if (image.url.empty()) {
      check_.invalid(fmt::format("{}: an image needs a url or data", path));
    } else {
      check_.unsupported(path + ".url", "it fetches no images; give the bytes as data");
    }
  }

  void write_calls(const Message& message, std::size_t place) {
    out_.key("tool_calls").begin_array();
    for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
      const ToolCall& call = message.tool_calls[i];
      const std::string path = fmt::format("{}.tool_calls[{}]", message_path(place), i);
      out_.begin_object();
      if (!call.id.empty()) out_.member("id", std::string_view(call.id));
      out_.key("function").begin_object().member("name", std::string_view(call.name));
      out_.key("arguments").raw(arguments_of(call), path + ".arguments");
      out_.end_object().end_object(call.extra, path + ".extra");
    }
    out_.end_array();
  }

  /// A result is told by its function's name; newer servers know the call's id, too.
  void write_origin(const Message& message, std::size_t place) {
    std::string_view name = message.name;
    for (std::size_t i = place; name.empty() && i-- > 0;) {
      const std::vector<ToolCall>& calls = messages_[i].tool_calls;
      const auto call = std::find_if(calls.begin(), calls.end(),
                                     [&](const ToolCall& made) { return made.id == message.tool_call_id; });
      if (call != calls.end()) name = call->name;
    }
    if (!name.empty()) out_.member("tool_name", name);
    if (!message.tool_call_id.empty()) out_.member("tool_call_id", std::string_view(message.tool_call_id));
  }

  const std::vector<Message>& messages_;
  JsonWriter& out_;
  RequestCheck& check_;
};

/// Without tools there is no call: the same as the choice "none", for which it has no word.
bool may_call(const std::optional<ToolChoice>& choice, RequestCheck& check) {
  if (!choice) return true;
  if (choice->raw.empty() && choice->mode == ToolChoice::Mode::none) return false;
  if (!choice->raw.empty() || choice->mode != ToolChoice::Mode::automatic) {
    check.unsupported("tool_choice", "the model chooses by itself");
  }
  return true;
}

void write_format(JsonWriter& out, const ResponseFormat& format) {
  if (format.type == ResponseFormat::Type::json_object) out.member("format", "json");
  if (format.type == ResponseFormat::Type::json_schema) {
    out.key("format").raw(format.schema, "response_format.schema");
  }
}

/// On or off; gpt-oss has levels, which others take for on.  https://docs.ollama.com/capabilities/thinking
void write_thinking(JsonWriter& out, std::string_view effort, RequestCheck& check) {
  if (effort == "none") {
    out.member("think", false);
  } else if (effort == "low" || effort == "medium" || effort == "high") {
    out.member("think", effort);
  } else if (!effort.empty()) {
    check.unsupported("reasoning_effort", R"(it knows "none", "low", "medium" and "high")");
  }
}

void write_options(JsonWriter& out, const ChatRequest& request, std::string_view extra) {
  out.key("options").begin_object();
  if (request.max_tokens) out.member("num_predict", *request.max_tokens);
  if (request.temperature) out.member("temperature", *request.temperature);
  if (request.top_p) out.member("top_p", *request.top_p);
  if (request.top_k) out.member("top_k", *request.top_k);
  if (request.seed) out.member("seed", *request.seed);
  if (request.presence_penalty) out.member("presence_penalty", *request.presence_penalty);
  if (request.frequency_penalty) out.member("frequency_penalty", *request.frequency_penalty);
  if (!request.stop.empty()) out.member("stop", request.stop);
  out.end_object(extra, "extra.options");
}

}  // namespace

std::string ollama_chat_body(const ChatRequest& request, const Target& target, RequestCheck& check) {
  refuse_unsayable(request, kSayable, check);
  refuse_beside_schema(request, check);
  const SplitExtra extra = split_extra(request.extra, "options", {}, check);
  std::string body;
  JsonWriter out(body);
  // Without `stream`, the server streams.
  out.begin_object().member("model", target.model).member("stream", target.stream);
  out.key("messages").begin_array();
  MessageWriter messages(request.messages, out, check);
  for (std::size_t i = 0; i < request.messages.size(); ++i) messages.write(i);
  out.end_array();
  if (may_call(request.tool_choice, check) && !request.tools.empty()) write_tools(out, request.tools);
  if (request.response_format) write_format(out, *request.response_format);
  write_thinking(out, request.reasoning_effort, check);
  if (request.logprobs) out.member("logprobs", *request.logprobs);
  if (request.top_logprobs) out.member("top_logprobs", *request.top_logprobs);
  write_options(out, request, extra.named);
  out.end_object(extra.home, "extra");
  check.written(out.fault());
  return body;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
