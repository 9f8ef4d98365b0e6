#include "providers/openai.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "providers/credential_fields.hpp"
#include "providers/openai_decode.hpp"
#include "providers/openai_encode.hpp"
#include "providers/openai_url.hpp"
#include "providers/retry_time.hpp"
#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string_view origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t end = url.find_first_of("/?#", scheme == std::string_view::npos ? 0 : scheme + 3);
  return url.substr(0, end);
}

/// The value of {name} in a base URL. Never a key: what is put into a URL is printed.
std::string_view url_value(std::string_view name, const Target& target) {
  if (const auto option = target.service.options.find(std::string(name)); option != target.service.options.end()) {
    return option->second;
  }
  const auto field = target.credential.fields.find(std::string(name));
  return field == target.credential.fields.end() ? std::string_view{} : field->second.reveal();
}

const ModelName* named(const Preset& preset, std::string_view model) {
  const auto& names = preset.openai.model_names;
  const auto found = std::find_if(names.begin(), names.end(),
                                  [model](const ModelName& n) { return equal_ignoring_case(n.ours, model); });
  return found == names.end() ? nullptr : &*found;
}

/// What no zone is said of is in the provider's own.
std::chrono::hours zone_of(const Preset& preset) {
  return std::chrono::hours(preset.day_zone == "Asia/Shanghai" ? 8 : 0);
}

bool option_is(const Target& target, const char* name, bool otherwise) {
  const auto option = target.service.options.find(name);
  return option == target.service.options.end() ? otherwise : option->second == "true" || option->second == "1";
}

void set_header(std::vector<HttpHeader>& headers, std::string_view name, std::string_view value) {
  const auto known = std::find_if(headers.begin(), headers.end(),
                                  [name](const HttpHeader& h) { return equal_ignoring_case(h.name, name); });
  if (known != headers.end()) {
    known->value = value;
  } else {
    headers.push_back({std::string(name), std::string(value)});
  }
}

}  // namespace

Capabilities OpenAiTransport::capabilities() const {
  Capabilities can;
  can.audio = true;
  can.files = true;
  can.json_schema = preset_.openai.json_schema;
  can.embeddings = !preset_.openai.embeddings_path.empty();
  can.listing = !preset_.openai.models_path.empty();
  return can;
}

std::string OpenAiTransport::base_url(const Target& target, RequestCheck& check) const {
  const std::string base = normal_base_url(target.base_url, preset_.base_url);
  if (base.empty()) check.misconfigured(fmt::format("base_url: {} needs one", preset_.name));
  std::string filled;
  std::string_view rest = base;
  while (!rest.empty()) {
    const std::size_t open = rest.find('{');
    const std::size_t close = rest.find('}', open == std::string_view::npos ? 0 : open);
    filled += rest.substr(0, open);
    if (open == std::string_view::npos || close == std::string_view::npos) break;
    const std::string_view name = rest.substr(open + 1, close - open - 1);
    const std::string_view value = url_value(name, target);
    if (value.empty()) check.misconfigured(fmt::format("options.{}: {} needs it in its URL", name, preset_.name));
    filled += value;
    rest.remove_prefix(close + 1);
  }
  return filled;
}

void OpenAiTransport::authorize(HttpRequest& request, const Target& target, RequestCheck& check) const {
  const Secret& key = target.credential.api_key;
  if (key.empty()) {
    if (preset_.auth == AuthStyle::optional_bearer) return;
    check.misconfigured(key.origin().empty()
                            ? std::string("api_key: it is empty")
                            : fmt::format("api_key: the environment variable {} is not set or empty", key.origin()));
    return;
  }
  if (preset_.auth == AuthStyle::header) {
    request.headers.push_back({std::string(preset_.auth_header), std::string(key.reveal())});
    return;
  }
  HttpHeader header{"Authorization", "Bearer "};
  header.value.reserve(header.value.size() + key.size() + 128);
  header.value += key.reveal();
  if (preset_.auth == AuthStyle::pair) {
    const std::string_view secret = credential_field(target.credential, "api_secret");
    if (!secret.empty()) (header.value += ':') += secret;
  }
  request.headers.push_back(std::move(header));
}

HttpRequest OpenAiTransport::begin(const Target& target, std::string url,
                                   const std::map<std::string, std::string>& extra, RequestCheck& check) const {
  HttpRequest request;
  request.url = std::move(url);
  request.headers.reserve(4 + extra.size() + target.service.headers.size());
  request.headers.push_back({"Content-Type", "application/json"});
  request.headers.push_back({"Accept", target.stream ? "text/event-stream" : "application/json"});
  authorize(request, target, check);
  for (const auto* more : {&target.service.headers, &extra}) {
    for (const auto& [name, value] : *more) set_header(request.headers, name, value);
  }
  return request;
}

Result<HttpRequest> OpenAiTransport::encode(const ChatRequest& request, const Target& target) const {
  RequestCheck check(preset_.name, target);
  const OpenAiQuirks& quirks = preset_.openai;
  const ModelName* name = named(preset_, target.model);
  std::string base = base_url(target, check);
  const bool elsewhere = origin_of(base) != origin_of(preset_.base_url);
  if (name != nullptr && !name->version.empty()) base = with_version(base, name->version);
  if (target.resume && !quirks.resume.version.empty()) base = with_version(base, quirks.resume.version);
  const bool bot = !quirks.bot_prefix.empty() && target.model.starts_with(quirks.bot_prefix);
  HttpRequest made =
      begin(target, endpoint_url(base, bot ? quirks.bot_path : quirks.chat_path), request.headers, check);
  made.body =
      write_openai_chat(request, {preset_, target, name != nullptr ? name->theirs : target.model, elsewhere}, check);
  if (!check.ok()) return check.error();
  return made;
}

std::unique_ptr<Decoder> OpenAiTransport::decoder(const HttpHead& head, const Target& target,
                                                  const Bounds& bounds) const {
  OpenAiReading reading;
  reading.errors = rules_of(preset_);
  reading.think_opened = option_is(target, "think_opened", preset_.openai.think_opened);
  reading.think_tags = reading.think_opened || option_is(target, "think_tags", preset_.openai.think_tags);
  reading.queues = preset_.openai.queues;
  reading.status = head.status;
  reading.nonce = target.nonce;
  reading.now = target.now;
  reading.zone = zone_of(preset_);
  return make_openai_decoder(reading, bounds);
}

Failure OpenAiTransport::classify(const HttpHead& head, std::string_view body, WallTime now) const {
  Failure failure = classify_answer(head, body, now, rules_of(preset_));
  failure.retry_after = longer(failure.retry_after, reset_in_text(failure.message, now, zone_of(preset_)));
  return failure;
}

std::vector<std::string> OpenAiTransport::check(const ServiceConfig& service) const {
  std::vector<std::string> faults;
  if (preset_.base_url.empty() && service.base_url.empty()) {
    faults.push_back(fmt::format("base_url: {} has no address of its own; expected one", preset_.name));
  }
  return faults;
}

Resumption OpenAiTransport::resumption(const ChatRequest& /*request*/, const ServiceConfig& service,
                                       std::string_view model) const {
  const ResumeStyle& style = preset_.openai.resume;
  const auto begins = [model](std::string_view prefix) { return model.starts_with(prefix); };
  const bool knows = (style.models.empty() || std::any_of(style.models.begin(), style.models.end(), begins)) &&
                     std::none_of(style.except.begin(), style.except.end(), begins);
  // Behind another address any server may be.
  const auto own = [this](const std::string& url) {
    return url.empty() || origin_of(url) == origin_of(preset_.base_url);
  };
  const bool here = style.anywhere ||
                    (own(service.base_url) && std::all_of(service.credentials.begin(), service.credentials.end(),
                                                          [&](const CredentialConfig& c) { return own(c.base_url); }));
  if (style.way == ResumeStyle::Way::none || !knows || !here) return Resumption::none;
  return style.repeats ? Resumption::repeats : Resumption::appends;
}

std::shared_ptr<const Transport> make_openai_transport(const Preset& preset) {
  return std::make_shared<OpenAiTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
