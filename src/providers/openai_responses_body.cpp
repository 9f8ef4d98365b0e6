#include <fmt/format.h>

#include "providers/native_request.hpp"
#include "providers/openai_responses.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

class BodyWriter {
 public:
  BodyWriter(const ChatRequest& request, const Target& target, RequestCheck& check)
      : request_(request), target_(target), check_(check), out_(body_) {}

  std::string write() {
    refuse_what_is_lacking();
    out_.begin_object();
    out_.member("model", target_.model);
    out_.key("input").begin_array();
    for (std::size_t i = 0; i < request_.messages.size(); ++i) write_message(request_.messages[i], i);
    out_.end_array();
    if (target_.stream) out_.member("stream", true);
    if (request_.max_tokens) out_.member("max_output_tokens", *request_.max_tokens);
    if (request_.temperature) out_.member("temperature", *request_.temperature);
    if (request_.top_p) out_.member("top_p", *request_.top_p);
    write_tools();
    write_format();
    if (!request_.reasoning_effort.empty()) {
      out_.key("reasoning").begin_object().member("effort", std::string_view(request_.reasoning_effort)).end_object();
    }
    if (request_.top_logprobs) out_.member("top_logprobs", *request_.top_logprobs);
    if (request_.logprobs.value_or(false))
      out_.key("include").begin_array().string("message.output_text.logprobs").end_array();
    if (!request_.metadata.empty()) {
      out_.key("metadata").begin_object();
      for (const auto& [name, value] : request_.metadata) out_.member(name, std::string_view(value));
      out_.end_object();
    }
    if (!request_.user.empty()) out_.member("user", std::string_view(request_.user));
    if (!request_.service_tier.empty()) out_.member("service_tier", std::string_view(request_.service_tier));
    out_.end_object(request_.extra, "extra");
    check_.written(out_.fault());
    return std::move(body_);
  }

 private:
  void refuse_what_is_lacking() {
    if (request_.n.value_or(1) != 1) check_.unsupported("n", "it gives one answer");
    if (request_.seed) check_.unsupported("seed");
    if (!request_.stop.empty()) check_.unsupported("stop");
    if (request_.top_k) check_.unsupported("top_k");
    if (request_.presence_penalty) check_.unsupported("presence_penalty");
    if (request_.frequency_penalty) check_.unsupported("frequency_penalty");
    if (!request_.logit_bias.empty()) check_.unsupported("logit_bias");
    if (request_.reasoning_tokens) check_.unsupported("reasoning_tokens", "it takes an effort only");
  }

  void write_message(const Message& message, std::size_t place) {
    where_ = message_path(place);
    refuse_misplaced(message, place, check_);
    // A result's name is for those providers that do not know its call by the id.
    if (!message.name.empty() && message.role != Role::tool) check_.unsupported(where_ + ".name");
    switch (message.role) {
      case Role::tool:
        return write_result(message, place);
      case Role::assistant:
        return write_answer(message, place);
      case Role::system:
      case Role::developer:
      case Role::user:
        out_.begin_object().member("role", to_string(message.role)).key("content");
        write_input(message);
        out_.end_object(message.extra, where_ + ".extra");
    }
  }

  void write_result(const Message& message, std::size_t place) {
    out_.begin_object()
        .member("type",
                answers_custom_call(message.tool_call_id, place) ? "custom_tool_call_output" : "function_call_output")
        .member("call_id", std::string_view(message.tool_call_id));
    out_.key("output");
    if (message.content.size() == 1 && std::holds_alternative<TextPart>(message.content.front())) {
      out_.string(std::get<TextPart>(message.content.front()).text);
    } else if (message.content.empty()) {
      out_.string("");
    } else {
      write_input(message);
    }
    out_.end_object(message.extra, where_ + ".extra");
  }

  bool answers_custom_call(std::string_view id, std::size_t place) const {
    for (std::size_t i = place; i-- > 0;) {
      for (const ToolCall& call : request_.messages[i].tool_calls) {
        if (call.id == id) return call.type == "custom";
      }
    }
    return false;
  }

  // An earlier answer is a list of items: thoughts, what was said, what was called, each in its place.
  void write_answer(const Message& message, std::size_t place) {
    bool open = false;
    std::string_view extra = message.extra;
    const auto close = [&] {
      if (!open) return;
      out_.end_array().end_object(extra, where_ + ".extra");
      extra = {};
      open = false;
    };
    const auto say = [&]() -> JsonWriter& {
      if (!open) out_.begin_object().member("role", "assistant").key("content").begin_array();
      open = true;
      return out_;
    };
    for (std::size_t i = 0; i < message.content.size(); ++i) {
      const Part& part = message.content[i];
      part_ = part_path(place, i);
      if (const auto* text = std::get_if<TextPart>(&part)) {
        say()
            .begin_object()
            .member("type", "output_text")
            .member("text", std::string_view(text->text))
            .end_object(text->extra, part_ + ".extra");
      } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
        say().begin_object().member("type", "refusal").member("refusal", std::string_view(refusal->text)).end_object();
      } else if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
        close();
        write_thought(*thought);
      } else if (const auto* raw = std::get_if<RawPart>(&part)) {
        if (raw->json.find("_citation\"") != std::string::npos) continue;  // a note on the text, which is said already
        close();
        out_.raw(raw->json, part_ + ".json");
      } else {
        check_.unsupported(part_, "an assistant's message holds text, thoughts and calls only");
      }
    }
    close();
    if (!extra.empty()) check_.unsupported(where_ + ".extra", "without text there is no item that it belongs to");
    for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
      const ToolCall& call = message.tool_calls[i];
      const std::string path = fmt::format("{}.tool_calls[{}]", where_, i);
      const bool custom = call.type == "custom";
      if (!custom && !call.type.empty() && call.type != "function") check_.unsupported(path + ".type", call.type);
      out_.begin_object().member("type", custom ? "custom_tool_call" : "function_call");
      out_.member("call_id", std::string_view(call.id)).member("name", std::string_view(call.name));
      out_.member(custom ? "input" : "arguments", std::string_view(call.arguments));
      out_.end_object(call.extra, path + ".extra");
    }
  }

  // A thought without an id is none that this API wrote.
  void write_thought(const ReasoningPart& thought) {
    if (thought.id.empty()) return check_.left_out(part_, "the Responses API takes only thoughts that it wrote");
    out_.begin_object()
        .member("type", "reasoning")
        .member("id", std::string_view(thought.id))
        .key("summary")
        .begin_array();
    if (!thought.text.empty()) {
      out_.begin_object().member("type", "summary_text").member("text", std::string_view(thought.text)).end_object();
    }
    out_.end_array();
    if (!thought.encrypted.empty()) out_.member("encrypted_content", std::string_view(thought.encrypted));
    out_.end_object();
  }

  void write_input(const Message& message) {
    out_.begin_array();
    for (std::size_t i = 0; i < message.content.size(); ++i) {
      part_ = fmt::format("{}.content[{}]", where_, i);
      std::visit([this](const auto& part) { write_part(part); }, message.content[i]);
    }
    out_.end_array();
  }

  void write_part(const TextPart& part) {
    out_.begin_object()
        .member("type", "input_text")
        .member("text", std::string_view(part.text))
        .end_object(part.extra, part_ + ".extra");
  }

  void write_part(const ImagePart& part) {
    out_.begin_object().member("type", "input_image").key("image_url");
    if (!part.url.empty()) {
      out_.string(part.url);
    } else if (part.media_type.empty()) {
      check_.invalid(part_ + ".media_type: an image given as bytes needs one, such as image/png");
      out_.null();
    } else {
      out_.base64("data:" + part.media_type + ";base64,", part.data);
    }
    out_.member("detail", part.detail.empty() ? std::string_view("auto") : std::string_view(part.detail));
    out_.end_object(part.extra, part_ + ".extra");
  }

  void write_part(const FilePart& part) {
    out_.begin_object().member("type", "input_file");
    if (!part.id.empty()) {
      out_.member("file_id", std::string_view(part.id));
    } else if (!part.url.empty()) {
      out_.member("file_url", std::string_view(part.url));
    } else {
      const std::string type = part.media_type.empty() ? "application/octet-stream" : part.media_type;
      out_.key("file_data").base64("data:" + type + ";base64,", part.data);
    }
    if (!part.filename.empty()) out_.member("filename", std::string_view(part.filename));
    out_.end_object(part.extra, part_ + ".extra");
  }

  void write_part(const AudioPart&) { check_.unsupported(part_, "it takes no audio"); }
  void write_part(const ReasoningPart&) {}  // refused already
  void write_part(const RefusalPart&) { check_.unsupported(part_, "only an assistant's message holds refusals"); }
  void write_part(const RawPart& part) { out_.raw(part.json, part_ + ".json"); }

  void write_tools() {
    if (!request_.tools.empty()) {
      out_.key("tools").begin_array();
      for (std::size_t i = 0; i < request_.tools.size(); ++i) write_tool(request_.tools[i], i);
      out_.end_array();
    }
    if (request_.tool_choice) write_tool_choice(*request_.tool_choice);
    if (request_.parallel_tool_calls) out_.member("parallel_tool_calls", *request_.parallel_tool_calls);
  }

  void write_tool(const Tool& tool, std::size_t place) {
    if (!tool.raw.empty()) {
      out_.raw(tool.raw, fmt::format("tools[{}].raw", place));
      return;
    }
    if (tool.name.empty()) check_.invalid(fmt::format("tools[{}].name: a function needs a name", place));
    out_.begin_object().member("type", "function").member("name", std::string_view(tool.name));
    if (!tool.description.empty()) out_.member("description", std::string_view(tool.description));
    out_.key("parameters");
    if (tool.parameters.empty()) {
      out_.begin_object().member("type", "object").key("properties").begin_object().end_object().end_object();
    } else {
      out_.raw(tool.parameters, fmt::format("tools[{}].parameters", place));
    }
    // Absent means strict here, and not strict in chat completions: a request means the same in both.
    out_.member("strict", tool.strict.value_or(false)).end_object();
  }

  void write_tool_choice(const ToolChoice& choice) {
    out_.key("tool_choice");
    if (!choice.raw.empty()) {
      out_.raw(choice.raw, "tool_choice.raw");
      return;
    }
    switch (choice.mode) {
      case ToolChoice::Mode::automatic:
        out_.string("auto");
        break;
      case ToolChoice::Mode::none:
        out_.string("none");
        break;
      case ToolChoice::Mode::required:
        out_.string("required");
        break;
      case ToolChoice::Mode::function:
        out_.begin_object().member("type", "function").member("name", std::string_view(choice.name)).end_object();
        break;
    }
  }

  void write_format() {
    if (!request_.response_format) return;
    const ResponseFormat& format = *request_.response_format;
    out_.key("text").begin_object().key("format").begin_object();
    switch (format.type) {
      case ResponseFormat::Type::text:
        out_.member("type", "text");
        break;
      case ResponseFormat::Type::json_object:
        out_.member("type", "json_object");
        break;
      case ResponseFormat::Type::json_schema:
        out_.member("type", "json_schema")
            .member("name", format.name.empty() ? std::string_view("answer") : std::string_view(format.name));
        if (!format.description.empty()) out_.member("description", std::string_view(format.description));
        out_.key("schema").raw(format.schema, "response_format.schema");
        if (format.strict) out_.member("strict", *format.strict);
        break;
    }
    out_.end_object().end_object();
  }

  const ChatRequest& request_;
  const Target& target_;
  RequestCheck& check_;
  std::string body_{};
  JsonWriter out_;
  std::string where_{};
  std::string part_{};
};

}  // namespace

std::string write_responses_body(const ChatRequest& request, const Target& target, RequestCheck& check) {
  return BodyWriter(request, target, check).write();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
