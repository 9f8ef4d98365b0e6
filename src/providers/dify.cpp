#include "providers/dify.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <variant>

#include "providers/dify_errors.hpp"
#include "providers/native_decoder.hpp"
#include "providers/native_request.hpp"
#include "providers/request_headers.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "dify";
constexpr std::string_view kRoot = "https://api.dify.ai";
constexpr std::string_view kPrefix = "/v1";
constexpr std::string_view kPath = "/chat-messages";
// The API wants an end user always.
constexpr std::string_view kAnonymous = "keywheel";

Usage read_usage(JsonValue usage) {
  return {.prompt_tokens = count_of(usage["prompt_tokens"]),
          .completion_tokens = count_of(usage["completion_tokens"]),
          .total_tokens = count_of(usage["total_tokens"])};
}

class DifyDecoder final : public NativeDecoder {
 public:
  using NativeDecoder::NativeDecoder;

 private:
  std::optional<Failure> whole(JsonValue body) override {
    if (!body["answer"].is_string()) return fail(read_error_value(body), kDifyErrors);
    begin(body);
    text(body["answer"].string());
    return close(body);
  }

  std::optional<Failure> piece(JsonValue data, std::string_view /*name*/) override {
    const std::string_view event = data["event"].string();
    if (event == "error") return failed(data);
    begin(data);
    if (event == "message" || event == "agent_message") {
      text(data["answer"].string());
    } else if (event == "agent_thought") {
      think(data["id"].string(), data["thought"].string());
    } else if (event == "reasoning_chunk") {
      reasoning(data["data"]["reasoning"].string());
    } else if (event == "message_file") {
      part(data.raw());
    } else if (event == "message_replace") {
      // Moderation puts other words in the place of those that were said.
      extra("message_replace", data["answer"]);
      return finish_reason("message_replace", FinishReason::content_filter);
    } else if (event == "message_end") {
      return close(data);
    } else if (event == "workflow_finished" && data["data"]["status"].string() == "failed") {
      Failure failure =
          broken_answer("the application's workflow failed: " + std::string(data["data"]["error"].string()));
      failure.kind = ErrorKind::server_error;
      return failure;
    }
    return std::nullopt;
  }

  void begin(JsonValue data) {
    start(data["message_id"].string());
    if (told_conversation_ || !data["conversation_id"].is_string()) return;
    told_conversation_ = true;
    extra("conversation_id", data["conversation_id"]);
  }

  /// A thought comes again, longer, while the agent works.
  void think(std::string_view id, std::string_view thought) {
    if (thought_id_ != id) {
      thought_id_ = id;
      thought_.clear();
    }
    if (thought.starts_with(thought_)) {
      reasoning(thought.substr(thought_.size()));
      thought_ = thought;
    }
  }

  std::optional<Failure> failed(JsonValue data) const {
    ErrorBody error = read_error_value(data);
    // `status` is an HTTP status here, not a kind of error.
    error.type.clear();
    const std::int64_t status = data["status"].integer_or(0);
    return fail(error, kDifyErrors,
                status >= 400 && status < 600 ? std::optional(static_cast<int>(status)) : std::nullopt);
  }

  std::optional<Failure> close(JsonValue data) {
    count(read_usage(data["metadata"]["usage"]));
    extra("retriever_resources", data["metadata"]["retriever_resources"]);
    if (auto failure = finish_reason("message_end", FinishReason::stop)) return failure;
    end();
    return std::nullopt;
  }

  std::string thought_id_{};
  std::string thought_{};
  bool told_conversation_ = false;
};

void write_file(JsonWriter& json, std::string_view type, std::string_view url, std::string_view id) {
  json.begin_object().member("type", type);
  if (id.empty()) {
    json.member("transfer_method", "remote_url").member("url", url);
  } else {
    json.member("transfer_method", "local_file").member("upload_file_id", id);
  }
}

void write_files(JsonWriter& json, const Message& message, std::size_t place, RequestCheck& check) {
  bool open = false;
  const auto file = [&]() -> JsonWriter& {
    if (!std::exchange(open, true)) json.key("files").begin_array();
    return json;
  };
  constexpr std::string_view kUpload = "it takes files by URL, or by the id of one uploaded before (FilePart::id)";
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const std::string path = part_path(place, i);
    if (const auto* image = std::get_if<ImagePart>(&message.content[i])) {
      if (!image->detail.empty()) check.unsupported(path + ".detail");
      if (image->url.empty() || image->url.starts_with("data:")) {
        check.unsupported(path, kUpload);
        continue;
      }
      write_file(file(), "image", image->url, {});
      json.end_object(image->extra, path + ".extra");
    } else if (const auto* audio = std::get_if<AudioPart>(&message.content[i])) {
      if (audio->url.empty()) {
        check.unsupported(path, kUpload);
        continue;
      }
      write_file(file(), "audio", audio->url, {});
      json.end_object(audio->extra, path + ".extra");
    } else if (const auto* document = std::get_if<FilePart>(&message.content[i])) {
      if (document->url.empty() && document->id.empty()) {
        check.unsupported(path, kUpload);
        continue;
      }
      write_file(file(), document->media_type.starts_with("image/") ? "image" : "document", document->url,
                 document->id);
      json.end_object(document->extra, path + ".extra");
    } else if (const auto* raw = std::get_if<RawPart>(&message.content[i])) {
      file().raw(raw->json, path);
    } else if (const auto* text = std::get_if<TextPart>(&message.content[i]); text != nullptr && !text->extra.empty()) {
      check.unsupported(path + ".extra", "a query is a text alone");
    }
  }
  if (open) json.end_array();
}

/// Whether the application knows the conversation: `extra` names it.
bool goes_on(const ChatRequest& request) {
  JsonDoc doc;
  return doc.parse(request.extra) && !doc.root()["conversation_id"].string().empty();
}

/// The messages before the last, where nobody else knows them.
void refuse_history(const ChatRequest& request, RequestCheck& check) {
  for (std::size_t i = 0; i + 1 < request.messages.size(); ++i) {
    const Role role = request.messages[i].role;
    if (role == Role::system || role == Role::developer) {
      check.unsupported(message_path(i), "the prompt is the application's");
    } else if (!goes_on(request)) {
      check.unsupported(
          message_path(i),
          "the application keeps the conversation: put the conversation_id of the last answer's extra into "
          "the request's extra");
    }
  }
}

class DifyTransport final : public Transport {
 public:
  Capabilities capabilities() const override {
    return {.tools = false, .parallel_tools = false, .audio = true, .files = true, .json_schema = false};
  }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    require_fields(service, {"api_key"}, "it is the application's key (app-…)", faults);
    return faults;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, Sayable{.user = true}, check);
    refuse_history(request, check);
    std::string body;
    JsonWriter json(body);
    json.begin_object().key("inputs").begin_object().end_object();
    if (request.messages.empty() || request.messages.back().role != Role::user) {
      check.invalid("messages: an application answers a user's message, and it must stand last");
    } else {
      const std::size_t last = request.messages.size() - 1;
      refuse_unsayable(request.messages[last], last, {}, check);
      json.member("query", request.messages[last].text());
      write_files(json, request.messages[last], last, check);
    }
    json.member("response_mode", target.stream ? "streaming" : "blocking").member("conversation_id", "");
    json.member("user", request.user.empty() ? kAnonymous : std::string_view(request.user));
    json.end_object(request.extra, "extra");
    check.written(json.fault());
    HttpRequest http = json_post(endpoint(target.base_url, kRoot, kPrefix, kPath), std::move(body), target.stream);
    add_bearer(http, target.credential.api_key.reveal());
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<DifyDecoder>(head, target, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, kDifyErrors);
  }
};

}  // namespace

std::shared_ptr<const Transport> make_dify_transport(const Preset& /*preset*/) {
  return std::make_shared<DifyTransport>();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
