#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <keywheel/error.hpp>

/// The values of a chat: what a request says, what an answer holds, and the pieces in which a stream arrives.
///
/// Fields that hold JSON (`extra`, `Tool::parameters`, `ToolCall::arguments`, …) are JSON text in UTF-8, so that no
/// JSON library shows in this interface. They are checked when the request is encoded.

KEYWHEEL_BEGIN_NAMESPACE

/// Ends what a provider may cache of a prompt (Anthropic, Bedrock); others cache by themselves and ignore it.
struct CacheBreakpoint {
  std::chrono::seconds ttl{300};  ///< how long the provider keeps it; Anthropic knows 5 minutes and 1 hour
};

struct TextPart {
  std::string text{};
  std::optional<CacheBreakpoint> cache{};
  std::string extra{};  ///< JSON object merged into the part; empty: nothing
};

/// An image, by URL or by bytes: one of the two.
struct ImagePart {
  std::string url{};         ///< http(s) URL, or a provider's own (gs://, data:)
  std::string data{};        ///< the bytes themselves, not base64
  std::string media_type{};  ///< "image/png"; needed with `data`
  std::string detail{};      ///< "low", "high", "auto"; empty: the provider's default
  std::optional<CacheBreakpoint> cache{};
  std::string extra{};
};

struct AudioPart {
  std::string data{};    ///< the bytes, not base64
  std::string format{};  ///< "wav", "mp3", …
  std::string url{};     ///< instead of `data`, where a provider fetches audio itself
  std::string extra{};
};

/// A document, by bytes, by URL, or by the id that the provider gave an uploaded file.
struct FilePart {
  std::string data{};  ///< the bytes, not base64
  std::string url{};
  std::string id{};
  std::string filename{};
  std::string media_type{};  ///< "application/pdf", …
  std::optional<CacheBreakpoint> cache{};
  std::string extra{};
};

/// What a model thought. Send it back unchanged with the next turn: who signs it wants it, who wants none gets none.
struct ReasoningPart {
  std::string text{};
  std::string signature{};  ///< the provider's seal over `text`
  std::string encrypted{};  ///< the thought itself, where the provider only shows it sealed
  std::string id{};         ///< the item's id, where the provider has one (OpenAI Responses)
};

/// The model declined, in its own words.
struct RefusalPart {
  std::string text{};
};

/// A part of a kind that keywheel does not know: JSON handed through to the same provider.
struct RawPart {
  std::string json{};
};

using Part = std::variant<TextPart, ImagePart, AudioPart, FilePart, ReasoningPart, RefusalPart, RawPart>;

/// The model asks for a function to be run.
struct ToolCall {
  std::string id{};
  std::string name{};
  std::string arguments{};  ///< JSON text exactly as the provider gave it
  std::string signature{};  ///< the provider's seal (Gemini's thought signature), sent where there is a place for it
  std::string type{};       ///< empty or "function"; else the provider's kind of call ("custom", …)
  std::string extra{};      ///< JSON object merged into the call
};

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

[[nodiscard]] KEYWHEEL_EXPORT std::string_view to_string(Role role) noexcept;

struct Message {
  Role role = Role::user;
  std::vector<Part> content{};
  std::vector<ToolCall> tool_calls{};  ///< assistant: what the model asked for
  std::string tool_call_id{};          ///< tool: which call this answers
  std::string name{};                  ///< of the speaker; for a tool result, of the function, where it is asked for
  bool failed = false;                 ///< tool: the function failed, and the content says how; sent where it can be
  std::string extra{};                 ///< JSON object merged into the message

  /// All text parts, joined.
  [[nodiscard]] KEYWHEEL_EXPORT std::string text() const;
};

[[nodiscard]] KEYWHEEL_EXPORT Part text(std::string text);
[[nodiscard]] KEYWHEEL_EXPORT Part image_url(std::string url, std::string detail = {});
[[nodiscard]] KEYWHEEL_EXPORT Part image_bytes(std::string data, std::string media_type);

[[nodiscard]] KEYWHEEL_EXPORT Message system(std::string text);
[[nodiscard]] KEYWHEEL_EXPORT Message developer(std::string text);
[[nodiscard]] KEYWHEEL_EXPORT Message user(std::string text);
[[nodiscard]] KEYWHEEL_EXPORT Message user(std::vector<Part> parts);
[[nodiscard]] KEYWHEEL_EXPORT Message assistant(std::string text);
[[nodiscard]] KEYWHEEL_EXPORT Message assistant(std::string text, std::vector<ToolCall> tool_calls);
[[nodiscard]] KEYWHEEL_EXPORT Message tool_result(std::string tool_call_id, std::string content);

/// A function the model may ask for.
struct Tool {
  std::string name{};
  std::string description{};
  std::string parameters{};      ///< JSON schema of the arguments; empty: none
  std::optional<bool> strict{};  ///< arguments must fit the schema
  std::optional<CacheBreakpoint> cache{};
  std::string raw{};  ///< instead of all above: a provider's own tool as JSON ({"type":"web_search"})
};

struct ToolChoice {
  enum class Mode : std::uint8_t { automatic, none, required, function };
  Mode mode = Mode::automatic;
  std::string name{};  ///< with `function`: which one
  std::string raw{};   ///< instead of all above: the provider's own JSON
};

struct ResponseFormat {
  enum class Type : std::uint8_t { text, json_object, json_schema };
  Type type = Type::text;
  std::string name{};  ///< of the schema: letters, digits, - and _; sent where there is a place for it
  std::string description{};
  std::string schema{};  ///< JSON schema
  std::optional<bool> strict{};
};

/// What to do with a field that the provider cannot express.
enum class OnUnsupported : std::uint8_t {
  error,  ///< fail with ErrorKind::unsupported, naming the field
  warn,   ///< leave it out and say so in the response's `warnings`
};

/// How a service chooses among its credentials that have room. The config format's spellings are in config_json.hpp.
enum class Rotation : std::uint8_t {
  round_robin,     ///< each in turn, by weight
  first,           ///< the first until it is spent; keeps prompt caches warm
  random,          ///< by weight
  hash,            ///< the same `session` keeps its key while that key is well
  least_busy,      ///< fewest attempts in flight
  least_used,      ///< furthest from its quota
  lowest_latency,  ///< quickest of late
  lowest_cost,     ///< cheapest by ServiceConfig::prices; among the credentials of one service, which cost the same, as
                   ///< round_robin
};

/// One chat call. Absent means absent: nothing is sent for it, and the provider's default holds.
struct ChatRequest {
  std::string model{};  ///< as the config routes it: a model, an alias, "provider/model", "random"; empty: the first
  std::vector<Message> messages{};
  std::vector<Tool> tools{};
  std::optional<ToolChoice> tool_choice{};
  std::optional<bool> parallel_tool_calls{};
  std::optional<ResponseFormat> response_format{};
  std::optional<std::int64_t> max_tokens{};  ///< ceiling of the answer, reasoning included
  std::optional<double> temperature{};
  std::optional<double> top_p{};
  std::optional<std::int64_t> top_k{};
  std::vector<std::string> stop{};
  std::optional<std::int64_t> seed{};
  std::optional<double> presence_penalty{};
  std::optional<double> frequency_penalty{};
  std::map<std::string, double> logit_bias{};
  std::optional<bool> logprobs{};
  std::optional<int> top_logprobs{};
  std::optional<int> n{};                          ///< how many answers
  std::string reasoning_effort{};                  ///< "minimal", "low", "medium", "high", …; empty: default
  std::optional<std::int64_t> reasoning_tokens{};  ///< ceiling of the reasoning, where a provider takes one
  std::string user{};                              ///< id of the end user, for the provider's abuse checks
  std::map<std::string, std::string> metadata{};
  std::string service_tier{};
  std::string extra{};                           ///< JSON object merged into the body, last: what this struct lacks
  std::map<std::string, std::string> headers{};  ///< extra HTTP headers (beta flags, …)

  // How keywheel makes the call; none of it is sent.
  std::string session{};               ///< with Rotation::hash: the same value keeps its key
  std::string tenant{};                ///< on whose behalf, for a fair share of waiting calls
  std::string region{};                ///< preferred region of the credential; empty: the Router's
  std::optional<Rotation> rotation{};  ///< instead of the service's
  std::chrono::milliseconds deadline{
      0};  ///< for the whole call, waits and retries included; 0: RouterConfig::timeouts.total
  std::optional<int> max_attempts{};  ///< instead of RetryPolicy::max_attempts
  std::optional<bool> hedge{};        ///< instead of HedgeConfig::enabled
  std::optional<bool> resume{};       ///< instead of RouterConfig::resume
  double max_cost = 0;  ///< most that the call may cost, by estimate and ceiling, where prices are given; 0: no bound
  OnUnsupported on_unsupported = OnUnsupported::error;
  bool keep_raw = false;  ///< keep the provider's body in ChatResponse::raw
};

/// What a call used. A count the provider did not give is absent, not 0.
struct Usage {
  std::optional<std::int64_t> prompt_tokens{};      ///< all input, cached included
  std::optional<std::int64_t> completion_tokens{};  ///< all output, reasoning included
  std::optional<std::int64_t> total_tokens{};
  std::optional<std::int64_t> cached_tokens{};       ///< of the prompt: read from the provider's cache
  std::optional<std::int64_t> cache_write_tokens{};  ///< of the prompt: written to the provider's cache
  std::optional<std::int64_t> reasoning_tokens{};    ///< of the completion
  bool estimated = false;                            ///< counted by keywheel, since the call was cut off

  /// Takes over every count that `other` has.
  KEYWHEEL_EXPORT void merge(const Usage& other) noexcept;
  [[nodiscard]] KEYWHEEL_EXPORT bool empty() const noexcept;
};

enum class FinishReason : std::uint8_t { unknown, stop, length, tool_calls, content_filter, error };

[[nodiscard]] KEYWHEEL_EXPORT std::string_view to_string(FinishReason reason) noexcept;

/// One answer of a response.
struct Choice {
  Message message{};  ///< ready to be appended to the conversation
  FinishReason finish_reason = FinishReason::unknown;
  std::string native_finish_reason{};  ///< as the provider spells it
  std::string logprobs{};              ///< JSON as given; empty: none
};

struct ChatResponse {
  std::vector<Choice> choices{};
  Usage usage{};
  std::string id{};     ///< the provider's id of the answer
  std::string model{};  ///< the model that answered, as the provider names it
  std::string provider{};
  std::string service{};     ///< id of the service that answered
  std::string credential{};  ///< id of the credential that answered
  std::string request_id{};  ///< the provider's id of the HTTP request
  std::vector<std::string> warnings{};
  std::vector<Attempt> attempts{};  ///< every upstream request of the call, in order; the last one answered
  std::chrono::microseconds elapsed{};
  std::optional<double> cost{};  ///< of all attempts, where prices are given; those cut off at the most they may cost
  std::string
      extra{};  ///< JSON object: top-level members of the answer that have no field here (citations, …); empty: none
  std::string raw{};  ///< the provider's body, where the request asked to keep it

  [[nodiscard]] KEYWHEEL_EXPORT std::string text() const;       ///< of the first choice
  [[nodiscard]] KEYWHEEL_EXPORT std::string reasoning() const;  ///< of the first choice
  [[nodiscard]] KEYWHEEL_EXPORT std::string refusal() const;    ///< of the first choice
  [[nodiscard]] KEYWHEEL_EXPORT const std::vector<ToolCall>& tool_calls() const noexcept;
  [[nodiscard]] KEYWHEEL_EXPORT FinishReason finish_reason() const noexcept;
  [[nodiscard]] KEYWHEEL_EXPORT const Message& message() const noexcept;  ///< of the first choice
};

/// One piece of a streamed answer. Its views live until the callback returns or the range is incremented.
struct ChatEvent {
  enum class Type : std::uint8_t {
    start,      ///< `id` and `model` are known
    text,       ///< `delta` continues the answer
    reasoning,  ///< `delta` continues the reasoning; `signature` and `encrypted` may come with it, also alone
    refusal,    ///< `delta` continues the refusal
    tool_call,  ///< `delta` continues the arguments of call `index`; `id` and `name` come with its first piece
    part,       ///< `delta` is the JSON of a part of another kind (a picture, a citation), whole
    logprobs,   ///< `delta` is JSON
    finish,     ///< `finish_reason` of `choice`
    usage,      ///< `usage`, replacing what came before
    resumed,    ///< the stream broke and another attempt goes on from here; `delta` says why
  };

  Type type = Type::text;
  int choice = 0;  ///< which answer, with `n` > 1
  int index = 0;   ///< which tool call of this answer
  std::string_view delta{};
  std::string_view id{};         ///< start: of the answer; tool_call: of the call; reasoning: of the item
  std::string_view name{};       ///< tool_call: of the function
  std::string_view model{};      ///< start
  std::string_view signature{};  ///< reasoning, tool_call
  std::string_view encrypted{};  ///< reasoning
  std::string_view native{};     ///< finish: as the provider spells it; tool_call: the kind, where not "function"
  FinishReason finish_reason = FinishReason::unknown;
  Usage usage{};

  /// The piece of the answer's text, empty for every other type.
  [[nodiscard]] std::string_view text() const noexcept { return type == Type::text ? delta : std::string_view{}; }
  /// The piece of the reasoning, empty for every other type.
  [[nodiscard]] std::string_view reasoning() const noexcept {
    return type == Type::reasoning ? delta : std::string_view{};
  }

  /// The same event over characters of its own, which live as long as any copy of it.
  [[nodiscard]] KEYWHEEL_EXPORT ChatEvent copy() const;

  std::shared_ptr<const std::string> storage{};  ///< what a copy's views point into; empty: somebody else's buffer
};

/// Reads an OpenAI chat-completions body: messages, tools, images, response_format, everything. Members that
/// ChatRequest has no field for go to `extra` (of the request, the message, the part), so that nothing is lost on the
/// way to an OpenAI-compatible service. `stream` and `stream_options` are ignored.
[[nodiscard]] KEYWHEEL_EXPORT Result<ChatRequest> parse_chat_request(std::string_view json);

KEYWHEEL_END_NAMESPACE
