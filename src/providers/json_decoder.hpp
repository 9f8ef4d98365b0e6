#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "wire/json.hpp"
#include "wire/json_array.hpp"
#include "wire/ndjson.hpp"
#include "wire/sse.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Takes the JSON texts out of a body, whichever way they follow one another, and hands them to a dialect. What was
/// asked for does not decide: a proxy may answer a request for a stream with one object, and the other way round.
class JsonDecoder : public Decoder {
 public:
  std::optional<Failure> feed(std::string_view bytes, EventSink& sink) final;
  std::optional<Failure> finish(EventSink& sink) final;
  [[nodiscard]] bool complete() const noexcept final { return complete_; }
  [[nodiscard]] std::uint64_t progress() const noexcept final { return progress_; }

 protected:
  enum class Form : std::uint8_t {
    unknown,  ///< an object, an array or server-sent events, as its first character says
    object,   ///< one JSON text
    array,    ///< an array of them
    sse,      ///< server-sent events with one in each
    lines,    ///< one on each line
  };

  explicit JsonDecoder(const Bounds& bounds, Form form = Form::unknown);

  /// One JSON text; `event` is the name of its server-sent event, where it has one.
  virtual std::optional<Failure> frame(JsonValue root, std::string_view event, EventSink& sink) = 0;
  /// The body has ended. `cut`: its form shows that it did too early.
  virtual std::optional<Failure> end(bool cut, EventSink& sink) = 0;

  [[nodiscard]] Form form() const noexcept { return form_; }
  /// Nothing more is expected: what still comes is dropped.
  void set_complete() noexcept { complete_ = true; }

 private:
  bool take(std::string_view text, std::string_view event, EventSink& sink);
  std::optional<Failure> feed_sse(std::string_view bytes, EventSink& sink);
  void count(std::string_view bytes, bool gave_event) noexcept;
  [[nodiscard]] Failure too_large() const;

  Bounds bounds_;
  Form form_;
  JsonDoc doc_{};
  SseParser sse_;
  JsonArrayParser array_;
  LineParser lines_;
  std::string whole_{};
  std::optional<Failure> failure_{};
  std::uint64_t progress_ = 0;
  bool complete_ = false;
  bool line_begins_ = true;
  bool in_comment_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
