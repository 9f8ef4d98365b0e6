#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// One server-sent event. The views live until the handler returns.
struct SseEvent {
  std::string_view data{};   ///< the data lines, joined by \n
  std::string_view event{};  ///< empty: "message"
  std::string_view id{};
};

/// Server-sent events (WHATWG HTML, section 9.2.6) out of bytes in any pieces. An event whose one data line lies whole
/// in the piece that is fed is handed on without a copy, and no event costs an allocation once the buffers have grown.
///
/// Beyond the standard: an event that the end of the body cuts off before its empty line is given by finish(), since
/// providers forget the line.
class SseParser {
 public:
  enum class Status : std::uint8_t {
    ok,
    stopped,    ///< the handler said so; what it has not seen of the piece is dropped
    too_large,  ///< an event or a line is longer than the bound
  };

  explicit SseParser(std::size_t max_event) : max_event_(max_event) {}

  /// Calls `handler(const SseEvent&)` for each event that ends in `bytes`; it returns false to stop.
  template <class Handler>
  [[nodiscard]] Status feed(std::string_view bytes, Handler&& handler) {
    if (!begun_ && !bytes.empty()) bytes = skip_byte_order_mark(bytes);
    while (!bytes.empty()) {
      if (after_cr_) {
        after_cr_ = false;
        if (bytes.front() == '\n') {
          bytes.remove_prefix(1);
          continue;
        }
      }
      const std::size_t end = line_end(bytes);
      if (end == std::string_view::npos) {
        partial_.append(bytes);
        if (partial_.size() + data_size() > max_event_) return Status::too_large;
        break;
      }
      std::string_view line = bytes.substr(0, end);
      after_cr_ = bytes[end] == '\r';
      bytes.remove_prefix(end + 1);
      const bool split = !partial_.empty();
      if (split) {
        partial_.append(line);
        line = partial_;
      }
      if (line.empty()) {
        if (!dispatch(handler)) return Status::stopped;
      } else {
        take(line, split);
        if (data_size() > max_event_) return Status::too_large;
      }
      if (split) partial_.clear();
    }
    keep();
    return Status::ok;
  }

  /// The body has ended: gives the event that lacks its empty line, if there is one.
  template <class Handler>
  [[nodiscard]] Status finish(Handler&& handler) {
    if (!partial_.empty()) {
      take(partial_, true);
      partial_.clear();
    }
    return dispatch(handler) ? Status::ok : Status::stopped;
  }

 private:
  /// Where the first line ends; npos: it does not end here.
  static std::size_t line_end(std::string_view bytes) noexcept {
    const void* feed_at = std::memchr(bytes.data(), '\n', bytes.size());
    const std::size_t limit =
        feed_at == nullptr ? bytes.size() : static_cast<std::size_t>(static_cast<const char*>(feed_at) - bytes.data());
    if (const void* cr_at = std::memchr(bytes.data(), '\r', limit); cr_at != nullptr) {
      return static_cast<std::size_t>(static_cast<const char*>(cr_at) - bytes.data());
    }
    return feed_at == nullptr ? std::string_view::npos : limit;
  }

  template <class Handler>
  bool dispatch(Handler&& handler) {
    if (!has_data_) {
      // The standard drops an event without data, and its name with it.
      event_.clear();
      id_.clear();
      return true;
    }
    const SseEvent event{in_piece_ ? view_ : std::string_view(data_), event_, id_};
    const bool go_on = handler(event);
    has_data_ = false;
    in_piece_ = false;
    data_.clear();
    event_.clear();
    id_.clear();
    return go_on;
  }

  [[nodiscard]] std::size_t data_size() const noexcept { return in_piece_ ? view_.size() : data_.size(); }

  /// `moving`: the line stands in a buffer that will not last until the event ends.
  void take(std::string_view line, bool moving);
  /// The piece ends: what is still needed of it moves to a buffer.
  void keep();
  std::string_view skip_byte_order_mark(std::string_view bytes);

  std::size_t max_event_;
  std::string partial_{};    ///< beginning of a line that goes on in the next piece
  std::string_view view_{};  ///< the event's only data line, in the piece being fed
  std::string data_{};       ///< the event's data, where it could not stay in the piece
  std::string event_{};
  std::string id_{};
  bool has_data_ = false;
  bool in_piece_ = false;
  bool after_cr_ = false;
  bool begun_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
