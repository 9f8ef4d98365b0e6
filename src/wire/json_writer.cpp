#include "wire/json_writer.hpp"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "wire/base64.hpp"
#include "wire/json.hpp"
#include "wire/json_text.hpp"
#include "wire/utf8.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
  }
}

/// The object that `text` is, without the members that `extra` has too.
std::string without_members(JsonValue object, JsonValue extra) {
  std::string out = "{";
  for (const JsonMember& member : object.members()) {
    if (extra[member.name].exists()) continue;
    if (out.size() > 1) out += ',';
    append_json_string(out, member.name);
    out += ':';
    out += member.value.raw();
  }
  return out;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = plain_json(text, at);
    out.append(text.substr(at, end - at));
    if (end < text.size()) append_escape(out, text[end]);
    at = end + 1;
  }
  out += '"';
}

std::string json_fault(std::string_view text) {
  JsonDoc doc;
  return doc.parse(text) ? std::string() : doc.error();
}

void JsonWriter::separate() {
  if (!first_ && !after_key_) out_ += ',';
  first_ = false;
  after_key_ = false;
}

void JsonWriter::complain(std::string_view what, std::string_view why) {
  if (fault_.empty()) fault_ = fmt::format("{} {}", what, why);
}

JsonWriter& JsonWriter::begin_object() {
  constexpr std::size_t kUsualDepth = 8;
  if (open_.capacity() == 0) open_.reserve(kUsualDepth);
  separate();
  open_.push_back(out_.size());
  out_ += '{';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  out_ += '}';
  open_.pop_back();
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object(std::string_view extra, std::string_view what) {
  if (extra.empty()) return end_object();
  JsonDoc more;
  if (!more.parse(extra)) {
    complain(what, fmt::format("is not JSON: {}", more.error()));
    return end_object();
  }
  if (!more.root().is_object()) {
    complain(what, "is not a JSON object");
    return end_object();
  }
  const std::size_t begin = open_.back();
  const std::string mine = out_.substr(begin) + "}";
  JsonDoc doc;
  if (!doc.parse(mine)) {
    complain(what, "cannot be merged");
    return end_object();
  }
  bool collides = false;
  for (const JsonMember& member : more.root().members()) collides = collides || doc.root()[member.name].exists();
  if (collides) {
    std::string rest = without_members(doc.root(), more.root());
    first_ = rest.size() == 1;
    out_.replace(begin, std::string::npos, rest);
  }
  for (const JsonMember& member : more.root().members()) key(member.name).trusted(member.value.raw());
  return end_object();
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  open_.push_back(out_.size());
  out_ += '[';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  out_ += ']';
  open_.pop_back();
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  last_key_.assign(name);
  if (valid_utf8(name)) {
    append_json_string(out_, name);
  } else {
    complain("a name", "is not UTF-8");
    append_json_string(out_, repair_utf8(name));
  }
  out_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  if (!valid_utf8(text)) {
    complain(last_key_, "is not UTF-8");
    return null();
  }
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) {
    complain(last_key_, "is not a finite number");
    return null();
  }
  constexpr double kExact = 9'007'199'254'740'992.0;  // 2^53
  if (std::trunc(value) == value && std::abs(value) < kExact) return integer(static_cast<std::int64_t>(value));
  separate();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  separate();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json, std::string_view what) {
  if (const std::string why = json_fault(json); !why.empty()) {
    complain(what, fmt::format("is not JSON: {}", why));
    return null();
  }
  if (!valid_utf8(json)) {
    complain(what, "is not UTF-8");
    return null();
  }
  return trusted(json);
}

JsonWriter& JsonWriter::trusted(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::base64(std::string_view prefix, std::string_view bytes) {
  separate();
  out_ += '"';
  out_ += prefix;
  append_base64(out_, bytes);
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::member(std::string_view name, std::span<const std::string> texts) {
  key(name).begin_array();
  for (const std::string& text : texts) string(text);
  return end_array();
}

JsonWriter& JsonWriter::member(std::string_view name, std::span<const std::string_view> texts) {
  key(name).begin_array();
  for (const std::string_view text : texts) string(text);
  return end_array();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
