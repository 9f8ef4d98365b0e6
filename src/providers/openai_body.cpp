#include <algorithm>

#include <fmt/format.h>

#include "providers/openai_encode.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Writes one request body, field by field.
class BodyWriter {
 public:
  BodyWriter(const ChatRequest& request, const OpenAiWriting& how, RequestCheck& check)
      : request_(request), how_(how), quirks_(how.preset.openai), check_(check), out_(body_) {}

  std::string write() {
    constexpr std::size_t kUsual = 512;
    body_.reserve(kUsual);
    out_.begin_object();
    out_.member("model", how_.model);
    write_openai_messages(request_.messages, how_, out_, check_);
    if (how_.target.stream) write_stream();
    if (how_.target.resume && quirks_.resume.way == ResumeStyle::Way::final_message)
      out_.member("continue_final_message", true).member("add_generation_prompt", false);
    write_ceiling();
    write_sampling();
    write_tools();
    write_format();
    write_reasoning();
    write_labels();
    out_.end_object(request_.extra, "extra");
    check_.written(out_.fault());
    return std::move(body_);
  }

 private:
  /// The field may be written; else the check knows.
  bool takes(std::string_view field) {
    const auto& lacks = quirks_.lacks;
    if (std::find(lacks.begin(), lacks.end(), field) == lacks.end()) return true;
    return unknown(field);
  }

  /// A field that this provider's own server does not have.
  bool unknown(std::string_view field, std::string_view why = {}) {
    if (how_.elsewhere && quirks_.lenient_elsewhere) return true;
    check_.unsupported(field, why);
    return false;
  }

  template <class T>
  void optional(std::string_view field, std::string_view name, const std::optional<T>& value) {
    if (value && takes(field)) out_.member(name, *value);
  }

  void text(std::string_view field, const std::string& value) {
    if (!value.empty() && takes(field)) out_.member(field, std::string_view(value));
  }

  void write_stream() {
    out_.member("stream", true);
    if (quirks_.stream_options) out_.key("stream_options").begin_object().member("include_usage", true).end_object();
  }

  void write_ceiling() {
    const auto& prefixes = quirks_.completion_models;
    const bool reasoning_model = std::any_of(
        prefixes.begin(), prefixes.end(), [this](std::string_view prefix) { return how_.model.starts_with(prefix); });
    optional("max_tokens", reasoning_model ? std::string_view("max_completion_tokens") : quirks_.max_tokens,
             request_.max_tokens);
  }

  void write_sampling() {
    optional("temperature", "temperature", request_.temperature);
    optional("top_p", "top_p", request_.top_p);
    if (request_.top_k && (!quirks_.top_k.empty() || unknown("top_k"))) {
      out_.member(quirks_.top_k.empty() ? std::string_view("top_k") : quirks_.top_k, *request_.top_k);
    }
    if (!request_.stop.empty() && takes("stop")) out_.member("stop", request_.stop);
    optional("seed", quirks_.seed, request_.seed);
    optional("presence_penalty", "presence_penalty", request_.presence_penalty);
    optional("frequency_penalty", "frequency_penalty", request_.frequency_penalty);
    if (!request_.logit_bias.empty() && takes("logit_bias")) {
      out_.key("logit_bias").begin_object();
      for (const auto& [token, bias] : request_.logit_bias) out_.member(token, bias);
      out_.end_object();
    }
    optional("logprobs", "logprobs", request_.logprobs);
    optional("top_logprobs", "top_logprobs", request_.top_logprobs);
    optional("n", "n", request_.n);
  }

  void write_tools() {
    if (!request_.tools.empty() && takes("tools")) {
      out_.key("tools").begin_array();
      for (std::size_t i = 0; i < request_.tools.size(); ++i) write_tool(request_.tools[i], i);
      out_.end_array();
    }
    if (request_.tool_choice && takes("tool_choice")) write_tool_choice(*request_.tool_choice);
    optional("parallel_tool_calls", "parallel_tool_calls", request_.parallel_tool_calls);
  }

  void write_tool(const Tool& tool, std::size_t place) {
    if (!tool.raw.empty()) {
      out_.raw(tool.raw, fmt::format("tools[{}].raw", place));
      return;
    }
    if (tool.name.empty()) check_.invalid(fmt::format("tools[{}].name: a function needs a name", place));
    out_.begin_object().member("type", "function").key("function").begin_object();
    out_.member("name", std::string_view(tool.name));
    if (!tool.description.empty()) out_.member("description", std::string_view(tool.description));
    if (!tool.parameters.empty()) {
      out_.key("parameters").raw(tool.parameters, fmt::format("tools[{}].parameters", place));
    }
    if (tool.strict) out_.member("strict", *tool.strict);
    out_.end_object();
    if (tool.cache && quirks_.cache_control) {
      out_.key("cache_control").begin_object().member("type", "ephemeral");
      if (tool.cache->ttl >= std::chrono::hours(1)) out_.member("ttl", "1h");
      out_.end_object();
    }
    out_.end_object();
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
        out_.string(quirks_.required_tool);
        break;
      case ToolChoice::Mode::function:
        out_.begin_object().member("type", "function").key("function").begin_object();
        out_.member("name", std::string_view(choice.name)).end_object().end_object();
        break;
    }
  }

  void write_format() {
    if (!request_.response_format) return;
    const ResponseFormat& format = *request_.response_format;
    if (!takes("response_format")) return;
    if (format.type != ResponseFormat::Type::json_schema) {
      const bool json = format.type == ResponseFormat::Type::json_object;
      out_.key("response_format").begin_object().member("type", json ? "json_object" : "text").end_object();
      return;
    }
    if (!quirks_.json_schema && !unknown("response_format json_schema", "it knows json_object only")) return;
    out_.key("response_format").begin_object().member("type", "json_schema").key("json_schema").begin_object();
    if (!format.name.empty()) out_.member("name", std::string_view(format.name));
    if (!format.description.empty()) out_.member("description", std::string_view(format.description));
    if (!format.schema.empty()) out_.key("schema").raw(format.schema, "response_format.schema");
    if (format.strict) out_.member("strict", *format.strict);
    out_.end_object().end_object();
  }

  void write_reasoning() {
    text("reasoning_effort", request_.reasoning_effort);
    if (!request_.reasoning_tokens) return;
    if (quirks_.reasoning_tokens.empty()) {
      check_.unsupported("reasoning_tokens");
      return;
    }
    const std::size_t dot = quirks_.reasoning_tokens.find('.');
    out_.key(quirks_.reasoning_tokens.substr(0, dot));
    if (dot == std::string_view::npos) {
      out_.integer(*request_.reasoning_tokens);
    } else {
      out_.begin_object().member(quirks_.reasoning_tokens.substr(dot + 1), *request_.reasoning_tokens).end_object();
    }
  }

  void write_labels() {
    text("user", request_.user);
    if (!request_.metadata.empty() && takes("metadata")) {
      out_.key("metadata").begin_object();
      for (const auto& [name, value] : request_.metadata) out_.member(name, std::string_view(value));
      out_.end_object();
    }
    text("service_tier", request_.service_tier);
  }

  const ChatRequest& request_;
  const OpenAiWriting& how_;
  const OpenAiQuirks& quirks_;
  RequestCheck& check_;
  std::string body_{};
  JsonWriter out_;
};

}  // namespace

std::string write_openai_chat(const ChatRequest& request, const OpenAiWriting& how, RequestCheck& check) {
  return BodyWriter(request, how, check).write();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
