#include "router/response_builder.hpp"

#include <algorithm>

#include "wire/json.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr int kMostChoices = 128;
constexpr int kMostCalls = 4096;

/// Continues the last part where it is of that kind, else begins one.
template <class Kind>
Kind& last_of(std::vector<Part>& content) {
  if (content.empty() || !std::holds_alternative<Kind>(content.back())) content.emplace_back(Kind{});
  return std::get<Kind>(content.back());
}

void set_once(std::string& field, std::string_view value) {
  if (field.empty()) field = value;
}

void append_list(std::string& list, std::string_view array) {
  array = array.substr(1, array.size() - 2);
  if (array.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
  if (!list.empty()) list += ',';
  list += array;
}

}  // namespace

Choice* ResponseBuilder::choice_at(int index) {
  if (index < 0 || index >= kMostChoices) return nullptr;
  const auto at = static_cast<std::size_t>(index);
  while (choices_.size() <= at) choices_.emplace_back().message.role = Role::assistant;
  return &choices_[at];
}

void ResponseBuilder::event(const ChatEvent& event) {
  if (event.type == ChatEvent::Type::usage) {
    usage_.merge(event.usage);
    return;
  }
  if (event.type == ChatEvent::Type::resumed) return;
  if (event.type == ChatEvent::Type::start) {
    set_once(id_, event.id);
    set_once(model_, event.model);
    return;
  }
  Choice* choice = choice_at(event.choice);
  if (choice == nullptr) return;
  started_ = true;
  Message& message = choice->message;
  switch (event.type) {
    case ChatEvent::Type::text:
      last_of<TextPart>(message.content).text += event.delta;
      break;
    case ChatEvent::Type::reasoning:
      add_reasoning(event, message.content);
      break;
    case ChatEvent::Type::refusal:
      last_of<RefusalPart>(message.content).text += event.delta;
      break;
    case ChatEvent::Type::tool_call:
      add_tool_piece(event, message.tool_calls);
      break;
    case ChatEvent::Type::part:
      message.content.emplace_back(RawPart{.json = std::string(event.delta)});
      break;
    case ChatEvent::Type::logprobs:
      add_logprobs(static_cast<std::size_t>(event.choice), event.delta);
      break;
    case ChatEvent::Type::finish:
      choice->finish_reason = event.finish_reason;
      choice->native_finish_reason = event.native;
      break;
    case ChatEvent::Type::start:
    case ChatEvent::Type::usage:
    case ChatEvent::Type::resumed:
      break;
  }
}

/// A seal closes the thought it comes with; another id is another thought.
void ResponseBuilder::add_reasoning(const ChatEvent& event, std::vector<Part>& content) {
  const auto* last = content.empty() ? nullptr : std::get_if<ReasoningPart>(&content.back());
  const bool sealed = last != nullptr && (!last->signature.empty() || !last->encrypted.empty());
  const bool other = last != nullptr && !event.id.empty() && !last->id.empty() && last->id != event.id;
  const bool more = !event.delta.empty() || !event.signature.empty();
  if (last == nullptr || other || (sealed && more) ||
      (sealed && !last->encrypted.empty() && !event.encrypted.empty())) {
    content.emplace_back(ReasoningPart{});
  }
  auto& part = std::get<ReasoningPart>(content.back());
  part.text += event.delta;
  set_once(part.signature, event.signature);
  set_once(part.encrypted, event.encrypted);
  set_once(part.id, event.id);
}

void ResponseBuilder::add_tool_piece(const ChatEvent& event, std::vector<ToolCall>& calls) {
  if (event.index < 0 || event.index >= kMostCalls) return;
  const auto at = static_cast<std::size_t>(event.index);
  if (calls.size() <= at) calls.resize(at + 1);
  ToolCall& call = calls[at];
  set_once(call.id, event.id);
  set_once(call.name, event.name);
  set_once(call.type, event.native);
  set_once(call.signature, event.signature);
  call.arguments += event.delta;
}

void ResponseBuilder::add_logprobs(std::size_t choice, std::string_view json) {
  if (logprobs_.size() <= choice) logprobs_.resize(choice + 1);
  Logprobs& into = logprobs_[choice];
  JsonDoc doc;
  if (!doc.parse(json)) return;
  const JsonValue content = doc.root()["content"];
  const JsonValue refusal = doc.root()["refusal"];
  if (!content.is_array() && !refusal.is_array()) {
    into.other = json;
    return;
  }
  if (content.is_array()) append_list(into.content, content.raw());
  if (refusal.is_array()) append_list(into.refusal, refusal.raw());
}

void ResponseBuilder::extra(std::string_view name, std::string_view json) {
  const auto known = std::find_if(extras_.begin(), extras_.end(), [name](const auto& e) { return e.first == name; });
  if (known != extras_.end()) {
    known->second = json;
  } else {
    extras_.emplace_back(name, json);
  }
}

std::string ResponseBuilder::text() const { return choices_.empty() ? std::string() : choices_.front().message.text(); }

std::int64_t ResponseBuilder::all_tokens() const noexcept {
  std::size_t ascii = 0;
  std::size_t wide = 0;
  const auto count = [&](std::string_view text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      ascii += byte < 0x80 ? 1U : 0U;
      wide += byte >= 0xC0 ? 1U : 0U;
    }
  };
  for (const Choice& choice : choices_) {
    for (const Part& part : choice.message.content) {
      if (const auto* text = std::get_if<TextPart>(&part)) count(text->text);
      if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) count(reasoning->text);
      if (const auto* refusal = std::get_if<RefusalPart>(&part)) count(refusal->text);
    }
    for (const ToolCall& call : choice.message.tool_calls) count(call.arguments);
  }
  // English runs at about four characters a token, Chinese at about one.
  return static_cast<std::int64_t>((ascii + 3) / 4 + wide);
}

bool ResponseBuilder::only_text() const noexcept {
  if (choices_.size() != 1) return false;
  const Choice& choice = choices_.front();
  const std::vector<Part>& content = choice.message.content;
  return choice.message.tool_calls.empty() && choice.finish_reason == FinishReason::unknown &&
         std::all_of(content.begin(), content.end(), [](const Part& p) { return std::holds_alternative<TextPart>(p); });
}

void ResponseBuilder::go_on() {
  usage_ = {};
  id_.clear();
  model_.clear();
  started_ = false;
  before_ = all_tokens();
}

ChatResponse ResponseBuilder::take() {
  for (std::size_t i = 0; i < logprobs_.size() && i < choices_.size(); ++i) {
    const Logprobs& from = logprobs_[i];
    std::string& json = choices_[i].logprobs;
    json = from.other;
    if (from.content.empty() && from.refusal.empty()) continue;
    json.assign(1, '{');  // g++ 12 at -O3 takes json = "{" for an overlapping copy
    if (!from.content.empty()) json += "\"content\":[" + from.content + "]";
    if (!from.refusal.empty())
      json += std::string(from.content.empty() ? "" : ",") + "\"refusal\":[" + from.refusal + "]";
    json += '}';
  }
  ChatResponse response;
  response.choices = std::move(choices_);
  response.usage = usage_;
  response.id = std::move(id_);
  response.model = std::move(model_);
  if (!extras_.empty()) {
    JsonWriter writer(response.extra);
    writer.begin_object();
    for (const auto& [name, json] : extras_) writer.key(name).trusted(json);
    writer.end_object();
  }
  *this = ResponseBuilder();
  return response;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
