#include <array>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

constexpr std::string_view kText = "/api/v1/services/aigc/text-generation/generation";
constexpr std::string_view kMultimodal = "/api/v1/services/aigc/multimodal-generation/generation";
constexpr std::string_view kApps = "/api/v1/apps/";

// https://help.aliyun.com/en/model-studio/error-code
constexpr std::array kRefusals = {
    Refusal{K::invalid_key, 401,
            R"({"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"r-1"})"},
    Refusal{
        K::quota_exhausted, 400,
        R"({"code":"Arrearage","message":"Access denied, please make sure your account is in good standing.","request_id":"r-1"})"},
    Refusal{
        K::rate_limited, 429,
        R"({"code":"Throttling.AllocationQuota","message":"Allocated quota exceeded, please increase your quota limit.","request_id":"r-1"})"},
    Refusal{K::forbidden, 403, R"({"code":"Model.AccessDenied","message":"Model access denied.","request_id":"r-1"})"},
    Refusal{K::unknown_model, 404,
            R"({"code":"ModelNotFound","message":"Model can not be found.","request_id":"r-1"})"},
    Refusal{
        K::content_filter, 400,
        R"({"code":"DataInspectionFailed","message":"Input data may contain inappropriate content.","request_id":"r-1"})"},
    Refusal{K::context_length, 400,
            R"({"code":"InvalidParameter","message":"Range of input length should be [1, 30720]","request_id":"r-1"})"},
    Refusal{K::bad_request, 400, R"({"code":"InvalidParameter","message":$message,"request_id":"r-1"})"},
    Refusal{
        K::overloaded, 429,
        R"({"code":"ServiceOverloaded","message":"The service is overloaded, please try again later.","request_id":"r-1"})"},
    Refusal{
        K::server_error, 500,
        R"({"code":"InternalError","message":"An internal error has occured, please try again later or contact service support.","request_id":"r-1"})"},
};

std::string usage(const Answer& answer) {
  return fmt::format(R"({{"input_tokens":{},"output_tokens":{},"total_tokens":{}}})", answer.prompt_tokens,
                     answer.completion_tokens, answer.prompt_tokens + answer.completion_tokens);
}

std::string sse(std::size_t id, std::string_view data) {
  return fmt::format("id:{}\nevent:result\n:HTTP_STATUS/200\ndata:{}\n\n", id, data);
}

// ---- models ----

/// What the multimodal API has as a list of {"text"} and {"image"}.
Wrong read_parts(const rapidjson::Value& content, Turn& turn) {
  for (const rapidjson::Value& part : content.GetArray()) {
    if (member(part, "type") != nullptr) return "a part has a type";
    turn.text += string_member(part, "text");
    const std::string_view image = string_member(part, "image");
    if (!image.empty()) turn.images.push_back(image_of(image));
  }
  return std::nullopt;
}

std::string choice(std::string_view text, std::string_view calls, std::string_view reason) {
  return fill(R"({"message":{"content":$text,"role":"assistant"$calls},"finish_reason":"$reason"})",
              {{"text", quoted(text)},
               {"calls", calls.empty() ? std::string() : fmt::format(R"(,"tool_calls":[{}])", calls)},
               {"reason", std::string(reason)}});
}

std::string call_json(const AskedTool& call, std::size_t index, std::string_view arguments) {
  return fill(R"({"index":$index,"id":$id,"type":"function","function":{"name":$name,"arguments":$arguments}})",
              {{"index", fmt::format("{}", index)},
               {"id", quoted(call.id)},
               {"name", quoted(call.name)},
               {"arguments", quoted(arguments)}});
}

std::string body_of(const Answer& answer, std::string_view choice) {
  return fill(R"({"output":{"choices":[$choice]},"usage":$usage,"request_id":$id})",
              {{"choice", std::string(choice)}, {"usage", usage(answer)}, {"id", quoted(answer.id)}});
}

class DashScopeDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override {
    return request.path() == kText || request.path() == kMultimodal;
  }
  std::string key(const ReceivedRequest& request) const override { return bearer_of(request); }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    const std::string_view reason = !answer.tool_calls.empty() ? "tool_calls" : answer.cut_short ? "length" : "stop";
    if (!ask.stream) {
      std::string calls;
      for (std::size_t i = 0; i < answer.tool_calls.size(); ++i) {
        calls += (i == 0 ? "" : ",") + call_json(answer.tool_calls[i], i, answer.tool_calls[i].arguments);
      }
      return Reply::json(200, body_of(answer, choice(answer.text(), calls, reason)));
    }
    std::vector<std::string> events;
    const auto add = [&](const std::string& one) { events.push_back(sse(events.size() + 1, body_of(answer, one))); };
    for (const std::string& word : answer.words) add(choice(word, {}, "null"));
    for (std::size_t i = 0; i < answer.tool_calls.size(); ++i) {
      const auto [first, second] = halves(answer.tool_calls[i].arguments);
      add(choice("", call_json(answer.tool_calls[i], i, first), "null"));
      add(choice("", call_json({}, i, second), "null"));
    }
    add(choice("", {}, reason));
    return Reply::sse(std::move(events), answer.between);
  }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    ask.model = string_member(body, "model");
    const rapidjson::Value* input = member(body, "input");
    const rapidjson::Value* parameters = member(body, "parameters");
    if (ask.model.empty() || input == nullptr) return "model or input is missing";
    if (parameters == nullptr || string_member(*parameters, "result_format") != "message") {
      return "result_format is not \"message\": the answer would have no choices";
    }
    ask.stream = request.find("X-DashScope-SSE") == "enable";
    if (ask.stream && !true_member(*parameters, "incremental_output")) {
      return "without incremental_output each piece repeats those before it";
    }
    if (const auto most = number_member(*parameters, "max_tokens")) ask.max_tokens = static_cast<std::int64_t>(*most);
    if (Wrong wrong = read_messages(*input, request.path() == kMultimodal, turns)) return wrong;
    return read_openai_tools(*parameters, ask);
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }

 private:
  static Wrong read_messages(const rapidjson::Value& input, bool multimodal, std::vector<Turn>& turns) {
    if (!multimodal) return read_openai_turns(input, turns);
    const rapidjson::Value* messages = member(input, "messages");
    if (messages == nullptr || !messages->IsArray()) return "input.messages is missing";
    for (const rapidjson::Value& message : messages->GetArray()) {
      const rapidjson::Value* content = member(message, "content");
      if (content == nullptr || !content->IsArray()) return "a message's content is not a list";
      const std::string_view role = string_member(message, "role");
      Turn turn{.who = role == "user"        ? Turn::Who::user
                       : role == "assistant" ? Turn::Who::assistant
                                             : Turn::Who::system};
      if (Wrong wrong = read_parts(*content, turn)) return wrong;
      turns.push_back(std::move(turn));
    }
    return std::nullopt;
  }
};

// ---- applications ----

class BailianAppDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override { return request.path().starts_with(kApps); }
  std::string key(const ReceivedRequest& request) const override { return bearer_of(request); }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    const auto body = [&](std::string_view text, std::string_view reason) {
      return fill(
          R"({"output":{"finish_reason":"$reason","session_id":"s-1","text":$text},"usage":{"models":[{"output_tokens":$out,"model_id":"qwen-plus","input_tokens":$in}]},"request_id":$id})",
          {{"reason", std::string(reason)},
           {"text", quoted(text)},
           {"out", fmt::format("{}", answer.completion_tokens)},
           {"in", fmt::format("{}", answer.prompt_tokens)},
           {"id", quoted(answer.id)}});
    };
    if (!ask.stream) return Reply::json(200, body(answer.text(), "stop"));
    std::vector<std::string> events;
    for (const std::string& word : answer.words) events.push_back(sse(events.size() + 1, body(word, "null")));
    events.push_back(sse(events.size() + 1, body("", "stop")));
    return Reply::sse(std::move(events), answer.between);
  }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    if (!request.path().ends_with("/completion")) return "there is no such operation";
    const std::string_view rest = request.path().substr(kApps.size());
    ask.model = rest.substr(0, rest.find('/'));
    const rapidjson::Value* input = member(body, "input");
    const rapidjson::Value* parameters = member(body, "parameters");
    if (input == nullptr || parameters == nullptr) return "input or parameters is missing";
    ask.stream = request.find("X-DashScope-SSE") == "enable";
    if (ask.stream && !true_member(*parameters, "incremental_output")) {
      return "without incremental_output each piece repeats those before it";
    }
    if (member(*input, "messages") != nullptr) return read_openai_turns(*input, turns);
    const std::string_view prompt = string_member(*input, "prompt");
    if (prompt.empty()) return "input.prompt is missing";
    turns.push_back({.text = std::string(prompt)});
    return std::nullopt;
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }
};

}  // namespace

std::unique_ptr<Dialect> dashscope_dialect() { return std::make_unique<DashScopeDialect>(); }

std::unique_ptr<Dialect> bailian_app_dialect() { return std::make_unique<BailianAppDialect>(); }

}  // namespace keywheel::testing
