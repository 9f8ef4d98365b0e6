#include "support/dialect_anthropic.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

constexpr std::array kRefusals = {
    Refusal{K::no_key, 401,
            R"({"type":"error","error":{"type":"authentication_error","message":"x-api-key header is required"}})"},
    Refusal{
        K::invalid_key, 401,
        R"({"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"})"},
    Refusal{
        K::quota_exhausted, 400,
        R"({"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}})"},
    Refusal{
        K::rate_limited, 429,
        R"({"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed the rate limit for your organization (org-1) of 50 requests per minute."}})"},
    Refusal{
        K::forbidden, 403,
        R"({"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission to use the specified resource."}})"},
    Refusal{K::unknown_model, 404, R"({"type":"error","error":{"type":"not_found_error","message":"model: $model"}})"},
    Refusal{
        K::content_filter, 400,
        R"({"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}})"},
    Refusal{
        K::context_length, 400,
        R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}})"},
    Refusal{K::bad_request, 400, R"({"type":"error","error":{"type":"invalid_request_error","message":$message}})"},
    Refusal{K::overloaded, 529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"},
    Refusal{K::server_error, 500, R"({"type":"error","error":{"type":"api_error","message":"Internal server error"}})"},
};

// Anything else is refused: "Extra inputs are not permitted".
constexpr std::array<std::string_view, 18> kMembers = {
    "model",        "messages",      "max_tokens",        "system",        "stream",         "tools",    "tool_choice",
    "metadata",     "top_k",         "temperature",       "top_p",         "stop_sequences", "thinking", "container",
    "service_tier", "output_config", "anthropic_version", "anthropic_beta"};

std::string text_of(const rapidjson::Value& content) {
  if (content.IsString()) return std::string(view(content));
  std::string text;
  if (content.IsArray()) {
    for (const rapidjson::Value& block : content.GetArray()) text += string_member(block, "text");
  }
  return text;
}

Wrong read_image(const rapidjson::Value& block, Turn& turn) {
  const rapidjson::Value* source = member(block, "source");
  if (source == nullptr) return "an image has no source";
  const std::string_view type = string_member(*source, "type");
  if (type == "url" && !string_member(*source, "url").empty()) {
    turn.images.emplace_back(string_member(*source, "url"));
  } else if (type == "base64" && string_member(*source, "media_type").starts_with("image/")) {
    turn.images.push_back(fmt::format("{}:{}", string_member(*source, "media_type"), string_member(*source, "data")));
  } else {
    return "an image's source is neither base64 with a media_type nor a url";
  }
  return std::nullopt;
}

Wrong read_block(const rapidjson::Value& block, std::vector<Turn>& turns, Turn& turn) {
  const std::string_view type = string_member(block, "type");
  if (type == "text") {
    if (string_member(block, "text").empty()) return "messages: text content blocks must be non-empty";
    turn.text += string_member(block, "text");
    return std::nullopt;
  }
  if (type == "image") return read_image(block, turn);
  if (type == "tool_use") {
    const rapidjson::Value* input = member(block, "input");
    if (turn.who != Turn::Who::assistant || input == nullptr || !input->IsObject()) {
      return "a tool_use is the user's, or its input is not an object";
    }
    turn.calls.push_back(
        {std::string(string_member(block, "id")), std::string(string_member(block, "name")), json_of(*input)});
    return std::nullopt;
  }
  if (type == "tool_result") {
    if (turn.who != Turn::Who::user) return "a tool_result is the assistant's";
    if (!turn.text.empty() || !turn.images.empty()) return "tool_result blocks must come first in a message";
    Turn result{.who = Turn::Who::tool, .answers = std::string(string_member(block, "tool_use_id"))};
    if (const rapidjson::Value* content = member(block, "content")) result.text = text_of(*content);
    turns.push_back(std::move(result));
    return std::nullopt;
  }
  return type == "thinking" || type == "redacted_thinking" || type == "document"
             ? std::nullopt
             : Wrong("a block has a type that is not known");
}

Wrong read_message(const rapidjson::Value& message, std::vector<Turn>& turns) {
  const std::string_view role = string_member(message, "role");
  if (role != "user" && role != "assistant") return "messages: Unexpected role. Use the top-level system parameter";
  Turn turn{.who = role == "user" ? Turn::Who::user : Turn::Who::assistant};
  const rapidjson::Value* content = member(message, "content");
  if (content != nullptr && content->IsString() && content->GetStringLength() > 0) {
    turn.text = view(*content);
  } else if (content != nullptr && content->IsArray() && !content->Empty()) {
    for (const rapidjson::Value& block : content->GetArray()) {
      if (Wrong wrong = read_block(block, turns, turn)) return wrong;
    }
  } else {
    return "messages: all messages must have non-empty content";
  }
  const bool results_only = turn.who == Turn::Who::user && turn.text.empty() && turn.images.empty();
  if (!results_only) turns.push_back(std::move(turn));
  return std::nullopt;
}

Wrong read_tools(const rapidjson::Value& body, Ask& ask) {
  const rapidjson::Value* tools = member(body, "tools");
  if (tools == nullptr) return std::nullopt;
  for (const rapidjson::Value& tool : tools->GetArray()) {
    const rapidjson::Value* schema = member(tool, "input_schema");
    if (schema == nullptr || string_member(*schema, "type") != "object")
      return "tools: input_schema.type: Field required";
    ask.tools.push_back(offered_tool(string_member(tool, "name"), schema));
  }
  const rapidjson::Value* choice = member(body, "tool_choice");
  if (choice != nullptr && string_member(*choice, "type") == "none") ask.tools.clear();
  return std::nullopt;
}

std::string_view stop_reason(const Answer& answer) {
  if (!answer.tool_calls.empty()) return "tool_use";
  return answer.cut_short ? "max_tokens" : "end_turn";
}

std::string whole(const Answer& answer) {
  std::string content;
  if (!answer.words.empty()) content = fill(R"({"type":"text","text":$text})", {{"text", quoted(answer.text())}});
  for (const AskedTool& call : answer.tool_calls) {
    if (!content.empty()) content += ",";
    content += fill(R"({"type":"tool_use","id":$id,"name":$name,"input":$input})",
                    {{"id", quoted(call.id)}, {"name", quoted(call.name)}, {"input", call.arguments}});
  }
  return fill(
      R"({"id":$id,"type":"message","role":"assistant","model":$model,"content":[$content],"stop_reason":"$reason","stop_sequence":null,"usage":{"input_tokens":$in,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":$out,"service_tier":"standard"}})",
      {{"id", quoted("msg_" + answer.id)},
       {"model", quoted(answer.model)},
       {"content", content},
       {"reason", std::string(stop_reason(answer))},
       {"in", fmt::format("{}", answer.prompt_tokens)},
       {"out", fmt::format("{}", answer.completion_tokens)}});
}

/// The events of one content block, with its index.
class BlockList {
 public:
  void add(std::string_view type, std::string_view data) { events_.push_back(sse_event(data, type)); }

  void block(std::string_view start, const std::vector<std::string>& deltas) {
    const std::string index = fmt::format("{}", index_++);
    add("content_block_start", fill(R"({"type":"content_block_start","index":$index,"content_block":$start})",
                                    {{"index", index}, {"start", std::string(start)}}));
    add("ping", R"({"type":"ping"})");
    for (const std::string& delta : deltas) {
      add("content_block_delta", fill(R"({"type":"content_block_delta","index":$index,"delta":$delta})",
                                      {{"index", index}, {"delta", delta}}));
    }
    add("content_block_stop", fill(R"({"type":"content_block_stop","index":$index})", {{"index", index}}));
  }

  std::vector<std::string> take() { return std::move(events_); }

 private:
  int index_ = 0;
  std::vector<std::string> events_{};
};

std::vector<std::string> stream(const Answer& answer) {
  BlockList list;
  list.add(
      "message_start",
      fill(
          R"({"type":"message_start","message":{"id":$id,"type":"message","role":"assistant","model":$model,"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":$in,"output_tokens":1}}})",
          {{"id", quoted("msg_" + answer.id)},
           {"model", quoted(answer.model)},
           {"in", fmt::format("{}", answer.prompt_tokens)}}));
  if (!answer.words.empty()) {
    std::vector<std::string> deltas;
    for (const std::string& word : answer.words) {
      deltas.push_back(fill(R"({"type":"text_delta","text":$text})", {{"text", quoted(word)}}));
    }
    list.block(R"({"type":"text","text":""})", deltas);
  }
  for (const AskedTool& call : answer.tool_calls) {
    std::vector<std::string> deltas{R"({"type":"input_json_delta","partial_json":""})"};
    const auto [first, second] = halves(call.arguments);
    for (const std::string& half : {first, second}) {
      deltas.push_back(fill(R"({"type":"input_json_delta","partial_json":$json})", {{"json", quoted(half)}}));
    }
    list.block(fill(R"({"type":"tool_use","id":$id,"name":$name,"input":{}})",
                    {{"id", quoted(call.id)}, {"name", quoted(call.name)}}),
               deltas);
  }
  list.add(
      "message_delta",
      fill(
          R"({"type":"message_delta","delta":{"stop_reason":"$reason","stop_sequence":null},"usage":{"output_tokens":$out}})",
          {{"reason", std::string(stop_reason(answer))}, {"out", fmt::format("{}", answer.completion_tokens)}}));
  list.add("message_stop", R"({"type":"message_stop"})");
  return list.take();
}

class AnthropicDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override { return request.path().ends_with("/v1/messages"); }
  std::string key(const ReceivedRequest& request) const override { return std::string(request.find("x-api-key")); }
  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    Reply reply = anthropic_answer(ask, answer);
    reply.headers.push_back({"request-id", "req_" + answer.id});
    return reply;
  }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    if (request.find("anthropic-version") != "2023-06-01") return "anthropic-version: header is required";
    if (member(body, "anthropic_version") != nullptr) return "anthropic_version: Extra inputs are not permitted";
    ask.model = string_member(body, "model");
    if (ask.model.empty()) return "model: Field required";
    ask.stream = true_member(body, "stream");
    return read_anthropic_body(body, ask, turns);
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }
};

}  // namespace

std::optional<std::string> read_anthropic_body(const rapidjson::Value& body, Ask& ask, std::vector<Turn>& turns) {
  for (const auto& one : body.GetObject()) {
    if (std::find(kMembers.begin(), kMembers.end(), view(one.name)) == kMembers.end()) {
      return fmt::format("{}: Extra inputs are not permitted", view(one.name));
    }
  }
  const std::optional<double> max_tokens = number_member(body, "max_tokens");
  if (!max_tokens || *max_tokens < 1) return "max_tokens: Field required";
  ask.max_tokens = static_cast<std::int64_t>(*max_tokens);
  if (const rapidjson::Value* system = member(body, "system")) {
    turns.push_back({.who = Turn::Who::system, .text = text_of(*system)});
  }
  const rapidjson::Value* messages = member(body, "messages");
  if (messages == nullptr || !messages->IsArray() || messages->Empty()) return "messages: Field required";
  if (string_member(messages->GetArray()[0], "role") != "user") return "messages: first message must use the user role";
  for (const rapidjson::Value& message : messages->GetArray()) {
    if (Wrong wrong = read_message(message, turns)) return wrong;
  }
  return read_tools(body, ask);
}

Reply anthropic_answer(const Ask& ask, const Answer& answer) {
  return ask.stream ? Reply::sse(stream(answer), answer.between) : Reply::json(200, whole(answer));
}

std::span<const Refusal> anthropic_refusals() { return kRefusals; }

std::unique_ptr<Dialect> anthropic_dialect() { return std::make_unique<AnthropicDialect>(); }

}  // namespace keywheel::testing
