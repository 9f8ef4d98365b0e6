#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <keywheel/chat.hpp>

#include <fmt/format.h>

#include "wire/base64.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Collects members that have no field, as the text of one object.
class Rest {
 public:
  void add(std::string_view name, JsonValue value) {
    text_ += text_.empty() ? '{' : ',';
    append_json_string(text_, name);
    text_ += ':';
    text_ += value.raw();
  }
  [[nodiscard]] std::string take() {
    if (!text_.empty()) text_ += '}';
    return std::move(text_);
  }

 private:
  std::string text_{};
};

/// All members of `object` are among these names.
bool only(JsonValue object, std::initializer_list<std::string_view> names) {
  for (const JsonMember& member : object.members()) {
    bool known = false;
    for (const std::string_view name : names) known = known || name == member.name;
    if (!known) return false;
  }
  return true;
}

bool absent_or_string(JsonValue value) { return !value.exists() || value.is_string(); }

/// What an empty field of ours cannot tell from an absent one.
bool absent_or_filled(JsonValue value) { return !value.exists() || !value.string().empty(); }

/// The bytes of base64 that would be written the same way again.
std::optional<std::string> exact_bytes(std::string_view base64) {
  std::optional<std::string> bytes = base64_decode(base64);
  if (bytes && base64_encode(*bytes) != base64) bytes.reset();
  return bytes;
}

std::optional<Part> read_image(JsonValue part, std::string extra) {
  const JsonValue image = part["image_url"];
  if (!image["url"].is_string() || !absent_or_string(image["detail"]) || !only(image, {"url", "detail"})) return {};
  return ImagePart{.url = std::string(image["url"].string()),
                   .detail = std::string(image["detail"].string()),
                   .extra = std::move(extra)};
}

std::optional<Part> read_audio(JsonValue part, std::string extra) {
  const JsonValue audio = part["input_audio"];
  if (!absent_or_string(audio["format"]) || !only(audio, {"data", "format"})) return {};
  std::optional<std::string> bytes = exact_bytes(audio["data"].string());
  if (!bytes || bytes->empty()) return {};
  return AudioPart{
      .data = std::move(*bytes), .format = std::string(audio["format"].string()), .extra = std::move(extra)};
}

std::optional<Part> read_file(JsonValue part, std::string extra) {
  const JsonValue file = part["file"];
  if (!file.is_object() || !only(file, {"file_id", "file_data", "filename"})) return {};
  FilePart made{.filename = std::string(file["filename"].string()), .extra = std::move(extra)};
  if (file["file_id"].is_string() && !file["file_data"].exists()) {
    made.id = std::string(file["file_id"].string());
    return made;
  }
  std::string_view data = file["file_data"].string();
  const std::size_t comma = data.find(";base64,");
  if (!data.starts_with("data:") || comma == std::string_view::npos || file["file_id"].exists()) return {};
  std::optional<std::string> bytes = exact_bytes(data.substr(comma + 8));
  if (!bytes || bytes->empty()) return {};
  made.media_type = std::string(data.substr(5, comma - 5));
  made.data = std::move(*bytes);
  return made;
}

/// A part that has a type of ours; nothing: it goes through as it is.
std::optional<Part> read_known_part(JsonValue part) {
  const std::string_view type = part["type"].string();
  const std::string_view body = type == "text"          ? "text"
                                : type == "image_url"   ? "image_url"
                                : type == "input_audio" ? "input_audio"
                                : type == "file"        ? "file"
                                : type == "refusal"     ? "refusal"
                                                        : "";
  if (body.empty()) return std::nullopt;
  Rest rest;
  for (const JsonMember& member : part.members()) {
    if (member.name != "type" && member.name != body) rest.add(member.name, member.value);
  }
  std::string extra = rest.take();
  if (body == "image_url") return read_image(part, std::move(extra));
  if (body == "input_audio") return read_audio(part, std::move(extra));
  if (body == "file") return read_file(part, std::move(extra));
  if (!part[body].is_string()) return std::nullopt;
  if (body == "text") return TextPart{.text = std::string(part[body].string()), .extra = std::move(extra)};
  if (!extra.empty()) return std::nullopt;
  return RefusalPart{.text = std::string(part[body].string())};
}

Part read_part(JsonValue part) {
  if (std::optional<Part> known = read_known_part(part)) return std::move(*known);
  return RawPart{.json = std::string(part.raw())};
}

ToolCall read_tool_call(JsonValue call) {
  ToolCall made;
  Rest rest;
  const std::string_view type = call["type"].string_or("function");
  for (const JsonMember& member : call.members()) {
    if (member.name == "id" && member.value.is_string()) {
      made.id = std::string(member.value.string());
    } else if (member.name == "type" && member.value.is_string()) {
      if (type != "function") made.type = std::string(type);
    } else if (member.name == type && member.value.is_object() && only(member.value, {"name", "arguments", "input"})) {
      made.name = std::string(member.value["name"].string());
      const JsonValue arguments = member.value[type == "function" ? "arguments" : "input"];
      made.arguments = std::string(arguments.is_string() ? arguments.string() : arguments.raw());
    } else if (member.value.has_value()) {
      rest.add(member.name, member.value);
    }
  }
  made.extra = rest.take();
  return made;
}

std::optional<Role> read_role(std::string_view name) {
  for (const Role role : {Role::system, Role::developer, Role::user, Role::assistant, Role::tool}) {
    if (to_string(role) == name) return role;
  }
  return std::nullopt;
}

Message read_message(JsonValue value) {
  Message message;
  Rest rest;
  for (const JsonMember& member : value.members()) {
    const JsonValue field = member.value;
    if (member.name == "role" && read_role(field.string())) {
      message.role = *read_role(field.string());
    } else if (member.name == "content" && field.is_string()) {
      message.content.emplace_back(TextPart{.text = std::string(field.string())});
    } else if (member.name == "content" && field.is_array()) {
      for (const JsonValue part : field.items()) message.content.push_back(read_part(part));
    } else if (member.name == "tool_calls" && field.is_array()) {
      for (const JsonValue call : field.items()) message.tool_calls.push_back(read_tool_call(call));
    } else if (member.name == "tool_call_id" && field.is_string()) {
      message.tool_call_id = std::string(field.string());
    } else if (member.name == "name" && field.is_string()) {
      message.name = std::string(field.string());
    } else if (field.has_value()) {
      // A role that is none of ours ("function", of old) stays as it is and wins when the message is written.
      if (member.name == "role") message.role = Role::tool;
      rest.add(member.name, field);
    }
  }
  message.extra = rest.take();
  return message;
}

/// A function of the plain form; everything else goes through as it is.
Tool read_tool(JsonValue value) {
  Tool raw{.raw = std::string(value.raw())};
  const JsonValue function = value["function"];
  if (value["type"].string() != "function" || !only(value, {"type", "function"}) ||
      !only(function, {"name", "description", "parameters", "strict"}) || function["name"].string().empty()) {
    return raw;
  }
  const JsonValue description = function["description"];
  const JsonValue parameters = function["parameters"];
  const JsonValue strict = function["strict"];
  if (!absent_or_filled(description)) return raw;
  if (parameters.exists() && !parameters.is_object()) return raw;
  if (strict.exists() && !strict.is_boolean()) return raw;
  return {.name = std::string(function["name"].string()),
          .description = std::string(description.string()),
          .parameters = std::string(parameters.raw()),
          .strict = strict.boolean()};
}

ToolChoice read_tool_choice(JsonValue value) {
  using Mode = ToolChoice::Mode;
  if (value.string() == "auto") return {.mode = Mode::automatic};
  if (value.string() == "none") return {.mode = Mode::none};
  if (value.string() == "required") return {.mode = Mode::required};
  const JsonValue function = value["function"];
  if (value["type"].string() == "function" && only(value, {"type", "function"}) && only(function, {"name"}) &&
      !function["name"].string().empty()) {
    return {.mode = Mode::function, .name = std::string(function["name"].string())};
  }
  return {.raw = std::string(value.raw())};
}

std::optional<ResponseFormat> read_response_format(JsonValue value) {
  const std::string_view type = value["type"].string();
  using Type = ResponseFormat::Type;
  if (type == "text" && only(value, {"type"})) return ResponseFormat{.type = Type::text};
  if (type == "json_object" && only(value, {"type"})) return ResponseFormat{.type = Type::json_object};
  const JsonValue schema = value["json_schema"];
  if (type != "json_schema" || !only(value, {"type", "json_schema"}) ||
      !only(schema, {"name", "description", "schema", "strict"}) || !absent_or_filled(schema["name"]) ||
      !absent_or_filled(schema["description"]) || !schema["schema"].is_object() ||
      (schema["strict"].exists() && !schema["strict"].is_boolean())) {
    return std::nullopt;
  }
  return ResponseFormat{.type = Type::json_schema,
                        .name = std::string(schema["name"].string()),
                        .description = std::string(schema["description"].string()),
                        .schema = std::string(schema["schema"].raw()),
                        .strict = schema["strict"].boolean()};
}

/// The values of an object that are all of one kind; nothing when one is not.
template <class Value, class Read>
std::optional<std::map<std::string, Value>> read_map(JsonValue object, Read read) {
  if (!object.is_object()) return std::nullopt;
  std::map<std::string, Value> made;
  for (const JsonMember& member : object.members()) {
    const auto value = read(member.value);
    if (!value) return std::nullopt;
    made.emplace(member.name, Value(*value));
  }
  return made;
}

std::optional<std::vector<std::string>> read_words(JsonValue value) {
  std::vector<std::string> made;
  if (value.is_string()) {
    made.emplace_back(value.string());
    return made;
  }
  if (!value.is_array()) return std::nullopt;
  for (const JsonValue item : value.items()) {
    if (!item.is_string()) return std::nullopt;
    made.emplace_back(item.string());
  }
  return made;
}

/// Takes over a value that has the type of the field; false: it has not, and goes to `extra`, so that the provider says
/// what it thinks of it.
template <class To, class From>
bool take(To& to, const std::optional<From>& from) {
  if (from) to = To(*from);
  return from.has_value();
}

bool take_count(std::optional<int>& to, JsonValue value) {
  const std::optional<std::int64_t> count = value.integer();
  if (!count || *count < INT32_MIN || *count > INT32_MAX) return false;
  to = static_cast<int>(*count);
  return true;
}

bool read_field(std::string_view name, JsonValue value, ChatRequest& request) {
  if (name == "model") return take(request.model, value.optional_string());
  if (name == "tool_choice") return request.tool_choice = read_tool_choice(value), true;
  if (name == "parallel_tool_calls") return take(request.parallel_tool_calls, value.boolean());
  if (name == "response_format") return take(request.response_format, read_response_format(value));
  if (name == "max_tokens" || name == "max_completion_tokens") {
    return !request.max_tokens && take(request.max_tokens, value.integer());
  }
  if (name == "temperature") return take(request.temperature, value.number());
  if (name == "top_p") return take(request.top_p, value.number());
  if (name == "stop") return take(request.stop, read_words(value));
  if (name == "seed") return take(request.seed, value.integer());
  if (name == "presence_penalty") return take(request.presence_penalty, value.number());
  if (name == "frequency_penalty") return take(request.frequency_penalty, value.number());
  if (name == "logit_bias") {
    return take(request.logit_bias, read_map<double>(value, [](JsonValue v) { return v.number(); }));
  }
  if (name == "logprobs") return take(request.logprobs, value.boolean());
  if (name == "top_logprobs") return take_count(request.top_logprobs, value);
  if (name == "n") return take_count(request.n, value);
  if (name == "reasoning_effort") return take(request.reasoning_effort, value.optional_string());
  if (name == "user") return take(request.user, value.optional_string());
  if (name == "metadata") {
    return take(request.metadata, read_map<std::string>(value, [](JsonValue v) { return v.optional_string(); }));
  }
  if (name == "service_tier") return take(request.service_tier, value.optional_string());
  if (name == "tools" && value.size() > 0 && value.is_array()) {
    for (const JsonValue tool : value.items()) request.tools.push_back(read_tool(tool));
    return true;
  }
  return false;
}

Error invalid(std::string message) {
  Error error;
  error.kind = ErrorKind::invalid_request;
  error.message = std::move(message);
  return error;
}

}  // namespace
}  // namespace detail

Result<ChatRequest> parse_chat_request(std::string_view json) {
  using namespace detail;  // NOLINT(google-build-using-namespace)
  JsonDoc doc;
  if (!doc.parse(json)) return invalid(fmt::format("the request is not JSON: {}", doc.error()));
  const JsonValue root = doc.root();
  if (!root.is_object()) return invalid("the request is not a JSON object");
  const JsonValue messages = root["messages"];
  if (!messages.is_array()) return invalid("messages: expected a list of messages");
  ChatRequest request;
  for (std::size_t i = 0; const JsonValue message : messages.items()) {
    if (!message.is_object()) return invalid(fmt::format("messages[{}]: expected an object", i));
    request.messages.push_back(read_message(message));
    ++i;
  }
  Rest rest;
  for (const JsonMember& member : root.members()) {
    if (member.name == "messages" || member.name == "stream" || member.name == "stream_options") continue;
    if (!member.value.has_value() || read_field(member.name, member.value, request)) continue;
    rest.add(member.name, member.value);
  }
  request.extra = rest.take();
  return request;
}

KEYWHEEL_END_NAMESPACE
