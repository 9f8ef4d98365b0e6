#include "providers/openai_chunks.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "providers/finish_reason.hpp"
#include "providers/retry_time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostChoices = 128;
constexpr std::size_t kMostExtras = 64;

template <std::size_t N>
bool one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Members of the answer that have a field of their own, or that only fill: OpenAI and Mistral pad their chunks so that
/// the lengths of tokens cannot be read off the wire.
constexpr std::array<std::string_view, 8> kKnownTop = {"id",    "object", "model",       "choices",
                                                       "usage", "error",  "obfuscation", "p"};
constexpr std::array<std::string_view, 7> kKnownChoice = {"index",    "delta", "message", "finish_reason",
                                                          "logprobs", "usage", "error"};
constexpr std::array<std::string_view, 13> kKnownMessage = {
    "content",          "reasoning_content", "reasoning",  "reasoning_text", "reasoning_details",
    "reasoning_opaque", "refusal",           "tool_calls", "function_call",  "audio",
    "images",           "annotations",       "role"};

bool says_something(JsonValue value) {
  if (value.is_string()) return !value.string().empty();
  if (!value.is_object()) return value.is_array() && value.size() > 0;
  for (const JsonMember& member : value.members()) {
    if (says_something(member.value) || member.value.integer_or(0) != 0) return true;
  }
  return false;
}

bool same_counts(const Usage& a, const Usage& b) {
  const auto counts = [](const Usage& u) {
    return std::tie(u.prompt_tokens, u.completion_tokens, u.total_tokens, u.cached_tokens, u.cache_write_tokens,
                    u.reasoning_tokens);
  };
  return counts(a) == counts(b);
}

}  // namespace

OpenAiChunks::OpenAiChunks(const OpenAiReading& reading) : reading_(reading) {}

ChatEvent& OpenAiChunks::fresh(ChatEvent::Type type, std::size_t at) {
  event_.type = type;
  event_.choice = choices_.empty() ? 0 : choices_[at].index;
  event_.index = 0;
  event_.delta = event_.id = event_.name = event_.model = event_.signature = event_.encrypted = event_.native = {};
  return event_;
}

void OpenAiChunks::add_hole(JsonValue value) {
  holes_.push_back({value.offset(), value.offset() + value.raw().size(), value.is_number()});
}

void OpenAiChunks::ignored(JsonValue value) {
  if (value.is_string() || value.is_number()) add_hole(value);
}

void OpenAiChunks::delta(const DeltaTarget& target, JsonValue origin) {
  const std::string_view text = origin.string();
  if (text.empty()) return;
  ++deltas_;
  target_ = target;
  wanted_begin_ = origin.offset();
  add_hole(origin);
  perform(target, text);
}

void OpenAiChunks::perform(const DeltaTarget& target, std::string_view text) {
  if (text.empty()) return;
  Choice& choice = choices_[target.choice];
  choice.spoken = true;
  switch (target.kind) {
    case DeltaKind::text:
      if (choice.think) {
        choice.think->feed(text, [&](bool thought, std::string_view piece) {
          fresh(thought ? ChatEvent::Type::reasoning : ChatEvent::Type::text, target.choice).delta = piece;
          emit();
        });
        return;
      }
      fresh(ChatEvent::Type::text, target.choice).delta = text;
      break;
    case DeltaKind::reasoning:
      fresh(ChatEvent::Type::reasoning, target.choice).delta = text;
      break;
    case DeltaKind::refusal:
      fresh(ChatEvent::Type::refusal, target.choice).delta = text;
      break;
    case DeltaKind::arguments:
      choice.tools->arguments(target.slot, text);
      fresh(ChatEvent::Type::tool_call, target.choice).delta = text;
      event_.index = static_cast<int>(target.slot);
      break;
  }
  emit();
}

void OpenAiChunks::repeat(const DeltaTarget& target, std::string_view text, EventSink& sink) {
  sink_ = &sink;
  perform(target, text);
}

void OpenAiChunks::emit_part(std::string_view json, std::size_t at) {
  not_alike();
  choices_[at].spoken = true;
  fresh(ChatEvent::Type::part, at).delta = json;
  emit();
}

std::size_t OpenAiChunks::choice_at(int index) {
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    if (choices_[i].index == index) return i;
  }
  Choice& choice = choices_.emplace_back();
  choice.index = index;
  if (reading_.think_tags) choice.think = std::make_unique<ThinkFilter>(reading_.think_opened);
  return choices_.size() - 1;
}

Failure OpenAiChunks::failure_of(const ErrorBody& error) const {
  // The code inside a 200 is often the HTTP status that a gateway had from the provider behind it.
  std::optional<int> claimed;
  if (error.code.size() == 3 && error.code >= "400" && error.code <= "599") {
    claimed = (error.code[0] - '0') * 100 + (error.code[1] - '0') * 10 + (error.code[2] - '0');
  }
  const auto reset = reset_in_text(error.message, reading_.now, reading_.zone);
  Failure failure = classify_error(error, claimed, reset, reading_.errors);
  failure.status = reading_.status;
  return failure;
}

std::optional<Failure> OpenAiChunks::failure_in(JsonValue root) const {
  if (says_something(root["error"])) return failure_of(read_error_value(root));
  // MiniMax: {"base_resp":{"status_code":1004,"status_msg":"…"}}
  if (const JsonValue base = root["base_resp"]; base["status_code"].integer_or(0) != 0) {
    ErrorBody error;
    error.structured = true;
    error.code = std::string(base["status_code"].string_or_number());
    error.message = std::string(base["status_msg"].string());
    return failure_of(error);
  }
  if (root["choices"].is_array()) return std::nullopt;
  const bool called_error = root["object"].string() == "error" || root["type"].string() == "error";
  const bool like_error = says_something(root["errors"]) || says_something(root["detail"]) ||
                          says_something(root["message"]) || says_something(root["msg"]) ||
                          says_something(root["error_msg"]);
  if (called_error || like_error || root.is_array() || root.is_string()) return failure_of(read_error_value(root));
  return std::nullopt;
}

std::optional<Failure> OpenAiChunks::read(JsonValue root, bool whole, EventSink& sink) {
  sink_ = &sink;
  whole_ = whole;
  holes_.clear();
  deltas_ = 0;
  teachable_ = true;
  if (auto failure = failure_in(root)) return failure;
  if (!root.is_object()) return broken_answer("the answer is not a JSON object");
  const JsonValue choices = root["choices"];
  begun_ = begun_ || choices.is_array() || root["usage"].is_object();
  read_start(root);
  std::size_t place = 0;
  for (const JsonValue choice : choices.items()) {
    if (auto failure = read_choice(choice, place++)) return failure;
  }
  read_usage(root["usage"]);
  read_usage(root["x_groq"]["usage"]);
  read_extras(root);
  if (deltas_ == 1 && teachable_) {
    std::sort(holes_.begin(), holes_.end(), [](const EventHole& a, const EventHole& b) { return a.begin < b.begin; });
    const auto hole =
        std::find_if(holes_.begin(), holes_.end(), [this](const EventHole& h) { return h.begin == wanted_begin_; });
    wanted_ = static_cast<std::size_t>(hole - holes_.begin());
  }
  return std::nullopt;
}

void OpenAiChunks::read_start(JsonValue root) {
  if (started_) return;
  const std::string_view id = root["id"].string();
  const std::string_view model = root["model"].string();
  // Azure and Copilot send what they think of the prompt first, without the answer's id.
  if (id.empty() && (model.empty() || root["choices"].size() == 0)) return;
  started_ = true;
  not_alike();
  fresh(ChatEvent::Type::start, 0).choice = 0;
  event_.id = id;
  event_.model = model;
  emit();
}

void OpenAiChunks::read_usage(JsonValue usage) {
  if (!usage.is_object()) return;
  not_alike();
  Usage counts = usage_;
  counts.merge(read_openai_usage(usage));
  if (same_counts(counts, usage_)) return;
  usage_ = counts;
  fresh(ChatEvent::Type::usage, 0).usage = usage_;
  event_.choice = 0;
  emit();
  event_.usage = {};
}

void OpenAiChunks::read_extras(JsonValue root) {
  for (const JsonMember& member : root.members()) {
    if (member.name == "created") {
      if (created_) {
        ignored(member.value);
        continue;
      }
      created_ = true;
    } else if (one_of(member.name, kKnownTop)) {
      if (member.name == "obfuscation" || member.name == "p") ignored(member.value);
      continue;
    }
    if (!member.value.has_value()) continue;
    const std::size_t hash = std::hash<std::string_view>()(member.value.raw());
    const auto seen =
        std::find_if(extras_.begin(), extras_.end(), [&member](const Seen& s) { return s.name == member.name; });
    if (seen != extras_.end() && seen->hash == hash) continue;
    if (seen != extras_.end()) {
      seen->hash = hash;
    } else if (extras_.size() < kMostExtras) {
      extras_.push_back({std::string(member.name), hash});
    }
    not_alike();
    ++epoch_;
    sink_->extra(member.name, member.value.raw());
  }
}

std::optional<Failure> OpenAiChunks::read_choice(JsonValue choice, std::size_t place) {
  if (!choice.is_object()) return std::nullopt;
  if (says_something(choice["error"])) return failure_of(read_error_value(choice));
  const std::int64_t index = choice["index"].integer_or(static_cast<std::int64_t>(place));
  if (index < 0 || static_cast<std::size_t>(index) >= kMostChoices) {
    return broken_answer(fmt::format("choices[{}].index is {}", place, index));
  }
  const std::size_t at = choice_at(static_cast<int>(index));
  // Perplexity sends both: in a stream the message is what came so far, in a unary answer the delta is empty.
  const JsonValue first = choice[whole_ ? "message" : "delta"];
  const JsonValue message = first.is_object() ? first : choice[whole_ ? "delta" : "message"];
  if (auto failure = read_message(message, at)) return failure;
  if (const JsonValue logprobs = choice["logprobs"]; logprobs.is_object() && says_something(logprobs)) {
    not_alike();
    fresh(ChatEvent::Type::logprobs, at).delta = logprobs.raw();
    emit();
  }
  for (const JsonMember& member : choice.members()) {
    if (!one_of(member.name, kKnownChoice)) ignored(member.value);
  }
  read_usage(choice["usage"]);  // Moonshot
  return read_finish(choice["finish_reason"].string(), at);
}

std::optional<Failure> OpenAiChunks::read_finish(std::string_view native, std::size_t at) {
  Choice& choice = choices_[at];
  if (native.empty()) return std::nullopt;
  not_alike();
  if (choice.finished) return std::nullopt;
  const FinishFact fact = finish_fact(native);
  if (fact.failure && !(fact.only_if_empty && choice.spoken)) {
    Failure failure = broken_answer(fmt::format("the answer ended with finish_reason \"{}\"", native));
    failure.failure = *fact.failure;
    failure.scope = *fact.failure == FailureClass::context ? Scope::call : Scope::service_model;
    failure.kind.reset();
    failure.code = native;
    failure.status = reading_.status;
    return failure;
  }
  choice.finished = true;
  finished_ = true;
  if (choice.think) {
    choice.think->finish([&](bool thought, std::string_view piece) {
      fresh(thought ? ChatEvent::Type::reasoning : ChatEvent::Type::text, at).delta = piece;
      emit();
    });
  }
  fresh(ChatEvent::Type::finish, at).finish_reason = fact.reason;
  event_.native = native;
  emit();
  event_.finish_reason = FinishReason::unknown;
  return std::nullopt;
}

void OpenAiChunks::finish(EventSink& sink) {
  sink_ = &sink;
  for (std::size_t at = 0; at < choices_.size(); ++at) {
    if (!choices_[at].think) continue;
    choices_[at].think->finish([&](bool thought, std::string_view piece) {
      fresh(thought ? ChatEvent::Type::reasoning : ChatEvent::Type::text, at).delta = piece;
      emit();
    });
  }
}

std::optional<Failure> OpenAiChunks::read_message(JsonValue message, std::size_t at) {
  if (!message.is_object()) return std::nullopt;
  read_reasoning(message, at);
  read_content(message["content"], at);
  delta({DeltaKind::refusal, at, 0}, message["refusal"]);
  for (const std::string_view name : {"images", "annotations"}) {
    for (const JsonValue item : message[name].items()) emit_part(item.raw(), at);
  }
  if (const JsonValue audio = message["audio"]; audio.is_object() && says_something(audio)) {
    emit_part(fmt::format(R"({{"type":"audio","audio":{}}})", audio.raw()), at);
  }
  for (const JsonMember& member : message.members()) {
    if (!one_of(member.name, kKnownMessage)) ignored(member.value);
  }
  // The form before tools.  https://platform.openai.com/docs/api-reference/chat/object (deprecated)
  if (const JsonValue call = message["function_call"]; says_something(call)) {
    const ToolPiece piece{-1, {}, call["name"].string()};
    if (auto failure = read_tool_call(at, piece, "function_call", call["arguments"], {})) return failure;
  }
  return read_tool_calls(message["tool_calls"], at);
}

std::optional<Failure> OpenAiChunks::read_tool_calls(JsonValue calls, std::size_t at) {
  for (const JsonValue call : calls.items()) {
    if (!call.is_object()) continue;
    const std::string_view type = call["type"].string();
    const bool custom = call["custom"].is_object() && (type == "custom" || !call["function"].is_object());
    const JsonValue function = custom ? call["custom"] : call["function"];
    // Mistral's id of a call that has none.
    const std::string_view id = call["id"].string() == "null" ? std::string_view{} : call["id"].string();
    const ToolPiece piece{call["index"].integer(), id, function["name"].string()};
    // Gemini's seal.  https://ai.google.dev/gemini-api/docs/thought-signatures
    const std::string_view signature = call["extra_content"]["google"]["thought_signature"].string();
    if (auto failure = read_tool_call(at, piece, type == "function" ? std::string_view{} : type,
                                      function[custom ? "input" : "arguments"], signature)) {
      return failure;
    }
  }
  return std::nullopt;
}

std::optional<Failure> OpenAiChunks::read_tool_call(std::size_t at, const ToolPiece& piece, std::string_view type,
                                                    JsonValue arguments, std::string_view signature) {
  if (!choices_[at].tools) choices_[at].tools = std::make_unique<ToolSlots>();
  ToolSlots& tools = *choices_[at].tools;
  const std::optional<ToolSlots::Place> place = tools.place(piece);
  if (!place) return broken_answer("the answer holds more tool calls than any model makes");
  const DeltaTarget target{DeltaKind::arguments, at, place->slot};
  // Arguments are JSON in a string, or, from some servers, the JSON itself.
  const std::string_view text = arguments.is_string() ? arguments.string() : arguments.is_null() ? "" : arguments.raw();
  if (place->opened) ++epoch_;
  if (!place->opened && piece.name.empty() && signature.empty() && arguments.is_string()) {
    delta(target, arguments);
    return std::nullopt;
  }
  not_alike();
  choices_[at].spoken = true;
  if (!text.empty()) tools.arguments(place->slot, text);
  if (!place->opened && piece.name.empty() && signature.empty() && text.empty()) return std::nullopt;
  fresh(ChatEvent::Type::tool_call, at).delta = text;
  event_.index = static_cast<int>(place->slot);
  event_.name = piece.name;
  event_.native = type;
  event_.signature = signature;
  event_.id = piece.id;
  if (place->opened && piece.id.empty()) {
    made_id_ = fmt::format("call_{:016x}_{}_{}", reading_.nonce, choices_[at].index, place->slot);
    event_.id = made_id_;
  }
  emit();
  return std::nullopt;
}

void OpenAiChunks::read_content(JsonValue content, std::size_t at) {
  if (content.is_string()) {
    delta({DeltaKind::text, at, 0}, content);
  } else if (content.is_object()) {
    read_content_part(content, at);
  } else {
    for (const JsonValue part : content.items()) read_content_part(part, at);
  }
}

void OpenAiChunks::read_content_part(JsonValue part, std::size_t at) {
  const std::string_view type = part["type"].string();
  if (part.is_string()) {
    delta({DeltaKind::text, at, 0}, part);
  } else if (part["text"].is_string() && (type.empty() || type == "text" || type == "output_text")) {
    delta({DeltaKind::text, at, 0}, part["text"]);
  } else if (type == "refusal") {
    delta({DeltaKind::refusal, at, 0}, part["refusal"]);
  } else if (type == "thinking" || type == "reasoning") {
    read_thinking_part(part, at);
  } else if (part.is_object()) {
    emit_part(part.raw(), at);
  }
}

/// Mistral: {"type":"thinking","thinking":[{"type":"text","text":"…"}]}, also with a plain string. Databricks:
/// {"type":"reasoning","summary":[{"type":"summary_text","text":"…","signature":"…"}]}.
void OpenAiChunks::read_thinking_part(JsonValue part, std::size_t at) {
  const DeltaTarget target{DeltaKind::reasoning, at, 0};
  std::string_view signature = part["signature"].string();
  for (const std::string_view name : {"thinking", "summary", "text"}) {
    const JsonValue value = part[name];
    if (value.is_string()) delta(target, value);
    for (const JsonValue item : value.items()) {
      delta(target, item["text"]);
      if (const std::string_view seal = item["signature"].string(); !seal.empty()) signature = seal;
    }
  }
  if (signature.empty()) return;
  not_alike();
  fresh(ChatEvent::Type::reasoning, at).signature = signature;
  emit();
}

/// DeepSeek and most others say `reasoning_content`, Groq and Cerebras `reasoning`, OpenRouter and its followers
/// `reasoning` and the same again, with seals, in `reasoning_details`; Copilot `reasoning_text` and `reasoning_opaque`.
void OpenAiChunks::read_reasoning(JsonValue message, std::size_t at) {
  bool said = false;
  for (const std::string_view name : {"reasoning_content", "reasoning", "reasoning_text"}) {
    const JsonValue value = message[name];
    if (!said && !value.string().empty()) {
      delta({DeltaKind::reasoning, at, 0}, value);
      said = true;
    } else {
      // It only counts where the ones before it are absent, so an empty one here may not be filled by another chunk.
      if (said) ignored(value);
    }
  }
  read_reasoning_details(message["reasoning_details"], !said, at);
  if (const std::string_view opaque = message["reasoning_opaque"].string(); !opaque.empty()) {
    not_alike();
    fresh(ChatEvent::Type::reasoning, at).encrypted = opaque;
    emit();
  }
}

void OpenAiChunks::read_reasoning_details(JsonValue details, bool with_text, std::size_t at) {
  for (const JsonValue detail : details.items()) {
    const JsonValue text = detail["text"].is_string() ? detail["text"] : detail["summary"];
    const std::string_view signature = detail["signature"].string();
    const std::string_view encrypted = detail["data"].string();
    if (with_text) {
      delta({DeltaKind::reasoning, at, 0}, text);
    } else {
      ignored(text);
    }
    if (signature.empty() && encrypted.empty()) continue;
    not_alike();
    fresh(ChatEvent::Type::reasoning, at).signature = signature;
    event_.encrypted = encrypted;
    event_.id = detail["id"].string();
    emit();
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
