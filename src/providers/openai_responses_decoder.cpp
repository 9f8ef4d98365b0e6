#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "providers/openai_chunks.hpp"
#include "providers/openai_responses.hpp"
#include "providers/text.hpp"
#include "wire/event_template.hpp"
#include "wire/json.hpp"
#include "wire/sse.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// More items than any answer has.
constexpr std::size_t kMostItems = 4096;

/// Reads the typed events of a stream, or the one object of a unary answer, whose items take the same way.
class ResponsesDecoder final : public Decoder {
 public:
  ResponsesDecoder(std::span<const ErrorRule> errors, const Bounds& bounds)
      : errors_(errors),
        events_(bounds.max_event),
        limits_{.depth = bounds.max_json_depth, .values = std::size_t{1} << 22U},
        max_body_(bounds.max_body) {}

  std::optional<Failure> feed(std::string_view bytes, EventSink& sink) override {
    if (form_ == Form::unknown) {
      body_.append(bytes);
      const std::string_view begun = trimmed(body_);
      if (begun.empty()) return body_.size() > max_body_ ? too_long() : std::nullopt;
      form_ = begun.front() == '{' || begun.front() == '[' || begun.front() == '<' ? Form::json : Form::stream;
      const std::string first = std::exchange(body_, {});
      return take(first, sink);
    }
    return take(bytes, sink);
  }

  std::optional<Failure> finish(EventSink& sink) override {
    if (form_ == Form::unknown) return broken_answer("the answer has no body");
    if (form_ == Form::json) return finish_body(sink);
    if (!ended_) {
      std::optional<Failure> failure;
      static_cast<void>(events_.finish([&](const SseEvent& event) { return on_event(event.data, sink, failure); }));
      if (failure) return failure;
    }
    if (!ended_) return broken_answer("the stream broke off before its end");
    return std::nullopt;
  }

  bool complete() const noexcept override { return ended_; }
  std::uint64_t progress() const noexcept override { return progress_; }

 private:
  enum class Form : std::uint8_t { unknown, stream, json };

  struct Item {
    std::int64_t place = 0;  ///< output_index
    int call = -1;           ///< index among the calls; -1: it is none
    bool spoken = false;     ///< pieces of it have come
  };

  std::optional<Failure> take(std::string_view bytes, EventSink& sink) {
    if (form_ == Form::json) {
      body_.append(bytes);
      progress_ += bytes.size();
      return body_.size() > max_body_ ? too_long() : std::nullopt;
    }
    if (ended_) return std::nullopt;
    std::optional<Failure> failure;
    const auto status = events_.feed(bytes, [&](const SseEvent& event) { return on_event(event.data, sink, failure); });
    if (status == SseParser::Status::too_large) return too_long();
    return failure;
  }

  std::optional<Failure> finish_body(EventSink& sink) {
    if (auto failure = parse_answer(doc_, body_, limits_)) return failure;
    const JsonValue root = doc_.root();
    if (root["error"].has_value()) return failed(root);
    if (!root["output"].is_array()) return broken_answer("the answer has no \"output\"");
    start(root, sink);
    std::int64_t place = 0;
    for (const JsonValue item : root["output"].items()) {
      if (Item* entry = open(place++, item, sink)) close(*entry, item, sink);
    }
    return end(root, sink);
  }

  /// False: the stream is over, by its own word or by a failure.
  bool on_event(std::string_view data, EventSink& sink, std::optional<Failure>& failure) {
    progress_ += data.size();
    data = trimmed(data);
    if (data.empty() || data == "[DONE]") return true;
    if (repeat(data, sink)) return true;
    if (!doc_.parse(data, limits_)) {
      failure = broken_answer(fmt::format("an event of the stream is not JSON: {}", doc_.error()));
      return false;
    }
    failure = read(doc_.root(), data, sink);
    return !failure && !ended_;
  }

  std::optional<Failure> read(JsonValue event, std::string_view data, EventSink& sink) {
    const std::string_view type = event["type"].string();
    const std::int64_t place = event["output_index"].integer_or(0);
    if (type == "response.output_text.delta") {
      said(place);
      return delta(ChatEvent::Type::text, event, data, sink);
    }
    if (type == "response.reasoning_summary_text.delta" || type == "response.reasoning_text.delta") {
      said(place);
      return delta(ChatEvent::Type::reasoning, event, data, sink);
    }
    if (type == "response.refusal.delta") {
      said(place);
      return delta(ChatEvent::Type::refusal, event, data, sink);
    }
    if (type == "response.function_call_arguments.delta") {
      if (Item* item = find(place); item != nullptr && item->call >= 0) {
        item->spoken = true;
        sink.event({.type = ChatEvent::Type::tool_call, .index = item->call, .delta = event["delta"].string()});
      }
      return std::nullopt;
    }
    if (type == "response.output_item.added") {
      open(place, event["item"], sink);
      return std::nullopt;
    }
    if (type == "response.output_item.done") {
      Item* item = find(place);
      if (item == nullptr) item = open(place, event["item"], sink);
      if (item != nullptr) close(*item, event["item"], sink);
      return std::nullopt;
    }
    if (type == "response.output_text.annotation.added") {
      sink.event({.type = ChatEvent::Type::part, .delta = event["annotation"].raw()});
      return std::nullopt;
    }
    if (type == "response.created" || type == "response.in_progress" || type == "response.queued") {
      start(event["response"], sink);
      return std::nullopt;
    }
    if (type == "response.completed" || type == "response.incomplete" || type == "response.done")
      return end(event["response"], sink);
    if (type == "response.failed") return failed(event["response"]);
    if (type == "error" || (type.empty() && event["error"].has_value())) return failed(event);
    // What else is told of an item on its way stands in the item when it is done.
    return std::nullopt;
  }

  void start(JsonValue response, EventSink& sink) {
    if (std::exchange(started_, true)) return;
    sink.event({.type = ChatEvent::Type::start, .id = response["id"].string(), .model = response["model"].string()});
  }

  Item* find(std::int64_t place) noexcept {
    const auto found =
        std::find_if(items_.begin(), items_.end(), [place](const Item& item) { return item.place == place; });
    return found == items_.end() ? nullptr : &*found;
  }

  void said(std::int64_t place) {
    if (Item* item = find(place)) item->spoken = true;
  }

  Item* open(std::int64_t place, JsonValue item, EventSink& sink) {
    if (items_.size() >= kMostItems) return nullptr;
    Item& entry = items_.emplace_back(Item{.place = place});
    const std::string_view type = item["type"].string();
    // A custom tool's call may be the provider's own affair (xAI's searches): it is handed on as the item it is.
    if (type == "function_call") {
      entry.call = calls_++;
      const std::string_view id = item["call_id"].string();
      sink.event({.type = ChatEvent::Type::tool_call,
                  .index = entry.call,
                  .id = id.empty() ? item["id"].string() : id,
                  .name = item["name"].string()});
    } else if (type == "reasoning") {
      // Its id comes before its words, which would join those of the thought before.
      sink.event({.type = ChatEvent::Type::reasoning, .id = item["id"].string()});
    }
    return &entry;
  }

  void close(Item& entry, JsonValue item, EventSink& sink) {
    const std::string_view type = item["type"].string();
    if (entry.call >= 0) {
      const std::string_view arguments = item["arguments"].string();
      if (!entry.spoken && !arguments.empty()) {
        sink.event({.type = ChatEvent::Type::tool_call, .index = entry.call, .delta = arguments});
      }
    } else if (type == "message") {
      if (!entry.spoken) say(item["content"], sink);
    } else if (type == "reasoning") {
      if (!entry.spoken) think(item, sink);
      const std::string_view sealed = item["encrypted_content"].string();
      if (!sealed.empty()) {
        sink.event({.type = ChatEvent::Type::reasoning, .id = item["id"].string(), .encrypted = sealed});
      }
    } else if (item.is_object()) {
      sink.event({.type = ChatEvent::Type::part, .delta = item.raw()});
    }
  }

  void say(JsonValue content, EventSink& sink) {
    for (const JsonValue part : content.items()) {
      const bool refusal = part["type"].string() == "refusal";
      const std::string_view text = part[refusal ? "refusal" : "text"].string();
      if (!text.empty())
        sink.event({.type = refusal ? ChatEvent::Type::refusal : ChatEvent::Type::text, .delta = text});
      for (const JsonValue note : part["annotations"].items())
        sink.event({.type = ChatEvent::Type::part, .delta = note.raw()});
      if (part["logprobs"].size() > 0) {
        sink.event({.type = ChatEvent::Type::logprobs, .delta = part["logprobs"].raw()});
      }
    }
  }

  void think(JsonValue item, EventSink& sink) {
    for (const char* list : {"summary", "content"}) {
      for (const JsonValue part : item[list].items()) {
        const std::string_view text = part["text"].string();
        if (!text.empty()) sink.event({.type = ChatEvent::Type::reasoning, .delta = text});
      }
    }
  }

  std::optional<Failure> end(JsonValue response, EventSink& sink) {
    start(response, sink);
    ended_ = true;
    const std::string_view status = response["status"].string();
    if (status == "failed" || status == "cancelled") return failed(response);
    const Usage usage = read_openai_usage(response["usage"]);
    if (!usage.empty()) sink.event({.type = ChatEvent::Type::usage, .usage = usage});
    const std::string_view why = response["incomplete_details"]["reason"].string();
    FinishReason reason = calls_ > 0 ? FinishReason::tool_calls : FinishReason::stop;
    if (status == "incomplete") {
      reason = why == "content_filter"                             ? FinishReason::content_filter
               : why == "max_output_tokens" || why == "max_tokens" ? FinishReason::length
                                                                   : FinishReason::unknown;
    }
    sink.event({.type = ChatEvent::Type::finish, .native = why.empty() ? status : why, .finish_reason = reason});
    return std::nullopt;
  }

  Failure failed(JsonValue response) const { return classify_error(response, errors_); }

  std::optional<Failure> delta(ChatEvent::Type type, JsonValue event, std::string_view data, EventSink& sink) {
    const std::string_view text = event["delta"].string();
    if (!text.empty()) sink.event({.type = type, .delta = text});
    if (event["logprobs"].size() > 0) {
      sink.event({.type = ChatEvent::Type::logprobs, .delta = event["logprobs"].raw()});
    } else if (!text.empty() && !doc_.repaired()) {
      learn(type, event, data);
    }
    return std::nullopt;
  }

  // The next piece differs in its text, its number and its padding.
  void learn(ChatEvent::Type type, JsonValue event, std::string_view data) {
    holes_.clear();
    std::size_t wanted = 0;
    for (const JsonMember member : event.members()) {
      const bool number = member.name == "sequence_number";
      if (member.name == "delta") wanted = holes_.size();
      if (!number && member.name != "delta" && member.name != "obfuscation") continue;
      if (number ? !member.value.integer() : !member.value.is_string()) continue;
      const std::size_t begin = member.value.offset();
      holes_.push_back({.begin = begin, .end = begin + member.value.raw().size(), .number = number});
    }
    pattern_.learn(data, holes_, wanted);
    pattern_type_ = type;
  }

  bool repeat(std::string_view data, EventSink& sink) {
    std::string_view text;
    if (!pattern_.known() || !pattern_.match(data, scratch_, text)) return false;
    sink.event({.type = pattern_type_, .delta = text});
    return true;
  }

  static std::optional<Failure> too_long() {
    return broken_answer("the answer is longer than keywheel takes (see Bounds)");
  }

  std::span<const ErrorRule> errors_;
  SseParser events_;
  JsonDoc doc_{};
  JsonLimits limits_;
  std::size_t max_body_;
  Form form_ = Form::unknown;
  std::string body_{};
  std::vector<Item> items_{};
  int calls_ = 0;
  EventTemplate pattern_{};
  ChatEvent::Type pattern_type_ = ChatEvent::Type::text;
  std::vector<EventHole> holes_{};
  std::string scratch_{};
  std::uint64_t progress_ = 0;
  bool started_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_responses_decoder(std::span<const ErrorRule> errors, const Bounds& bounds) {
  return std::make_unique<ResponsesDecoder>(errors, bounds);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
