#include "providers/cohere_request.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <variant>

#include "providers/native_request.hpp"
#include "providers/native_tools.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr Sayable kSayable = {.tools = true,
                              .strict_tools = true,
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
                              .reasoning_effort = true,
                              .reasoning_tokens = true};

/// A citation as an answer held it: {"start","end","text","sources",…}.
bool is_citation(std::string_view json) {
  JsonDoc doc;
  return doc.parse(json) && doc.root()["sources"].exists() && doc.root()["start"].exists();
}

class MessageWriter {
 public:
  MessageWriter(JsonWriter& out, RequestCheck& check) : out_(out), check_(check) {}

  void write(const Message& message, std::size_t place) {
    refuse_unsayable(message, place, {.tool_calls = true, .extra = true}, check_);
    place_ = place;
    out_.begin_object().member("role", role_of(message.role));
    if (message.role == Role::tool) out_.member("tool_call_id", std::string_view(message.tool_call_id));
    write_content(message);
    if (message.role == Role::assistant) write_answer(message);
    out_.end_object(message.extra, message_path(place) + ".extra");
  }

 private:
  /// Not a part of the content: it has a member of its own, or goes unsaid.
  static bool beside(const Part& part) {
    const auto* raw = std::get_if<RawPart>(&part);
    return std::holds_alternative<ReasoningPart>(part) || (raw != nullptr && is_citation(raw->json));
  }

  void write_content(const Message& message) {
    std::size_t parts = 0;
    bool plain = true;
    std::string whole;
    for (const Part& part : message.content) {
      if (beside(part)) continue;
      ++parts;
      const auto* text = std::get_if<TextPart>(&part);
      plain = plain && text != nullptr && text->extra.empty();
      if (plain) whole += text->text;
    }
    if (parts == 0 && !message.tool_calls.empty()) return;
    // One text, or one that citations have parted.
    if (plain && (parts < 2 || parts < message.content.size())) {
      out_.member("content", std::string_view(whole));
      return;
    }
    out_.key("content").begin_array();
    for (std::size_t i = 0; i < message.content.size(); ++i) {
      if (!beside(message.content[i])) write_part(message.content[i], message.role, part_path(place_, i));
    }
    out_.end_array();
  }

  void write_part(const Part& part, Role role, const std::string& path) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      out_.begin_object().member("type", "text").member("text", std::string_view(text->text));
      out_.end_object(text->extra, path + ".extra");
    } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
      out_.begin_object().member("type", "text").member("text", std::string_view(refusal->text)).end_object();
    } else if (const auto* raw = std::get_if<RawPart>(&part)) {
      out_.raw(raw->json, path);
    } else if (const auto* image = std::get_if<ImagePart>(&part); image != nullptr && role == Role::user) {
      out_.begin_object().member("type", "image_url").key("image_url").begin_object();
      out_.member("url", std::string_view(image_address(*image, path, check_)));
      if (!image->detail.empty()) out_.member("detail", std::string_view(image->detail));
      out_.end_object().end_object(image->extra, path + ".extra");
    } else {
      check_.unsupported(path, "it takes text, and images from the user");
    }
  }

  void write_answer(const Message& message) {
    if (!message.tool_calls.empty()) write_calls(message);
    bool cited = false;
    for (const Part& part : message.content) {
      const auto* raw = std::get_if<RawPart>(&part);
      if (raw == nullptr || !is_citation(raw->json)) continue;
      if (!cited) out_.key("citations").begin_array();
      cited = true;
      out_.trusted(raw->json);
    }
    if (cited) out_.end_array();
  }

  void write_calls(const Message& message) {
    std::string plan;
    for (const Part& part : message.content) {
      if (const auto* thought = std::get_if<ReasoningPart>(&part)) plan += thought->text;
    }
    if (!plan.empty()) out_.member("tool_plan", std::string_view(plan));
    out_.key("tool_calls").begin_array();
    for (const ToolCall& call : message.tool_calls) {
      out_.begin_object();
      write_call_members(out_, call);
      out_.end_object(call.extra, message_path(place_) + ".tool_calls.extra");
    }
    out_.end_array();
  }

  JsonWriter& out_;
  RequestCheck& check_;
  std::size_t place_ = 0;
};

void write_strictness(JsonWriter& out, const std::vector<Tool>& tools, RequestCheck& check) {
  const auto strict = std::count_if(tools.begin(), tools.end(), [](const Tool& tool) { return tool.strict == true; });
  if (strict == 0) return;
  if (static_cast<std::size_t>(strict) == tools.size()) {
    out.member("strict_tools", true);
  } else {
    check.unsupported("tools.strict", "it holds for all tools, or for none");
  }
}

void write_tool_choice(JsonWriter& out, const ToolChoice& choice, RequestCheck& check) {
  if (!choice.raw.empty()) {
    out.key("tool_choice").raw(choice.raw, "tool_choice.raw");
    return;
  }
  switch (choice.mode) {
    case ToolChoice::Mode::automatic:
      return;
    case ToolChoice::Mode::none:
      out.member("tool_choice", "NONE");
      return;
    case ToolChoice::Mode::required:
      out.member("tool_choice", "REQUIRED");
      return;
    case ToolChoice::Mode::function:
      check.unsupported("tool_choice", "it cannot ask for one function by name; send that tool alone, as required");
      return;
  }
}

void write_format(JsonWriter& out, const ResponseFormat& format) {
  if (format.type == ResponseFormat::Type::text) return;
  out.key("response_format").begin_object().member("type", "json_object");
  if (format.type == ResponseFormat::Type::json_schema) {
    out.key("json_schema").raw(format.schema, "response_format.schema");
  }
  out.end_object();
}

/// https://docs.cohere.com/docs/reasoning: on, with or without a ceiling, or off.
void write_thinking(JsonWriter& out, const ChatRequest& request, RequestCheck& check) {
  const std::string& effort = request.reasoning_effort;
  if (!effort.empty() && effort != "none" && effort != "high") {
    check.unsupported("reasoning_effort", R"(it knows "none" and "high"; reasoning_tokens sets a ceiling)");
    return;
  }
  if (effort.empty() && !request.reasoning_tokens) return;
  const bool off = effort == "none" || request.reasoning_tokens == 0;
  out.key("thinking").begin_object().member("type", off ? "disabled" : "enabled");
  if (!off && request.reasoning_tokens) out.member("token_budget", *request.reasoning_tokens);
  out.end_object();
}

void write_sampling(JsonWriter& out, const ChatRequest& request, RequestCheck& check) {
  if (request.max_tokens) out.member("max_tokens", *request.max_tokens);
  if (request.temperature) out.member("temperature", *request.temperature);
  if (request.top_p) out.member("p", *request.top_p);
  if (request.top_k) out.member("k", *request.top_k);
  if (request.seed) out.member("seed", *request.seed);
  if (request.presence_penalty) out.member("presence_penalty", *request.presence_penalty);
  if (request.frequency_penalty) out.member("frequency_penalty", *request.frequency_penalty);
  if (!request.stop.empty()) out.member("stop_sequences", request.stop);
  if (request.logprobs) out.member("logprobs", *request.logprobs);
  if (request.top_logprobs.value_or(0) > 0) {
    check.unsupported("top_logprobs", "it gives those of the chosen tokens only");
  }
}

}  // namespace

std::string cohere_chat_body(const ChatRequest& request, const Target& target, RequestCheck& check) {
  refuse_unsayable(request, kSayable, check);
  refuse_beside_schema(request, check);
  std::string body;
  JsonWriter out(body);
  out.begin_object().member("model", target.model).member("stream", target.stream);
  out.key("messages").begin_array();
  MessageWriter messages(out, check);
  for (std::size_t i = 0; i < request.messages.size(); ++i) messages.write(request.messages[i], i);
  out.end_array();
  if (!request.tools.empty()) write_tools(out, request.tools, kNoParameters);
  write_strictness(out, request.tools, check);
  if (request.tool_choice) write_tool_choice(out, *request.tool_choice, check);
  if (request.response_format) write_format(out, *request.response_format);
  write_sampling(out, request, check);
  write_thinking(out, request, check);
  out.end_object(request.extra, "extra");
  check.written(out.fault());
  return body;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
