#include "providers/error_body.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>

#include "providers/text.hpp"
#include "wire/utf8.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kLongestMessage = 4096;

std::string clipped(std::string_view text) {
  if (text.size() <= kLongestMessage) return std::string(text);
  return repair_utf8(text.substr(0, kLongestMessage));
}

/// The words of a value: a string, or the strings of a list (validators list several).
std::string words(JsonValue value) {
  if (value.is_string()) return clipped(value.string());
  if (!value.has_value()) return {};
  if (value.is_array()) {
    std::string joined;
    for (const JsonValue item : value.items()) {
      std::string text = item.is_object() ? words(item["message"] ? item["message"] : item["msg"]) : words(item);
      if (text.empty()) continue;
      if (!joined.empty()) joined += "; ";
      joined += text;
    }
    if (!joined.empty()) return clipped(joined);
  }
  // Mistral's validator: {"message":{"detail":[{"msg","loc",…}]}}.
  if (value["detail"].size() > 0) return words(value["detail"]);
  return clipped(value.raw());
}

JsonValue first_of(JsonValue object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const JsonValue value = object[name]; value.has_value()) return value;
  }
  return {};
}

void read_object(JsonValue object, ErrorBody& into) {
  into.message = words(first_of(object, {"message", "Message", "msg", "Msg", "detail", "error_msg", "error_description",
                                         "status_msg", "errorMessage", "title"}));
  into.code = std::string(
      first_of(object, {"code", "Code", "error_code", "errorCode", "status_code", "__type"}).string_or_number());
  // Anthropic names what its broad type leaves open.  https://platform.claude.com/docs/en/api/errors
  if (into.code.empty()) into.code = std::string(object["details"]["error_code"].string());
  into.type = std::string(first_of(object, {"type", "status"}).string_or_number());
  into.param = std::string(object["param"].string());
  // OpenRouter quotes the provider that failed.  https://openrouter.ai/docs/api-reference/errors
  const JsonValue metadata = object["metadata"];
  const JsonValue quoted = metadata["raw"];
  into.detail = words(quoted);
  if (into.type.empty()) {
    into.type = std::string(first_of(metadata, {"limit_source", "error_type", "reason"}).string());
    if (metadata["reasons"].size() > 0) into.type = "flagged_input";
  }
  // Azure puts the exact code inside.  https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter
  if (const std::string_view inner = object["innererror"]["code"].string(); !inner.empty()) into.type = inner;
}

ErrorBody read_page(std::string_view body) {
  ErrorBody error;
  error.html = true;
  const std::size_t title = find_ignoring_case(body, "<title>");
  if (title == std::string_view::npos) {
    error.message = "an HTML page";
    return error;
  }
  const std::string_view rest = body.substr(title + 7);
  error.message = clipped(trimmed(rest.substr(0, rest.find('<'))));
  return error;
}

}  // namespace

ErrorBody read_error_value(JsonValue value) {
  ErrorBody error;
  error.structured = true;
  if (value.is_array() && value.size() > 0) value = value.at(0);
  if (value.is_string()) {
    error.message = clipped(value.string());
    return error;
  }
  JsonValue inner = value["error"];
  if (inner.is_array()) inner = inner.at(0);
  if (!inner.has_value()) inner = value["errors"].at(0);
  // Tencent Cloud, Volcengine's control plane, MiniMax and Spark put it under names of their own.
  if (!inner.has_value()) inner = value["Response"]["Error"];
  if (!inner.has_value()) inner = value["ResponseMetadata"]["Error"];
  if (!inner.has_value()) inner = value["base_resp"];
  if (!inner.has_value()) inner = value["header"];
  if (inner.is_object()) {
    read_object(inner, error);
  } else if (inner.is_string()) {
    error.message = clipped(inner.string());
  }
  // What the inner object lacks may stand beside it: {"error":"…","message":"…","code":…}.
  ErrorBody outer;
  read_object(value, outer);
  if (inner.is_string() && !outer.message.empty()) {
    error.code = outer.code.empty() ? std::string(inner.string()) : outer.code;
    error.message = outer.message;
  }
  if (error.message.empty()) error.message = outer.message;
  if (error.code.empty()) error.code = outer.code;
  if (error.type.empty() && outer.type != "error") error.type = outer.type;
  if (error.message.empty() && value.exists()) error.message = clipped(value.raw());
  return error;
}

ErrorBody read_error_body(std::string_view body) {
  body = trimmed(body);
  if (body.empty()) return {};
  JsonDoc doc;
  if (doc.parse(body)) {
    const JsonValue root = doc.root();
    if (root.is_object() || root.is_array() || root.is_string()) return read_error_value(root);
  }
  // An error of a call that asked for a stream may come as its only event.
  if (body.starts_with("data:") || body.starts_with("event:")) {
    const std::size_t begin = body.find('{');
    const std::size_t end = body.rfind('}');
    if (begin != std::string_view::npos && end > begin && doc.parse(body.substr(begin, end - begin + 1))) {
      return read_error_value(doc.root());
    }
  }
  if (body.front() == '<' || contains_ignoring_case(body.substr(0, 256), "<html")) return read_page(body);
  ErrorBody error;
  error.message = repair_utf8(clipped(body));
  return error;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
