#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// JSON objects that follow one another with nothing but white space between them, out of bytes in any pieces: what a
/// WebSocket's text messages come to when nobody keeps their borders. Follows the JSON only as far as to find its end.
class JsonFrames {
 public:
  enum class Status : std::uint8_t {
    ok,
    stopped,  ///< the handler said so
    too_large,
    malformed,  ///< something else than an object
  };

  explicit JsonFrames(std::size_t max_frame) : max_frame_(max_frame) {}

  /// Calls `handler(std::string_view object)` for each object that ends in `bytes`; it returns false to stop.
  template <class Handler>
  [[nodiscard]] Status feed(std::string_view bytes, Handler&& handler) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const char c = bytes[i];
      if (depth_ == 0) {
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
        if (c != '{') return Status::malformed;
        begin = i;
        depth_ = 1;
        continue;
      }
      if (!closes(c)) continue;
      std::string_view frame = bytes.substr(begin, i + 1 - begin);
      begin = i + 1;
      if (!partial_.empty()) {
        partial_.append(frame);
        frame = partial_;
      }
      if (frame.size() > max_frame_) return Status::too_large;
      const bool go_on = handler(frame);
      partial_.clear();
      if (!go_on) return Status::stopped;
    }
    if (depth_ > 0) partial_.append(bytes.substr(begin));
    return partial_.size() > max_frame_ ? Status::too_large : Status::ok;
  }

  /// An object has begun and not ended.
  [[nodiscard]] bool open() const noexcept { return depth_ > 0; }

 private:
  /// Takes the next character of an object; true: the object ends with it.
  bool closes(char c) noexcept {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      return false;
    }
    if (c == '"') in_string_ = true;
    if (c == '{') ++depth_;
    return c == '}' && --depth_ == 0;
  }

  std::size_t max_frame_;
  std::string partial_{};
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
