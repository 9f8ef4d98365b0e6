#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include <fmt/format.h>

/// What a decoder makes of bytes, as text that tests can compare: a line an event.
class EventLog final : public keywheel::EventSink {
 public:
  void event(const keywheel::ChatEvent& event) override {
    using Type = keywheel::ChatEvent::Type;
    switch (event.type) {
      case Type::start:
        line("start id={} model={}", event.id, event.model);
        break;
      case Type::text:
        line("text {} {}", event.choice, event.delta);
        break;
      case Type::reasoning:
        line("reasoning {} {}{}{}{}", event.choice, event.delta, field("signature", event.signature),
             field("encrypted", event.encrypted), field("id", event.id));
        break;
      case Type::refusal:
        line("refusal {} {}", event.choice, event.delta);
        break;
      case Type::tool_call:
        line("tool {}.{} {}{}{}{}{}", event.choice, event.index, event.delta, field("id", event.id),
             field("name", event.name), field("type", event.native), field("signature", event.signature));
        break;
      case Type::part:
        line("part {} {}", event.choice, event.delta);
        break;
      case Type::logprobs:
        line("logprobs {} {}", event.choice, event.delta);
        break;
      case Type::finish:
        line("finish {} {} {}", event.choice, keywheel::to_string(event.finish_reason), event.native);
        break;
      case Type::usage:
        line("usage{}{}{}{}{}{}", count("prompt", event.usage.prompt_tokens),
             count("completion", event.usage.completion_tokens), count("total", event.usage.total_tokens),
             count("cached", event.usage.cached_tokens), count("written", event.usage.cache_write_tokens),
             count("reasoning", event.usage.reasoning_tokens));
        break;
      case Type::resumed:
        line("resumed {}", event.delta);
        break;
    }
  }
  void extra(std::string_view name, std::string_view json) override { line("extra {} {}", name, json); }

  void failure(const keywheel::Failure& failure) {
    line("failure {} {} {}", keywheel::to_string(failure.failure), keywheel::to_string(failure.scope), failure.code);
  }

  std::string text{};

 private:
  template <class... T>
  void line(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(text), format, std::forward<T>(values)...);
    text += '\n';
  }
  static std::string field(std::string_view name, std::string_view value) {
    return value.empty() ? std::string() : fmt::format(" {}={}", name, value);
  }
  static std::string count(std::string_view name, const std::optional<std::int64_t>& value) {
    return value ? fmt::format(" {}={}", name, *value) : std::string();
  }
};

/// Decodes a body in pieces of `size` bytes, each in memory of its own, so that a sanitizer sees a view kept too long.
inline std::string decode(keywheel::Decoder& decoder, std::string_view body, std::size_t size) {
  EventLog log;
  std::optional<keywheel::Failure> failure;
  for (std::size_t at = 0; at < body.size() && !failure; at += size) {
    const auto piece = std::make_unique<std::string>(body.substr(at, size));
    failure = decoder.feed(*piece, log);
  }
  if (!failure) failure = decoder.finish(log);
  if (failure) log.failure(*failure);
  return log.text;
}
