#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Lines of newline-delimited JSON out of bytes in any pieces. A line that lies whole in the piece that is fed is
/// handed on without a copy. Empty lines are skipped; the last line needs no line end.
class LineParser {
 public:
  enum class Status : std::uint8_t { ok, stopped, too_large };

  explicit LineParser(std::size_t max_line) : max_line_(max_line) {}

  /// Calls `handler(std::string_view line)` for each line that ends in `bytes`; it returns false to stop.
  template <class Handler>
  [[nodiscard]] Status feed(std::string_view bytes, Handler&& handler) {
    while (!bytes.empty()) {
      const void* at = std::memchr(bytes.data(), '\n', bytes.size());
      if (at == nullptr) {
        partial_.append(bytes);
        return partial_.size() > max_line_ ? Status::too_large : Status::ok;
      }
      const auto end = static_cast<std::size_t>(static_cast<const char*>(at) - bytes.data());
      std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      if (!partial_.empty()) {
        partial_.append(line);
        line = partial_;
      }
      if (line.size() > max_line_) return Status::too_large;
      const bool go_on = give(line, handler);
      partial_.clear();
      if (!go_on) return Status::stopped;
    }
    return Status::ok;
  }

  /// The body has ended: gives the line that lacks its end, if there is one.
  template <class Handler>
  [[nodiscard]] Status finish(Handler&& handler) {
    const bool go_on = give(partial_, handler);
    partial_.clear();
    return go_on ? Status::ok : Status::stopped;
  }

 private:
  template <class Handler>
  static bool give(std::string_view line, Handler&& handler) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line.find_first_not_of(" \t") == std::string_view::npos || handler(line);
  }

  std::size_t max_line_;
  std::string partial_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
