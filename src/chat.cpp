#include <string>
#include <utility>

#include <keywheel/chat.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace {

Message message(Role role, std::string words) {
  Message made;
  made.role = role;
  made.content.push_back(text(std::move(words)));
  return made;
}

/// The texts of all parts of one kind, joined.
template <class Kind>
std::string joined(const std::vector<Part>& parts) {
  std::string all;
  for (const Part& part : parts) {
    if (const auto* kind = std::get_if<Kind>(&part)) all += kind->text;
  }
  return all;
}

template <class Kind>
std::string joined_of_first(const std::vector<Choice>& choices) {
  return choices.empty() ? std::string() : joined<Kind>(choices.front().message.content);
}

const Message& no_message() noexcept {
  // Never destroyed: the library has no destructors at exit.
  static const Message& none = *new Message{.role = Role::assistant};
  return none;
}

}  // namespace

std::string_view to_string(Role role) noexcept {
  switch (role) {
    case Role::system:
      return "system";
    case Role::developer:
      return "developer";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
    case Role::tool:
      return "tool";
  }
  return "unknown";
}

std::string_view to_string(FinishReason reason) noexcept {
  switch (reason) {
    case FinishReason::unknown:
      return "unknown";
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::tool_calls:
      return "tool_calls";
    case FinishReason::content_filter:
      return "content_filter";
    case FinishReason::error:
      return "error";
  }
  return "unknown";
}

std::string Message::text() const { return joined<TextPart>(content); }

Part text(std::string text) { return TextPart{.text = std::move(text)}; }
Part image_url(std::string url, std::string detail) {
  return ImagePart{.url = std::move(url), .detail = std::move(detail)};
}
Part image_bytes(std::string data, std::string media_type) {
  return ImagePart{.data = std::move(data), .media_type = std::move(media_type)};
}

Message system(std::string text) { return message(Role::system, std::move(text)); }
Message developer(std::string text) { return message(Role::developer, std::move(text)); }
Message user(std::string text) { return message(Role::user, std::move(text)); }
Message user(std::vector<Part> parts) { return Message{.role = Role::user, .content = std::move(parts)}; }
Message assistant(std::string text) { return message(Role::assistant, std::move(text)); }
Message assistant(std::string text, std::vector<ToolCall> tool_calls) {
  Message made{.role = Role::assistant, .tool_calls = std::move(tool_calls)};
  if (!text.empty()) made.content.push_back(keywheel::text(std::move(text)));
  return made;
}
Message tool_result(std::string tool_call_id, std::string content) {
  Message made = message(Role::tool, std::move(content));
  made.tool_call_id = std::move(tool_call_id);
  return made;
}

void Usage::merge(const Usage& other) noexcept {
  const auto take = [](std::optional<std::int64_t>& mine, const std::optional<std::int64_t>& theirs) {
    if (theirs) mine = theirs;
  };
  take(prompt_tokens, other.prompt_tokens);
  take(completion_tokens, other.completion_tokens);
  take(total_tokens, other.total_tokens);
  take(cached_tokens, other.cached_tokens);
  take(cache_write_tokens, other.cache_write_tokens);
  take(reasoning_tokens, other.reasoning_tokens);
  if (!other.empty()) estimated = other.estimated;
}

bool Usage::empty() const noexcept {
  return !prompt_tokens && !completion_tokens && !total_tokens && !cached_tokens && !cache_write_tokens &&
         !reasoning_tokens;
}

std::string ChatResponse::text() const { return joined_of_first<TextPart>(choices); }
std::string ChatResponse::reasoning() const { return joined_of_first<ReasoningPart>(choices); }
std::string ChatResponse::refusal() const { return joined_of_first<RefusalPart>(choices); }

const std::vector<ToolCall>& ChatResponse::tool_calls() const noexcept { return message().tool_calls; }

FinishReason ChatResponse::finish_reason() const noexcept {
  return choices.empty() ? FinishReason::unknown : choices.front().finish_reason;
}

const Message& ChatResponse::message() const noexcept {
  return choices.empty() ? no_message() : choices.front().message;
}

ChatEvent ChatEvent::copy() const {
  ChatEvent copied = *this;
  std::string_view ChatEvent::*const views[] = {&ChatEvent::delta, &ChatEvent::id,        &ChatEvent::name,
                                                &ChatEvent::model, &ChatEvent::signature, &ChatEvent::encrypted,
                                                &ChatEvent::native};
  auto characters = std::make_shared<std::string>();
  std::size_t size = 0;
  for (const auto view : views) size += (this->*view).size();
  characters->reserve(size);
  for (const auto view : views) characters->append(this->*view);
  std::size_t at = 0;
  for (const auto view : views) {
    const std::size_t length = (this->*view).size();
    copied.*view = std::string_view(*characters).substr(at, length);
    at += length;
  }
  copied.storage = std::move(characters);
  return copied;
}

KEYWHEEL_END_NAMESPACE
