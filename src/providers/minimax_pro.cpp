#include "providers/minimax_pro.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "providers/native_decoder.hpp"
#include "providers/native_request.hpp"
#include "providers/native_tools.hpp"
#include "providers/openai_chunks.hpp"
#include "providers/request_headers.hpp"
#include "wire/json_writer.hpp"
#include "wire/percent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "minimax";
constexpr std::string_view kRoot = "https://api.minimax.chat";
constexpr std::string_view kPrefix = "/v1";
constexpr std::string_view kPath = "/text/chatcompletion_pro";
constexpr std::string_view kBot = "BOT";
constexpr std::string_view kUser = "USER";

constexpr Sayable kSayable = {.tools = true, .max_tokens = true, .temperature = true, .top_p = true};

class MinimaxProDecoder final : public NativeDecoder {
 public:
  MinimaxProDecoder(const HttpHead& head, const Target& target, const Bounds& bounds, const Preset& preset)
      : NativeDecoder(head, target, bounds), preset_(preset) {}

 private:
  std::optional<Failure> whole(JsonValue body) override {
    if (auto failure = take(body)) return failure;
    if (!body["choices"].is_array()) return broken_answer("the answer has no choices");
    if (!finished()) {
      if (auto failure = finish_reason({}, FinishReason::stop)) return failure;
    }
    end();
    return std::nullopt;
  }

  std::optional<Failure> piece(JsonValue data, std::string_view /*name*/) override { return take(data); }

  std::optional<Failure> take(JsonValue answer) {
    if (answer["base_resp"]["status_code"].integer_or(0) != 0) return fail(read_error_value(answer), rules_of(preset_));
    start(answer["id"].string(), answer["model"].string());
    count(read_openai_usage(answer["usage"]));
    const JsonValue choice = answer["choices"].at(0);
    for (const JsonValue message : choice["messages"].items()) {
      say(message["text"].string(), answer["reply"].string());
      const JsonValue call = message["function_call"];
      if (!call.is_object()) continue;
      if (auto failure = tool_call({.name = call["name"].string()}, call["arguments"].string())) return failure;
    }
    const std::string_view reason = choice["finish_reason"].string();
    if (reason.empty()) return std::nullopt;
    return finish_reason(reason, calls() > 0 ? std::optional(FinishReason::tool_calls) : std::nullopt);
  }

  /// The last piece of a stream repeats the whole reply.
  void say(std::string_view words, std::string_view reply) {
    if (said_ > 0 && words == reply) words.remove_prefix(std::min(words.size(), said_));
    said_ += words.size();
    text(words);
  }

  const Preset& preset_;
  std::size_t said_ = 0;
};

void write_message(JsonWriter& json, const Message& message, std::size_t place, RequestCheck& check) {
  refuse_unsayable(message, place, {.name = true, .tool_calls = true, .extra = true}, check);
  const bool user = message.role == Role::user;
  if (message.role == Role::assistant && !message.name.empty()) {
    check.unsupported(message_path(place) + ".name", "the bot is called what reply_constraints calls it");
  }
  json.begin_object();
  json.member("sender_type", user ? kUser : message.role == Role::tool ? std::string_view("FUNCTION") : kBot);
  json.member("sender_name", !user ? kBot : message.name.empty() ? kUser : std::string_view(message.name));
  json.member("text", plain_text(message, place, check));
  if (message.role == Role::assistant && !message.tool_calls.empty()) {
    if (message.tool_calls.size() > 1) {
      check.unsupported(message_path(place) + ".tool_calls", "a message calls one function at most");
    }
    const ToolCall& call = message.tool_calls.front();
    json.key("function_call").begin_object().member("name", call.name).member("arguments", arguments_of(call));
    json.end_object(call.extra, message_path(place) + ".tool_calls[0].extra");
  }
  json.end_object(message.extra, message_path(place) + ".extra");
}

/// What the bot is told it is; the API wants something.
std::string bot_setting(const ChatRequest& request, RequestCheck& check) {
  std::string prompt;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const Message& message = request.messages[i];
    if (message.role != Role::system && message.role != Role::developer) continue;
    refuse_unsayable(message, i, {}, check);
    if (!prompt.empty()) prompt += "\n";
    prompt += plain_text(message, i, check);
  }
  return prompt.empty() ? std::string(kBot) : prompt;
}

class MinimaxProTransport final : public Transport {
 public:
  explicit MinimaxProTransport(const Preset& preset) : preset_(preset) {}

  Capabilities capabilities() const override {
    return {.parallel_tools = false, .images = false, .json_schema = false, .reasoning = false};
  }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    require_fields(service, {"api_key", "group_id"}, "chatcompletion_pro wants the key and the group it belongs to",
                   faults);
    return faults;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, kSayable, check);
    std::string body;
    JsonWriter json(body);
    json.begin_object().member("model", target.model).member("stream", target.stream);
    if (target.stream) json.member("use_standard_sse", true);
    if (request.max_tokens) json.member("tokens_to_generate", *request.max_tokens);
    if (const auto value =
            in_range(request.temperature, {.low = 0, .high = 1, .above_low = true}, "temperature", check)) {
      json.member("temperature", *value);
    }
    if (const auto value = in_range(request.top_p, {.low = 0, .high = 1, .above_low = true}, "top_p", check)) {
      json.member("top_p", *value);
    }
    json.key("bot_setting").begin_array().begin_object().member("bot_name", kBot);
    json.member("content", bot_setting(request, check)).end_object().end_array();
    json.key("reply_constraints").begin_object().member("sender_type", kBot).member("sender_name", kBot).end_object();
    json.key("messages").begin_array();
    for (std::size_t i = 0; i < request.messages.size(); ++i) {
      const Role role = request.messages[i].role;
      if (role != Role::system && role != Role::developer) write_message(json, request.messages[i], i, check);
    }
    json.end_array();
    if (!request.tools.empty()) {
      write_functions(json, request.tools);
      json.key("function_call").begin_object().member("type", "auto").end_object();
    }
    json.end_object(request.extra, "extra");
    check.written(json.fault());

    const std::string_view group = setting(target, "group_id");
    if (group.empty()) check.misconfigured("fields.group_id: is missing; chatcompletion_pro wants it");
    std::string url = endpoint(target.base_url, kRoot, kPrefix, kPath);
    url += url.find('?') == std::string::npos ? "?GroupId=" : "&GroupId=";
    append_percent_encoded(url, group);
    HttpRequest http = json_post(std::move(url), std::move(body), target.stream);
    add_bearer(http, target.credential.api_key.reveal());
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<MinimaxProDecoder>(head, target, bounds, preset_);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, rules_of(preset_));
  }

 private:
  const Preset& preset_;
};

}  // namespace

std::shared_ptr<const Transport> make_minimax_pro_transport(const Preset& preset) {
  return std::make_shared<MinimaxProTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
