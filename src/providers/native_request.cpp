#include "providers/native_request.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "providers/request_headers.hpp"
#include "providers/text.hpp"
#include "wire/base64.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// What a part is, where a dialect has no word for it.
std::string_view kind_of(const Part& part) {
  struct Namer {
    std::string_view operator()(const TextPart&) const { return "a text"; }
    std::string_view operator()(const ImagePart&) const { return "an image"; }
    std::string_view operator()(const AudioPart&) const { return "audio"; }
    std::string_view operator()(const FilePart&) const { return "a file"; }
    std::string_view operator()(const ReasoningPart&) const { return "a thought"; }
    std::string_view operator()(const RefusalPart&) const { return "a refusal"; }
    std::string_view operator()(const RawPart&) const { return "a part in JSON"; }
  };
  return std::visit(Namer{}, part);
}

bool set(const std::optional<double>& penalty) noexcept { return penalty && *penalty != 0; }

}  // namespace

void refuse_unsayable(const ChatRequest& request, const Sayable& can, RequestCheck& check) {
  const auto refuse = [&check](bool is_set, bool sayable, std::string_view field) {
    if (is_set && !sayable) check.unsupported(field);
  };
  const bool choice = request.tool_choice &&
                      (request.tool_choice->mode != ToolChoice::Mode::automatic || !request.tool_choice->raw.empty());
  const auto format = request.response_format ? request.response_format->type : ResponseFormat::Type::text;
  refuse(!request.tools.empty(), can.tools, "tools");
  refuse(choice, can.tool_choice, "tool_choice");
  refuse(request.parallel_tool_calls == false, can.parallel_tool_calls, "parallel_tool_calls");
  refuse(format == ResponseFormat::Type::json_object, can.json_object, "response_format of type json_object");
  refuse(format == ResponseFormat::Type::json_schema, can.json_schema, "response_format of type json_schema");
  refuse(request.max_tokens.has_value(), can.max_tokens, "max_tokens");
  refuse(request.temperature.has_value(), can.temperature, "temperature");
  refuse(request.top_p.has_value(), can.top_p, "top_p");
  refuse(request.top_k.has_value(), can.top_k, "top_k");
  refuse(!request.stop.empty(), can.stop, "stop");
  refuse(request.seed.has_value(), can.seed, "seed");
  refuse(set(request.presence_penalty), can.presence_penalty, "presence_penalty");
  refuse(set(request.frequency_penalty), can.frequency_penalty, "frequency_penalty");
  refuse(!request.logit_bias.empty(), can.logit_bias, "logit_bias");
  refuse(request.logprobs == true || request.top_logprobs.has_value(), can.logprobs, "logprobs");
  refuse(request.n.value_or(1) != 1, can.n, "n");
  refuse(!request.reasoning_effort.empty(), can.reasoning_effort, "reasoning_effort");
  refuse(request.reasoning_tokens.has_value(), can.reasoning_tokens, "reasoning_tokens");
  refuse(!request.user.empty(), can.user, "user");
  refuse(!request.metadata.empty(), can.metadata, "metadata");
  refuse(!request.service_tier.empty(), can.service_tier, "service_tier");
  for (std::size_t i = 0; i < request.tools.size() && can.tools && !can.strict_tools; ++i) {
    if (request.tools[i].strict == true) check.unsupported(fmt::format("tools[{}].strict", i));
  }
}

std::string_view role_of(Role role) noexcept {
  return role == Role::developer ? std::string_view("system") : to_string(role);
}

std::string message_path(std::size_t message) { return fmt::format("messages[{}]", message); }

std::string part_path(std::size_t message, std::size_t part) {
  return fmt::format("messages[{}].content[{}]", message, part);
}

std::string plain_text(const Message& message, std::size_t place, RequestCheck& check) {
  std::string joined;
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const Part& part = message.content[i];
    if (const auto* text = std::get_if<TextPart>(&part)) {
      joined += text->text;
      if (!text->extra.empty()) check.unsupported(part_path(place, i) + ".extra");
    } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
      joined += refusal->text;
    } else if (!std::holds_alternative<ReasoningPart>(part)) {
      check.unsupported(part_path(place, i), fmt::format("it is {}, and only text is taken here", kind_of(part)));
    }
  }
  return joined;
}

void refuse_unsayable(const Message& message, std::size_t place, const MessageSayable& can, RequestCheck& check) {
  // A tool's result bears the function's name for those dialects that need it; for the others its id says as much.
  if (!message.name.empty() && !can.name && message.role != Role::tool) {
    check.unsupported(message_path(place) + ".name");
  }
  if (!message.tool_calls.empty() && !can.tool_calls) check.unsupported(message_path(place) + ".tool_calls");
  if (message.role == Role::tool && !can.tool_calls) check.unsupported(message_path(place) + " of role tool");
  if (!message.extra.empty() && !can.extra) check.unsupported(message_path(place) + ".extra");
  for (std::size_t i = 0; i < message.tool_calls.size() && can.tool_calls; ++i) {
    const std::string& type = message.tool_calls[i].type;
    if (type.empty() || type == "function") continue;
    check.unsupported(fmt::format("{}.tool_calls[{}].type", message_path(place), i), "only functions are called");
  }
  refuse_misplaced(message, place, check);
}

void refuse_misplaced(const Message& message, std::size_t place, RequestCheck& check) {
  if (message.role != Role::tool && !message.tool_call_id.empty()) {
    check.unsupported(message_path(place) + ".tool_call_id", "only a tool's message answers a call");
  }
  if (message.role == Role::assistant) return;
  if (!message.tool_calls.empty()) {
    check.unsupported(message_path(place) + ".tool_calls", "only the assistant's messages hold calls");
  }
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    if (!std::holds_alternative<ReasoningPart>(message.content[i])) continue;
    check.unsupported(part_path(place, i), "only the assistant's messages hold thoughts");
  }
}

void refuse_beside_schema(const ChatRequest& request, RequestCheck& check) {
  if (!request.response_format) return;
  const ResponseFormat& format = *request.response_format;
  const bool schema = format.type == ResponseFormat::Type::json_schema;
  if (!format.description.empty()) check.unsupported("response_format.description", "put it into the schema");
  if (schema && format.strict == false) check.unsupported("response_format.strict", "a schema always holds");
}

std::string image_address(const ImagePart& image, std::string_view path, RequestCheck& check) {
  if (!image.url.empty()) return image.url;
  if (image.data.empty()) {
    check.invalid(fmt::format("{}: an image needs a url or data", path));
    return {};
  }
  if (image.media_type.empty()) {
    check.invalid(fmt::format("{}: an image's data needs a media_type (\"image/png\")", path));
    return {};
  }
  std::string address = "data:" + image.media_type + ";base64,";
  append_base64(address, image.data);
  return address;
}

std::optional<double> in_range(std::optional<double> value, const Range& range, std::string_view field,
                               RequestCheck& check) {
  if (!value) return std::nullopt;
  if (*value > range.high || *value < range.low || (range.above_low && *value <= range.low)) {
    check.unsupported(field, fmt::format("{} is outside what it takes, {} {} to {}", *value,
                                         range.above_low ? "above" : "from", range.low, range.high));
    return std::nullopt;
  }
  return value;
}

std::string_view setting(const Target& target, CredentialField field) noexcept {
  return credential_setting(target.service, target.credential, field);
}

void require_fields(const ServiceConfig& service, std::initializer_list<CredentialField> fields, std::string_view why,
                    std::vector<std::string>& faults) {
  for (std::size_t i = 0; i < service.credentials.size(); ++i) {
    for (const CredentialField field : fields) {
      if (!credential_field(service.credentials[i], field).empty()) continue;
      const std::string_view name = field.name();
      faults.push_back(
          fmt::format("credentials[{}].{}{}: is missing; {}", i, name == "api_key" ? "" : "fields.", name, why));
    }
  }
}

std::string endpoint(std::string_view base, std::string_view root, std::string_view prefix, std::string_view path,
                     std::initializer_list<std::string_view> siblings) {
  std::string_view url = base.empty() ? root : base;
  const std::string_view query = url.substr(std::min(url.size(), url.find('?')));
  url.remove_suffix(query.size());
  const auto drop_slashes = [&url] {
    while (url.ends_with('/')) url.remove_suffix(1);
  };
  drop_slashes();
  for (const std::string_view sibling : siblings) {
    if (url.ends_with(sibling)) url.remove_suffix(sibling.size());
  }
  drop_slashes();
  std::string whole(url);
  if (!url.ends_with(path)) {
    if (!url.ends_with(prefix)) whole += prefix;
    whole += path;
  }
  return whole.append(query);
}

HttpRequest json_post(std::string url, std::string body, bool stream) {
  HttpRequest request;
  request.url = std::move(url);
  request.body = std::move(body);
  set_header(request, "Content-Type", "application/json");
  set_header(request, "Accept", stream ? "text/event-stream" : "application/json");
  return request;
}

void add_bearer(HttpRequest& request, std::string_view key) {
  set_header(request, "Authorization", std::string("Bearer ").append(key));
}

SplitExtra split_extra(std::string_view extra, std::string_view named, std::string_view home, RequestCheck& check) {
  SplitExtra split;
  if (extra.empty()) return split;
  JsonDoc doc;
  if (!doc.parse(extra) || !doc.root().is_object()) {
    check.invalid("extra: must be the text of a JSON object");
    return split;
  }
  std::string at_home;
  JsonWriter rest(split.home);
  rest.begin_object();
  for (const JsonMember& member : doc.root().members()) {
    if (member.name != named && member.name != home) {
      rest.key(member.name).trusted(member.value.raw());
    } else if (member.value.is_object()) {
      (member.name == named ? split.named : at_home) = member.value.raw();
    } else {
      check.invalid(fmt::format("extra: \"{}\" must be an object", member.name));
    }
  }
  rest.end_object(at_home, "extra");
  return split;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
