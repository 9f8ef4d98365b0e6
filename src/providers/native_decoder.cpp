#include "providers/native_decoder.hpp"

#include <utility>

#include <fmt/format.h>

#include "providers/finish_reason.hpp"
#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

Failure too_long() { return broken_answer("the answer is longer than keywheel takes (see Bounds)"); }

}  // namespace

NativeDecoder::NativeDecoder(const HttpHead& head, const Target& target, const Bounds& bounds, Framing framing)
    : events_(bounds.max_event),
      frames_(target.stream ? bounds.max_event : bounds.max_body),
      limits_{.depth = bounds.max_json_depth, .values = std::size_t{1} << 22U},
      max_body_(bounds.max_body),
      nonce_(target.nonce),
      status_(head.status),
      request_id_(request_id(head)),
      form_(framing == Framing::objects ? Form::frames : Form::unknown) {}

std::optional<Failure> NativeDecoder::feed(std::string_view bytes, EventSink& sink) {
  sink_ = &sink;
  if (form_ != Form::unknown) return take(bytes);
  body_.append(bytes);
  const std::string_view begun = trimmed(body_);
  if (begun.empty()) return body_.size() > max_body_ ? std::optional(too_long()) : std::nullopt;
  const char first = begun.front();
  form_ = first == '{' || first == '[' || first == '<' || first == '"' ? Form::json : Form::stream;
  const std::string held = std::exchange(body_, {});
  return take(held);
}

std::optional<Failure> NativeDecoder::take(std::string_view bytes) {
  if (form_ == Form::json) {
    body_.append(bytes);
    progress_ += bytes.size();
    return body_.size() > max_body_ ? std::optional(too_long()) : std::nullopt;
  }
  if (ended_) return std::nullopt;
  if (form_ == Form::frames) return take_frames(bytes);
  std::optional<Failure> failure;
  const SseParser::Status status = events_.feed(bytes, [&](const SseEvent& event) { return on_event(event, failure); });
  if (status == SseParser::Status::too_large) failure = too_long();
  if (failure) give_usage();
  return failure;
}

std::optional<Failure> NativeDecoder::take_frames(std::string_view bytes) {
  std::optional<Failure> failure;
  const JsonFrames::Status status =
      frames_.feed(bytes, [&](std::string_view frame) { return on_event({.data = frame}, failure); });
  if (status == JsonFrames::Status::too_large) failure = too_long();
  if (status == JsonFrames::Status::malformed) failure = broken_answer("a message is not a JSON object");
  if (failure) give_usage();
  return failure;
}

std::optional<Failure> NativeDecoder::finish(EventSink& sink) {
  sink_ = &sink;
  if (form_ == Form::unknown) return broken_answer("the answer has no body");
  if (form_ == Form::json) return read_body();
  std::optional<Failure> failure;
  if (!ended_ && form_ == Form::stream) {
    // A handler that stops has either ended the answer or set the failure.
    (void)events_.finish([&](const SseEvent& event) { return on_event(event, failure); });
  }
  if (!failure && !ended_) failure = cut_off(false);
  give_usage();
  return failure;
}

std::optional<Failure> NativeDecoder::read_body() {
  if (!doc_.parse(body_, limits_)) {
    if (trimmed(body_).starts_with('<')) {
      return broken_answer("a page came where an answer was expected: " + read_error_body(body_).message);
    }
    return broken_answer(fmt::format("the answer is not JSON: {}", doc_.error()));
  }
  if (!doc_.root().is_object()) return broken_answer("the answer is not a JSON object");
  std::optional<Failure> failure = whole(doc_.root());
  give_usage();
  return failure;
}

bool NativeDecoder::on_event(const SseEvent& event, std::optional<Failure>& failure) {
  progress_ += event.data.size();
  const std::string_view data = trimmed(event.data);
  if (data.empty()) return true;
  if (data == "[DONE]" || data == "\"[DONE]\"") {
    failure = cut_off(true);
    end();
    return false;
  }
  if (!doc_.parse(data, limits_)) {
    failure = broken_answer(fmt::format("an event of the stream is not JSON: {}", doc_.error()));
    return false;
  }
  failure = piece(doc_.root(), event.event);
  return !failure && !ended_;
}

std::optional<Failure> NativeDecoder::cut_off(bool /*done*/) {
  if (finished_) return std::nullopt;
  return broken_answer(spoken_ || started_ ? "the stream broke off before its end"
                                           : "the stream ended before it said anything");
}

void NativeDecoder::end() {
  ended_ = true;
  give_usage();
}

void NativeDecoder::give_usage() {
  if (usage_.empty()) return;
  sink_->event({.type = ChatEvent::Type::usage, .usage = std::exchange(usage_, {})});
}

void NativeDecoder::start(std::string_view id, std::string_view model) {
  if (started_ || (id.empty() && model.empty())) return;
  started_ = true;
  sink_->event({.type = ChatEvent::Type::start, .id = id, .model = model});
}

void NativeDecoder::text(std::string_view delta) {
  if (delta.empty()) return;
  spoken_ = true;
  sink_->event({.type = ChatEvent::Type::text, .delta = delta});
}

void NativeDecoder::reasoning(std::string_view delta) {
  if (delta.empty()) return;
  spoken_ = true;
  sink_->event({.type = ChatEvent::Type::reasoning, .delta = delta});
}

void NativeDecoder::part(std::string_view json) {
  if (json.empty()) return;
  spoken_ = true;
  sink_->event({.type = ChatEvent::Type::part, .delta = json});
}

std::optional<Failure> NativeDecoder::tool_call(const ToolPiece& call, std::string_view arguments) {
  const std::optional<ToolSlots::Place> place = slots_.place(call);
  if (!place) return broken_answer("the answer holds more tool calls than any model makes");
  slots_.arguments(place->slot, arguments);
  if (!place->opened && arguments.empty()) return std::nullopt;
  spoken_ = true;
  ChatEvent event{.type = ChatEvent::Type::tool_call, .index = static_cast<int>(place->slot), .delta = arguments};
  if (place->opened) {
    event.id = call.id;
    event.name = call.name;
    if (call.id.empty()) event.id = made_id_ = fmt::format("call_{:016x}_0_{}", nonce_, place->slot);
  }
  sink_->event(event);
  return std::nullopt;
}

void NativeDecoder::logprobs(JsonValue value) {
  if (!value.has_value()) return;
  const bool list = value.is_array();
  logprobs_.assign(list ? R"({"content":)" : R"({"content":[)").append(value.raw()).append(list ? "}" : "]}");
  sink_->event({.type = ChatEvent::Type::logprobs, .delta = logprobs_});
}

void NativeDecoder::extra(std::string_view name, JsonValue value) {
  if (value.has_value()) sink_->extra(name, value.raw());
}

void NativeDecoder::extra_json(std::string_view name, std::string_view json) { sink_->extra(name, json); }

std::optional<Failure> NativeDecoder::finish_reason(std::string_view native, std::optional<FinishReason> reason) {
  if (finished_) return std::nullopt;
  const FinishFact fact = finish_fact(native);
  if (fact.failure && !(fact.only_if_empty && spoken_)) {
    Failure failure;
    failure.failure = *fact.failure;
    failure.scope = *fact.failure == FailureClass::context ? Scope::call : Scope::service_model;
    failure.message = fmt::format("the answer ended with \"{}\"", native);
    failure.code = native;
    return failure;
  }
  finished_ = true;
  sink_->event({.type = ChatEvent::Type::finish, .native = native, .finish_reason = reason.value_or(fact.reason)});
  return std::nullopt;
}

Failure NativeDecoder::fail(const ErrorBody& error, std::span<const ErrorRule> rules,
                            std::optional<int> claimed) const {
  Failure failure = classify_error(error, claimed, std::nullopt, rules);
  failure.status = status_;
  failure.request_id = request_id_;
  return failure;
}

std::optional<std::int64_t> count_of(JsonValue value) noexcept {
  constexpr std::int64_t kMost = std::int64_t{1} << 40U;
  const std::optional<std::int64_t> count = value.integer();
  return count && *count >= 0 && *count <= kMost ? count : std::nullopt;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
