#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The elements of one JSON array out of bytes in any pieces, each as soon as it is whole: how Google streams when it
/// is not asked for server-sent events. An element that lies whole in the piece that is fed is handed on without a
/// copy.
///
/// Only the bounds of the elements are found here; whether they are JSON, the handler sees. What follows the closing
/// bracket is dropped.
class JsonArrayParser {
 public:
  enum class Status : std::uint8_t { ok, stopped, too_large, malformed };

  explicit JsonArrayParser(std::size_t max_element) : max_element_(max_element) {}

  /// Calls `handler(std::string_view element)` for each element that ends in `bytes`; it returns false to stop.
  template <class Handler>
  [[nodiscard]] Status feed(std::string_view bytes, Handler&& handler) {
    while (!bytes.empty()) {
      if (!inside_) {
        const Status status = between(bytes);
        if (status != Status::ok || !inside_) return status;
      }
      const std::size_t end = element_end(bytes);
      if (partial_.size() + end > max_element_) return Status::too_large;
      if (inside_) {
        partial_.append(bytes);
        return Status::ok;
      }
      std::string_view element = bytes.substr(0, end);
      bytes.remove_prefix(end);
      if (!partial_.empty()) {
        partial_.append(element);
        element = partial_;
      }
      const bool go_on = handler(element);
      partial_.clear();
      if (!go_on) return Status::stopped;
    }
    return Status::ok;
  }

  /// The array's closing bracket has come.
  [[nodiscard]] bool closed() const noexcept { return closed_; }

 private:
  /// Skips what stands between elements, up to the first byte of the next.
  Status between(std::string_view& bytes) noexcept;
  /// Where the element ends that goes on in `bytes`; their size while it does not end.
  std::size_t element_end(std::string_view bytes) noexcept;

  std::size_t max_element_;
  std::string partial_{};
  std::size_t depth_ = 0;
  bool opened_ = false;
  bool closed_ = false;
  bool inside_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
