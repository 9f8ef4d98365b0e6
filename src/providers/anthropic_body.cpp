#include "providers/anthropic_body.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "providers/anthropic_messages.hpp"
#include "providers/anthropic_models.hpp"
#include "providers/anthropic_thinking.hpp"
#include "providers/text.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

void check_fields(const ChatRequest& request, const ClaudeTraits& traits, RequestCheck& check) {
  if (request.n.value_or(1) != 1) check.unsupported("n", "it gives one answer");
  if (request.seed) check.unsupported("seed");
  if (request.presence_penalty.value_or(0) != 0) check.unsupported("presence_penalty");
  if (request.frequency_penalty.value_or(0) != 0) check.unsupported("frequency_penalty");
  if (!request.logit_bias.empty()) check.unsupported("logit_bias");
  if (request.logprobs.value_or(false)) check.unsupported("logprobs");
  if (request.top_logprobs.value_or(0) != 0) check.unsupported("top_logprobs");
  for (const auto& [name, value] : request.metadata) {
    if (name != "user_id") {
      check.unsupported("metadata." + name, "its metadata knows user_id only");
    } else if (!request.user.empty() && request.user != value) {
      check.unsupported("metadata.user_id", "user, which goes there, says otherwise");
    }
  }
  if (request.max_tokens && *request.max_tokens < 1) check.invalid("max_tokens: at least 1 was expected");
  if (request.response_format && request.response_format->type != ResponseFormat::Type::text) {
    const ResponseFormat& format = *request.response_format;
    if (format.type == ResponseFormat::Type::json_object) {
      check.unsupported("response_format", "it has JSON by schema only: give a schema, or ask for JSON in the prompt");
    } else if (!traits.schemas) {
      check.unsupported("response_format", "this model has no structured outputs");
    } else if (!format.description.empty()) {
      check.unsupported("response_format.description", "put it into the schema");
    }
    if (format.strict == false) check.unsupported("response_format.strict", "a schema always holds");
  }
}

void write_tool_list(JsonWriter& out, const std::vector<Tool>& tools, AnthropicMessages& messages) {
  out.key("tools").begin_array();
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const Tool& tool = tools[i];
    const std::string where = fmt::format("tools[{}]", i);
    if (!tool.raw.empty()) {
      out.raw(tool.raw, where + ".raw");
      continue;
    }
    out.begin_object().member("name", tool.name);
    if (!tool.description.empty()) out.member("description", tool.description);
    out.key("input_schema");
    if (tool.parameters.empty()) {
      out.trusted(R"({"type":"object","properties":{}})");
    } else {
      out.raw(tool.parameters, where + ".parameters");
    }
    if (tool.strict) out.member("strict", *tool.strict);
    messages.cache_control(tool.cache, where);
    out.end_object();
  }
  out.end_array();
}

/// The tools, and what the request says of their use.
void write_tools(JsonWriter& out, const ChatRequest& request, const ClaudeTraits& traits, AnthropicMessages& messages,
                 RequestCheck& check) {
  using enum ToolChoice::Mode;
  const ToolChoice choice = request.tool_choice.value_or(ToolChoice{});
  // Where there are none, only a demand says something: extra may bring the tools, and else the API says what is wrong.
  const bool demands = !choice.raw.empty() || choice.mode == required || choice.mode == function;
  if (request.tools.empty() && !demands) return;
  if (!request.tools.empty()) write_tool_list(out, request.tools, messages);

  const bool one_by_one = request.parallel_tool_calls == false;
  if (!choice.raw.empty()) {
    out.key("tool_choice").raw(choice.raw, "tool_choice.raw");
    if (one_by_one) check.unsupported("parallel_tool_calls", "say it in tool_choice.raw (disable_parallel_tool_use)");
    return;
  }
  if (!request.tool_choice && !one_by_one) return;
  if ((choice.mode == required || choice.mode == function) && !traits.forced_tools) {
    check.unsupported("tool_choice", "this model cannot be made to use a tool");
    if (!one_by_one) return;
  }
  out.key("tool_choice").begin_object();
  switch (choice.mode) {
    case automatic:
      out.member("type", "auto");
      break;
    case none:
      out.member("type", "none");
      break;
    case required:
      out.member("type", traits.forced_tools ? "any" : "auto");
      break;
    case function:
      out.member("type", traits.forced_tools ? "tool" : "auto");
      if (traits.forced_tools) out.member("name", choice.name);
      break;
  }
  if (one_by_one && choice.mode != none) out.member("disable_parallel_tool_use", true);
  out.end_object();
}

void write_thinking(JsonWriter& out, const ChatRequest& request, const ClaudeTraits& traits,
                    const ClaudeThoughts& thinking) {
  if (!thinking.type.empty()) {
    out.key("thinking").begin_object().member("type", thinking.type);
    if (thinking.budget > 0) out.member("budget_tokens", thinking.budget);
    out.end_object();
  }
  const bool schema =
      traits.schemas && request.response_format && request.response_format->type == ResponseFormat::Type::json_schema;
  if (thinking.effort.empty() && !schema) return;
  out.key("output_config").begin_object();
  if (!thinking.effort.empty()) out.member("effort", thinking.effort);
  if (schema) {
    out.key("format").begin_object().member("type", "json_schema").key("schema");
    out.raw(request.response_format->schema, "response_format.schema").end_object();
  }
  out.end_object();
}

void write_sampling(JsonWriter& out, const ChatRequest& request, const ClaudeTraits& traits, RequestCheck& check) {
  const auto refused = [&](std::string_view field) { check.unsupported(field, "this model samples in its own way"); };
  if (request.temperature) {
    // The default may be stated even where nothing else may.
    if (traits.sampling || *request.temperature == 1) {
      out.member("temperature", *request.temperature);
    } else {
      refused("temperature");
    }
  }
  if (request.top_p) traits.sampling ? void(out.member("top_p", *request.top_p)) : refused("top_p");
  if (request.top_k) traits.sampling ? void(out.member("top_k", *request.top_k)) : refused("top_k");
}

bool has_uploaded_file(const ChatRequest& request) {
  const auto uploaded = [](const Part& part) {
    const auto* file = std::get_if<FilePart>(&part);
    return file != nullptr && !file->id.empty();
  };
  return std::any_of(request.messages.begin(), request.messages.end(), [&](const Message& message) {
    return std::any_of(message.content.begin(), message.content.end(), uploaded);
  });
}

}  // namespace

void write_anthropic_body(std::string& out, const ChatRequest& request, const Target& target, const AnthropicForm& form,
                          RequestCheck& check) {
  const ClaudeTraits traits = claude_traits(target.model);
  const std::int64_t max_tokens = request.max_tokens.value_or(traits.max_tokens);
  check_fields(request, traits, check);
  const Conversation conversation = gather_turns(request.messages);

  JsonWriter writer(out);
  AnthropicMessages messages(writer, check, traits);
  writer.begin_object();
  if (form.version.empty()) {
    writer.member("model", target.model);
  } else {
    writer.member("anthropic_version", form.version);
  }
  writer.member("max_tokens", max_tokens);
  if (!conversation.system.empty()) {
    writer.key("system");
    messages.system(conversation.system);
  }
  writer.key("messages").begin_array();
  for (const Turn& turn : conversation.turns) messages.turn(turn);
  writer.end_array();
  write_tools(writer, request, traits, messages, check);
  write_thinking(writer, request, traits, plan_thinking(request, traits, max_tokens, check));
  if (!request.stop.empty()) writer.member("stop_sequences", request.stop);
  write_sampling(writer, request, traits, check);
  const auto named = request.metadata.find("user_id");
  if (!request.user.empty() || named != request.metadata.end()) {
    writer.key("metadata").begin_object();
    writer.member("user_id", request.user.empty() ? named->second : request.user).end_object();
  }
  if (!request.service_tier.empty()) writer.member("service_tier", request.service_tier);
  if (form.stream && target.stream) writer.member("stream", true);
  writer.end_object(request.extra, "extra");
  check.written(writer.fault());
}

std::string anthropic_betas(const ChatRequest& request, const Target& target) {
  constexpr std::string_view kName = "anthropic-beta";
  std::vector<std::string_view> betas;
  const auto add = [&betas](std::string_view list) {
    while (!list.empty()) {
      const std::size_t comma = std::min(list.find(','), list.size());
      const std::string_view one = trimmed(list.substr(0, comma));
      if (!one.empty() && std::find(betas.begin(), betas.end(), one) == betas.end()) betas.push_back(one);
      list.remove_prefix(std::min(comma + 1, list.size()));
    }
  };
  if (const auto option = target.service.options.find("anthropic_beta"); option != target.service.options.end()) {
    add(option->second);
  }
  for (const auto* headers : {&target.service.headers, &request.headers}) {
    for (const auto& [name, value] : *headers) {
      if (equal_ignoring_case(name, kName)) add(value);
    }
  }
  // https://platform.claude.com/docs/en/build-with-claude/files
  if (has_uploaded_file(request)) add("files-api-2025-04-14");
  return fmt::format("{}", fmt::join(betas, ","));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
