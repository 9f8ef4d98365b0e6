#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "providers/bedrock_body.hpp"
#include "providers/text.hpp"
#include "wire/aws_event_stream.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// More than any answer holds. Blocks follow one another, so that even two open ones are odd.
constexpr std::size_t kMostOpen = 64;
constexpr int kMostCalls = 4096;

struct Stop {
  std::string_view native;
  FinishReason reason;
  FailureClass empty_is = FailureClass::unknown;  ///< what it is where nothing was said before
};

// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax
constexpr std::array kStops = {
    Stop{"end_turn", FinishReason::stop},
    Stop{"stop_sequence", FinishReason::stop},
    Stop{"max_tokens", FinishReason::length},
    Stop{"model_context_window_exceeded", FinishReason::length, FailureClass::context},
    Stop{"tool_use", FinishReason::tool_calls},
    Stop{"guardrail_intervened", FinishReason::content_filter},
    Stop{"content_filtered", FinishReason::content_filter},
    Stop{"malformed_model_output", FinishReason::error, FailureClass::output},
    Stop{"malformed_tool_use", FinishReason::error, FailureClass::output},
};

/// Turns the objects of Converse into events. A whole answer takes the same way as a stream's pieces.
class BedrockAnswer {
 public:
  BedrockAnswer(std::string id, std::string model, const Bounds& bounds)
      : id_(std::move(id)), model_(std::move(model)), bound_(bounds.max_event) {}

  std::optional<Failure> message(JsonValue answer, EventSink& sink) {
    const JsonValue content = answer["output"]["message"]["content"];
    if (!content.is_array()) return broken_answer("the answer has no \"output.message.content\"");
    start(sink);
    for (const JsonValue block : content.items()) {
      if (auto failure = whole_block(block, sink)) return failure;
    }
    if (auto failure = stop(answer, sink)) return failure;
    metadata(answer, sink);
    return std::nullopt;
  }

  /// One event of a stream.
  /// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
  std::optional<Failure> piece(std::string_view type, JsonValue event, EventSink& sink) {
    const std::int64_t index = event["contentBlockIndex"].integer_or(0);
    if (type == "contentBlockDelta") return delta(index, event["delta"], sink);
    if (type == "contentBlockStart") return open(index, event["start"], sink);
    if (type == "contentBlockStop") {
      close(index, sink);
    } else if (type == "messageStart") {
      start(sink);
    } else if (type == "messageStop") {
      while (!open_.empty()) close(open_.front().index, sink);
      return stop(event, sink);
    } else if (type == "metadata") {
      metadata(event, sink);
      counted_ = true;
    }
    return std::nullopt;
  }

  /// The stream's last event has come, in whichever order the last two did.
  [[nodiscard]] bool ended() const noexcept { return stopped_ && counted_; }
  /// The answer's last word has come; only its usage may be missing.
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

 private:
  /// A block of a stream whose end has not come.
  struct Block {
    std::int64_t index = 0;
    int call = -1;           ///< of toolUse: which call
    bool any = false;        ///< of toolUse: a piece of the input has come
    std::string begun{};     ///< what it began with, where the answer's reader is no tool of the caller
    std::string name{};      ///< the member that `begun` is the value of
    std::string gathered{};  ///< the input of such a block, or the pieces of its content, or citations
    std::string signature{};
    std::string redacted{};
  };

  void start(EventSink& sink) {
    if (started_) return;
    started_ = true;
    sink.event({.type = ChatEvent::Type::start, .id = id_, .model = model_});
  }

  std::optional<Failure> whole_block(JsonValue block, EventSink& sink) {
    if (const JsonValue words = block["text"]; words.is_string()) {
      text(words.string(), sink);
    } else if (const JsonValue use = block["toolUse"]; use.is_object()) {
      if (calls_ == kMostCalls) return broken_answer("the answer calls too many tools");
      const std::string_view input = use["input"].raw();
      begin_call(use, sink);
      sink.event({.type = ChatEvent::Type::tool_call,
                  .index = calls_ - 1,
                  .delta = input.empty() ? std::string_view("{}") : input});
    } else if (const JsonValue thought = block["reasoningContent"]; thought.is_object()) {
      reasoning(thought["reasoningText"]["text"].string(), sink);
      seal(thought["reasoningText"]["signature"].string(), thought["redactedContent"].string(), sink);
    } else if (const JsonValue cited = block["citationsContent"]; cited.is_object()) {
      for (const JsonValue piece : cited["content"].items()) text(piece["text"].string(), sink);
      citations(cited["citations"].raw(), sink);
    } else {
      sink.event({.type = ChatEvent::Type::part, .delta = block.raw()});
    }
    return std::nullopt;
  }

  std::optional<Failure> open(std::int64_t index, JsonValue begin, EventSink& sink) {
    Block* block = find(index, true);
    if (block == nullptr) return broken_answer("too many content blocks are open at once");
    const JsonValue use = begin["toolUse"];
    if (use.is_object()) {
      if (calls_ == kMostCalls) return broken_answer("the answer calls too many tools");
      begin_call(use, sink);
      block->call = calls_ - 1;
      return std::nullopt;
    }
    for (const JsonMember member : begin.members()) {
      block->name = member.name;
      block->begun = member.value.raw();
    }
    return std::nullopt;
  }

  std::optional<Failure> delta(std::int64_t index, JsonValue delta, EventSink& sink) {
    if (const JsonValue words = delta["text"]; words.is_string()) {
      text(words.string(), sink);
      return std::nullopt;
    }
    // Blocks of text and thought come without a start.
    Block* block = find(index, false);
    if (block == nullptr) return broken_answer("too many content blocks are open at once");
    if (const JsonValue thought = delta["reasoningContent"]; thought.is_object()) {
      reasoning(thought["text"].string(), sink);
      block->signature += thought["signature"].string();
      block->redacted += thought["redactedContent"].string();
    } else if (const JsonValue input = delta["toolUse"]["input"]; input.is_string()) {
      if (block->call < 0) return broken_answer("a tool's input comes before its name");
      if (input.string().empty()) return std::nullopt;
      block->any = true;
      sink.event({.type = ChatEvent::Type::tool_call, .index = block->call, .delta = input.string()});
    } else if (const JsonValue citation = delta["citation"]; citation.is_object()) {
      gather(*block, citation.raw());
    } else if (const JsonValue results = delta["toolResult"]; results.is_array()) {
      for (const JsonValue result : results.items()) gather(*block, result.raw());
    } else {
      for (const JsonMember member : delta.members()) {
        block->name = member.name;
        block->begun = member.value.raw();
      }
    }
    const std::size_t held =
        block->gathered.size() + block->signature.size() + block->redacted.size() + block->begun.size();
    if (held > bound_) return broken_answer("a content block is longer than Bounds::max_event");
    return std::nullopt;
  }

  void close(std::int64_t index, EventSink& sink) {
    const auto found =
        std::find_if(open_.begin(), open_.end(), [index](const Block& block) { return block.index == index; });
    if (found == open_.end()) return;
    Block& block = *found;
    if (block.call >= 0) {
      if (!block.any) sink.event({.type = ChatEvent::Type::tool_call, .index = block.call, .delta = "{}"});
    } else if (!block.begun.empty()) {
      other(block, sink);
    } else if (!block.gathered.empty()) {
      citations('[' + block.gathered + ']', sink);
    }
    seal(block.signature, block.redacted, sink);
    open_.erase(found);
  }

  /// The block of that index; opened where it is not yet, or, with `anew`, where it is. Null: there are too many.
  Block* find(std::int64_t index, bool anew) {
    const auto found =
        std::find_if(open_.begin(), open_.end(), [index](const Block& block) { return block.index == index; });
    if (found != open_.end() && !anew) return &*found;
    if (open_.size() == kMostOpen) return nullptr;
    return &open_.emplace_back(Block{.index = index});
  }

  static void gather(Block& block, std::string_view json) {
    if (!block.gathered.empty()) block.gathered += ',';
    block.gathered += json;
  }

  /// A tool that Bedrock runs itself (Nova's grounding) is told from the caller's by its type.
  void begin_call(JsonValue use, EventSink& sink) {
    const std::string_view type = use["type"].string();
    sink.event({.type = ChatEvent::Type::tool_call,
                .index = calls_++,
                .id = use["toolUseId"].string(),
                .name = use["name"].string(),
                .native = type == "tool_use" ? std::string_view{} : type});
  }

  void text(std::string_view delta, EventSink& sink) {
    if (delta.empty()) return;
    said_ = true;
    sink.event({.type = ChatEvent::Type::text, .delta = delta});
  }

  static void reasoning(std::string_view delta, EventSink& sink) {
    if (!delta.empty()) sink.event({.type = ChatEvent::Type::reasoning, .delta = delta});
  }

  static void seal(std::string_view signature, std::string_view redacted, EventSink& sink) {
    if (!signature.empty()) sink.event({.type = ChatEvent::Type::reasoning, .signature = signature});
    if (!redacted.empty()) sink.event({.type = ChatEvent::Type::reasoning, .encrypted = redacted});
  }

  /// Citations follow the text that they belong to, and go back into one block with it.
  static void citations(std::string_view list, EventSink& sink) {
    if (list.empty()) return;
    const std::string part = fmt::format(R"({{"citationsContent":{{"citations":{}}}}})", list);
    sink.event({.type = ChatEvent::Type::part, .delta = part});
  }

  /// A block that is handed through: what it began with, and the content that came after.
  static void other(const Block& block, EventSink& sink) {
    std::string part;
    JsonWriter writer(part);
    writer.begin_object().key(block.name);
    JsonDoc begun;
    if (!begun.parse(block.begun) || !begun.root().is_object() || block.gathered.empty()) {
      writer.trusted(block.begun);
    } else {
      writer.begin_object();
      for (const JsonMember member : begun.root().members()) {
        if (member.name != "content") writer.key(member.name).trusted(member.value.raw());
      }
      writer.key("content").trusted('[' + block.gathered + ']');
      writer.end_object();
    }
    writer.end_object();
    sink.event({.type = ChatEvent::Type::part, .delta = part});
  }

  std::optional<Failure> stop(JsonValue event, EventSink& sink) {
    stopped_ = true;
    const std::string_view native = event["stopReason"].string();
    const auto known = std::find_if(kStops.begin(), kStops.end(), [&](const Stop& s) { return s.native == native; });
    if (known != kStops.end() && known->empty_is != FailureClass::unknown && !said_ && calls_ == 0) {
      return Failure{.failure = known->empty_is,
                     .message = fmt::format("the model stopped with {}", native),
                     .code = std::string(native)};
    }
    if (const JsonValue fields = event["additionalModelResponseFields"]; fields.has_value()) {
      sink.extra("additionalModelResponseFields", fields.raw());
    }
    sink.event({.type = ChatEvent::Type::finish,
                .native = native,
                .finish_reason = known == kStops.end() ? FinishReason::unknown : known->reason});
    return std::nullopt;
  }

  void metadata(JsonValue event, EventSink& sink) {
    constexpr std::array<std::string_view, 4> kNames = {"metrics", "trace", "performanceConfig", "serviceTier"};
    for (const std::string_view name : kNames) {
      if (const JsonValue value = event[name]; value.has_value()) sink.extra(name, value.raw());
    }
    const JsonValue counts = event["usage"];
    Usage usage;
    usage.cached_tokens = counts["cacheReadInputTokens"].integer();
    usage.cache_write_tokens = counts["cacheWriteInputTokens"].integer();
    usage.completion_tokens = counts["outputTokens"].integer();
    usage.total_tokens = counts["totalTokens"].integer();
    // inputTokens leaves out what the cache had to do with.
    // https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
    if (const auto input = counts["inputTokens"].integer()) {
      usage.prompt_tokens = *input + usage.cached_tokens.value_or(0) + usage.cache_write_tokens.value_or(0);
    }
    if (!usage.empty()) sink.event({.type = ChatEvent::Type::usage, .usage = usage});
  }

  std::string id_;
  std::string model_;
  std::size_t bound_;
  std::vector<Block> open_{};
  int calls_ = 0;
  bool started_ = false;
  bool said_ = false;
  bool stopped_ = false;
  bool counted_ = false;
};

class BedrockStream final : public Decoder {
 public:
  BedrockStream(BedrockAnswer answer, const Bounds& bounds)
      : frames_(bounds.max_event), limits_{.depth = bounds.max_json_depth}, answer_(std::move(answer)) {}

  std::optional<Failure> feed(std::string_view bytes, EventSink& sink) override {
    std::optional<Failure> failure;
    const auto status = frames_.feed(bytes, [&](const AwsMessage& message) { return take(message, sink, failure); });
    if (status == AwsEventStream::Status::too_large) return broken_answer("an event is longer than Bounds::max_event");
    if (status == AwsEventStream::Status::malformed) {
      return broken_answer("a message of the event stream is damaged (length, header or checksum)");
    }
    return failure;
  }

  std::optional<Failure> finish(EventSink&) override {
    if (answer_.ended() || (answer_.stopped() && !frames_.in_message())) return std::nullopt;
    return broken_answer("the stream ended before its messageStop");
  }

  bool complete() const noexcept override { return answer_.ended(); }
  std::uint64_t progress() const noexcept override { return progress_; }

 private:
  /// False: nothing more is wanted.
  bool take(const AwsMessage& message, EventSink& sink, std::optional<Failure>& failure) {
    if (answer_.ended()) return false;
    progress_ += message.payload.size();
    const std::string_view kind = message.header(":message-type");
    if (kind == "exception") {
      failure = classify_bedrock_exception(message.header(":exception-type"), message.payload);
    } else if (kind == "error") {
      // An error that no model of the API foresees has its words in headers.
      failure = classify_bedrock_exception(message.header(":error-code"), message.header(":error-message"));
    } else if (!doc_.parse(message.payload, limits_)) {
      failure = broken_answer(fmt::format("an event is not JSON: {}", doc_.error()));
    } else {
      failure = answer_.piece(message.header(":event-type"), doc_.root(), sink);
    }
    return !failure.has_value();
  }

  AwsEventStream frames_;
  JsonLimits limits_;
  JsonDoc doc_{};
  BedrockAnswer answer_;
  std::uint64_t progress_ = 0;
};

class BedrockWhole final : public Decoder {
 public:
  BedrockWhole(BedrockAnswer answer, const Bounds& bounds)
      : bound_(bounds.max_body), limits_{.depth = bounds.max_json_depth}, answer_(std::move(answer)) {}

  std::optional<Failure> feed(std::string_view bytes, EventSink&) override {
    if (body_.size() + bytes.size() > bound_) return broken_answer("the answer is longer than Bounds::max_body");
    body_ += bytes;
    return std::nullopt;
  }

  std::optional<Failure> finish(EventSink& sink) override {
    JsonDoc doc;
    if (auto failure = parse_answer(doc, body_, limits_)) return failure;
    return answer_.message(doc.root(), sink);
  }

  std::uint64_t progress() const noexcept override { return body_.size(); }

 private:
  std::size_t bound_;
  JsonLimits limits_;
  std::string body_{};
  BedrockAnswer answer_;
};

}  // namespace

std::unique_ptr<Decoder> make_bedrock_decoder(const HttpHead& head, bool stream, std::string_view model,
                                              const Bounds& bounds) {
  // Its answers have no id of their own.
  BedrockAnswer answer(std::string(request_id(head)), std::string(model), bounds);
  const std::string_view type = head.find("content-type");
  const bool frames = contains_ignoring_case(type, "eventstream");
  if (frames || (stream && !contains_ignoring_case(type, "json"))) {
    return std::make_unique<BedrockStream>(std::move(answer), bounds);
  }
  return std::make_unique<BedrockWhole>(std::move(answer), bounds);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
