#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/provider.hpp"
#include "providers/tool_slots.hpp"
#include "wire/json.hpp"
#include "wire/json_frames.hpp"
#include "wire/sse.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How an answer comes.
enum class Framing : std::uint8_t {
  http,     ///< one JSON text, or server-sent events
  objects,  ///< JSON objects, one after the other: messages of a WebSocket, lines of NDJSON, or a single one
};

/// What the decoders of the dialects that are not OpenAI's share: the bytes, and the events that are made of them.
///
/// Whether an answer over HTTP is a stream or one JSON text is seen from its first character: these APIs answer a call
/// for a stream with plain JSON where it fails, and with status 200.
class NativeDecoder : public Decoder {
 public:
  NativeDecoder(const HttpHead& head, const Target& target, const Bounds& bounds, Framing framing = Framing::http);

  [[nodiscard]] std::optional<Failure> feed(std::string_view bytes, EventSink& sink) final;
  [[nodiscard]] std::optional<Failure> finish(EventSink& sink) final;
  [[nodiscard]] bool complete() const noexcept final { return ended_; }
  [[nodiscard]] std::uint64_t progress() const noexcept final { return progress_; }

 protected:
  /// The one JSON text of a unary answer. Must end the answer, or fail.
  [[nodiscard]] virtual std::optional<Failure> whole(JsonValue body) = 0;
  /// One event of a stream. `name` is what its `event:` line says.
  [[nodiscard]] virtual std::optional<Failure> piece(JsonValue data, std::string_view name) = 0;
  /// The stream has ended without end(); `done`: it said [DONE]. Nothing: it may end so.
  [[nodiscard]] virtual std::optional<Failure> cut_off(bool done);

  // What an answer says. Empty deltas and ids say nothing and make no event.
  void start(std::string_view id, std::string_view model = {});  ///< only the first time
  void text(std::string_view delta);
  void reasoning(std::string_view delta);
  void part(std::string_view json);
  /// A piece of a tool call; its first one opens it. Fails where there are more calls than any model makes.
  [[nodiscard]] std::optional<Failure> tool_call(const ToolPiece& call, std::string_view arguments);
  /// What is said of one piece, or of several in a list: as OpenAI has it, {"content":[…]}.
  void logprobs(JsonValue value);
  void extra(std::string_view name, JsonValue value);
  void extra_json(std::string_view name, std::string_view json);  ///< made by keywheel
  /// Counts that replace those before. They are given with the end, or when the stream breaks off.
  void count(const Usage& usage) { usage_.merge(usage); }
  /// The answer's end, in the provider's word; `reason` where the table of all providers does not know it.
  [[nodiscard]] std::optional<Failure> finish_reason(std::string_view native,
                                                     std::optional<FinishReason> reason = std::nullopt);
  /// The last event has come: what follows is not read.
  void end();

  /// The verdict on an error inside the answer; `claimed` is the status that the body says it would have.
  [[nodiscard]] Failure fail(const ErrorBody& error, std::span<const ErrorRule> rules,
                             std::optional<int> claimed = std::nullopt) const;
  [[nodiscard]] bool spoken() const noexcept { return spoken_; }
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  [[nodiscard]] std::size_t calls() const noexcept { return slots_.size(); }

 private:
  enum class Form : std::uint8_t { unknown, stream, json, frames };

  [[nodiscard]] std::optional<Failure> take(std::string_view bytes);
  [[nodiscard]] std::optional<Failure> take_frames(std::string_view bytes);
  [[nodiscard]] bool on_event(const SseEvent& event, std::optional<Failure>& failure);
  [[nodiscard]] std::optional<Failure> read_body();
  void give_usage();

  EventSink* sink_ = nullptr;
  SseParser events_;
  JsonFrames frames_;
  JsonDoc doc_{};
  JsonLimits limits_;
  std::size_t max_body_;
  std::uint64_t nonce_;
  int status_;
  std::string request_id_;
  std::string body_{};
  std::string made_id_{};
  std::string logprobs_{};
  ToolSlots slots_{};
  Usage usage_{};
  std::uint64_t progress_ = 0;
  Form form_;
  bool started_ = false;
  bool spoken_ = false;
  bool finished_ = false;
  bool ended_ = false;
};

/// A count of tokens; nothing where it is none, or is beyond all reason, so that counts can be added.
[[nodiscard]] std::optional<std::int64_t> count_of(JsonValue value) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
