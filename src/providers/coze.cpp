#include "providers/coze.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "providers/coze_errors.hpp"
#include "providers/native_decoder.hpp"
#include "providers/native_request.hpp"
#include "providers/request_headers.hpp"
#include "wire/json_writer.hpp"
#include "wire/percent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "coze";
constexpr std::string_view kRoot = "https://api.coze.cn";
constexpr std::string_view kPrefix = "/v3";
constexpr std::string_view kPath = "/chat";
// The API wants an end user always.
constexpr std::string_view kAnonymous = "keywheel";
// Characters of all follow-up questions that are kept; there are three usually.
constexpr std::size_t kMostFollowUps = std::size_t{1} << 16U;

Usage read_usage(JsonValue usage) {
  return {.prompt_tokens = count_of(usage["input_count"]),
          .completion_tokens = count_of(usage["output_count"]),
          .total_tokens = count_of(usage["token_count"])};
}

class CozeDecoder final : public NativeDecoder {
 public:
  using NativeDecoder::NativeDecoder;

 private:
  /// A call is always made as a stream, so one JSON text is an error.
  std::optional<Failure> whole(JsonValue body) override {
    Failure failure = fail(read_error_value(body), kCozeErrors);
    if (const std::string_view id = body["detail"]["logid"].string(); !id.empty()) failure.request_id = id;
    return failure;
  }

  std::optional<Failure> piece(JsonValue data, std::string_view name) override {
    if (name == "error") return fail(read_error_value(data), kCozeErrors);
    if (name == "conversation.message.delta") {
      if (data["type"].string_or("answer") != "answer") return std::nullopt;
      last_message_ = data["id"].string();
      reasoning(data["reasoning_content"].string());
      // Cards and sound come as other types of content.
      if (data["content_type"].string_or("text") == "text") text(data["content"].string());
    } else if (name == "conversation.message.completed") {
      completed(data);
    } else if (name.starts_with("conversation.chat.")) {
      return chat(data, name);
    }
    return std::nullopt;
  }

  /// An answer that did not come in pieces comes whole here. Follow-up questions always do.
  void completed(JsonValue message) {
    const std::string_view type = message["type"].string();
    if (type == "answer" && message["id"].string() != last_message_) {
      if (message["content_type"].string_or("text") == "text") {
        text(message["content"].string());
      } else {
        part(message.raw());
      }
    } else if (type == "follow_up" && follow_ups_.size() < kMostFollowUps) {
      follow_ups_ += follow_ups_.empty() ? "[" : ",";
      append_json_string(follow_ups_, message["content"].string());
    }
  }

  std::optional<Failure> chat(JsonValue data, std::string_view name) {
    start(data["id"].string());
    if (!told_conversation_ && data["conversation_id"].is_string()) {
      told_conversation_ = true;
      extra("conversation_id", data["conversation_id"]);
    }
    if (name == "conversation.chat.failed") return fail(read_error_value(data["last_error"]), kCozeErrors);
    if (name == "conversation.chat.completed") return close(data, "completed", FinishReason::stop);
    if (name == "conversation.chat.requires_action") {
      for (const JsonValue call : data["required_action"]["submit_tool_outputs"]["tool_calls"].items()) {
        const JsonValue function = call["function"];
        const ToolPiece piece{std::nullopt, call["id"].string(), function["name"].string()};
        if (auto failure = tool_call(piece, function["arguments"].string())) return failure;
      }
      return close(data, "requires_action", FinishReason::tool_calls);
    }
    return std::nullopt;
  }

  std::optional<Failure> close(JsonValue data, std::string_view native, FinishReason reason) {
    count(read_usage(data["usage"]));
    if (!follow_ups_.empty()) extra_json("follow_ups", follow_ups_ + "]");
    if (auto failure = finish_reason(native, reason)) return failure;
    end();
    return std::nullopt;
  }

  std::string last_message_{};
  std::string follow_ups_{};
  bool told_conversation_ = false;
};

/// Parts beside text make the content a list, in a string.
std::string object_string(const Message& message, std::size_t place, RequestCheck& check) {
  std::string list;
  JsonWriter json(list);
  json.begin_array();
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const Part& part = message.content[i];
    const std::string path = part_path(place, i);
    if (const auto* text = std::get_if<TextPart>(&part)) {
      json.begin_object().member("type", "text").member("text", text->text).end_object(text->extra, path + ".extra");
    } else if (const auto* image = std::get_if<ImagePart>(&part)) {
      if (!image->detail.empty()) check.unsupported(path + ".detail");
      if (image->url.empty() || image->url.starts_with("data:")) {
        check.unsupported(path, "it takes images by URL");
        continue;
      }
      json.begin_object().member("type", "image").member("file_url", image->url);
      json.end_object(image->extra, path + ".extra");
    } else if (const auto* file = std::get_if<FilePart>(&part)) {
      if (file->url.empty() && file->id.empty()) {
        check.unsupported(path, "it takes files by URL or id");
        continue;
      }
      json.begin_object().member("type", "file");
      json.member(file->id.empty() ? "file_url" : "file_id", file->id.empty() ? file->url : file->id);
      json.end_object(file->extra, path + ".extra");
    } else if (const auto* raw = std::get_if<RawPart>(&part)) {
      json.raw(raw->json, path);
    } else if (!std::holds_alternative<ReasoningPart>(part)) {
      check.unsupported(path, "text, images and files are taken here");
    }
  }
  json.end_array();
  check.written(json.fault());
  return list;
}

void write_message(JsonWriter& json, const Message& message, std::size_t place, RequestCheck& check) {
  refuse_unsayable(message, place, {.extra = true}, check);
  if (message.role == Role::system || message.role == Role::developer) {
    check.unsupported(message_path(place), "the prompt is the bot's");
    return;
  }
  const bool user = message.role == Role::user;
  bool plain = true;
  for (const Part& part : message.content) {
    plain = plain && (std::holds_alternative<TextPart>(part) || std::holds_alternative<ReasoningPart>(part) ||
                      std::holds_alternative<RefusalPart>(part));
  }
  json.begin_object().member("role", user ? "user" : "assistant").member("type", user ? "question" : "answer");
  json.member("content_type", plain ? "text" : "object_string");
  json.member("content", plain ? plain_text(message, place, check) : object_string(message, place, check));
  json.end_object(message.extra, message_path(place) + ".extra");
}

class CozeTransport final : public Transport {
 public:
  Capabilities capabilities() const override {
    return {.tools = false, .parallel_tools = false, .files = true, .json_schema = false};
  }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    for (std::size_t i = 0; i < service.credentials.size(); ++i) {
      const CredentialConfig& credential = service.credentials[i];
      if (credential.api_key.empty() && credential_field(credential, "token").empty()) {
        faults.push_back(
            fmt::format("credentials[{}].api_key: is missing; coze takes a personal access token there", i));
      }
    }
    return faults;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, Sayable{.user = true, .metadata = true}, check);
    JsonDoc doc;
    const std::string_view conversation =
        doc.parse(request.extra) ? doc.root()["conversation_id"].string() : std::string_view{};
    const std::string_view bot = setting(target, "bot_id");
    std::string body;
    JsonWriter json(body);
    json.begin_object().member("bot_id", bot.empty() ? target.model : bot);
    json.member("user_id", request.user.empty() ? kAnonymous : std::string_view(request.user)).member("stream", true);
    json.member("auto_save_history", !conversation.empty()).key("additional_messages").begin_array();
    // What Coze keeps of a conversation is not sent again.
    const std::size_t count = request.messages.size();
    for (std::size_t i = conversation.empty() || count == 0 ? 0 : count - 1; i < count; ++i) {
      write_message(json, request.messages[i], i, check);
    }
    json.end_array();
    if (!request.metadata.empty()) {
      json.key("meta_data").begin_object();
      for (const auto& [name, value] : request.metadata) json.member(name, value);
      json.end_object();
    }
    json.end_object(request.extra, "extra");
    check.written(json.fault());

    std::string url = endpoint(target.base_url, kRoot, kPrefix, kPath);
    if (!conversation.empty()) {
      url += url.find('?') == std::string::npos ? '?' : '&';
      url += "conversation_id=" + percent_encoded(conversation);
    }
    HttpRequest http = json_post(std::move(url), std::move(body), true);
    const std::string_view key = target.credential.api_key.reveal();
    add_bearer(http, key.empty() ? credential_field(target.credential, "token") : key);
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<CozeDecoder>(head, target, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, kCozeErrors);
  }
};

}  // namespace

std::shared_ptr<const Transport> make_coze_transport(const Preset& /*preset*/) {
  return std::make_shared<CozeTransport>();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
