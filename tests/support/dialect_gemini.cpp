#include "support/dialect_gemini.hpp"

#include <array>

#include <fmt/format.h>

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

constexpr std::array kRefusals = {
    Refusal{
        K::no_key, 403,
        R"({"error":{"code":403,"message":"Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.","status":"PERMISSION_DENIED"}})"},
    Refusal{
        K::invalid_key, 400,
        R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}}]}})"},
    Refusal{
        K::quota_exhausted, 429,
        R"({"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaDimensions":{"location":"global","model":"$model"},"quotaValue":"250"}]}]}})"},
    Refusal{
        K::rate_limited, 429,
        R"({"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. Please retry in ${wait}.0s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaDimensions":{"location":"global","model":"$model"},"quotaValue":"10"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"${wait}s"}]}})"},
    Refusal{
        K::forbidden, 403,
        R"({"error":{"code":403,"message":"Generative Language API has not been used in project 1 before or it is disabled.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED","domain":"googleapis.com"}]}})"},
    Refusal{
        K::unknown_model, 404,
        R"({"error":{"code":404,"message":"models/$model is not found for API version v1beta, or is not supported for generateContent.","status":"NOT_FOUND"}})"},
    Refusal{
        K::content_filter,
        200,
        R"({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4},"modelVersion":"$model"})",
        {},
        true},
    Refusal{
        K::context_length, 400,
        R"({"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}})"},
    Refusal{K::bad_request, 400, R"({"error":{"code":400,"message":$message,"status":"INVALID_ARGUMENT"}})"},
    Refusal{
        K::overloaded, 503,
        R"({"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}})"},
    Refusal{K::server_error, 500,
            R"({"error":{"code":500,"message":"An internal error has occurred.","status":"INTERNAL"}})"},
};

Wrong read_part(const rapidjson::Value& part, std::vector<Turn>& turns, Turn& turn) {
  if (const rapidjson::Value* data = member(part, "inlineData")) {
    if (string_member(*data, "mimeType").empty()) return "inlineData has no mimeType";
    turn.images.push_back(fmt::format("{}:{}", string_member(*data, "mimeType"), string_member(*data, "data")));
  } else if (const rapidjson::Value* file = member(part, "fileData")) {
    turn.images.emplace_back(string_member(*file, "fileUri"));
  } else if (const rapidjson::Value* call = member(part, "functionCall")) {
    if (turn.who != Turn::Who::assistant) return "a functionCall is the user's";
    const rapidjson::Value* args = member(*call, "args");
    turn.calls.push_back({std::string(string_member(*call, "id")), std::string(string_member(*call, "name")),
                          args == nullptr ? "{}" : json_of(*args)});
  } else if (const rapidjson::Value* result = member(part, "functionResponse")) {
    const rapidjson::Value* response = member(*result, "response");
    if (response == nullptr || !response->IsObject()) return "a functionResponse's response is not an object";
    if (string_member(*result, "name").empty()) return "a functionResponse has no name";
    const std::string_view id = string_member(*result, "id");
    Turn said{.who = Turn::Who::tool, .answers = std::string(id.empty() ? string_member(*result, "name") : id)};
    for (const auto& one : response->GetObject()) {
      said.text += one.value.IsString() ? std::string(view(one.value)) : json_of(one.value);
    }
    turns.push_back(std::move(said));
  } else if (member(part, "text") != nullptr) {
    turn.text += string_member(part, "text");
  } else {
    return "a part has required oneof field 'data' that must have one initialized field";
  }
  return std::nullopt;
}

Wrong read_content(const rapidjson::Value& content, std::vector<Turn>& turns) {
  const std::string_view role = string_member(content, "role");
  if (role != "user" && role != "model") return "Please use a valid role: user, model.";
  Turn turn{.who = role == "user" ? Turn::Who::user : Turn::Who::assistant};
  const rapidjson::Value* parts = member(content, "parts");
  if (parts == nullptr || !parts->IsArray() || parts->Empty()) return "contents.parts must not be empty.";
  const std::size_t before = turns.size();
  for (const rapidjson::Value& part : parts->GetArray()) {
    if (Wrong wrong = read_part(part, turns, turn)) return wrong;
  }
  const bool results_only = turns.size() > before && turn.text.empty() && turn.images.empty();
  if (!results_only) turns.push_back(std::move(turn));
  return std::nullopt;
}

void read_tools(const rapidjson::Value& body, Ask& ask) {
  const rapidjson::Value* tools = member(body, "tools");
  if (tools == nullptr || !tools->IsArray()) return;
  for (const rapidjson::Value& tool : tools->GetArray()) {
    const rapidjson::Value* declarations = member(tool, "functionDeclarations");
    if (declarations == nullptr) continue;
    for (const rapidjson::Value& one : declarations->GetArray()) {
      const rapidjson::Value* schema = member(one, "parametersJsonSchema");
      ask.tools.push_back(
          offered_tool(string_member(one, "name"), schema == nullptr ? member(one, "parameters") : schema));
    }
  }
}

/// One answer of generateContent: a whole one, or a piece. `finish` empty: it goes on.
std::string chunk(const Answer& answer, std::string_view parts, std::string_view finish) {
  return fill(
      R"({"candidates":[{"content":{"parts":[$parts],"role":"model"}$finish,"index":0}],"usageMetadata":{"promptTokenCount":$in,"candidatesTokenCount":$out,"totalTokenCount":$total},"modelVersion":$model,"responseId":$id})",
      {{"parts", std::string(parts)},
       {"finish", finish.empty() ? std::string() : fmt::format(R"(,"finishReason":"{}")", finish)},
       {"in", fmt::format("{}", answer.prompt_tokens)},
       {"out", fmt::format("{}", answer.completion_tokens)},
       {"total", fmt::format("{}", answer.prompt_tokens + answer.completion_tokens)},
       {"model", quoted(answer.model)},
       {"id", quoted(answer.id)}});
}

std::string text_part(std::string_view text) { return fill(R"({"text":$text})", {{"text", quoted(text)}}); }

std::string call_part(const AskedTool& call) {
  return fill(R"({"functionCall":{"name":$name,"args":$args}})",
              {{"name", quoted(call.name)}, {"args", call.arguments}});
}

class GeminiDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override {
    return request.path().find("/v1beta/models/") != std::string_view::npos;
  }
  std::string key(const ReceivedRequest& request) const override { return std::string(request.find("x-goog-api-key")); }
  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    return gemini_answer(ask, answer);
  }
  // When to come again stands in the body's RetryInfo.
  Reply refuse(const Fault& fault, const Ask& ask) const override {
    return refusal_reply(kRefusals, fault, ask, false);
  }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    return read_gemini_body(request, body, ask, turns);
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }
};

}  // namespace

std::optional<std::string> read_gemini_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                                            std::vector<Turn>& turns) {
  const std::string_view path = request.path();
  const std::string_view last = path.substr(path.rfind('/') + 1);
  const std::string_view method = last.substr(std::min(last.size(), last.find(':')));
  ask.model = last.substr(0, last.find(':'));
  ask.stream = method == ":streamGenerateContent";
  if (!ask.stream && method != ":generateContent") return "there is no such method";
  if (ask.stream && request.query() != "alt=sse") return "a stream without alt=sse is one JSON array";
  if (const rapidjson::Value* system = member(body, "systemInstruction")) {
    const rapidjson::Value* parts = member(*system, "parts");
    if (parts == nullptr || !parts->IsArray()) return "systemInstruction has no parts";
    Turn turn{.who = Turn::Who::system};
    for (const rapidjson::Value& part : parts->GetArray()) turn.text += string_member(part, "text");
    turns.push_back(std::move(turn));
  }
  const rapidjson::Value* contents = member(body, "contents");
  if (contents == nullptr || !contents->IsArray() || contents->Empty()) return "contents is not specified";
  for (const rapidjson::Value& content : contents->GetArray()) {
    if (Wrong wrong = read_content(content, turns)) return wrong;
  }
  if (const rapidjson::Value* config = member(body, "generationConfig")) {
    if (const auto most = number_member(*config, "maxOutputTokens")) ask.max_tokens = static_cast<std::int64_t>(*most);
  }
  read_tools(body, ask);
  return std::nullopt;
}

Reply gemini_answer(const Ask& ask, const Answer& answer) {
  const std::string_view finish = answer.cut_short ? "MAX_TOKENS" : "STOP";
  std::string calls;
  for (const AskedTool& call : answer.tool_calls) calls += (calls.empty() ? "" : ",") + call_part(call);
  if (!ask.stream) {
    std::string parts = answer.words.empty() ? std::string() : text_part(answer.text());
    if (!parts.empty() && !calls.empty()) parts += ",";
    return Reply::json(200, chunk(answer, parts + calls, finish));
  }
  // Lines end as Google's do.
  std::vector<std::string> events;
  const auto add = [&](std::string_view parts, std::string_view reason) {
    events.push_back("data: " + chunk(answer, parts, reason) + "\r\n\r\n");
  };
  for (const std::string& word : answer.words) add(text_part(word), {});
  if (!calls.empty()) add(calls, {});
  add(text_part(""), finish);
  return Reply::sse(std::move(events), answer.between);
}

std::unique_ptr<Dialect> gemini_dialect() { return std::make_unique<GeminiDialect>(); }

}  // namespace keywheel::testing
