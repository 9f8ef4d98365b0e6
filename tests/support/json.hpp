#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

/// Short forms of what the dialects do with JSON all the time.

namespace keywheel::testing {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

/// Parses with a bounded stack; a document with an error is null.
[[nodiscard]] rapidjson::Document parse_json(std::string_view text);

/// Member `name` of an object; null when there is none, or `value` is no object.
[[nodiscard]] const rapidjson::Value* member(const rapidjson::Value& value, std::string_view name);

/// The string member `name`; empty when there is none.
[[nodiscard]] std::string_view string_member(const rapidjson::Value& value, std::string_view name);
[[nodiscard]] bool true_member(const rapidjson::Value& value, std::string_view name);
[[nodiscard]] std::optional<double> number_member(const rapidjson::Value& value, std::string_view name);

[[nodiscard]] inline std::string_view view(const rapidjson::Value& string) {
  return {string.GetString(), string.GetStringLength()};
}

inline void key(JsonWriter& out, std::string_view name) {
  out.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
}
inline void string(JsonWriter& out, std::string_view text) {
  out.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}
inline void string(JsonWriter& out, std::string_view name, std::string_view text) {
  key(out, name);
  string(out, text);
}

/// What `write(JsonWriter&)` writes.
template <class F>
[[nodiscard]] std::string to_json(F&& write) {
  rapidjson::StringBuffer buffer;
  JsonWriter out(buffer);
  write(out);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace keywheel::testing
