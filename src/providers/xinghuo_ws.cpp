#include "providers/xinghuo_ws.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "auth/spark_url.hpp"
#include "providers/native_decoder.hpp"
#include "providers/native_request.hpp"
#include "providers/openai_chunks.hpp"
#include "providers/request_headers.hpp"
#include "providers/text.hpp"
#include "wire/http_date.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kName = "xinghuo";
constexpr std::string_view kRoot = "wss://spark-api.xf-yun.com";
// The API wants an end user of at most 32 characters.
constexpr std::string_view kAnonymous = "keywheel";

// By the server's clock, for a signature.
constexpr std::chrono::seconds kDateHolds{300};

// Functions are for the HTTP API, the vendor says.
constexpr Sayable kSayable = {.max_tokens = true, .temperature = true, .top_k = true, .user = true};

/// Each version has an address and a name of its own.
struct Version {
  std::string_view model;
  std::string_view path;
  std::string_view domain;
};

constexpr std::array kVersions = {
    Version{"4.0ultra", "/v4.0/chat", "4.0Ultra"},
    Version{"spark-4.0-ultra", "/v4.0/chat", "4.0Ultra"},
    Version{"spark-max32k", "/chat/max-32k", "max-32k"},
    Version{"spark-max-32k", "/chat/max-32k", "max-32k"},
    Version{"max-32k", "/chat/max-32k", "max-32k"},
    Version{"spark3.5-max", "/v3.5/chat", "generalv3.5"},
    Version{"spark-max", "/v3.5/chat", "generalv3.5"},
    Version{"generalv3.5", "/v3.5/chat", "generalv3.5"},
    Version{"spark-pro", "/v3.1/chat", "generalv3"},
    Version{"generalv3", "/v3.1/chat", "generalv3"},
    Version{"spark-pro-128k", "/chat/pro-128k", "pro-128k"},
    Version{"pro-128k", "/chat/pro-128k", "pro-128k"},
    Version{"spark-v2.0", "/v2.1/chat", "generalv2"},
    Version{"generalv2", "/v2.1/chat", "generalv2"},
    Version{"spark-lite", "/v1.1/chat", "lite"},
    Version{"general", "/v1.1/chat", "lite"},
    Version{"lite", "/v1.1/chat", "lite"},
    Version{"spark-x1", "/v1/x1", "x1"},
    Version{"x1", "/v1/x1", "x1"},
};

Version version_of(std::string_view model) noexcept {
  for (const Version& version : kVersions) {
    if (equal_ignoring_case(version.model, model)) return version;
  }
  return {model, {}, model};
}

class XinghuoDecoder final : public NativeDecoder {
 public:
  XinghuoDecoder(const HttpHead& head, const Target& target, const Bounds& bounds, const Preset& preset)
      : NativeDecoder(head, target, bounds, Framing::objects), model_(target.model), preset_(preset) {}

 private:
  std::optional<Failure> whole(JsonValue body) override { return piece(body, {}); }

  std::optional<Failure> piece(JsonValue frame, std::string_view /*name*/) override {
    const JsonValue header = frame["header"];
    if (header["code"].integer_or(0) != 0) {
      Failure failure = fail(read_error_value(frame), rules_of(preset_));
      failure.request_id = header["sid"].string();
      return failure;
    }
    start(header["sid"].string(), model_);
    const JsonValue payload = frame["payload"];
    count(read_openai_usage(payload["usage"]["text"]));
    const JsonValue choices = payload["choices"];
    for (const JsonValue item : choices["text"].items()) {
      reasoning(item["reasoning_content"].string());
      text(item["content"].string());
      const JsonValue call = item["function_call"];
      if (!call.is_object() || call["name"].string().empty()) continue;
      if (auto failure = tool_call({.name = call["name"].string()}, call["arguments"].string())) return failure;
    }
    // 0 begins, 1 goes on, 2 ends.
    if (choices["status"].integer_or(0) != 2) return std::nullopt;
    if (auto failure = finish_reason({}, calls() > 0 ? FinishReason::tool_calls : FinishReason::stop)) return failure;
    end();
    return std::nullopt;
  }

  std::string model_;
  const Preset& preset_;
};

void write_message(JsonWriter& json, const Message& message, std::size_t place, RequestCheck& check) {
  refuse_unsayable(message, place, {.extra = true}, check);
  const bool prompt = message.role == Role::system || message.role == Role::developer;
  json.begin_object().member("role", prompt ? "system" : to_string(message.role));
  json.member("content", plain_text(message, place, check));
  json.end_object(message.extra, message_path(place) + ".extra");
}

/// The frame that asks. `extra` goes to parameter.chat, but for its member `payload`, which goes where it says.
std::string first_frame(const ChatRequest& request, const Target& target, std::string_view domain,
                        RequestCheck& check) {
  refuse_unsayable(request, kSayable, check);
  const SplitExtra extra = split_extra(request.extra, "payload", "chat", check);
  std::string frame;
  JsonWriter json(frame);
  json.begin_object().key("header").begin_object().member("app_id", credential_field(target.credential, "appid"));
  json.member("uid", request.user.empty() ? kAnonymous : std::string_view(request.user)).end_object();
  json.key("parameter").begin_object().key("chat").begin_object().member("domain", domain);
  if (const auto value =
          in_range(request.temperature, {.low = 0, .high = 1, .above_low = true}, "temperature", check)) {
    json.member("temperature", *value);
  }
  if (request.max_tokens) json.member("max_tokens", *request.max_tokens);
  if (request.top_k) {
    if (*request.top_k >= 1 && *request.top_k <= 6) {
      json.member("top_k", *request.top_k);
    } else {
      check.unsupported("top_k", "it takes 1 to 6");
    }
  }
  json.end_object(extra.home, "extra").end_object();
  json.key("payload").begin_object().key("message").begin_object().key("text").begin_array();
  for (std::size_t i = 0; i < request.messages.size(); ++i) write_message(json, request.messages[i], i, check);
  json.end_array().end_object();
  json.end_object(extra.named, "extra.payload").end_object();
  check.written(json.fault());
  return frame;
}

class XinghuoWsTransport final : public Transport {
 public:
  explicit XinghuoWsTransport(const Preset& preset) : preset_(preset) {}

  Capabilities capabilities() const override {
    return {.tools = false, .parallel_tools = false, .images = false, .json_schema = false};
  }

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults;
    require_fields(service, {"appid", "api_key", "api_secret"}, "the address is signed with them", faults);
    return faults;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(kName, target);
    const Version version = version_of(target.model);
    const std::string_view own = setting(target, "domain");
    HttpRequest http;
    http.method = "GET";
    http.websocket = true;
    http.url = address(target, version, check);
    http.body = first_frame(request, target, own.empty() ? version.domain : own, check);
    set_extra_headers(http, target.service, request);
    const std::string_view rest = std::string_view(http.url).substr(http.url.find("://") + 3);
    const std::string_view host = rest.substr(0, rest.find('/'));
    const std::string_view key = target.credential.api_key.reveal();
    const std::string_view secret = credential_field(target.credential, "api_secret");
    if (key.empty() || secret.empty()) {
      check.misconfigured("api_key, fields.api_secret: spark signs its address with both, and one is missing");
    }
    http.secret_query = spark_url_query(host, rest.substr(host.size()), target.now, key, secret);
    if (!check.ok()) return check.error();
    return http;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
    return std::make_unique<XinghuoDecoder>(head, target, bounds, preset_);
  }

  Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    // Of a refused upgrade libcurl gives no body. A date that is more than five minutes off is refused with 403, as an
    // address that is not on the list is, and then no key is at fault.
    const auto theirs = parse_http_date(head.find("date"));
    if (body.empty() && head.status == 403 && theirs && std::chrono::abs(now - *theirs) > kDateHolds) {
      return {.failure = FailureClass::clock,
              .scope = Scope::host,
              .message = "the upgrade to a WebSocket was refused; this host's clock is more than five minutes off",
              .status = head.status};
    }
    return classify_answer(head, body, now, rules_of(preset_));
  }

 private:
  static std::string address(const Target& target, const Version& version, RequestCheck& check) {
    std::string_view base = target.base_url.empty() ? kRoot : target.base_url;
    base = base.substr(0, base.find_first_of("?#"));
    while (base.ends_with('/')) base.remove_suffix(1);
    const std::size_t scheme = base.find("://");
    if (scheme == std::string_view::npos) {
      check.misconfigured("base_url: expected one that begins with wss://");
      return "wss://";
    }
    std::string url(base);
    // A bare host: the path follows from the model.
    if (base.find('/', scheme + 3) == std::string_view::npos) {
      if (version.path.empty()) {
        check.misconfigured(
            "base_url: the path of this model is not known; give the whole address (wss://…/v3.5/chat)");
      }
      url += version.path.empty() ? std::string_view("/") : version.path;
    }
    return url;
  }

  const Preset& preset_;
};

}  // namespace

std::shared_ptr<const Transport> make_xinghuo_ws_transport(const Preset& preset) {
  return std::make_shared<XinghuoWsTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
