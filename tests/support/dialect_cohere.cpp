#include <array>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

// https://docs.cohere.com/reference/errors; the kind of a trial key's limit stands in the words only.
constexpr std::array kRefusals = {
    Refusal{K::no_key, 401, R"({"id":"e-1","message":"no api key supplied"})"},
    Refusal{K::invalid_key, 401, R"({"id":"e-1","message":"invalid api token"})"},
    Refusal{
        K::quota_exhausted, 429,
        R"({"id":"e-1","message":"You are using a Trial key, which is limited to 1000 API calls / month. You can continue to use the Trial key for free or upgrade to a Production key with higher rate limits."})"},
    Refusal{
        K::rate_limited, 429,
        R"({"id":"e-1","message":"You are using a Trial key, which is limited to 20 API calls / minute. You can continue to use the Trial key for free or upgrade to a Production key with higher rate limits."})"},
    Refusal{
        K::unknown_model, 404,
        R"({"id":"e-1","message":"model '$model' not found, make sure the correct model ID was used and that you have access to the model."})"},
    Refusal{
        K::context_length, 400,
        R"({"id":"e-1","message":"too many tokens: total number of tokens in the prompt cannot exceed 128000 - received 130000."})"},
    Refusal{K::bad_request, 400, R"({"id":"e-1","message":$message})"},
    Refusal{K::server_error, 500, R"({"id":"e-1","message":"internal server error, please try again later"})"},
};

std::string call_json(const AskedTool& call, std::string_view arguments) {
  return fill(R"({"id":$id,"type":"function","function":{"name":$name,"arguments":$arguments}})",
              {{"id", quoted(call.id)}, {"name", quoted(call.name)}, {"arguments", quoted(arguments)}});
}

std::string usage(const Answer& answer) {
  return fmt::format(
      R"({{"billed_units":{{"input_tokens":{0},"output_tokens":{1}}},"tokens":{{"input_tokens":{0},"output_tokens":{1}}}}})",
      answer.prompt_tokens, answer.completion_tokens);
}

std::string_view finish_reason(const Answer& answer) {
  if (!answer.tool_calls.empty()) return "TOOL_CALL";
  return answer.cut_short ? "MAX_TOKENS" : "COMPLETE";
}

Reply whole(const Answer& answer) {
  std::string message = R"("role":"assistant")";
  if (!answer.words.empty()) {
    message += fill(R"(,"content":[{"type":"text","text":$text}])", {{"text", quoted(answer.text())}});
  }
  std::string calls;
  for (const AskedTool& call : answer.tool_calls) calls += (calls.empty() ? "" : ",") + call_json(call, call.arguments);
  if (!calls.empty()) message += fmt::format(R"(,"tool_plan":"I will use the tools.","tool_calls":[{}])", calls);
  return Reply::json(200, fill(R"({"id":$id,"message":{$message},"finish_reason":"$reason","usage":$usage})",
                               {{"id", quoted(answer.id)},
                                {"message", message},
                                {"reason", std::string(finish_reason(answer))},
                                {"usage", usage(answer)}}));
}

Reply stream(const Answer& answer) {
  std::vector<std::string> events;
  const auto add = [&](std::string_view type, int index, std::string_view delta) {
    events.push_back(sse_event(
        fill(R"({"type":"$type","index":$index,"delta":$delta})",
             {{"type", std::string(type)}, {"index", fmt::format("{}", index)}, {"delta", std::string(delta)}}),
        type));
  };
  events.push_back(sse_event(
      fill(
          R"({"id":$id,"type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}})",
          {{"id", quoted(answer.id)}}),
      "message-start"));
  if (!answer.words.empty()) {
    add("content-start", 0, R"({"message":{"content":{"type":"text","text":""}}})");
    for (const std::string& word : answer.words) {
      add("content-delta", 0, fill(R"({"message":{"content":{"text":$text}}})", {{"text", quoted(word)}}));
    }
    events.push_back(sse_event(R"({"type":"content-end","index":0})", "content-end"));
  }
  int index = 0;
  for (const AskedTool& call : answer.tool_calls) {
    add("tool-call-start", index, fmt::format(R"({{"message":{{"tool_calls":{}}}}})", call_json(call, "")));
    const auto [first, second] = halves(call.arguments);
    for (const std::string& half : {first, second}) {
      add("tool-call-delta", index,
          fill(R"({"message":{"tool_calls":{"function":{"arguments":$half}}}})", {{"half", quoted(half)}}));
    }
    events.push_back(sse_event(fmt::format(R"({{"type":"tool-call-end","index":{}}})", index++), "tool-call-end"));
  }
  events.push_back(sse_event(fill(R"({"type":"message-end","delta":{"finish_reason":"$reason","usage":$usage}})",
                                  {{"reason", std::string(finish_reason(answer))}, {"usage", usage(answer)}}),
                             "message-end"));
  return Reply::sse(std::move(events), answer.between);
}

class CohereDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override { return request.path().ends_with("/v2/chat"); }
  std::string key(const ReceivedRequest& request) const override { return bearer_of(request); }
  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    return ask.stream ? stream(answer) : whole(answer);
  }

 protected:
  Wrong read_body(const ReceivedRequest& /*request*/, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    ask.model = string_member(body, "model");
    if (ask.model.empty()) return "invalid request: model is required";
    for (const std::string_view name : {"stream_options", "stop", "top_p", "n"}) {
      if (member(body, name) != nullptr) return fmt::format("unknown field: parameter '{}' is not a valid field", name);
    }
    ask.stream = true_member(body, "stream");
    if (const auto most = number_member(body, "max_tokens")) ask.max_tokens = static_cast<std::int64_t>(*most);
    if (Wrong wrong = read_openai_turns(body, turns)) return wrong;
    return read_openai_tools(body, ask);
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }
};

}  // namespace

std::unique_ptr<Dialect> cohere_dialect() { return std::make_unique<CohereDialect>(); }

}  // namespace keywheel::testing
