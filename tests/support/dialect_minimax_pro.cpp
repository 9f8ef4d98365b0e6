#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialect_openai.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using Wrong = std::optional<std::string>;

Wrong read_message(const rapidjson::Value& message, Turn& turn) {
  const std::string_view type = string_member(message, "sender_type");
  if (string_member(message, "sender_name").empty()) return "a message has no sender_name";
  turn.text = string_member(message, "text");
  if (type == "BOT") {
    turn.who = Turn::Who::assistant;
    if (const rapidjson::Value* call = member(message, "function_call")) {
      turn.calls.push_back({.name = std::string(string_member(*call, "name")),
                            .arguments = std::string(string_member(*call, "arguments"))});
    }
  } else if (type == "FUNCTION") {
    turn.who = Turn::Who::tool;
  } else if (type != "USER") {
    return "sender_type is not USER, BOT or FUNCTION";
  }
  return std::nullopt;
}

std::string body_of(const Answer& answer, std::string_view text, std::string_view message_rest, std::string_view finish,
                    std::string_view rest) {
  return fill(
      R"({"created":1700000000,"model":$model,"choices":[{$finish"messages":[{"sender_type":"BOT","sender_name":"BOT","text":$text$message_rest}]}],"id":$id$rest,"base_resp":{"status_code":0,"status_msg":""}})",
      {{"model", quoted(answer.model)},
       {"finish", finish.empty() ? std::string() : fmt::format(R"("finish_reason":"{}",)", finish)},
       {"text", quoted(text)},
       {"message_rest", std::string(message_rest)},
       {"id", quoted(answer.id)},
       {"rest", std::string(rest)}});
}

/// The last piece of a stream is the whole answer again.
std::string whole(const Answer& answer) {
  std::string call;
  if (!answer.tool_calls.empty()) {
    call = fill(
        R"(,"function_call":{"name":$name,"arguments":$arguments})",
        {{"name", quoted(answer.tool_calls.front().name)}, {"arguments", quoted(answer.tool_calls.front().arguments)}});
  }
  const std::string rest = fmt::format(R"(,"reply":{},"usage":{{"total_tokens":{}}})", quoted(answer.text()),
                                       answer.prompt_tokens + answer.completion_tokens);
  return body_of(answer, answer.text(), call, answer.cut_short ? "length" : "stop", rest);
}

class MinimaxProDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override {
    return request.path().ends_with("/text/chatcompletion_pro");
  }
  std::string key(const ReceivedRequest& request) const override { return bearer_of(request); }
  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    if (!ask.stream) return Reply::json(200, whole(answer));
    std::vector<std::string> events;
    for (const std::string& word : answer.words) events.push_back(sse_event(body_of(answer, word, {}, {}, {})));
    events.push_back(sse_event(whole(answer)));
    return Reply::sse(std::move(events), answer.between);
  }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    if (form_value(request.query(), "GroupId").empty()) return "GroupId is missing";
    ask.model = string_member(body, "model");
    ask.stream = true_member(body, "stream");
    const rapidjson::Value* bots = member(body, "bot_setting");
    if (bots == nullptr || !bots->IsArray() || bots->Empty()) return "bot_setting is missing";
    if (member(body, "reply_constraints") == nullptr) return "reply_constraints is missing";
    // It wants something said of the bot, if only its name.
    const rapidjson::Value& bot = bots->GetArray()[0];
    const std::string_view prompt = string_member(bot, "content");
    if (prompt.empty()) return "bot_setting.content is missing";
    turns.push_back(
        {.who = Turn::Who::system, .text = prompt == string_member(bot, "bot_name") ? "" : std::string(prompt)});
    const rapidjson::Value* messages = member(body, "messages");
    if (messages == nullptr || !messages->IsArray() || messages->Empty()) return "messages is missing";
    for (const rapidjson::Value& message : messages->GetArray()) {
      Turn turn;
      if (Wrong wrong = read_message(message, turn)) return wrong;
      // A result stands behind its call, and names it no other way.
      const bool follows = !turns.back().calls.empty();
      if (turn.who == Turn::Who::tool && follows) turn.answers = turns.back().calls.front().name;
      turns.push_back(std::move(turn));
    }
    if (const auto most = number_member(body, "tokens_to_generate")) ask.max_tokens = static_cast<std::int64_t>(*most);
    if (const rapidjson::Value* functions = member(body, "functions")) {
      for (const rapidjson::Value& function : functions->GetArray()) {
        ask.tools.push_back(offered_tool(string_member(function, "name"), member(function, "parameters")));
      }
    }
    // It calls one at a time.
    if (ask.tools.size() > 1) ask.tools.resize(1);
    return std::nullopt;
  }
  std::span<const Refusal> refusals() const override { return compatible_refusals("minimax"); }
};

}  // namespace

std::unique_ptr<Dialect> minimax_pro_dialect() { return std::make_unique<MinimaxProDialect>(); }

}  // namespace keywheel::testing
