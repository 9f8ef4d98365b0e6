#include "wire/sse.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void SseParser::take(std::string_view line, bool moving) {
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (!has_data_ && !moving) {
      view_ = value;
      in_piece_ = true;
    } else {
      keep();
      if (has_data_) data_.push_back('\n');
      data_.append(value);
    }
    has_data_ = true;
  } else if (name == "event") {
    event_.assign(value);
  } else if (name == "id") {
    id_.assign(value);
  }
}

void SseParser::keep() {
  if (!in_piece_) return;
  data_.assign(view_);
  in_piece_ = false;
}

/// The mark may come in pieces: its beginning waits in partial_ until it is known to be one.
std::string_view SseParser::skip_byte_order_mark(std::string_view bytes) {
  while (!bytes.empty() && partial_.size() < kByteOrderMark.size() &&
         bytes.front() == kByteOrderMark[partial_.size()]) {
    partial_.push_back(bytes.front());
    bytes.remove_prefix(1);
  }
  if (partial_ == kByteOrderMark) partial_.clear();
  begun_ = !bytes.empty() || partial_.empty();
  return bytes;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
