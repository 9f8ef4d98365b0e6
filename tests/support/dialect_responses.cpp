#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialect_openai.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using Wrong = std::optional<std::string>;

Wrong read_content(const rapidjson::Value& content, Turn& turn) {
  if (content.IsString()) {
    turn.text += view(content);
    return std::nullopt;
  }
  if (!content.IsArray()) return "content is neither a string nor a list";
  const std::string_view wanted = turn.who == Turn::Who::assistant ? "output_text" : "input_text";
  for (const rapidjson::Value& part : content.GetArray()) {
    const std::string_view type = string_member(part, "type");
    if (type == "input_image") {
      if (!member(part, "image_url") || !member(part, "image_url")->IsString()) return "image_url is not a string";
      turn.images.push_back(image_of(string_member(part, "image_url")));
    } else if (type == wanted) {
      turn.text += string_member(part, "text");
    } else if (type != "refusal" && type != "input_file") {
      return fmt::format("Invalid value: '{}'. Supported values are: '{}', …", type, wanted);
    }
  }
  return std::nullopt;
}

/// One item of the input. Calls of one answer stand beside one another.
Wrong read_item(const rapidjson::Value& item, std::vector<Turn>& turns) {
  const std::string_view type = string_member(item, "type");
  if (type == "function_call") {
    if (turns.empty() || turns.back().who != Turn::Who::assistant) turns.push_back({.who = Turn::Who::assistant});
    turns.back().calls.push_back({std::string(string_member(item, "call_id")), std::string(string_member(item, "name")),
                                  std::string(string_member(item, "arguments"))});
    return std::nullopt;
  }
  if (type == "function_call_output") {
    Turn turn{.who = Turn::Who::tool, .answers = std::string(string_member(item, "call_id"))};
    const rapidjson::Value* output = member(item, "output");
    if (output == nullptr) return "output is missing";
    if (Wrong wrong = read_content(*output, turn)) return wrong;
    turns.push_back(std::move(turn));
    return std::nullopt;
  }
  if (type == "reasoning") return member(item, "summary") == nullptr ? Wrong("summary is missing") : std::nullopt;
  if (!type.empty() && type != "message") return "an input item has a type that is not known";
  if (member(item, "tool_calls") != nullptr || string_member(item, "role") == "tool") return "that is chat completions";
  const std::string_view role = string_member(item, "role");
  Turn turn{.who = role == "user" ? Turn::Who::user : role == "assistant" ? Turn::Who::assistant : Turn::Who::system};
  const rapidjson::Value* content = member(item, "content");
  if (role.empty() || content == nullptr) return "an input message has no role, or no content";
  if (Wrong wrong = read_content(*content, turn)) return wrong;
  turns.push_back(std::move(turn));
  return std::nullopt;
}

std::string item_of(const AskedTool& call, std::string_view status, std::string_view arguments) {
  return fill(
      R"({"id":$item,"type":"function_call","status":"$status","arguments":$arguments,"call_id":$id,"name":$name})",
      {{"item", quoted("fc_" + call.id)},
       {"status", std::string(status)},
       {"arguments", quoted(arguments)},
       {"id", quoted(call.id)},
       {"name", quoted(call.name)}});
}

std::string message_item(std::string_view status, std::string_view content) {
  return fmt::format(R"({{"id":"msg_1","type":"message","status":"{}","role":"assistant","content":[{}]}})", status,
                     content);
}

std::string text_part(std::string_view text) {
  return fill(R"({"type":"output_text","annotations":[],"logprobs":[],"text":$text})", {{"text", quoted(text)}});
}

std::string response(const Answer& answer, std::string_view status, std::string_view output, bool ended) {
  const std::string usage = fmt::format(
      R"({{"input_tokens":{},"input_tokens_details":{{"cached_tokens":0}},"output_tokens":{},"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":{}}})",
      answer.prompt_tokens, answer.completion_tokens, answer.prompt_tokens + answer.completion_tokens);
  return fill(
      R"({"id":$id,"object":"response","created_at":1700000000,"status":"$status","background":false,"error":null,"incomplete_details":$details,"model":$model,"output":[$output],"parallel_tool_calls":true,"usage":$usage})",
      {{"id", quoted("resp_" + answer.id)},
       {"status", std::string(status)},
       {"details", status == "incomplete" ? R"({"reason":"max_output_tokens"})" : "null"},
       {"model", quoted(answer.model)},
       {"output", std::string(output)},
       {"usage", ended ? usage : std::string("null")}});
}

std::string output_of(const Answer& answer) {
  std::string output;
  if (!answer.words.empty()) output = message_item("completed", text_part(answer.text()));
  for (const AskedTool& call : answer.tool_calls) {
    output += (output.empty() ? "" : ",") + item_of(call, "completed", call.arguments);
  }
  return output;
}

/// The typed events of a stream, numbered.
class EventList {
 public:
  void add(std::string_view type, std::string_view rest) {
    events_.push_back(
        sse_event(fmt::format(R"({{"type":"{}","sequence_number":{},{}}})", type, events_.size(), rest), type));
  }
  std::vector<std::string> take() { return std::move(events_); }

 private:
  std::vector<std::string> events_{};
};

std::vector<std::string> stream(const Answer& answer) {
  EventList list;
  list.add("response.created", R"("response":)" + response(answer, "in_progress", "", false));
  list.add("response.in_progress", R"("response":)" + response(answer, "in_progress", "", false));
  int place = 0;
  if (!answer.words.empty()) {
    const std::string where = R"("item_id":"msg_1","output_index":0,"content_index":0)";
    list.add("response.output_item.added", R"("output_index":0,"item":)" + message_item("in_progress", ""));
    list.add("response.content_part.added", where + R"(,"part":)" + text_part(""));
    for (const std::string& word : answer.words) {
      list.add("response.output_text.delta",
               where + R"(,"delta":)" + quoted(word) + R"(,"logprobs":[],"obfuscation":"xY")");
    }
    list.add("response.output_text.done", where + R"(,"text":)" + quoted(answer.text()) + R"(,"logprobs":[])");
    list.add("response.content_part.done", where + R"(,"part":)" + text_part(answer.text()));
    list.add("response.output_item.done",
             R"("output_index":0,"item":)" + message_item("completed", text_part(answer.text())));
    ++place;
  }
  for (const AskedTool& call : answer.tool_calls) {
    const std::string index = fmt::format(R"("output_index":{})", place++);
    const std::string where = fmt::format(R"("item_id":"fc_{}",{})", call.id, index);
    list.add("response.output_item.added", index + R"(,"item":)" + item_of(call, "in_progress", ""));
    const auto [first, second] = halves(call.arguments);
    for (const std::string& half : {first, second}) {
      list.add("response.function_call_arguments.delta", where + R"(,"delta":)" + quoted(half));
    }
    list.add("response.function_call_arguments.done", where + R"(,"arguments":)" + quoted(call.arguments));
    list.add("response.output_item.done", index + R"(,"item":)" + item_of(call, "completed", call.arguments));
  }
  const std::string_view status = answer.cut_short ? "incomplete" : "completed";
  list.add(fmt::format("response.{}", status), R"("response":)" + response(answer, status, output_of(answer), true));
  return list.take();
}

class ResponsesDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override { return request.path().ends_with("/responses"); }
  // OpenAI's is a Bearer key, Azure's stands in a header of its own.
  std::string key(const ReceivedRequest& request) const override {
    const std::string_view own = request.find("api-key");
    return own.empty() ? bearer_of(request) : std::string(own);
  }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    Reply reply = ask.stream ? Reply::sse(stream(answer), answer.between)
                             : Reply::json(200, response(answer, answer.cut_short ? "incomplete" : "completed",
                                                         output_of(answer), true));
    reply.headers.push_back({"x-request-id", "req_" + answer.id});
    return reply;
  }
  Reply refuse(const Fault& fault, const Ask& ask) const override { return chat_->refuse(fault, ask); }
  bool has_words_for(Fault::Kind kind) const override { return chat_->has_words_for(kind); }

 protected:
  Wrong read_body(const ReceivedRequest& /*request*/, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    for (const std::string_view name : {"messages", "max_tokens", "stop", "stream_options", "response_format"}) {
      if (member(body, name) != nullptr) return fmt::format("Unsupported parameter: '{}'.", name);
    }
    ask.model = string_member(body, "model");
    ask.stream = true_member(body, "stream");
    if (const auto most = number_member(body, "max_output_tokens")) ask.max_tokens = static_cast<std::int64_t>(*most);
    if (const rapidjson::Value* instructions = member(body, "instructions")) {
      turns.push_back({.who = Turn::Who::system, .text = std::string(view(*instructions))});
    }
    const rapidjson::Value* input = member(body, "input");
    if (input == nullptr) return "Missing required parameter: 'input'.";
    if (input->IsString()) turns.push_back({.text = std::string(view(*input))});
    if (input->IsArray()) {
      for (const rapidjson::Value& item : input->GetArray()) {
        if (Wrong wrong = read_item(item, turns)) return wrong;
      }
    }
    const rapidjson::Value* tools = member(body, "tools");
    if (tools == nullptr) return std::nullopt;
    for (const rapidjson::Value& tool : tools->GetArray()) {
      if (member(tool, "function") != nullptr) return "a tool in the form of chat completions";
      if (string_member(tool, "type") != "function") continue;
      if (string_member(tool, "name").empty()) return "Missing required parameter: 'tools[].name'.";
      ask.tools.push_back(offered_tool(string_member(tool, "name"), member(tool, "parameters")));
    }
    return std::nullopt;
  }
  std::span<const Refusal> refusals() const override { return {}; }

 private:
  std::unique_ptr<Dialect> chat_ = openai_dialect();
};

}  // namespace

std::unique_ptr<Dialect> responses_dialect() { return std::make_unique<ResponsesDialect>(); }

}  // namespace keywheel::testing
