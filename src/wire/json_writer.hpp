#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Writes JSON to the end of a string, without spaces, in the order of the calls.
///
/// What the caller hands in may be wrong (text that is not UTF-8, raw JSON that is none): such a value is written as
/// null and the first such fault is kept, to be asked for once at the end.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  /// Ends the object and merges the members of `extra`, the text of a JSON object or nothing. Where both have a name,
  /// `extra` wins. `what` names it in the fault.
  JsonWriter& end_object(std::string_view extra, std::string_view what);
  JsonWriter& begin_array();
  JsonWriter& end_array();

  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view text);
  JsonWriter& number(double value);
  JsonWriter& integer(std::int64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  /// A value that is JSON already. `what` names it in the fault.
  JsonWriter& raw(std::string_view json, std::string_view what);
  /// The same without the check: for JSON that keywheel has made or has parsed.
  JsonWriter& trusted(std::string_view json);
  /// A string of base64 of `bytes`, after `prefix`, which needs no escape.
  JsonWriter& base64(std::string_view prefix, std::string_view bytes);

  JsonWriter& member(std::string_view name, std::string_view text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, const char* text) { return key(name).string(text); }
  JsonWriter& member(std::string_view name, double value) { return key(name).number(value); }
  JsonWriter& member(std::string_view name, bool value) { return key(name).boolean(value); }
  JsonWriter& member(std::string_view name, std::int64_t value) { return key(name).integer(value); }
  JsonWriter& member(std::string_view name, int value) { return key(name).integer(value); }
  /// An array of strings.
  JsonWriter& member(std::string_view name, std::span<const std::string> texts);
  JsonWriter& member(std::string_view name, std::span<const std::string_view> texts);

  /// The first thing wrong with what was handed in; empty: nothing.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  void separate();
  void complain(std::string_view what, std::string_view why);

  std::string& out_;
  std::vector<std::size_t> open_{};  ///< where each open object or array begins
  bool first_ = true;
  bool after_key_ = false;
  std::string last_key_{};
  std::string fault_{};
};

/// The text as a JSON string, quotes included.
void append_json_string(std::string& out, std::string_view text);

/// What keeps `text` from being one JSON text; empty: nothing.
[[nodiscard]] std::string json_fault(std::string_view text);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
