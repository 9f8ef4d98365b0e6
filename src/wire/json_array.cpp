#include "wire/json_array.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

JsonArrayParser::Status JsonArrayParser::between(std::string_view& bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size() && !closed_; ++i) {
    const char c = bytes[i];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (!opened_) {
      if (c != '[') return Status::malformed;
      opened_ = true;
    } else if (c == ']') {
      closed_ = true;
    } else if (c == '{') {
      inside_ = true;
      bytes.remove_prefix(i);
      return Status::ok;
    } else if (c != ',') {
      return Status::malformed;
    }
  }
  bytes = {};
  return Status::ok;
}

std::size_t JsonArrayParser::element_end(std::string_view bytes) noexcept {
  std::size_t i = 0;
  while (i < bytes.size()) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
        ++i;
        continue;
      }
      i = bytes.find_first_of("\"\\", i);
      if (i == std::string_view::npos) return bytes.size();
      escaped_ = bytes[i] == '\\';
      in_string_ = escaped_;
      ++i;
      continue;
    }
    const char c = bytes[i++];
    if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      inside_ = false;
      return i;
    }
  }
  return bytes.size();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
