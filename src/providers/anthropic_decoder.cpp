#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "providers/anthropic_body.hpp"
#include "providers/text.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"
#include "wire/sse.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// More than any answer holds. Blocks follow one another, so that even two open ones are odd.
constexpr std::size_t kMostOpen = 64;
constexpr int kMostCalls = 4096;
// Values of a block that deltas of unknown kinds change: enough for what they were seen to change.
constexpr std::size_t kMostChanged = 10'000;

struct Stop {
  std::string_view native;
  FinishReason reason;
};

// https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons. pause_turn has no word in other
// dialects: the turn goes on when the answer is sent back.
constexpr std::array kStops = {
    Stop{"end_turn", FinishReason::stop},       Stop{"stop_sequence", FinishReason::stop},
    Stop{"max_tokens", FinishReason::length},   Stop{"model_context_window_exceeded", FinishReason::length},
    Stop{"tool_use", FinishReason::tool_calls}, Stop{"refusal", FinishReason::content_filter},
    Stop{"pause_turn", FinishReason::unknown},
};

/// Turns the objects of the dialect into events. A whole answer takes the same way as a stream's pieces.
class AnthropicAnswer {
 public:
  explicit AnthropicAnswer(const Bounds& bounds) : limits_{.depth = bounds.max_json_depth}, bound_(bounds.max_event) {}

  /// A whole answer.
  std::optional<Failure> message(JsonValue message, EventSink& sink) {
    if (message["type"].string() == "error" || message["error"].is_object()) return error(message);
    if (!message["content"].is_array()) return broken_answer("the answer has no \"content\"");
    begin(message, sink);
    std::int64_t index = 0;
    for (const JsonValue block : message["content"].items()) {
      if (auto failure = open(index, block, sink)) return failure;
      if (auto failure = close(index++, sink)) return failure;
    }
    if (auto failure = end(message, message["usage"], sink)) return failure;
    ended_ = true;
    return std::nullopt;
  }

  /// One event of a stream. https://platform.claude.com/docs/en/build-with-claude/streaming
  std::optional<Failure> piece(JsonValue event, std::string_view type, EventSink& sink) {
    const std::int64_t index = event["index"].integer_or(0);
    if (type == "content_block_delta") return delta(index, event["delta"], sink);
    if (type == "content_block_start") return open(index, event["content_block"], sink);
    if (type == "content_block_stop") return close(index, sink);
    if (type == "message_start") {
      // A gateway has begun anew in the midst of an answer: a tool call would be left cut off.
      if (!open_.empty()) return broken_answer("a second message begins before the first has ended");
      const JsonValue message = event["message"];
      begin(message, sink);
      take_usage(message["usage"], sink);
      if (usage_.prompt_tokens.value_or(0) > 0) {
        Usage early;
        early.prompt_tokens = usage_.prompt_tokens;
        early.cached_tokens = usage_.cached_tokens;
        early.cache_write_tokens = usage_.cache_write_tokens;
        sink.event({.type = ChatEvent::Type::usage, .usage = early});
      }
      return std::nullopt;
    }
    if (type == "message_delta") {
      extras(event, sink);
      return end(event["delta"], event["usage"], sink);
    }
    if (type == "message_stop") return stop(sink);
    if (type == "error") return error(event);
    return std::nullopt;
  }

  /// The end of a stream.
  std::optional<Failure> stop(EventSink& sink) {
    ended_ = true;
    while (!open_.empty()) {
      if (auto failure = close(open_.front().index, sink)) return failure;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// The last word was said, even where the event that closes the stream is missing.
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  [[nodiscard]] const JsonLimits& limits() const noexcept { return limits_; }

 private:
  enum class Kind : std::uint8_t { text, thinking, tool_use, other };

  /// A block whose end has not come.
  struct Block {
    std::int64_t index = 0;
    Kind kind = Kind::other;
    int call = 0;            ///< tool_use: which call
    bool any = false;        ///< tool_use: a piece of the arguments has come
    std::string raw{};       ///< other: the block as it began; tool_use: the arguments it began with
    std::string gathered{};  ///< text: citations; thinking: the signature; other: the arguments
    std::string changes{};   ///< other: deltas of kinds that keywheel does not know
  };

  void begin(JsonValue message, EventSink& sink) {
    sink.event({.type = ChatEvent::Type::start, .id = message["id"].string(), .model = message["model"].string()});
  }

  std::optional<Failure> open(std::int64_t index, JsonValue block, EventSink& sink) {
    if (open_.size() >= kMostOpen) return broken_answer("too many content blocks are open at once");
    const std::string_view type = block["type"].string();
    Block& mine = open_.emplace_back();
    mine.index = index;
    if (type == "text") {
      mine.kind = Kind::text;
      text(block["text"].string(), sink);
      for (const JsonValue citation : block["citations"].items()) cite(mine, citation.raw());
    } else if (type == "thinking") {
      mine.kind = Kind::thinking;
      thought(block["thinking"].string(), sink);
      mine.gathered = block["signature"].string();
    } else if (type == "redacted_thinking") {
      mine.kind = Kind::thinking;
      sink.event({.type = ChatEvent::Type::reasoning, .encrypted = block["data"].string()});
    } else if (type == "tool_use") {
      if (calls_ == kMostCalls) return broken_answer("the answer calls too many tools");
      mine.kind = Kind::tool_use;
      mine.call = calls_++;
      mine.raw = block["input"].raw();
      sink.event({.type = ChatEvent::Type::tool_call,
                  .index = mine.call,
                  .id = block["id"].string(),
                  .name = block["name"].string()});
    } else {
      mine.raw = block.raw();
    }
    return std::nullopt;
  }

  std::optional<Failure> delta(std::int64_t index, JsonValue delta, EventSink& sink) {
    const std::string_view type = delta["type"].string();
    const auto found =
        std::find_if(open_.begin(), open_.end(), [index](const Block& block) { return block.index == index; });
    if (found == open_.end()) {
      // Gateways forget to open blocks of text.
      if (type == "text_delta") text(delta["text"].string(), sink);
      if (type == "thinking_delta") thought(delta["thinking"].string(), sink);
      if (type == "text_delta" || type == "thinking_delta") return std::nullopt;
      return broken_answer(fmt::format("a delta for content block {}, which is not open", index));
    }
    Block& block = *found;
    if (type == "text_delta") {
      text(delta["text"].string(), sink);
    } else if (type == "thinking_delta") {
      thought(delta["thinking"].string(), sink);
    } else if (type == "signature_delta") {
      block.gathered += delta["signature"].string();
    } else if (type == "input_json_delta") {
      const std::string_view piece = delta["partial_json"].string();
      if (block.kind == Kind::tool_use) {
        if (piece.empty()) return std::nullopt;
        block.any = true;
        sink.event({.type = ChatEvent::Type::tool_call, .index = block.call, .delta = piece});
      } else {
        block.gathered += piece;
      }
    } else if (type == "citations_delta" && block.kind == Kind::text) {
      cite(block, delta["citation"].raw());
    } else if (block.kind == Kind::other) {
      if (!block.changes.empty()) block.changes += ',';
      block.changes += delta.raw();
    }
    const std::size_t held = block.raw.size() + block.gathered.size() + block.changes.size();
    if (held > bound_) return broken_answer("a content block is longer than Bounds::max_event");
    return std::nullopt;
  }

  std::optional<Failure> close(std::int64_t index, EventSink& sink) {
    const auto found =
        std::find_if(open_.begin(), open_.end(), [index](const Block& block) { return block.index == index; });
    if (found == open_.end()) return std::nullopt;
    Block& block = *found;
    switch (block.kind) {
      case Kind::text:
        for (std::size_t begin = 0; begin < block.gathered.size();) {
          const std::size_t end = block.gathered.find('\0', begin);
          sink.event(
              {.type = ChatEvent::Type::part, .delta = std::string_view(block.gathered).substr(begin, end - begin)});
          begin = end + 1;
        }
        break;
      case Kind::thinking:
        if (!block.gathered.empty()) {
          sink.event({.type = ChatEvent::Type::reasoning, .signature = block.gathered});
        }
        break;
      case Kind::tool_use:
        // A whole answer has the arguments in the block; so has a stream whose call takes none.
        if (!block.any) {
          const std::string_view arguments = block.raw.empty() ? std::string_view("{}") : std::string_view(block.raw);
          sink.event({.type = ChatEvent::Type::tool_call, .index = block.call, .delta = arguments});
        }
        break;
      case Kind::other: {
        const std::optional<std::string> part = whole(block);
        if (!part) return broken_answer("a content block and its deltas do not fit together");
        sink.event({.type = ChatEvent::Type::part, .delta = *part});
        break;
      }
    }
    open_.erase(found);
    return std::nullopt;
  }

  void text(std::string_view delta, EventSink& sink) {
    if (delta.empty()) return;
    said_ = true;
    sink.event({.type = ChatEvent::Type::text, .delta = delta});
  }

  void thought(std::string_view delta, EventSink& sink) {
    if (!delta.empty()) sink.event({.type = ChatEvent::Type::reasoning, .delta = delta});
  }

  /// Citations wait for the end of their block, so that they follow its text in a stream as in a whole answer. None
  /// holds the separator, which JSON escapes.
  static void cite(Block& block, std::string_view citation) {
    if (citation.empty()) return;
    block.gathered += citation;
    block.gathered += '\0';
  }

  /// A block of another kind with what its deltas added: the arguments of a server's tool become its input; members of
  /// unknown deltas take the place of the block's, or continue its strings.
  std::optional<std::string> whole(const Block& block) const {
    if (block.gathered.empty() && block.changes.empty()) return block.raw.empty() ? "null" : block.raw;
    JsonDoc input;
    const bool has_input = !block.gathered.empty();
    if (has_input && !input.parse(block.gathered, limits_)) return std::nullopt;
    JsonDoc begun;
    JsonDoc changes;
    const std::string list = '[' + block.changes + ']';
    const JsonLimits limits{.depth = limits_.depth, .values = kMostChanged};
    if (!begun.parse(block.raw, limits) || !changes.parse(list, limits)) return std::nullopt;
    std::vector<std::pair<std::string, std::string>> members;
    const auto place = [&members](std::string_view name) -> std::string& {
      const auto same = std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.first == name; });
      return same != members.end() ? same->second : members.emplace_back(std::string(name), "").second;
    };
    for (const JsonMember member : begun.root().members()) place(member.name) = member.value.raw();
    if (has_input) place("input") = block.gathered;
    for (const JsonValue change : changes.root().items()) {
      for (const JsonMember member : change.members()) {
        if (member.name == "type") continue;
        std::string& value = place(member.name);
        if (member.value.is_string() && value.starts_with('"')) {
          value.pop_back();
          value += member.value.raw().substr(1);
        } else {
          value = member.value.raw();
        }
      }
    }
    std::string part;
    JsonWriter writer(part);
    writer.begin_object();
    for (const auto& [name, value] : members) writer.key(name).trusted(value);
    writer.end_object();
    return part;
  }

  /// `message`: the whole message, or message_delta's delta.
  std::optional<Failure> end(JsonValue message, JsonValue usage, EventSink& sink) {
    extras(message, sink);
    take_usage(usage, sink);
    const std::string_view native = message["stop_reason"].string();
    if (!native.empty()) {
      finished_ = true;
      if (native == "model_context_window_exceeded" && !said_ && calls_ == 0) {
        return Failure{.failure = FailureClass::context,
                       .message = "the prompt leaves no room for an answer in the model's context window",
                       .code = std::string(native)};
      }
      const auto known = std::find_if(kStops.begin(), kStops.end(), [&](const Stop& s) { return s.native == native; });
      sink.event({.type = ChatEvent::Type::finish,
                  .native = native,
                  .finish_reason = known == kStops.end() ? FinishReason::unknown : known->reason});
    }
    if (!usage_.empty()) sink.event({.type = ChatEvent::Type::usage, .usage = usage_});
    return std::nullopt;
  }

  /// Counts come in message_start, and again, cumulative, in each message_delta.
  void take_usage(JsonValue usage, EventSink& sink) {
    const auto take = [usage](std::string_view name, std::optional<std::int64_t>& into) {
      const std::optional<std::int64_t> value = usage[name].integer();
      // Vendors of the dialect state 0 where they mean that they do not know yet, or any more.
      if (value && (*value > 0 || !into)) into = value;
    };
    take("input_tokens", input_);
    take("cache_read_input_tokens", usage_.cached_tokens);
    take("cache_creation_input_tokens", usage_.cache_write_tokens);
    if (const auto output = usage["output_tokens"].integer()) usage_.completion_tokens = output;
    if (const auto thought = usage["output_tokens_details"]["thinking_tokens"].integer()) {
      usage_.reasoning_tokens = thought;
    }
    if (input_) {
      usage_.prompt_tokens = *input_ + usage_.cached_tokens.value_or(0) + usage_.cache_write_tokens.value_or(0);
      if (usage_.completion_tokens) usage_.total_tokens = *usage_.prompt_tokens + *usage_.completion_tokens;
    }
    extras(usage, sink);
  }

  /// What has no event of its own, of the message, of message_delta and its delta, and of the usage.
  static void extras(JsonValue object, EventSink& sink) {
    constexpr std::array<std::string_view, 6> kNames = {"stop_sequence",      "stop_details", "container",
                                                        "context_management", "service_tier", "server_tool_use"};
    for (const std::string_view name : kNames) {
      if (const JsonValue value = object[name]; value.has_value()) sink.extra(name, value.raw());
    }
  }

  static std::optional<Failure> error(JsonValue event) {
    Failure failure = classify_error(event, anthropic_error_rules());
    failure.request_id = event["request_id"].string();
    return failure;
  }

  JsonLimits limits_;
  std::size_t bound_;
  std::vector<Block> open_{};
  int calls_ = 0;
  Usage usage_{};
  std::optional<std::int64_t> input_{};
  bool said_ = false;
  bool finished_ = false;
  bool ended_ = false;
};

class AnthropicStream final : public Decoder {
 public:
  explicit AnthropicStream(const Bounds& bounds) : parser_(bounds.max_event), answer_(bounds) {}

  std::optional<Failure> feed(std::string_view bytes, EventSink& sink) override {
    std::optional<Failure> failure;
    const auto status = parser_.feed(bytes, [&](const SseEvent& event) { return take(event, sink, failure); });
    if (status == SseParser::Status::too_large) return broken_answer("an event is longer than Bounds::max_event");
    return failure;
  }

  std::optional<Failure> finish(EventSink& sink) override {
    std::optional<Failure> failure;
    (void)parser_.finish([&](const SseEvent& event) { return take(event, sink, failure); });
    if (failure || answer_.ended()) return failure;
    if (!answer_.finished()) return broken_answer("the stream ended before its message_stop");
    return answer_.stop(sink);
  }

  bool complete() const noexcept override { return answer_.ended(); }
  std::uint64_t progress() const noexcept override { return progress_; }

 private:
  /// False: nothing more is wanted.
  bool take(const SseEvent& event, EventSink& sink, std::optional<Failure>& failure) {
    if (answer_.ended()) return false;
    // A habit of gateways that speak OpenAI's dialect too.
    if (event.data == "[DONE]") return true;
    if (!doc_.parse(event.data, answer_.limits())) {
      failure = broken_answer(fmt::format("an event is not JSON: {}", doc_.error()));
      return false;
    }
    const JsonValue root = doc_.root();
    const std::string_view type = root["type"].string_or(event.event);
    if (type == "ping") return true;
    progress_ += event.data.size();
    failure = answer_.piece(root, type, sink);
    return !failure.has_value();
  }

  SseParser parser_;
  JsonDoc doc_{};
  AnthropicAnswer answer_;
  std::uint64_t progress_ = 0;
};

class AnthropicWhole final : public Decoder {
 public:
  explicit AnthropicWhole(const Bounds& bounds) : bound_(bounds.max_body), answer_(bounds) {}

  std::optional<Failure> feed(std::string_view bytes, EventSink&) override {
    if (body_.size() + bytes.size() > bound_) return broken_answer("the answer is longer than Bounds::max_body");
    body_ += bytes;
    return std::nullopt;
  }

  std::optional<Failure> finish(EventSink& sink) override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body_, answer_.limits())) return failure;
    return answer_.message(doc.root(), sink);
  }

  std::uint64_t progress() const noexcept override { return body_.size(); }

 private:
  std::size_t bound_;
  std::string body_{};
  AnthropicAnswer answer_;
};

}  // namespace

std::unique_ptr<Decoder> make_anthropic_decoder(const HttpHead& head, bool stream, const Bounds& bounds) {
  const std::string_view type = head.find("content-type");
  const bool events = contains_ignoring_case(type, "event-stream");
  if (events || (stream && !contains_ignoring_case(type, "json"))) return std::make_unique<AnthropicStream>(bounds);
  return std::make_unique<AnthropicWhole>(bounds);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
