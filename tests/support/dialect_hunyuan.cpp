#include <array>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

// Errors are 200s. https://cloud.tencent.com/document/api/1729/101837
constexpr std::array kRefusals = {
    Refusal{
        K::no_key, 200,
        R"({"Response":{"Error":{"Code":"MissingParameter","Message":"The request is missing a required parameter `Authorization`."},"RequestId":"r-1"}})"},
    Refusal{
        K::invalid_key, 200,
        R"({"Response":{"Error":{"Code":"AuthFailure.SecretIdNotFound","Message":"The SecretId is not found, please ensure that your SecretId is correct."},"RequestId":"r-1"}})"},
    Refusal{
        K::quota_exhausted, 200,
        R"({"Response":{"Error":{"Code":"FailedOperation.ResourcePackExhausted","Message":"资源包余量已用尽。"},"RequestId":"r-1"}})"},
    Refusal{
        K::rate_limited, 200,
        R"({"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"Your current request times equals to `6` in a second, which exceeds the frequency limit `5` for a second. Please reduce the frequency of calls."},"RequestId":"r-1"}})"},
    Refusal{
        K::forbidden, 200,
        R"({"Response":{"Error":{"Code":"UnsupportedOperation.NonWhitelistAccount","Message":"非白名单用户"},"RequestId":"r-1"}})"},
    Refusal{
        K::unknown_model, 200,
        R"({"Response":{"Error":{"Code":"InvalidParameterValue.Model","Message":"模型不存在。"},"RequestId":"r-1"}})"},
    Refusal{K::bad_request, 200,
            R"({"Response":{"Error":{"Code":"InvalidParameter","Message":$message},"RequestId":"r-1"}})"},
    Refusal{
        K::overloaded, 200,
        R"({"Response":{"Error":{"Code":"FailedOperation.EngineServerLimitExceeded","Message":"请求频率超过限制。"},"RequestId":"r-1"}})"},
    Refusal{
        K::server_error, 200,
        R"({"Response":{"Error":{"Code":"InternalError","Message":"An internal error has occurred. Retry your request, but if the problem persists, contact us."},"RequestId":"r-1"}})"},
};

Wrong read_message(const rapidjson::Value& message, Turn& turn) {
  const std::string_view role = string_member(message, "Role");
  if (role == "system") {
    turn.who = Turn::Who::system;
  } else if (role == "assistant") {
    turn.who = Turn::Who::assistant;
  } else if (role == "tool") {
    turn.who = Turn::Who::tool;
    turn.answers = string_member(message, "ToolCallId");
  } else if (role != "user") {
    return "Messages.Role is not known";
  }
  const rapidjson::Value* contents = member(message, "Contents");
  if (contents != nullptr && member(message, "Content") != nullptr) return "both Content and Contents are there";
  turn.text = string_member(message, "Content");
  if (contents != nullptr) {
    for (const rapidjson::Value& part : contents->GetArray()) {
      turn.text += string_member(part, "Text");
      const rapidjson::Value* image = member(part, "ImageUrl");
      if (image != nullptr) turn.images.push_back(image_of(string_member(*image, "Url")));
    }
  }
  const rapidjson::Value* calls = member(message, "ToolCalls");
  if (calls == nullptr) return std::nullopt;
  for (const rapidjson::Value& call : calls->GetArray()) {
    const rapidjson::Value* function = member(call, "Function");
    if (function == nullptr) return "a tool call has no Function";
    turn.calls.push_back({std::string(string_member(call, "Id")), std::string(string_member(*function, "Name")),
                          std::string(string_member(*function, "Arguments"))});
  }
  return std::nullopt;
}

Wrong read_tools(const rapidjson::Value& body, Ask& ask) {
  const rapidjson::Value* tools = member(body, "Tools");
  if (tools == nullptr) return std::nullopt;
  for (const rapidjson::Value& tool : tools->GetArray()) {
    const rapidjson::Value* function = member(tool, "Function");
    if (function == nullptr) return "a tool has no Function";
    const rapidjson::Document schema = parse_json(string_member(*function, "Parameters"));
    if (!schema.IsObject()) return "Tools.Function.Parameters is not a string that holds a schema";
    ask.tools.push_back(offered_tool(string_member(*function, "Name"), &schema));
  }
  return std::nullopt;
}

std::string_view finish_reason(const Answer& answer) { return answer.tool_calls.empty() ? "stop" : "tool_calls"; }

std::string call_json(const AskedTool& call, std::size_t index, std::string_view arguments) {
  return fill(R"({"Id":$id,"Type":"function","Index":$index,"Function":{"Name":$name,"Arguments":$arguments}})",
              {{"id", quoted(call.id)},
               {"index", fmt::format("{}", index)},
               {"name", quoted(call.name)},
               {"arguments", quoted(arguments)}});
}

std::string body_of(const Answer& answer, std::string_view choice) {
  return fill(
      R"({"Note":"以上内容为AI生成，不代表开发者立场，请勿删除或修改本标记","Choices":[$choice],"Created":1700000000,"Id":$id,"Usage":{"PromptTokens":$in,"CompletionTokens":$out,"TotalTokens":$total}})",
      {{"choice", std::string(choice)},
       {"id", quoted(answer.id)},
       {"in", fmt::format("{}", answer.prompt_tokens)},
       {"out", fmt::format("{}", answer.completion_tokens)},
       {"total", fmt::format("{}", answer.prompt_tokens + answer.completion_tokens)}});
}

Reply whole(const Answer& answer) {
  std::string calls;
  for (std::size_t i = 0; i < answer.tool_calls.size(); ++i) {
    calls += (i == 0 ? "" : ",") + call_json(answer.tool_calls[i], i, answer.tool_calls[i].arguments);
  }
  const std::string choice = fill(
      R"({"Index":0,"FinishReason":"$reason","Message":{"Role":"assistant","Content":$text,"ToolCalls":[$calls]}})",
      {{"reason", std::string(finish_reason(answer))}, {"text", quoted(answer.text())}, {"calls", calls}});
  return Reply::json(200, fmt::format(R"({{"Response":{}}})", body_of(answer, choice)));
}

Reply stream(const Answer& answer) {
  std::vector<std::string> events;
  const auto add = [&](std::string_view delta, std::string_view reason) {
    events.push_back(
        sse_event(body_of(answer, fill(R"({"FinishReason":"$reason","Delta":{"Role":"assistant",$delta}})",
                                       {{"reason", std::string(reason)}, {"delta", std::string(delta)}}))));
  };
  for (const std::string& word : answer.words) add(R"("Content":)" + quoted(word), "");
  for (std::size_t i = 0; i < answer.tool_calls.size(); ++i) {
    const auto [first, second] = halves(answer.tool_calls[i].arguments);
    add(R"("Content":"","ToolCalls":[)" + call_json(answer.tool_calls[i], i, first) + "]", "");
    add(R"("Content":"","ToolCalls":[)" + call_json({.id = answer.tool_calls[i].id}, i, second) + "]", "");
  }
  add(R"("Content":"")", finish_reason(answer));
  return Reply::sse(std::move(events), answer.between);
}

class HunyuanDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override { return !request.find("X-TC-Action").empty(); }
  std::string key(const ReceivedRequest& request) const override { return signer_of(request); }
  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    return ask.stream ? stream(answer) : whole(answer);
  }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    if (Wrong wrong = signature_fault(request, "TC3-HMAC-SHA256", {"content-type", "host"})) return wrong;
    if (request.find("Authorization").find("/hunyuan/tc3_request") == std::string_view::npos)
      return "the scope is wrong";
    if (request.find("X-TC-Action") != "ChatCompletions") return "X-TC-Action is not known";
    if (request.find("X-TC-Version") != "2023-09-01") return "X-TC-Version is not known";
    if (request.find("X-TC-Timestamp").size() != 10) return "X-TC-Timestamp is not in seconds";
    if (request.path() != "/") return "the path is not /";
    ask.model = string_member(body, "Model");
    if (ask.model.empty()) return "The request is missing a required parameter `Model`.";
    ask.stream = true_member(body, "Stream");
    const rapidjson::Value* messages = member(body, "Messages");
    if (messages == nullptr || !messages->IsArray() || messages->Empty()) {
      return "The request is missing a required parameter `Messages`.";
    }
    for (const rapidjson::Value& message : messages->GetArray()) {
      Turn turn;
      if (Wrong wrong = read_message(message, turn)) return wrong;
      turns.push_back(std::move(turn));
    }
    return read_tools(body, ask);
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }
};

}  // namespace

std::unique_ptr<Dialect> hunyuan_dialect() { return std::make_unique<HunyuanDialect>(); }

}  // namespace keywheel::testing
