#include "providers/gemini_body.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "providers/gemini_contents.hpp"
#include "providers/gemini_models.hpp"
#include "providers/native_request.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

class Body {
 public:
  Body(const ChatRequest& request, std::string_view model, GeminiDoor door, RequestCheck& check)
      : request_(request), generation_(gemini_generation(model)), model_(model), door_(door), check_(check) {}

  std::string write() {
    split_extra();
    json_.begin_object();
    GeminiContents(request_, generation_, door_, check_, json_).write();
    tools();
    tool_config();
    generation_config();
    labels();
    if (!request_.service_tier.empty()) {
      if (door_ == GeminiDoor::gemini) {
        json_.member("serviceTier", request_.service_tier);
      } else {
        check_.unsupported("service_tier", "Vertex AI takes it as the header X-Vertex-AI-LLM-Shared-Request-Type");
      }
    }
    refuse();
    json_.end_object(extra_, "extra");
    check_.written(json_.fault());
    return std::move(out_);
  }

 private:
  /// Takes `generationConfig` out of `extra`: it adds to ours, and does not replace it.
  void split_extra() {
    extra_ = request_.extra;
    JsonDoc doc;
    if (extra_.empty() || !doc.parse(extra_) || !doc.root()["generationConfig"].is_object()) return;
    more_config_ = doc.root()["generationConfig"].raw();
    std::string rest;
    JsonWriter writer(rest);
    writer.begin_object();
    for (const auto& [name, value] : doc.root().members()) {
      if (name != "generationConfig") writer.key(name).trusted(value.raw());
    }
    writer.end_object();
    extra_ = std::move(rest);
  }

  void tools() {
    if (request_.tools.empty()) return;
    json_.key("tools").begin_array();
    bool open = false;
    for (std::size_t i = 0; i < request_.tools.size(); ++i) {
      const Tool& tool = request_.tools[i];
      if (!tool.raw.empty()) continue;
      if (!open) json_.begin_object().key("functionDeclarations").begin_array();
      open = true;
      json_.begin_object().member("name", tool.name);
      if (!tool.description.empty()) json_.member("description", tool.description);
      if (!tool.parameters.empty()) {
        json_.key(generation_.json_schema ? "parametersJsonSchema" : "parameters");
        json_.raw(tool.parameters, fmt::format("tools[{}].parameters", i));
      }
      json_.end_object();
    }
    if (open) json_.end_array().end_object();
    for (std::size_t i = 0; i < request_.tools.size(); ++i) {
      if (!request_.tools[i].raw.empty()) json_.raw(request_.tools[i].raw, fmt::format("tools[{}].raw", i));
    }
    json_.end_array();
  }

  void tool_config() {
    if (request_.parallel_tool_calls == false) check_.unsupported("parallel_tool_calls", "it cannot be switched off");
    const bool strict =
        std::any_of(request_.tools.begin(), request_.tools.end(), [](const Tool& tool) { return tool.strict == true; });
    if (!request_.tool_choice && !strict) return;
    const ToolChoice choice = request_.tool_choice.value_or(ToolChoice{});
    json_.key("toolConfig");
    if (!choice.raw.empty()) {
      json_.raw(choice.raw, "tool_choice.raw");
      return;
    }
    json_.begin_object().key("functionCallingConfig").begin_object();
    switch (choice.mode) {
      case ToolChoice::Mode::automatic:
        // VALIDATED leaves the choice to the model as AUTO does, but holds it to the schemas.
        json_.member("mode", strict ? "VALIDATED" : "AUTO");
        break;
      case ToolChoice::Mode::none:
        json_.member("mode", "NONE");
        break;
      case ToolChoice::Mode::required:
        json_.member("mode", "ANY");
        break;
      case ToolChoice::Mode::function:
        json_.member("mode", "ANY").key("allowedFunctionNames").begin_array().string(choice.name).end_array();
        break;
    }
    json_.end_object().end_object();
  }

  void generation_config() {
    std::string config;
    JsonWriter json(config);
    json.begin_object();
    if (request_.max_tokens) json.member("maxOutputTokens", *request_.max_tokens);
    if (request_.temperature) json.member("temperature", *request_.temperature);
    if (request_.top_p) json.member("topP", *request_.top_p);
    if (request_.top_k) json.member("topK", *request_.top_k);
    if (request_.n) json.member("candidateCount", *request_.n);
    if (request_.seed) json.member("seed", *request_.seed);
    if (request_.presence_penalty) json.member("presencePenalty", *request_.presence_penalty);
    if (request_.frequency_penalty) json.member("frequencyPenalty", *request_.frequency_penalty);
    if (!request_.stop.empty()) json.member("stopSequences", request_.stop);
    if (request_.logprobs) json.member("responseLogprobs", *request_.logprobs);
    if (request_.top_logprobs) json.member("logprobs", *request_.top_logprobs);
    response_format(json);
    thinking(json);
    media_resolution(json);
    json.end_object(more_config_, "extra.generationConfig");
    check_.written(json.fault());
    if (config != "{}") json_.key("generationConfig").trusted(config);
  }

  void response_format(JsonWriter& json) {
    if (!request_.response_format) return;
    const ResponseFormat& format = *request_.response_format;
    if (format.type == ResponseFormat::Type::text) return;
    json.member("responseMimeType", "application/json");
    if (format.type != ResponseFormat::Type::json_schema) return;
    if (format.schema.empty()) check_.invalid("response_format.schema is empty");
    json.key(generation_.json_schema ? "responseJsonSchema" : "responseSchema")
        .raw(format.schema, "response_format.schema");
  }

  // A number and a level together are refused, and a number says more.
  void thinking(JsonWriter& json) {
    using Thinking = GeminiGeneration::Thinking;
    const bool asked = request_.reasoning_tokens || !request_.reasoning_effort.empty();
    if (!asked) return;
    const std::string_view field = request_.reasoning_tokens ? "reasoning_tokens" : "reasoning_effort";
    if (generation_.thinking == Thinking::none) {
      check_.unsupported(field, fmt::format("{} does not think", model_));
      return;
    }
    std::optional<std::int64_t> budget = request_.reasoning_tokens;
    if (budget && !request_.reasoning_effort.empty()) {
      check_.left_out("reasoning_effort", "reasoning_tokens says it, and Gemini takes one of them");
    }
    if (!budget && generation_.thinking == Thinking::budget) {
      budget = gemini_budget(request_.reasoning_effort);
      if (!budget) {
        check_.unsupported(field, "expected none, minimal, low, medium or high");
        return;
      }
    }
    if (budget) {
      if (*budget == 0 && !generation_.can_stop_thinking) {
        check_.unsupported(field, fmt::format("{} cannot stop thinking", model_));
        return;
      }
      json.key("thinkingConfig")
          .begin_object()
          .member("thinkingBudget", *budget)
          .member("includeThoughts", *budget != 0)
          .end_object();
      return;
    }
    const auto& levels = generation_.levels;
    if (std::find(levels.begin(), levels.end(), request_.reasoning_effort) == levels.end()) {
      check_.unsupported(field, fmt::format("{} takes {}", model_, fmt::join(levels, ", ")));
      return;
    }
    json.key("thinkingConfig")
        .begin_object()
        .member("thinkingLevel", request_.reasoning_effort)
        .member("includeThoughts", true)
        .end_object();
  }

  // Gemini takes one resolution for all that a request shows.
  void media_resolution(JsonWriter& json) {
    std::string_view detail;
    for (const Message& message : request_.messages) {
      for (const Part& part : message.content) {
        const auto* image = std::get_if<ImagePart>(&part);
        if (image == nullptr || image->detail.empty() || image->detail == "auto") continue;
        if (!detail.empty() && detail != image->detail) {
          check_.unsupported("messages[].content[].detail", "all images of a request share one");
          return;
        }
        detail = image->detail;
      }
    }
    if (detail.empty()) return;
    if (detail == "low" || detail == "medium" || detail == "high") {
      json.member("mediaResolution", detail == "low"      ? "MEDIA_RESOLUTION_LOW"
                                     : detail == "medium" ? "MEDIA_RESOLUTION_MEDIUM"
                                                          : "MEDIA_RESOLUTION_HIGH");
    } else {
      check_.unsupported("messages[].content[].detail", "expected low, medium, high or auto");
    }
  }

  // https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/add-labels-to-api-calls
  void labels() {
    if (request_.metadata.empty()) return;
    if (door_ != GeminiDoor::vertex) {
      check_.unsupported("metadata");
      return;
    }
    json_.key("labels").begin_object();
    for (const auto& [name, value] : request_.metadata) json_.member(name, value);
    json_.end_object();
  }

  void refuse() {
    if (!request_.logit_bias.empty()) check_.unsupported("logit_bias");
    if (!request_.user.empty()) check_.unsupported("user");
    refuse_beside_schema(request_, check_);
  }

  const ChatRequest& request_;
  const GeminiGeneration& generation_;
  std::string_view model_;
  GeminiDoor door_;
  RequestCheck& check_;
  std::string out_{};
  JsonWriter json_{out_};
  std::string extra_{};
  std::string more_config_{};
};

}  // namespace

std::string gemini_body(const ChatRequest& request, std::string_view model, GeminiDoor door, RequestCheck& check) {
  return Body(request, model, door, check).write();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
