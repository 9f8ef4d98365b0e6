#include "providers/openai_decode.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "providers/text.hpp"
#include "wire/event_template.hpp"
#include "wire/sse.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kDone = "[DONE]";

class OpenAiDecoder final : public Decoder {
 public:
  OpenAiDecoder(const OpenAiReading& reading, const Bounds& bounds)
      : chunks_(reading),
        queues_(reading.queues),
        events_(bounds.max_event),
        limits_{.depth = bounds.max_json_depth, .values = std::size_t{1} << 22U},
        max_body_(bounds.max_body) {}

  std::optional<Failure> feed(std::string_view bytes, EventSink& sink) override {
    if (form_ == Form::unknown) {
      body_.append(bytes);
      if (trimmed(body_).empty()) return body_.size() > max_body_ ? too_long() : std::nullopt;
      const char first = trimmed(body_).front();
      form_ = first == '{' || first == '[' || first == '"' || first == '<' ? Form::json : Form::stream;
      const std::string begun = std::exchange(body_, {});
      return take(begun, sink);
    }
    return take(bytes, sink);
  }

  std::optional<Failure> finish(EventSink& sink) override {
    if (form_ == Form::unknown) return said_nothing("the answer has no body");
    if (form_ == Form::json) return finish_body(sink);
    if (!done_) {
      std::optional<Failure> failure;
      static_cast<void>(events_.finish([&](const SseEvent& event) { return on_event(event, sink, failure); }));
      // Half an event behind the finish reason (usage, [DONE]) takes nothing from the answer.
      const bool cut_short = failure && failure->kind == ErrorKind::protocol && chunks_.finished();
      if (failure && !cut_short) return failure;
    }
    chunks_.finish(sink);
    if (!chunks_.begun()) return said_nothing("the stream ended before it said anything");
    if (!done_ && !chunks_.finished()) return broken_answer("the stream broke off before its end");
    return std::nullopt;
  }

  bool complete() const noexcept override { return done_; }
  std::uint64_t progress() const noexcept override { return progress_; }

 private:
  enum class Form : std::uint8_t { unknown, stream, json };

  [[nodiscard]] Failure said_nothing(std::string message) const {
    if (!queues_) return broken_answer(std::move(message));
    return {.failure = FailureClass::capacity, .scope = Scope::service, .message = std::move(message)};
  }
  /// A stream may say more than one kind of thing in turn (reasoning and its summary, two answers).
  struct Model {
    EventTemplate pattern{};
    DeltaTarget target{};
  };

  std::optional<Failure> take(std::string_view bytes, EventSink& sink) {
    if (form_ == Form::json) {
      body_.append(bytes);
      progress_ += bytes.size();
      return body_.size() > max_body_ ? too_long() : std::nullopt;
    }
    if (done_) return std::nullopt;
    std::optional<Failure> failure;
    const SseParser::Status status =
        events_.feed(bytes, [&](const SseEvent& event) { return on_event(event, sink, failure); });
    if (status == SseParser::Status::too_large) return too_long();
    return failure;
  }

  std::optional<Failure> finish_body(EventSink& sink) {
    if (!doc_.parse(body_, limits_)) {
      if (trimmed(body_).starts_with('<')) {
        return broken_answer(fmt::format("a page came instead of an answer: {}", read_error_body(body_).message));
      }
      return broken_answer(fmt::format("the answer is not JSON: {}", doc_.error()));
    }
    if (auto failure = chunks_.read(doc_.root(), true, sink)) return failure;
    chunks_.finish(sink);
    if (doc_.root()["choices"].size() == 0) return broken_answer("the answer has no choices");
    return std::nullopt;
  }

  /// False: the stream is over, by its own word or by a failure.
  bool on_event(const SseEvent& event, EventSink& sink, std::optional<Failure>& failure) {
    progress_ += event.data.size();
    const std::string_view data = trimmed(event.data);
    const bool error = event.event == "error";
    if (!error && repeat(data, sink)) return true;
    if (data.empty()) return true;
    if (data == kDone) {
      done_ = true;
      return false;
    }
    failure = on_chunk(data, error, sink);
    return !failure && !done_;
  }

  std::optional<Failure> on_chunk(std::string_view data, bool error, EventSink& sink) {
    if (!doc_.parse(data, limits_)) {
      if (data.find('\n') != std::string_view::npos) return on_lines(data, error, sink);
      if (error) return chunks_.failure_of(read_error_body(data));
      return broken_answer(fmt::format("an event of the stream is not JSON: {}", doc_.error()));
    }
    if (error) return chunks_.failure_of(read_error_value(doc_.root()));
    const std::uint32_t epoch = chunks_.epoch();
    std::optional<Failure> failure = chunks_.read(doc_.root(), false, sink);
    if (epoch != chunks_.epoch()) {
      for (Model& model : models_) model.pattern.forget();
    }
    if (!failure && !doc_.repaired()) learn(data);
    return failure;
  }

  /// Servers that end an event with one line end instead of two make one event of several.
  std::optional<Failure> on_lines(std::string_view data, bool error, EventSink& sink) {
    while (!data.empty()) {
      const std::string_view line = trimmed(data.substr(0, data.find('\n')));
      data.remove_prefix(std::min(data.size(), data.substr(0, data.find('\n')).size() + 1));
      if (line == kDone) {
        done_ = true;
        return std::nullopt;
      }
      if (line.empty()) continue;
      if (auto failure = on_chunk(line, error, sink)) return failure;
    }
    return std::nullopt;
  }

  bool repeat(std::string_view data, EventSink& sink) {
    std::string_view delta;
    for (std::size_t tries = 0; tries < models_.size(); ++tries) {
      const Model& model = models_[likely_];
      if (model.pattern.match(data, scratch_, delta)) {
        chunks_.repeat(model.target, delta, sink);
        return true;
      }
      likely_ = (likely_ + 1) % models_.size();
    }
    return false;
  }

  void learn(std::string_view data) {
    const DeltaTarget* target = chunks_.lesson();
    if (target == nullptr) return;
    oldest_ = (oldest_ + 1) % models_.size();
    likely_ = oldest_;
    Model& model = models_[oldest_];
    model.pattern.learn(data, chunks_.holes(), chunks_.wanted());
    model.target = *target;
  }

  static std::optional<Failure> too_long() {
    return broken_answer("the answer is longer than keywheel takes (see Bounds)");
  }

  OpenAiChunks chunks_;
  bool queues_;
  SseParser events_;
  JsonDoc doc_{};
  JsonLimits limits_;
  std::size_t max_body_;
  std::array<Model, 2> models_{};
  std::size_t likely_ = 0;  ///< the model that matched last
  std::size_t oldest_ = 0;
  std::string scratch_{};
  std::string body_{};
  std::uint64_t progress_ = 0;
  Form form_ = Form::unknown;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_openai_decoder(const OpenAiReading& reading, const Bounds& bounds) {
  return std::make_unique<OpenAiDecoder>(reading, bounds);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
