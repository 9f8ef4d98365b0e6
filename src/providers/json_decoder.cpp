#include "providers/json_decoder.hpp"

#include <utility>

#include <fmt/format.h>

#include "providers/provider.hpp"
#include "providers/text.hpp"
#include "wire/utf8.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// The beginning of a text that is not what it should be, for a person to recognise it by.
std::string excerpt(std::string_view text) {
  constexpr std::size_t kLength = 120;
  return repair_utf8(trimmed(text.substr(0, kLength)));
}

}  // namespace

JsonDecoder::JsonDecoder(const Bounds& bounds, Form form)
    : bounds_(bounds), form_(form), sse_(bounds.max_event), array_(bounds.max_event), lines_(bounds.max_event) {}

std::optional<Failure> JsonDecoder::feed(std::string_view bytes, EventSink& sink) {
  if (failure_) return failure_;
  if (complete_) return std::nullopt;
  if (form_ == Form::unknown) {
    // The first character may be preceded by blanks, or cut off from them, or be a byte order mark.
    whole_.append(bytes);
    std::string_view begun = whole_;
    if (kByteOrderMark.starts_with(begun)) return std::nullopt;
    if (begun.starts_with(kByteOrderMark)) begun.remove_prefix(kByteOrderMark.size());
    const std::size_t first = begun.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) {
      return whole_.size() > bounds_.max_event ? std::optional(too_large()) : std::nullopt;
    }
    const char c = begun[first];
    form_ = c == '{' ? Form::object : c == '[' ? Form::array : Form::sse;
    const std::string held = std::exchange(whole_, {});
    bytes = std::string_view(held).substr(held.size() - begun.size());
    return feed(bytes, sink);
  }
  const auto text = [&](std::string_view one) { return take(one, {}, sink); };
  switch (form_) {
    case Form::sse:
      return feed_sse(bytes, sink);
    case Form::array: {
      progress_ += bytes.size();
      const auto status = array_.feed(bytes, text);
      if (status == JsonArrayParser::Status::too_large) failure_ = too_large();
      if (status == JsonArrayParser::Status::malformed)
        failure_ = broken_answer("the answer is not a JSON array of objects");
      if (array_.closed()) complete_ = true;
      return failure_;
    }
    case Form::lines: {
      progress_ += bytes.size();
      if (lines_.feed(bytes, text) == LineParser::Status::too_large) failure_ = too_large();
      return failure_;
    }
    case Form::object:
    case Form::unknown:
      break;
  }
  progress_ += bytes.size();
  if (whole_.size() + bytes.size() > bounds_.max_body) return failure_ = too_large();
  whole_.append(bytes);
  return std::nullopt;
}

std::optional<Failure> JsonDecoder::finish(EventSink& sink) {
  if (failure_) return failure_;
  bool cut = false;
  const auto text = [&](std::string_view one) { return take(one, {}, sink); };
  switch (form_) {
    case Form::unknown:
      cut = true;
      break;
    case Form::object:
      take(whole_, {}, sink);
      break;
    case Form::array:
      cut = !array_.closed();
      break;
    case Form::lines:
      static_cast<void>(lines_.finish(text));
      break;
    case Form::sse:
      if (!complete_) {
        static_cast<void>(sse_.finish([&](const SseEvent& event) { return take(event.data, event.event, sink); }));
      }
      break;
  }
  if (failure_) return failure_;
  return end(cut, sink);
}

std::optional<Failure> JsonDecoder::feed_sse(std::string_view bytes, EventSink& sink) {
  bool gave = false;
  const auto status = sse_.feed(bytes, [&](const SseEvent& event) {
    gave = true;
    return take(event.data, event.event, sink);
  });
  count(bytes, gave);
  if (status == SseParser::Status::too_large) failure_ = too_large();
  return failure_;
}

bool JsonDecoder::take(std::string_view text, std::string_view event, EventSink& sink) {
  if (complete_) return false;
  // OpenAI's mark, which others send too.
  if (form_ == Form::sse && trimmed(text) == "[DONE]") {
    complete_ = true;
    return false;
  }
  if (trimmed(text).empty()) return true;
  if (!doc_.parse(text, {.depth = bounds_.max_json_depth})) {
    failure_ = broken_answer(fmt::format("{} is not JSON: {}; it begins \"{}\"",
                                         form_ == Form::object ? "the answer" : "a piece of the stream", doc_.error(),
                                         excerpt(text)));
    return false;
  }
  failure_ = frame(doc_.root(), event, sink);
  return !failure_ && !complete_;
}

// Comments keep a connection open and say nothing of the answer. A piece counts as data unless all that it holds since
// its last line end is a comment, or nothing.
void JsonDecoder::count(std::string_view bytes, bool gave_event) noexcept {
  if (bytes.empty()) return;
  const std::size_t last = bytes.find_last_of("\r\n");
  const std::string_view rest = last == std::string_view::npos ? bytes : bytes.substr(last + 1);
  if (last != std::string_view::npos) line_begins_ = true;
  if (!rest.empty() && line_begins_) {
    in_comment_ = rest.front() == ':';
    line_begins_ = false;
  }
  if (gave_event || (!rest.empty() && !in_comment_)) progress_ += bytes.size();
}

Failure JsonDecoder::too_large() const {
  return broken_answer(
      form_ == Form::object
          ? fmt::format("the answer is longer than bounds.max_body allows ({} bytes)", bounds_.max_body)
          : fmt::format("a piece of the stream is longer than bounds.max_event allows ({} bytes)", bounds_.max_event));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
