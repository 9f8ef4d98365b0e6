#include <array>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

// https://docs.ollama.com/api/errors; only ollama.com, or a gateway before one's own, asks for a key.
constexpr std::array kRefusals = {
    Refusal{K::invalid_key, 401, R"({"error":"unauthorized"})"},
    Refusal{K::unknown_model, 404, R"({"error":"model '$model' not found"})"},
    Refusal{K::context_length, 400, R"({"error":"prompt too long; exceeded max context length by 100 tokens"})"},
    Refusal{K::bad_request, 400, R"({"error":$message})"},
    Refusal{K::overloaded, 503, R"({"error":"server busy, please try again.  maximum pending requests exceeded"})"},
    Refusal{K::server_error, 500, R"({"error":"llama runner process has terminated: exit status 2"})"},
};

/// Arguments are an object, and calls have no ids.
Wrong read_message(const rapidjson::Value& message, Turn& turn) {
  const std::string_view role = string_member(message, "role");
  turn.text = string_member(message, "content");
  if (member(message, "content") != nullptr && !member(message, "content")->IsString())
    return "content is not a string";
  if (role == "system") {
    turn.who = Turn::Who::system;
  } else if (role == "assistant") {
    turn.who = Turn::Who::assistant;
  } else if (role == "tool") {
    turn.who = Turn::Who::tool;
    turn.answers = string_member(message, "tool_name");
  } else if (role != "user") {
    return "invalid role: must be one of [user system assistant tool]";
  }
  // Base64 alone, whose kind shows in its first bytes.
  if (const rapidjson::Value* images = member(message, "images")) {
    for (const rapidjson::Value& image : images->GetArray()) {
      turn.images.push_back(fmt::format("image/png:{}", view(image)));
    }
  }
  const rapidjson::Value* calls = member(message, "tool_calls");
  if (calls == nullptr) return std::nullopt;
  for (const rapidjson::Value& call : calls->GetArray()) {
    const rapidjson::Value* function = member(call, "function");
    const rapidjson::Value* arguments = function == nullptr ? nullptr : member(*function, "arguments");
    if (arguments == nullptr || !arguments->IsObject()) return "the arguments of a call are not an object";
    turn.calls.push_back({.name = std::string(string_member(*function, "name")), .arguments = json_of(*arguments)});
  }
  return std::nullopt;
}

std::string line(const Answer& answer, std::string_view text, std::string_view rest, std::string_view end) {
  return fill(
      R"({"model":$model,"created_at":"2024-01-01T00:00:00.123456Z","message":{"role":"assistant","content":$text$rest}$end})",
      {{"model", quoted(answer.model)},
       {"text", quoted(text)},
       {"rest", std::string(rest)},
       {"end", std::string(end)}});
}

class OllamaDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override { return request.path() == "/api/chat"; }
  std::string key(const ReceivedRequest& request) const override {
    const std::string given = bearer_of(request);
    return given.empty() ? "nobody" : given;
  }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    std::string calls;
    for (const AskedTool& call : answer.tool_calls) {
      calls += calls.empty() ? R"(,"tool_calls":[)" : ",";
      calls += fill(R"({"function":{"name":$name,"arguments":$arguments}})",
                    {{"name", quoted(call.name)}, {"arguments", call.arguments}});
    }
    if (!calls.empty()) calls += "]";
    const std::string end =
        fmt::format(R"(,"done":true,"done_reason":"{}","total_duration":5,"prompt_eval_count":{},"eval_count":{})",
                    answer.cut_short ? "length" : "stop", answer.prompt_tokens, answer.completion_tokens);
    if (!ask.stream) return Reply::json(200, line(answer, answer.text(), calls, end));
    std::vector<std::string> lines;
    for (const std::string& word : answer.words) lines.push_back(line(answer, word, "", R"(,"done":false)") + "\n");
    if (!calls.empty()) lines.push_back(line(answer, "", calls, R"(,"done":false)") + "\n");
    lines.push_back(line(answer, "", "", end) + "\n");
    Reply reply = Reply::sse(std::move(lines), answer.between);
    reply.headers = {{"Content-Type", "application/x-ndjson"}};
    return reply;
  }

 protected:
  Wrong read_body(const ReceivedRequest& /*request*/, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    ask.model = string_member(body, "model");
    const rapidjson::Value* messages = member(body, "messages");
    if (ask.model.empty() || messages == nullptr || !messages->IsArray()) return "model is required";
    const rapidjson::Value* stream = member(body, "stream");
    ask.stream = stream == nullptr || !stream->IsBool() || stream->GetBool();
    for (const rapidjson::Value& message : messages->GetArray()) {
      Turn turn;
      if (Wrong wrong = read_message(message, turn)) return wrong;
      turns.push_back(std::move(turn));
    }
    if (const rapidjson::Value* options = member(body, "options")) {
      if (const auto most = number_member(*options, "num_predict")) ask.max_tokens = static_cast<std::int64_t>(*most);
    }
    return read_openai_tools(body, ask);
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }
};

}  // namespace

std::unique_ptr<Dialect> ollama_dialect() { return std::make_unique<OllamaDialect>(); }

}  // namespace keywheel::testing
