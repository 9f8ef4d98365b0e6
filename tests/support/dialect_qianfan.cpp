#include <array>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

constexpr std::string_view kTokenPath = "/oauth/2.0/token";
constexpr std::string_view kChatPath = "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/";

constexpr std::array kTokenRefusals = {
    Refusal{K::invalid_key, 401, R"({"error":"invalid_client","error_description":"unknown client id"})"},
    Refusal{K::bad_request, 400, R"({"error":"invalid_request","error_description":$message})"},
};

// Errors are 200s. https://cloud.baidu.com/doc/WENXINWORKSHOP/s/tlmyncueh
constexpr std::array kRefusals = {
    Refusal{K::no_key, 200, R"({"error_code":110,"error_msg":"Access token invalid or no longer valid"})"},
    Refusal{K::quota_exhausted, 200, R"({"error_code":17,"error_msg":"Open api daily request limit reached"})"},
    Refusal{K::rate_limited, 200, R"({"error_code":336501,"error_msg":"Rate limit reached for RPM"})"},
    Refusal{K::forbidden, 200, R"({"error_code":6,"error_msg":"No permission to access data"})"},
    Refusal{K::context_length, 200, R"({"error_code":336103,"error_msg":"Prompt tokens too long"})"},
    Refusal{K::bad_request, 200, R"({"error_code":336003,"error_msg":$message})"},
    Refusal{K::overloaded, 200, R"({"error_code":336100,"error_msg":"Service is overloaded, please try again later"})"},
    Refusal{K::server_error, 200, R"({"error_code":336000,"error_msg":"Internal error"})"},
};

/// One call a message, and a result by its function's name.
Wrong read_messages(const rapidjson::Value& messages, std::vector<Turn>& turns) {
  if (messages.Size() % 2 == 0) return "messages length must be odd";
  for (const rapidjson::Value& message : messages.GetArray()) {
    const std::string_view role = string_member(message, "role");
    const bool users_place = turns.empty() || turns.back().who == Turn::Who::assistant;
    if ((role == "assistant") == users_place) return "the role of message with wrong order";
    Turn turn{.text = std::string(string_member(message, "content"))};
    if (role == "assistant") {
      turn.who = Turn::Who::assistant;
      if (const rapidjson::Value* call = member(message, "function_call")) {
        turn.calls.push_back({.name = std::string(string_member(*call, "name")),
                              .arguments = std::string(string_member(*call, "arguments"))});
      }
    } else if (role == "function") {
      turn.who = Turn::Who::tool;
      turn.answers = string_member(message, "name");
    } else if (role != "user") {
      return "the role of a message is not known";
    }
    if (turn.text.empty() && turn.calls.empty()) return "message content can not be empty";
    turns.push_back(std::move(turn));
  }
  return std::nullopt;
}

std::string usage(const Answer& answer) {
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})", answer.prompt_tokens,
                     answer.completion_tokens, answer.prompt_tokens + answer.completion_tokens);
}

/// One answer, or one piece of one; `rest` are further members, each with a comma before it.
std::string result(const Answer& answer, std::string_view text, std::string_view rest) {
  return fill(
      R"({"id":$id,"object":"chat.completion","created":1700000000,"result":$text,"is_truncated":$cut,"need_clear_history":false$rest,"usage":$usage})",
      {{"id", quoted("as-" + answer.id)},
       {"text", quoted(text)},
       {"cut", answer.cut_short ? "true" : "false"},
       {"rest", std::string(rest)},
       {"usage", usage(answer)}});
}

std::string call_member(const Answer& answer) {
  if (answer.tool_calls.empty()) return R"(,"finish_reason":"normal")";
  const AskedTool& call = answer.tool_calls.front();
  return fill(R"(,"function_call":{"name":$name,"arguments":$arguments},"finish_reason":"function_call")",
              {{"name", quoted(call.name)}, {"arguments", quoted(call.arguments)}});
}

Reply stream(const Answer& answer) {
  std::vector<std::string> events;
  int sentence = 0;
  for (const std::string& word : answer.words) {
    events.push_back(sse_event(result(answer, word, fmt::format(R"(,"sentence_id":{},"is_end":false)", sentence++))));
  }
  events.push_back(sse_event(
      result(answer, "", fmt::format(R"(,"sentence_id":{},"is_end":true{})", sentence, call_member(answer)))));
  return Reply::sse(std::move(events), answer.between);
}

class QianfanDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override {
    return request.path() == kTokenPath || request.path().starts_with(kChatPath);
  }

  std::string key(const ReceivedRequest& request) const override {
    return request.path() == kTokenPath ? form_value(request.body, "client_id")
                                        : key_of_token(form_value(request.query(), "access_token"));
  }

  std::optional<Fault> read(const ReceivedRequest& request, Ask& ask) const override {
    if (request.path() != kTokenPath) return JsonDialect::read(request, ask);
    ask.kind = Ask::Kind::token;
    if (form_value(request.body, "grant_type") == "client_credentials" &&
        !form_value(request.body, "client_secret").empty() && request.query().empty()) {
      return std::nullopt;
    }
    return Fault{.kind = K::bad_request, .message = "the form needs grant_type and client_secret, and no query"};
  }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    if (ask.kind == Ask::Kind::token) {
      return Reply::json(
          200,
          fill(
              R"({"refresh_token":"r","expires_in":2592000,"session_key":"s","access_token":$token,"scope":"public","session_secret":"s"})",
              {{"token", quoted(token_of(answer.key))}}));
    }
    if (ask.stream) return stream(answer);
    return Reply::json(200, result(answer, answer.text(), call_member(answer)));
  }

  Reply refuse(const Fault& fault, const Ask& ask) const override {
    return ask.kind == Ask::Kind::token ? refusal_reply(kTokenRefusals, fault, ask)
                                        : refusal_reply(kRefusals, fault, ask);
  }

  bool has_words_for(Fault::Kind kind) const override { return kind == K::invalid_key || has_row(kRefusals, kind); }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    ask.model = request.path().substr(kChatPath.size());
    ask.stream = true_member(body, "stream");
    if (const rapidjson::Value* system = member(body, "system")) {
      turns.push_back({.who = Turn::Who::system, .text = std::string(view(*system))});
    }
    const rapidjson::Value* messages = member(body, "messages");
    if (messages == nullptr || !messages->IsArray()) return "the messages are missing";
    std::vector<Turn> said;
    if (Wrong wrong = read_messages(*messages, said)) return wrong;
    turns.insert(turns.end(), said.begin(), said.end());
    if (const auto most = number_member(body, "max_output_tokens")) ask.max_tokens = static_cast<std::int64_t>(*most);
    if (const rapidjson::Value* functions = member(body, "functions")) {
      for (const rapidjson::Value& function : functions->GetArray()) {
        if (string_member(function, "description").empty()) return "a function has no description";
        ask.tools.push_back(offered_tool(string_member(function, "name"), member(function, "parameters")));
      }
    }
    // It calls one at a time.
    if (ask.tools.size() > 1) ask.tools.resize(1);
    return std::nullopt;
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }
  bool key_in_url() const override { return true; }
};

}  // namespace

std::unique_ptr<Dialect> qianfan_v1_dialect() { return std::make_unique<QianfanDialect>(); }

}  // namespace keywheel::testing
