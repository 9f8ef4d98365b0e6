#include <array>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

// The name of an error stands in a header.
// https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
constexpr std::array kRefusals = {
    Refusal{K::no_key, 403, R"({"message":"Missing Authentication Token"})",
            "x-amzn-ErrorType: MissingAuthenticationTokenException"},
    Refusal{K::invalid_key, 403, R"({"message":"The security token included in the request is invalid."})",
            "x-amzn-ErrorType: UnrecognizedClientException:http://internal.amazon.com/coral/com.amazon.coral.service/"},
    Refusal{K::quota_exhausted, 429, R"({"message":"Too many tokens per day, please wait before trying again."})",
            "x-amzn-ErrorType: ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    Refusal{K::rate_limited, 429, R"({"message":"Too many requests, please wait before trying again."})",
            "x-amzn-ErrorType: ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    Refusal{K::forbidden, 403, R"({"Message":"You don't have access to the model with the specified model ID."})",
            "x-amzn-ErrorType: AccessDeniedException:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    Refusal{K::unknown_model, 400, R"({"message":"The provided model identifier is invalid."})",
            "x-amzn-ErrorType: ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    Refusal{K::content_filter, 400,
            R"({"message":"The model returned the following errors: Output blocked by content filtering policy"})",
            "x-amzn-ErrorType: ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    Refusal{K::context_length, 400, R"({"message":"Input is too long for requested model."})",
            "x-amzn-ErrorType: ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    Refusal{K::bad_request, 400, R"({"message":$message})",
            "x-amzn-ErrorType: ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    Refusal{K::overloaded, 503, R"({"message":"Bedrock is unable to process your request."})",
            "x-amzn-ErrorType: ServiceUnavailableException:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    Refusal{K::server_error, 500, R"({"message":"The system encountered an unexpected error during processing."})",
            "x-amzn-ErrorType: InternalServerException:http://internal.amazon.com/coral/com.amazon.bedrock/"},
};

// ---- the event stream's frames: application/vnd.amazon.eventstream ----

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

void put(std::string& out, std::uint32_t value, unsigned bytes) {
  while (bytes-- > 0) out += static_cast<char>(static_cast<unsigned char>(value >> (8 * bytes)));
}

void put_header(std::string& out, std::string_view name, std::string_view value) {
  constexpr std::uint32_t kString = 7;
  put(out, static_cast<std::uint32_t>(name.size()), 1);
  out += name;
  put(out, kString, 1);
  put(out, static_cast<std::uint32_t>(value.size()), 2);
  out += value;
}

std::string frame(std::string_view type, std::string_view payload) {
  std::string headers;
  put_header(headers, ":event-type", type);
  put_header(headers, ":content-type", "application/json");
  put_header(headers, ":message-type", "event");
  std::string out;
  put(out, static_cast<std::uint32_t>(16 + headers.size() + payload.size()), 4);
  put(out, static_cast<std::uint32_t>(headers.size()), 4);
  put(out, crc32(out), 4);
  out += headers;
  out += payload;
  put(out, crc32(out), 4);
  return out;
}

// ---- requests ----

Wrong read_block(const rapidjson::Value& block, std::vector<Turn>& turns, Turn& turn) {
  if (const rapidjson::Value* image = member(block, "image")) {
    const rapidjson::Value* source = member(*image, "source");
    if (source == nullptr || string_member(*source, "bytes").empty()) return "an image has no source.bytes";
    turn.images.push_back(fmt::format("image/{}:{}", string_member(*image, "format"), string_member(*source, "bytes")));
  } else if (const rapidjson::Value* use = member(block, "toolUse")) {
    const rapidjson::Value* input = member(*use, "input");
    if (turn.who != Turn::Who::assistant || input == nullptr) return "a toolUse is the user's, or has no input";
    turn.calls.push_back(
        {std::string(string_member(*use, "toolUseId")), std::string(string_member(*use, "name")), json_of(*input)});
  } else if (const rapidjson::Value* result = member(block, "toolResult")) {
    const rapidjson::Value* content = member(*result, "content");
    if (content == nullptr || !content->IsArray()) return "a toolResult has no content";
    Turn said{.who = Turn::Who::tool, .answers = std::string(string_member(*result, "toolUseId"))};
    for (const rapidjson::Value& part : content->GetArray()) {
      const rapidjson::Value* json = member(part, "json");
      said.text += json == nullptr ? std::string(string_member(part, "text")) : json_of(*json);
    }
    turns.push_back(std::move(said));
  } else if (member(block, "text") != nullptr) {
    if (string_member(block, "text").empty()) return "The text field in the ContentBlock object is blank.";
    turn.text += string_member(block, "text");
  } else if (member(block, "reasoningContent") == nullptr && member(block, "document") == nullptr &&
             member(block, "cachePoint") == nullptr) {
    return "a block is of no kind that is known";
  }
  return std::nullopt;
}

Wrong read_messages(const rapidjson::Value& messages, std::vector<Turn>& turns) {
  std::string_view last = "assistant";
  for (const rapidjson::Value& message : messages.GetArray()) {
    const std::string_view role = string_member(message, "role");
    if (role != "user" && role != "assistant") return "a message's role is neither user nor assistant";
    if (role == last) return "A conversation must start with a user message and alternate between roles.";
    last = role;
    Turn turn{.who = role == "user" ? Turn::Who::user : Turn::Who::assistant};
    const rapidjson::Value* content = member(message, "content");
    if (content == nullptr || !content->IsArray() || content->Empty()) return "The content field is empty.";
    for (const rapidjson::Value& block : content->GetArray()) {
      if (Wrong wrong = read_block(block, turns, turn)) return wrong;
    }
    const bool results_only = turn.who == Turn::Who::user && turn.text.empty() && turn.images.empty();
    if (!results_only) turns.push_back(std::move(turn));
  }
  return std::nullopt;
}

Wrong read_tools(const rapidjson::Value& body, Ask& ask) {
  const rapidjson::Value* config = member(body, "toolConfig");
  const rapidjson::Value* tools = config == nullptr ? nullptr : member(*config, "tools");
  if (tools == nullptr) return std::nullopt;
  for (const rapidjson::Value& tool : tools->GetArray()) {
    const rapidjson::Value* spec = member(tool, "toolSpec");
    if (spec == nullptr) continue;
    const rapidjson::Value* schema = member(*spec, "inputSchema");
    const rapidjson::Value* json = schema == nullptr ? nullptr : member(*schema, "json");
    if (json == nullptr) return "toolSpec.inputSchema.json is missing";
    const rapidjson::Value* description = member(*spec, "description");
    if (description != nullptr && description->GetStringLength() == 0) return "toolSpec.description is blank";
    ask.tools.push_back(offered_tool(string_member(*spec, "name"), json));
  }
  return std::nullopt;
}

// ---- answers ----

std::string_view stop_reason(const Answer& answer) {
  if (!answer.tool_calls.empty()) return "tool_use";
  return answer.cut_short ? "max_tokens" : "end_turn";
}

std::string usage(const Answer& answer) {
  return fmt::format(R"({{"inputTokens":{},"outputTokens":{},"totalTokens":{}}})", answer.prompt_tokens,
                     answer.completion_tokens, answer.prompt_tokens + answer.completion_tokens);
}

std::string whole(const Answer& answer) {
  std::string content;
  if (!answer.words.empty()) content = fill(R"({"text":$text})", {{"text", quoted(answer.text())}});
  for (const AskedTool& call : answer.tool_calls) {
    if (!content.empty()) content += ",";
    content += fill(R"({"toolUse":{"input":$input,"name":$name,"toolUseId":$id}})",
                    {{"input", call.arguments}, {"name", quoted(call.name)}, {"id", quoted(call.id)}});
  }
  return fill(
      R"({"metrics":{"latencyMs":12},"output":{"message":{"content":[$content],"role":"assistant"}},"stopReason":"$reason","usage":$usage})",
      {{"content", content}, {"reason", std::string(stop_reason(answer))}, {"usage", usage(answer)}});
}

Reply stream(const Answer& answer) {
  std::vector<std::string> frames{frame("messageStart", R"({"p":"abcd","role":"assistant"})")};
  int index = 0;
  const auto add = [&](std::string_view type, std::string_view form, std::string_view value = {}) {
    frames.push_back(frame(type, fill(form, {{"index", fmt::format("{}", index)}, {"value", std::string(value)}})));
  };
  for (const std::string& word : answer.words) {
    add("contentBlockDelta", R"({"contentBlockIndex":$index,"delta":{"text":$value},"p":"abc"})", quoted(word));
  }
  if (!answer.words.empty()) {
    add("contentBlockStop", R"({"contentBlockIndex":$index,"p":"ab"})");
    ++index;
  }
  for (const AskedTool& call : answer.tool_calls) {
    add("contentBlockStart", R"({"contentBlockIndex":$index,"p":"abcdef","start":{"toolUse":$value}})",
        fill(R"({"name":$name,"toolUseId":$id})", {{"name", quoted(call.name)}, {"id", quoted(call.id)}}));
    const auto [first, second] = halves(call.arguments);
    for (const std::string& half : {first, second}) {
      add("contentBlockDelta", R"({"contentBlockIndex":$index,"delta":{"toolUse":{"input":$value}},"p":"a"})",
          quoted(half));
    }
    add("contentBlockStop", R"({"contentBlockIndex":$index,"p":"ab"})");
    ++index;
  }
  add("messageStop", R"({"p":"abcdefg","stopReason":"$value"})", stop_reason(answer));
  add("metadata", R"({"metrics":{"latencyMs":12},"p":"ab","usage":$value})", usage(answer));
  Reply reply = Reply::sse(std::move(frames), answer.between);
  reply.headers = {{"Content-Type", "application/vnd.amazon.eventstream"}};
  return reply;
}

class BedrockDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override { return request.path().starts_with("/model/"); }
  std::string key(const ReceivedRequest& request) const override {
    const std::string token = bearer_of(request);
    return token.empty() ? signer_of(request) : token;
  }
  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    Reply reply = ask.stream ? stream(answer) : Reply::json(200, whole(answer));
    reply.headers.push_back({"x-amzn-RequestId", answer.id});
    return reply;
  }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    if (bearer_of(request).empty()) {
      if (Wrong wrong = signature_fault(request, "AWS4-HMAC-SHA256", {"host", "x-amz-date"})) return wrong;
    }
    const std::string_view path = request.path();
    ask.model = path.substr(7, path.rfind('/') - 7);
    ask.stream = path.ends_with("/converse-stream");
    if (!ask.stream && !path.ends_with("/converse")) return "there is no such operation";
    if (member(body, "stream") != nullptr || member(body, "model") != nullptr) return "the body names model or stream";
    const rapidjson::Value* messages = member(body, "messages");
    if (messages == nullptr || !messages->IsArray() || messages->Empty()) return "messages is missing";
    if (const rapidjson::Value* system = member(body, "system")) {
      Turn turn{.who = Turn::Who::system};
      for (const rapidjson::Value& block : system->GetArray()) turn.text += string_member(block, "text");
      turns.push_back(std::move(turn));
    }
    if (Wrong wrong = read_messages(*messages, turns)) return wrong;
    if (const rapidjson::Value* config = member(body, "inferenceConfig")) {
      if (const auto most = number_member(*config, "maxTokens")) ask.max_tokens = static_cast<std::int64_t>(*most);
    }
    if (Wrong wrong = read_tools(body, ask)) return wrong;
    for (const Turn& turn : turns) {
      if (!turn.calls.empty() && ask.tools.empty()) {
        return "The toolConfig field must be defined when using toolUse and toolResult content blocks.";
      }
    }
    return std::nullopt;
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }
};

}  // namespace

std::unique_ptr<Dialect> bedrock_dialect() { return std::make_unique<BedrockDialect>(); }

}  // namespace keywheel::testing
