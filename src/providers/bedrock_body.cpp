#include "providers/bedrock_body.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "providers/anthropic_models.hpp"
#include "providers/anthropic_thinking.hpp"
#include "providers/bedrock_messages.hpp"
#include "providers/text.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// What a family of models takes in additionalModelRequestFields.
struct Family {
  std::string_view mark;             ///< in the model's id
  std::string_view top_k{};          ///< the member for top_k; empty: none
  std::string_view top_k_object{};   ///< the object that it stands in; empty: none
  std::string_view effort{};         ///< the member for reasoning_effort; empty: none
  std::string_view effort_object{};  ///< the object that it stands in, beside "type":"enabled"; empty: none
};

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html, and for Nova
// https://docs.aws.amazon.com/nova/latest/nova2-userguide/using-converse-api.html. The first that fits holds.
constexpr std::array kFamilies = {
    Family{"claude", "top_k"},
    Family{"nova-2", "topK", "inferenceConfig", "maxReasoningEffort", "reasoningConfig"},
    Family{"nova", "topK", "inferenceConfig"},
    Family{"mistral", "top_k"},
    Family{"cohere", "k"},
    Family{"openai.", {}, {}, "reasoning_effort"},
};

constexpr Family kStranger{};

const Family& family_of(std::string_view model) {
  const auto found = std::find_if(kFamilies.begin(), kFamilies.end(),
                                  [model](const Family& f) { return contains_ignoring_case(model, f.mark); });
  return found == kFamilies.end() ? kStranger : *found;
}

// What Converse's body has, beyond what this file writes in any case.
constexpr std::array<std::string_view, 11> kMembers = {"additionalModelResponseFieldPaths",
                                                       "guardrailConfig",
                                                       "inferenceConfig",
                                                       "messages",
                                                       "outputConfig",
                                                       "performanceConfig",
                                                       "promptVariables",
                                                       "requestMetadata",
                                                       "serviceTier",
                                                       "system",
                                                       "toolConfig"};
constexpr std::string_view kModelFields = "additionalModelRequestFields";

/// ChatRequest::extra, parted: what Converse has, and what the model has.
struct Extras {
  std::string body{};
  std::string model{};
};

Extras part_extras(std::string_view extra, RequestCheck& check) {
  Extras parted;
  if (extra.empty()) return parted;
  JsonDoc doc;
  if (!doc.parse(extra) || !doc.root().is_object()) {
    check.invalid("extra: a JSON object was expected");
    return parted;
  }
  JsonWriter body(parted.body);
  JsonWriter model(parted.model);
  body.begin_object();
  model.begin_object();
  for (const JsonMember member : doc.root().members()) {
    if (member.name == kModelFields && member.value.is_object()) {
      for (const JsonMember field : member.value.members()) model.key(field.name).trusted(field.value.raw());
      continue;
    }
    const bool known = std::find(kMembers.begin(), kMembers.end(), member.name) != kMembers.end();
    (known ? body : model).key(member.name).trusted(member.value.raw());
  }
  body.end_object();
  model.end_object();
  return parted;
}

class BodyWriter {
 public:
  BodyWriter(std::string& out, const ChatRequest& request, const Target& target, RequestCheck& check)
      : out_(out),
        request_(request),
        target_(target),
        check_(check),
        messages_(out_, check),
        claude_(contains_ignoring_case(target.model, "claude")),
        traits_(claude_ ? claude_traits(target.model) : ClaudeTraits{.thinking = ClaudeThinking::none}) {}

  void write() {
    refuse();
    const Extras extras = part_extras(request_.extra, check_);
    const Conversation conversation = gather_turns(request_.messages);
    out_.begin_object();
    if (!conversation.system.empty()) {
      out_.key("system");
      messages_.system(conversation.system);
    }
    out_.key("messages").begin_array();
    for (const Turn& turn : conversation.turns) messages_.turn(turn);
    out_.end_array();
    inference();
    tools(conversation);
    output_format();
    settings();
    model_fields(extras.model);
    out_.end_object(extras.body, "extra");
    check_.written(out_.fault());
  }

 private:
  /// What Converse has no words for, whichever the model.
  void refuse() {
    if (request_.n.value_or(1) != 1) check_.unsupported("n", "it gives one answer");
    if (request_.seed) check_.unsupported("seed");
    if (request_.presence_penalty.value_or(0) != 0) check_.unsupported("presence_penalty");
    if (request_.frequency_penalty.value_or(0) != 0) check_.unsupported("frequency_penalty");
    if (!request_.logit_bias.empty()) check_.unsupported("logit_bias");
    if (request_.logprobs.value_or(false)) check_.unsupported("logprobs");
    if (request_.top_logprobs.value_or(0) != 0) check_.unsupported("top_logprobs");
    if (!request_.user.empty()) check_.unsupported("user", "metadata goes to the logs of the account's own calls");
    if (request_.parallel_tool_calls == false) check_.unsupported("parallel_tool_calls", "it may always call several");
    if (request_.max_tokens && *request_.max_tokens < 1) check_.invalid("max_tokens: at least 1 was expected");
  }

  void inference() {
    const auto sampled = [this](std::string_view field, std::optional<double> value, bool usual) {
      if (!value || traits_.sampling || usual) return value;
      check_.unsupported(field, "this model samples in its own way");
      return std::optional<double>();
    };
    const auto temperature = sampled("temperature", request_.temperature, request_.temperature == 1);
    const auto top_p = sampled("top_p", request_.top_p, false);
    if (!request_.max_tokens && !temperature && !top_p && request_.stop.empty()) return;
    out_.key("inferenceConfig").begin_object();
    if (request_.max_tokens) out_.member("maxTokens", *request_.max_tokens);
    if (temperature) out_.member("temperature", *temperature);
    if (top_p) out_.member("topP", *top_p);
    if (!request_.stop.empty()) out_.member("stopSequences", request_.stop);
    out_.end_object();
  }

  void tools(const Conversation& conversation) {
    using enum ToolChoice::Mode;
    const ToolChoice choice = request_.tool_choice.value_or(ToolChoice{});
    if (request_.tools.empty()) {
      const bool demands = !choice.raw.empty() || choice.mode == required || choice.mode == function;
      if (demands) check_.unsupported("tool_choice", "there are no tools to choose from");
      return;
    }
    if (choice.raw.empty() && choice.mode == none) {
      // It has no word for "none". Without tools none is called, but a conversation that shows calls must list them.
      if (!has_calls(conversation)) return;
      check_.unsupported("tool_choice", "the conversation holds calls, and it cannot forbid further ones");
    }
    out_.key("toolConfig").begin_object().key("tools").begin_array();
    for (std::size_t i = 0; i < request_.tools.size(); ++i) tool(request_.tools[i], fmt::format("tools[{}]", i));
    out_.end_array();
    if (!choice.raw.empty()) {
      out_.key("toolChoice").raw(choice.raw, "tool_choice.raw");
    } else if ((choice.mode == required || choice.mode == function) && !traits_.forced_tools) {
      check_.unsupported("tool_choice", "this model cannot be made to use a tool");
    } else if (request_.tool_choice && choice.mode != none) {
      out_.key("toolChoice").begin_object();
      out_.key(choice.mode == automatic ? "auto" : choice.mode == required ? "any" : "tool").begin_object();
      if (choice.mode == function) out_.member("name", choice.name);
      out_.end_object().end_object();
    }
    out_.end_object();
  }

  void tool(const Tool& tool, const std::string& where) {
    if (!tool.raw.empty()) {
      out_.raw(tool.raw, where + ".raw");
      return;
    }
    out_.begin_object().key("toolSpec").begin_object().member("name", tool.name);
    if (!tool.description.empty()) out_.member("description", tool.description);
    out_.key("inputSchema").begin_object().key("json");
    if (tool.parameters.empty()) {
      out_.trusted(R"({"type":"object","properties":{}})");
    } else {
      out_.raw(tool.parameters, where + ".parameters");
    }
    out_.end_object();
    if (tool.strict) out_.member("strict", *tool.strict);
    out_.end_object().end_object();
    messages_.cache_point(tool.cache, where);
  }

  // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputFormat.html
  void output_format() {
    if (!request_.response_format || request_.response_format->type == ResponseFormat::Type::text) return;
    const ResponseFormat& format = *request_.response_format;
    if (format.type == ResponseFormat::Type::json_object) {
      return check_.unsupported("response_format",
                                "it has JSON by schema only: give a schema, or ask for JSON in the prompt");
    }
    if (claude_ && !traits_.schemas) {
      return check_.unsupported("response_format", "this model has no structured outputs");
    }
    if (format.strict == false) check_.unsupported("response_format.strict", "a schema always holds");
    if (const std::string fault = json_fault(format.schema); !fault.empty()) {
      return check_.invalid("response_format.schema: " + fault);
    }
    out_.key("outputConfig").begin_object().key("textFormat").begin_object().member("type", "json_schema");
    out_.key("structure").begin_object().key("jsonSchema").begin_object();
    // The schema is a string that holds JSON.
    out_.member("schema", format.schema);
    if (!format.name.empty()) out_.member("name", format.name);
    if (!format.description.empty()) out_.member("description", format.description);
    out_.end_object().end_object().end_object().end_object();
  }

  void settings() {
    if (const std::string_view guardrail = option("guardrail_id"); !guardrail.empty()) {
      out_.key("guardrailConfig").begin_object().member("guardrailIdentifier", guardrail);
      const std::string_view version = option("guardrail_version");
      out_.member("guardrailVersion", version.empty() ? std::string_view("DRAFT") : version);
      if (const std::string_view trace = option("guardrail_trace"); !trace.empty()) out_.member("trace", trace);
      const std::string_view stream = option("guardrail_stream");
      if (target_.stream && !stream.empty()) out_.member("streamProcessingMode", stream);
      out_.end_object();
    }
    if (const std::string_view latency = option("latency"); !latency.empty()) {
      out_.key("performanceConfig").begin_object().member("latency", latency).end_object();
    }
    if (!request_.service_tier.empty()) {
      out_.key("serviceTier").begin_object().member("type", request_.service_tier).end_object();
    }
    if (!request_.metadata.empty()) {
      out_.key("requestMetadata").begin_object();
      for (const auto& [name, value] : request_.metadata) out_.member(name, value);
      out_.end_object();
    }
  }

  void model_fields(std::string_view extra) {
    const Family& family = family_of(target_.model);
    std::string fields;
    JsonWriter writer(fields);
    writer.begin_object();
    if (request_.top_k) {
      if (family.top_k.empty() || !traits_.sampling) {
        check_.unsupported("top_k", "not known of this model; name it in extra as the model has it");
      } else if (family.top_k_object.empty()) {
        writer.member(family.top_k, *request_.top_k);
      } else {
        writer.key(family.top_k_object).begin_object().member(family.top_k, *request_.top_k).end_object();
      }
    }
    if (claude_) {
      claude_thoughts(writer);
    } else {
      if (request_.reasoning_tokens) check_.unsupported("reasoning_tokens", "this model takes no such number");
      if (!request_.reasoning_effort.empty()) effort(writer, family);
    }
    writer.end_object(extra, "extra");
    check_.written(writer.fault());
    if (fields != "{}") out_.key(kModelFields).trusted(fields);
  }

  void claude_thoughts(JsonWriter& writer) {
    const std::int64_t ceiling = request_.max_tokens.value_or(traits_.max_tokens);
    const ClaudeThoughts thoughts = plan_thinking(request_, traits_, ceiling, check_);
    if (!thoughts.type.empty()) {
      writer.key("thinking").begin_object().member("type", thoughts.type);
      if (thoughts.budget > 0) writer.member("budget_tokens", thoughts.budget);
      writer.end_object();
    }
    if (!thoughts.effort.empty()) {
      writer.key("output_config").begin_object().member("effort", thoughts.effort).end_object();
    }
  }

  void effort(JsonWriter& writer, const Family& family) {
    if (family.effort.empty()) {
      check_.unsupported("reasoning_effort", "not known of this model; name it in extra as the model has it");
    } else if (family.effort_object.empty()) {
      writer.member(family.effort, request_.reasoning_effort);
    } else if (request_.reasoning_effort == "none") {
      writer.key(family.effort_object).begin_object().member("type", "disabled").end_object();
    } else {
      writer.key(family.effort_object).begin_object().member("type", "enabled");
      writer.member(family.effort, request_.reasoning_effort).end_object();
    }
  }

  static bool has_calls(const Conversation& conversation) {
    return std::any_of(conversation.turns.begin(), conversation.turns.end(), [](const Turn& turn) {
      return std::any_of(turn.messages.begin(), turn.messages.end(), [](const PlacedMessage& placed) {
        return placed.message->role == Role::tool || !placed.message->tool_calls.empty();
      });
    });
  }

  [[nodiscard]] std::string_view option(const char* name) const {
    const auto found = target_.service.options.find(name);
    return found == target_.service.options.end() ? std::string_view{} : std::string_view(found->second);
  }

  JsonWriter out_;
  const ChatRequest& request_;
  const Target& target_;
  RequestCheck& check_;
  BedrockMessages messages_;
  bool claude_;
  ClaudeTraits traits_;
};

}  // namespace

void write_bedrock_body(std::string& out, const ChatRequest& request, const Target& target, RequestCheck& check) {
  BodyWriter(out, request, target, check).write();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
