#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include "providers/provider.hpp"
#include "providers/think_filter.hpp"
#include "providers/tool_slots.hpp"
#include "wire/event_template.hpp"
#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What the answers of one OpenAI-like service need to be read.
struct OpenAiReading {
  std::span<const ErrorRule> errors{};
  bool think_tags = false;
  bool think_opened = false;
  bool queues = false;
  int status = 200;         ///< of the answer
  std::uint64_t nonce = 0;  ///< for the ids of tool calls that come without
  WallTime now{};
  std::chrono::hours zone{0};  ///< of the times in its errors
};

/// `usage` in all the vendors' spellings; empty when there is none in it.
[[nodiscard]] Usage read_openai_usage(JsonValue usage);

/// What a piece of an answer continues.
enum class DeltaKind : std::uint8_t { text, reasoning, refusal, arguments };

/// Which string a piece continues. The fast path repeats it with another piece.
struct DeltaTarget {
  DeltaKind kind = DeltaKind::text;
  std::size_t choice = 0;  ///< place in the reader's list
  std::size_t slot = 0;    ///< of a tool call
};

/// Reads the JSON objects of an OpenAI chat answer, the chunks of a stream or the one of a unary answer, and gives what
/// they say as events. https://platform.openai.com/docs/api-reference/chat
///
/// Read leniently: whatever a server leaves out, doubles or spells in its own way must not end a call.
class OpenAiChunks {
 public:
  explicit OpenAiChunks(const OpenAiReading& reading);

  /// `whole`: the one object of a unary answer, not a chunk.
  [[nodiscard]] std::optional<Failure> read(JsonValue root, bool whole, EventSink& sink);
  /// The verdict on an error inside the answer.
  [[nodiscard]] Failure failure_of(const ErrorBody& error) const;
  /// The answer has ended: gives what was held back.
  void finish(EventSink& sink);

  /// The last chunk said nothing but one delta, at `wanted` of `holes` in the text, and every chunk that differs from
  /// it in the holes only would say the same but for the delta. Null: it said more.
  [[nodiscard]] const DeltaTarget* lesson() const noexcept { return teachable_ && deltas_ == 1 ? &target_ : nullptr; }
  [[nodiscard]] const std::vector<EventHole>& holes() const noexcept { return holes_; }
  [[nodiscard]] std::size_t wanted() const noexcept { return wanted_; }
  /// Changes whenever what earlier lessons taught may no longer hold.
  [[nodiscard]] std::uint32_t epoch() const noexcept { return epoch_; }
  void repeat(const DeltaTarget& target, std::string_view delta, EventSink& sink);

  /// Some choice has its finish reason.
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  /// An object was read that an answer consists of.
  [[nodiscard]] bool begun() const noexcept { return begun_; }

 private:
  struct Choice {
    int index = 0;
    bool finished = false;
    bool spoken = false;
    std::unique_ptr<ToolSlots> tools{};
    std::unique_ptr<ThinkFilter> think{};
  };
  struct Seen {
    std::string name;
    std::size_t hash = 0;
  };

  [[nodiscard]] std::optional<Failure> failure_in(JsonValue root) const;
  [[nodiscard]] std::optional<Failure> read_choice(JsonValue choice, std::size_t place);
  [[nodiscard]] std::optional<Failure> read_message(JsonValue message, std::size_t at);
  [[nodiscard]] std::optional<Failure> read_tool_calls(JsonValue calls, std::size_t at);
  [[nodiscard]] std::optional<Failure> read_tool_call(std::size_t at, const ToolPiece& piece, std::string_view type,
                                                      JsonValue arguments, std::string_view signature);
  [[nodiscard]] std::optional<Failure> read_finish(std::string_view native, std::size_t at);
  void read_content(JsonValue content, std::size_t at);
  void read_content_part(JsonValue part, std::size_t at);
  void read_thinking_part(JsonValue part, std::size_t at);
  void read_reasoning(JsonValue message, std::size_t at);
  void read_reasoning_details(JsonValue details, bool with_text, std::size_t at);
  void read_start(JsonValue root);
  void read_usage(JsonValue usage);
  void read_extras(JsonValue root);

  [[nodiscard]] std::size_t choice_at(int index);
  void delta(const DeltaTarget& target, JsonValue origin);
  void perform(const DeltaTarget& target, std::string_view delta);
  void emit_part(std::string_view json, std::size_t at);
  ChatEvent& fresh(ChatEvent::Type type, std::size_t at);
  void emit() { sink_->event(event_); }
  /// This chunk says something that another of its shape would not say in the same way.
  void not_alike() noexcept { teachable_ = false; }
  /// A value that nothing is made of may differ.
  void ignored(JsonValue value);
  void add_hole(JsonValue value);

  OpenAiReading reading_;
  std::vector<Choice> choices_{};
  std::vector<Seen> extras_{};
  std::vector<EventHole> holes_{};
  std::size_t wanted_begin_ = 0;
  std::size_t wanted_ = 0;
  DeltaTarget target_{};
  Usage usage_{};
  ChatEvent event_{};
  EventSink* sink_ = nullptr;
  std::string made_id_{};
  std::uint32_t epoch_ = 0;
  std::uint32_t deltas_ = 0;
  bool whole_ = false;
  bool teachable_ = false;
  bool started_ = false;
  bool created_ = false;
  bool finished_ = false;
  bool begun_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
