#include "providers/bailian.hpp"

#include <cstddef>
#include <string>
#include <utility>

#include "providers/native_decoder.hpp"
#include "providers/native_request.hpp"
#include "providers/openai.hpp"
#include "providers/openai_errors.hpp"
#include "providers/request_headers.hpp"
#include "providers/two_dialects.hpp"
#include "wire/json_writer.hpp"
#include "wire/percent.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "bailian";
constexpr std::string_view kRoot = "https://dashscope.aliyuncs.com";
constexpr std::string_view kPrefix = "/api/v1";

class BailianDecoder final : public NativeDecoder {
 public:
  using NativeDecoder::NativeDecoder;

 private:
  std::optional<Failure> whole(JsonValue body) override {
    if (auto failure = take(body, {})) return failure;
    if (!body["output"].is_object()) return broken_answer("the answer has no output");
    // A workflow may end without a word for it.
    if (!finished()) {
      if (auto failure = finish_reason({}, FinishReason::stop)) return failure;
    }
    end();
    return std::nullopt;
  }

  std::optional<Failure> piece(JsonValue data, std::string_view name) override { return take(data, name); }

  std::optional<Failure> take(JsonValue answer, std::string_view event) {
    if (!answer["code"].string().empty() || event == "error") {
      Failure failure = fail(read_error_value(answer), dashscope_errors());
      if (const std::string_view id = answer["request_id"].string(); !id.empty()) failure.request_id = id;
      return failure;
    }
    const JsonValue usage = answer["usage"]["models"];
    start(answer["request_id"].string(), usage.at(0)["model_id"].string());
    count(read_usage(usage));
    const JsonValue output = answer["output"];
    for (const std::string_view name : {"session_id", "doc_references", "workflow_message"}) extra(name, output[name]);
    bool acted = false;
    for (const JsonValue thought : output["thoughts"].items()) {
      if (thought["action_type"].string() == "reasoning") {
        reasoning(thought["thought"].string());
      } else {
        acted = true;
      }
    }
    if (acted) extra("thoughts", output["thoughts"]);
    text(output["text"].string());
    const std::string_view reason = output["finish_reason"].string();
    return reason.empty() || reason == "null" ? std::nullopt : finish_reason(reason);
  }

  /// An application may ask several models, each of which is counted.
  static Usage read_usage(JsonValue models) {
    Usage sum;
    for (const JsonValue model : models.items()) {
      const auto input = count_of(model["input_tokens"]);
      const auto output = count_of(model["output_tokens"]);
      if (input) sum.prompt_tokens = sum.prompt_tokens.value_or(0) + *input;
      if (output) sum.completion_tokens = sum.completion_tokens.value_or(0) + *output;
    }
    return sum;
  }
};

/// The conversation, or, where the application keeps it, what is new of it.
void write_input(JsonWriter& json, const ChatRequest& request, bool kept, RequestCheck& check) {
  const std::size_t count = request.messages.size();
  for (std::size_t i = 0; i < count; ++i) refuse_unsayable(request.messages[i], i, {.extra = true}, check);
  if (count == 0 || request.messages.back().role != Role::user) {
    check.invalid("messages: an application answers a user's message, and it must stand last");
    return;
  }
  const Message& last = request.messages.back();
  if (kept || (count == 1 && last.extra.empty())) {
    if (!last.extra.empty()) check.unsupported(message_path(count - 1) + ".extra", "a prompt is a text alone");
    json.member("prompt", plain_text(last, count - 1, check));
    return;
  }
  json.key("messages").begin_array();
  for (std::size_t i = 0; i < count; ++i) {
    const Message& message = request.messages[i];
    json.begin_object().member("role", role_of(message.role)).member("content", plain_text(message, i, check));
    json.end_object(message.extra, message_path(i) + ".extra");
  }
  json.end_array();
}

class BailianAppTransport final : public Transport {
 public:
  Capabilities capabilities() const override {
    return {.tools = false, .parallel_tools = false, .images = false, .json_schema = false};
  }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    require_fields(service, {"api_key"}, "create one at https://bailian.console.aliyun.com", faults);
    return faults;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    refuse_unsayable(request, Sayable{}, check);
    const SplitExtra extra = split_extra(request.extra, "input", "parameters", check);
    JsonDoc input;
    const bool kept = input.parse(extra.named) && input.root()["session_id"].is_string();
    std::string body;
    JsonWriter json(body);
    json.begin_object().key("input").begin_object();
    write_input(json, request, kept, check);
    json.end_object(extra.named, "extra.input").key("parameters").begin_object();
    if (target.stream) json.member("incremental_output", true);
    json.end_object(extra.home, "extra").key("debug").begin_object().end_object().end_object();
    check.written(json.fault());

    const std::string_view named = setting(target, "app_id");
    const std::string path = "/apps/" + percent_encoded(named.empty() ? target.model : named) + "/completion";
    HttpRequest http = json_post(endpoint(target.base_url, kRoot, kPrefix, path), std::move(body), target.stream);
    add_bearer(http, target.credential.api_key.reveal());
    if (target.stream) set_header(http, "X-DashScope-SSE", "enable");
    set_extra_headers(http, target.service, request);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<BailianDecoder>(head, target, bounds);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    return classify_answer(head, body, now, dashscope_errors());
  }
};

}  // namespace

std::shared_ptr<const Transport> make_bailian_app_transport(const Preset& /*preset*/) {
  return std::make_shared<BailianAppTransport>();
}

std::shared_ptr<const Transport> make_bailian_transport(const Preset& preset) {
  return std::make_shared<TwoDialects>(
      make_bailian_app_transport(preset), make_openai_transport(preset),
      [](const ServiceConfig& service, const CredentialConfig& credential, std::string_view) {
        return service.options.count("app_id") != 0 || !credential_field(credential, "app_id").empty();
      });
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
