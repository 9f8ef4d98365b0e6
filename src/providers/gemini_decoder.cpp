#include "providers/gemini_decoder.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "providers/gemini_errors.hpp"
#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr int kMostCandidates = 128;
constexpr std::size_t kMostExtras = 256;

/// What Gemini's finish reasons mean. Where `failure` is set, the model produced nothing of use, and an answer that
/// holds nothing else has failed.
struct Finish {
  std::string_view name;
  FinishReason reason;
  std::optional<FailureClass> failure{};
};

// https://ai.google.dev/api/generate-content#FinishReason
constexpr std::array kFinishes = {
    Finish{"STOP", FinishReason::stop},
    Finish{"FUNCTION_CALL", FinishReason::stop},  // of servers that play Gemini
    Finish{"MAX_TOKENS", FinishReason::length},
    Finish{"SAFETY", FinishReason::content_filter},
    Finish{"RECITATION", FinishReason::content_filter},
    Finish{"BLOCKLIST", FinishReason::content_filter},
    Finish{"PROHIBITED_CONTENT", FinishReason::content_filter},
    Finish{"SPII", FinishReason::content_filter},
    Finish{"MODEL_ARMOR", FinishReason::content_filter},
    Finish{"LANGUAGE", FinishReason::content_filter},
    Finish{"IMAGE_SAFETY", FinishReason::content_filter},
    Finish{"IMAGE_PROHIBITED_CONTENT", FinishReason::content_filter},
    Finish{"IMAGE_RECITATION", FinishReason::content_filter},
    Finish{"IMAGE_OTHER", FinishReason::error, FailureClass::output},
    Finish{"NO_IMAGE", FinishReason::error, FailureClass::output},
    Finish{"MALFORMED_FUNCTION_CALL", FinishReason::error, FailureClass::output},
    Finish{"UNEXPECTED_TOOL_CALL", FinishReason::error, FailureClass::output},
    Finish{"TOO_MANY_TOOL_CALLS", FinishReason::error, FailureClass::output},
    Finish{"MALFORMED_RESPONSE", FinishReason::error, FailureClass::output},
    Finish{"MISSING_THOUGHT_SIGNATURE", FinishReason::error, FailureClass::request},
};

Finish finish_of(std::string_view name) {
  const auto found = std::find_if(kFinishes.begin(), kFinishes.end(), [&](const Finish& f) { return f.name == name; });
  return found == kFinishes.end() ? Finish{name, FinishReason::unknown} : *found;
}

bool says_nothing(JsonValue value) noexcept {
  return !value.has_value() || ((value.is_array() || value.is_object()) && value.size() == 0);
}

}  // namespace

std::optional<Failure> GeminiDecoder::frame(JsonValue root, std::string_view /*event*/, EventSink& sink) {
  if (!root.is_object()) return broken_answer("the answer is not a JSON object");
  JsonValue candidates;
  JsonValue counts;
  for (const auto& [name, value] : root.members()) {
    if (name == "error") return classify_google_error(root);
    if (name == "candidates") {
      candidates = value;
    } else if (name == "usageMetadata") {
      counts = value;
    } else if (name == "modelVersion") {
      if (model_.empty()) model_ = value.string();
    } else if (name == "responseId") {
      if (id_.empty()) id_ = value.string();
    } else if (name == "promptFeedback" && value["blockReason"].is_string()) {
      block_reason_ = value["blockReason"].string();
      block_message_ = value["blockReasonMessage"].string();
    } else {
      keep(name, value);
      continue;
    }
    answered_ = true;
  }
  if (!started_ && answered_) start(sink);
  int place = 0;
  for (const JsonValue one : candidates.items()) {
    if (std::optional<Failure> failure = candidate(one, place++, sink)) return failure;
  }
  if (counts.is_object()) usage(counts, sink);
  return std::nullopt;
}

std::optional<Failure> GeminiDecoder::candidate(JsonValue value, int place, EventSink& sink) {
  const std::int64_t index = value["index"].integer_or(place);
  if (index < 0 || index >= kMostCandidates) {
    return broken_answer(fmt::format("the answer holds a candidate of index {}", index));
  }
  auto found =
      std::find_if(candidates_.begin(), candidates_.end(), [&](const Candidate& c) { return c.index == index; });
  if (found == candidates_.end()) {
    candidates_.push_back({.index = static_cast<int>(index)});
    found = candidates_.end() - 1;
  }
  for (const auto& [name, member] : value.members()) {
    if (name == "content") {
      for (const JsonValue one : member["parts"].items()) {
        if (std::optional<Failure> failure = part(*found, one, sink)) return failure;
      }
    } else if (name == "finishReason") {
      if (member.has_value()) found->finish = member.string_or_number();
    } else if (name == "finishMessage") {
      found->finish_message = member.string();
    } else if (name == "logprobsResult") {
      if (!says_nothing(member)) {
        sink.event({.type = ChatEvent::Type::logprobs, .choice = found->index, .delta = member.raw()});
      }
    } else if (name != "index") {
      keep(index == 0 ? std::string(name) : fmt::format("candidates[{}].{}", index, name), member);
    }
  }
  return std::nullopt;
}

std::optional<Failure> GeminiDecoder::part(Candidate& of, JsonValue value, EventSink& sink) {
  const std::string_view signature = value["thoughtSignature"].string();
  if (const JsonValue call = value["functionCall"]; call.is_object()) return function_call(of, call, signature, sink);
  const JsonValue text = value["text"];
  const bool thought = value["thought"].boolean_or(false);
  bool other = false;
  for (const auto& [name, member] : value.members()) {
    other = other || (name != "text" && name != "thought" && name != "thoughtSignature" && member.has_value());
  }
  if (other) {
    delivered_ = true;
    sink.event({.type = ChatEvent::Type::part, .choice = of.index, .delta = value.raw()});
    return std::nullopt;
  }
  if (!text.string().empty()) delivered_ = true;
  if (thought) {
    if (!text.string().empty() || !signature.empty()) {
      sink.event(
          {.type = ChatEvent::Type::reasoning, .choice = of.index, .delta = text.string(), .signature = signature});
    }
    return std::nullopt;
  }
  if (!text.string().empty()) sink.event({.type = ChatEvent::Type::text, .choice = of.index, .delta = text.string()});
  // The seal of an answer's text has no thought of its own to go with.
  if (!signature.empty()) {
    sink.event({.type = ChatEvent::Type::reasoning, .choice = of.index, .signature = signature});
  }
  return std::nullopt;
}

std::optional<Failure> GeminiDecoder::function_call(Candidate& of, JsonValue call, std::string_view signature,
                                                    EventSink& sink) {
  delivered_ = true;
  const std::string_view name = call["name"].string();
  const bool goes_on = call["willContinue"].boolean_or(false);
  const JsonValue pieces = call["partialArgs"];
  if (!name.empty()) {
    end_call(of, sink);
    const std::string_view given = call["id"].string();
    const std::string id =
        given.empty() ? fmt::format("call_{:016x}_{}_{}", nonce_, of.index, of.calls) : std::string(given);
    const JsonValue arguments = call["args"];
    of.collecting = goes_on || pieces.is_array();
    // Arguments that come in pieces start empty and follow whole, when the last has come.
    const std::string_view delta = of.collecting ? "" : arguments.is_object() ? arguments.raw() : "{}";
    sink.event({.type = ChatEvent::Type::tool_call,
                .choice = of.index,
                .index = of.calls++,
                .delta = delta,
                .id = id,
                .name = name,
                .signature = signature});
  } else if (!of.collecting) {
    // The empty call that ends a streamed one may be repeated.
    return call.size() == 0 ? std::nullopt : std::optional(broken_answer("a function call came without a name"));
  }
  for (const JsonValue piece : pieces.items()) {
    if (!of.arguments.add(piece)) return broken_answer("the arguments of a function call do not fit together");
  }
  if (!goes_on) end_call(of, sink);
  return std::nullopt;
}

void GeminiDecoder::end_call(Candidate& of, EventSink& sink) {
  if (!of.collecting) return;
  of.collecting = false;
  const std::string arguments = of.arguments.json();
  of.arguments.clear();
  sink.event({.type = ChatEvent::Type::tool_call, .choice = of.index, .index = of.calls - 1, .delta = arguments});
}

// Every piece of a stream counts anew. The prompt's count is handed on at once, so that it is known when the stream
// breaks; the rest with the end.
void GeminiDecoder::usage(JsonValue metadata, EventSink& sink) {
  const auto prompt = metadata["promptTokenCount"].integer();
  const auto tools = metadata["toolUsePromptTokenCount"].integer();
  const auto answer = metadata["candidatesTokenCount"].integer();
  const auto thoughts = metadata["thoughtsTokenCount"].integer();
  Usage now;
  if (prompt || tools) now.prompt_tokens = prompt.value_or(0) + tools.value_or(0);
  if (answer || thoughts) now.completion_tokens = answer.value_or(0) + thoughts.value_or(0);
  now.total_tokens = metadata["totalTokenCount"].integer();
  now.cached_tokens = metadata["cachedContentTokenCount"].integer();
  now.reasoning_tokens = thoughts;
  usage_.merge(now);
  if (prompt_given_ || !usage_.prompt_tokens || form() == Form::object) return;
  prompt_given_ = true;
  sink.event({.type = ChatEvent::Type::usage,
              .usage = {.prompt_tokens = usage_.prompt_tokens, .cached_tokens = usage_.cached_tokens}});
}

std::optional<Failure> GeminiDecoder::end(bool cut, EventSink& sink) {
  if (!answered_) return broken_answer("the answer holds nothing that Gemini's answers hold");
  const bool finished =
      std::any_of(candidates_.begin(), candidates_.end(), [](const Candidate& c) { return !c.finish.empty(); });
  if (!block_reason_.empty() && !delivered_) return blocked();
  if (cut || (!finished && block_reason_.empty() && form() == Form::sse)) {
    return broken_answer("the stream ended before its finish reason");
  }
  for (Candidate& one : candidates_) {
    if (std::optional<Failure> failure = finish_candidate(one, sink)) return failure;
  }
  if (!usage_.empty()) sink.event({.type = ChatEvent::Type::usage, .usage = usage_});
  for (const auto& [name, json] : extras_) sink.extra(name, json);
  return std::nullopt;
}

std::optional<Failure> GeminiDecoder::finish_candidate(Candidate& of, EventSink& sink) {
  end_call(of, sink);
  Finish finish = finish_of(of.finish);
  if (finish.failure && !delivered_) {
    Failure failure;
    failure.failure = *finish.failure;
    failure.scope = Scope::call;
    failure.code = of.finish;
    failure.message = fmt::format("the model's answer came to nothing ({}){}{}", of.finish,
                                  of.finish_message.empty() ? "" : ": ", of.finish_message);
    return failure;
  }
  if (of.finish.empty() && !block_reason_.empty()) {
    of.finish = block_reason_;
    finish.reason = FinishReason::content_filter;
  }
  if (finish.reason == FinishReason::stop && of.calls > 0) finish.reason = FinishReason::tool_calls;
  sink.event(
      {.type = ChatEvent::Type::finish, .choice = of.index, .native = of.finish, .finish_reason = finish.reason});
  return std::nullopt;
}

void GeminiDecoder::start(EventSink& sink) {
  started_ = true;
  sink.event({.type = ChatEvent::Type::start, .id = id_, .model = model_});
}

void GeminiDecoder::keep(std::string_view name, JsonValue value) {
  if (says_nothing(value)) return;
  const auto found = extras_.find(name);
  if (found != extras_.end()) {
    found->second = value.raw();
  } else if (extras_.size() < kMostExtras) {
    extras_.emplace(name, value.raw());
  }
}

Failure GeminiDecoder::blocked() const {
  Failure failure;
  failure.failure = FailureClass::filter;
  failure.scope = Scope::call;
  failure.code = block_reason_;
  failure.message = fmt::format("Gemini blocked the prompt ({}){}{}", block_reason_, block_message_.empty() ? "" : ": ",
                                block_message_);
  return failure;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
