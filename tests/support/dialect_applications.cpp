#include <array>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialects.hpp"

/// Dify and Coze: applications that know their prompt and their tools themselves.

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

// https://docs.dify.ai/api-reference/guides/errors
constexpr std::array kDifyRefusals = {
    Refusal{K::invalid_key, 401, R"({"code":"unauthorized","message":"Access token is invalid","status":401})"},
    Refusal{
        K::quota_exhausted, 429,
        R"({"code":"rate_limit_error","message":"Rate limit of your plan is reached, please upgrade.","status":429})"},
    Refusal{
        K::rate_limited, 429,
        R"({"code":"too_many_requests","message":"Too many requests. Please try again later. The current maximum concurrent requests allowed for this app is 1.","status":429})"},
    Refusal{
        K::forbidden, 400,
        R"({"code":"app_unavailable","message":"App unavailable, please check your app configurations.","status":400})"},
    Refusal{K::bad_request, 400, R"({"code":"invalid_param","message":$message,"status":400})"},
    Refusal{K::server_error, 500,
            R"({"code":"internal_server_error","message":"The server encountered an internal error.","status":500})"},
};

class DifyDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override { return request.path() == "/v1/chat-messages"; }
  std::string key(const ReceivedRequest& request) const override { return bearer_of(request); }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    const std::string metadata =
        fmt::format(R"({{"usage":{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"currency":"USD"}}}})",
                    answer.prompt_tokens, answer.completion_tokens, answer.prompt_tokens + answer.completion_tokens);
    const auto body = [&](std::string_view event, std::string_view rest) {
      return fill(
          R"({"event":"$event","task_id":"t-1","message_id":$id,"conversation_id":"c-1","created_at":1700000000,$rest})",
          {{"event", std::string(event)}, {"id", quoted(answer.id)}, {"rest", std::string(rest)}});
    };
    if (!ask.stream) {
      return Reply::json(200, body("message", fmt::format(R"("mode":"chat","answer":{},"metadata":{})",
                                                          quoted(answer.text()), metadata)));
    }
    std::vector<std::string> events{"event: ping\n\n"};
    for (const std::string& word : answer.words) {
      events.push_back(sse_event(body("message", R"("answer":)" + quoted(word))));
    }
    events.push_back(sse_event(body("message_end", R"("metadata":)" + metadata)));
    return Reply::sse(std::move(events), answer.between);
  }

 protected:
  Wrong read_body(const ReceivedRequest& /*request*/, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    const std::string_view mode = string_member(body, "response_mode");
    if (mode != "streaming" && mode != "blocking") return "response_mode must be streaming or blocking";
    ask.stream = mode == "streaming";
    if (member(body, "inputs") == nullptr || !member(body, "inputs")->IsObject()) return "inputs is not an object";
    if (string_member(body, "user").empty()) return "user is required";
    Turn turn{.text = std::string(string_member(body, "query"))};
    if (turn.text.empty()) return "query is required in input payload";
    if (const rapidjson::Value* files = member(body, "files")) {
      for (const rapidjson::Value& file : files->GetArray()) {
        if (string_member(file, "transfer_method") != "remote_url") return "a file was not uploaded before";
        turn.images.emplace_back(string_member(file, "url"));
      }
    }
    turns.push_back(std::move(turn));
    return std::nullopt;
  }
  std::span<const Refusal> refusals() const override { return kDifyRefusals; }
};

// In a 200, one JSON text instead of the stream. https://www.coze.cn/open/docs/developer_guides/coze_error_codes
constexpr std::array kCozeRefusals = {
    Refusal{K::invalid_key, 200, R"({"code":4100,"msg":"authentication is invalid","detail":{"logid":"l-1"}})"},
    Refusal{K::quota_exhausted, 200,
            R"({"code":4011,"msg":"The credit balance is insufficient.","detail":{"logid":"l-1"}})"},
    Refusal{K::rate_limited, 200,
            R"({"code":4020,"msg":"Request frequency exceeds the limit.","detail":{"logid":"l-1"}})"},
    Refusal{K::forbidden, 200,
            R"({"code":4101,"msg":"You do not have permission to access the bot.","detail":{"logid":"l-1"}})"},
    Refusal{K::unknown_model, 200,
            R"({"code":4200,"msg":"Requested resource bot_id=$model does not exist.","detail":{"logid":"l-1"}})"},
    Refusal{K::content_filter, 200, R"({"code":4014,"msg":"The content is sensitive.","detail":{"logid":"l-1"}})"},
    Refusal{K::context_length, 200,
            R"({"code":4010,"msg":"The length of the text exceeds the limit.","detail":{"logid":"l-1"}})"},
    Refusal{K::bad_request, 200, R"({"code":4000,"msg":$message,"detail":{"logid":"l-1"}})"},
    Refusal{K::overloaded, 200, R"({"code":4009,"msg":"The model is overloaded.","detail":{"logid":"l-1"}})"},
    Refusal{K::server_error, 200, R"({"code":5000,"msg":"internal error","detail":{"logid":"l-1"}})"},
};

class CozeDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override { return request.path() == "/v3/chat"; }
  std::string key(const ReceivedRequest& request) const override { return bearer_of(request); }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    std::vector<std::string> events;
    // No space behind the colon.
    const auto add = [&](std::string_view name, std::string_view data) {
      events.push_back(fmt::format("event:{}\ndata:{}\n\n", name, data));
    };
    const auto chat = [&](std::string_view status) {
      return fill(
          R"({"id":$id,"conversation_id":"c-1","bot_id":$bot,"created_at":1700000000,"last_error":{"code":0,"msg":""},"status":"$status","usage":{"token_count":$total,"output_count":$out,"input_count":$in}})",
          {{"id", quoted(answer.id)},
           {"bot", quoted(ask.model)},
           {"status", std::string(status)},
           {"total", fmt::format("{}", answer.prompt_tokens + answer.completion_tokens)},
           {"out", fmt::format("{}", answer.completion_tokens)},
           {"in", fmt::format("{}", answer.prompt_tokens)}});
    };
    const auto message = [&](std::string_view type, std::string_view content) {
      return fill(
          R"({"id":"m-1","conversation_id":"c-1","bot_id":$bot,"role":"assistant","type":"$type","content":$content,"content_type":"text","chat_id":$id})",
          {{"bot", quoted(ask.model)},
           {"type", std::string(type)},
           {"content", quoted(content)},
           {"id", quoted(answer.id)}});
    };
    add("conversation.chat.created", chat("created"));
    add("conversation.chat.in_progress", chat("in_progress"));
    for (const std::string& word : answer.words) add("conversation.message.delta", message("answer", word));
    add("conversation.message.completed", message("answer", answer.text()));
    add("conversation.message.completed", message("verbose", R"({"msg_type":"generate_answer_finish"})"));
    add("conversation.chat.completed", chat("completed"));
    add("done", R"("[DONE]")");
    return Reply::sse(std::move(events), answer.between);
  }

 protected:
  Wrong read_body(const ReceivedRequest& /*request*/, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    ask.model = string_member(body, "bot_id");
    if (ask.model.empty() || string_member(body, "user_id").empty()) return "bot_id or user_id is missing";
    ask.stream = true_member(body, "stream");
    if (!ask.stream) return "without a stream the answer must be asked for again and again";
    const rapidjson::Value* messages = member(body, "additional_messages");
    if (messages == nullptr || !messages->IsArray() || messages->Empty()) return "additional_messages is missing";
    for (const rapidjson::Value& message : messages->GetArray()) {
      const std::string_view role = string_member(message, "role");
      if (role != "user" && role != "assistant") return "role is not user or assistant";
      Turn turn{.who = role == "user" ? Turn::Who::user : Turn::Who::assistant};
      const std::string_view type = string_member(message, "content_type");
      if (type == "object_string") {
        const rapidjson::Document parts = parse_json(string_member(message, "content"));
        if (!parts.IsArray()) return "content is not a string that holds a list";
        for (const rapidjson::Value& part : parts.GetArray()) {
          turn.text += string_member(part, "text");
          if (string_member(part, "type") == "image") turn.images.emplace_back(string_member(part, "file_url"));
        }
      } else if (type == "text") {
        turn.text = string_member(message, "content");
      } else {
        return "content_type is not known";
      }
      turns.push_back(std::move(turn));
    }
    return std::nullopt;
  }
  std::span<const Refusal> refusals() const override { return kCozeRefusals; }
};

}  // namespace

std::unique_ptr<Dialect> dify_dialect() { return std::make_unique<DifyDialect>(); }

std::unique_ptr<Dialect> coze_dialect() { return std::make_unique<CozeDialect>(); }

}  // namespace keywheel::testing
