#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include <fmt/format.h>

#include "providers/registry.hpp"

/// For dialects whose streams say the same as their whole answers: what both come to, as text that tests compare.

namespace keywheel::testing {

/// A line for each thing said: pieces that continue one another are joined, and the last count of tokens stands alone
/// at the end.
class AnswerScript final : public EventSink {
 public:
  void event(const ChatEvent& event) override {
    using Type = ChatEvent::Type;
    switch (event.type) {
      case Type::start:
        lines_.push_back(fmt::format("start {} {}", event.id, event.model));
        break;
      case Type::text:
        join("text ", event.delta);
        break;
      case Type::reasoning:
        if (!event.delta.empty()) join("thought ", event.delta);
        if (!event.signature.empty()) lines_.push_back(fmt::format("signature {}", event.signature));
        if (!event.encrypted.empty()) lines_.push_back(fmt::format("sealed {}", event.encrypted));
        break;
      case Type::tool_call:
        if (!event.name.empty()) {
          lines_.push_back(fmt::format("call {} {} {}{} ", event.index, event.id, event.name,
                                       event.native.empty() ? "" : fmt::format(" ({})", event.native)));
        }
        join(fmt::format("call {} ", event.index), event.delta);
        break;
      case Type::part:
        lines_.push_back(fmt::format("part {}", event.delta));
        break;
      case Type::finish:
        lines_.push_back(fmt::format("finish {} {}", to_string(event.finish_reason), event.native));
        break;
      case Type::usage:
        usage_.merge(event.usage);
        break;
      default:
        lines_.push_back("an event of another kind");
    }
  }
  void extra(std::string_view name, std::string_view json) override {
    lines_.push_back(fmt::format("extra {} {}", name, json));
  }
  void failure(const Failure& failure) {
    lines_.push_back(fmt::format("failure {} {} {}", to_string(failure.failure), failure.code, failure.message));
  }

  [[nodiscard]] std::string text() const {
    std::string all;
    for (const std::string& line : lines_) all += line + '\n';
    if (usage_.empty()) return all;
    const auto count = [](const char* name, const std::optional<std::int64_t>& value) {
      return value ? fmt::format(" {} {}", name, *value) : std::string();
    };
    return all + "usage" + count("prompt", usage_.prompt_tokens) + count("completion", usage_.completion_tokens) +
           count("total", usage_.total_tokens) + count("cached", usage_.cached_tokens) +
           count("written", usage_.cache_write_tokens) + count("reasoning", usage_.reasoning_tokens) + '\n';
  }

 private:
  void join(std::string_view head, std::string_view delta) {
    if (lines_.empty() || !lines_.back().starts_with(head)) lines_.emplace_back(head);
    lines_.back() += delta;
  }

  std::vector<std::string> lines_{};
  Usage usage_{};
};

/// A provider's Transport with a service and a credential of its own.
struct DialectUnderTest {
  explicit DialectUnderTest(std::string provider) : transport(detail::make_transport(provider, "")) {
    service.provider = std::move(provider);
    service.id = "service";
    credential.id = "service#1";
  }

  [[nodiscard]] Target target(std::string_view model, bool stream = false) {
    using std::chrono::sys_days;
    return {.service = service,
            .credential = credential,
            .base_url = service.base_url,
            .model = model,
            .stream = stream,
            .now = sys_days(std::chrono::year(2026) / 11 / 23) + std::chrono::hours(12),
            .on_unsupported = on_unsupported,
            .warnings = &warnings};
  }

  /// The body, or the error's words.
  [[nodiscard]] std::string body(const ChatRequest& request, std::string_view model, bool stream = false) {
    const Result<HttpRequest> sent = transport->encode(request, target(model, stream));
    return sent ? sent->body : fmt::format("{}: {}", to_string(sent.error().kind), sent.error().message);
  }

  /// What an answer comes to that arrives in pieces of `size` bytes, each in memory of its own: a view that is kept too
  /// long shows under a sanitizer.
  [[nodiscard]] std::string read(std::string_view answer, std::string_view content_type, bool stream, std::size_t size,
                                 const Bounds& bounds = {}) {
    const HttpHead head{200, {{"Content-Type", std::string(content_type)}, {"x-amzn-requestid", "aws-1"}}};
    const std::unique_ptr<Decoder> decoder = transport->decoder(head, target("model", stream), bounds);
    AnswerScript script;
    std::optional<Failure> failure;
    for (std::size_t at = 0; at < answer.size() && !failure; at += size) {
      const auto piece = std::make_unique<std::string>(answer.substr(at, size));
      failure = decoder->feed(*piece, script);
    }
    if (!failure) failure = decoder->finish(script);
    if (failure) script.failure(*failure);
    return script.text();
  }

  [[nodiscard]] Failure classify(int status, std::string_view body, std::vector<HttpHeader> headers = {}) {
    return transport->classify({status, std::move(headers)}, body, target("model").now);
  }

  std::shared_ptr<const Transport> transport;
  ServiceConfig service{};
  CredentialConfig credential{};
  OnUnsupported on_unsupported = OnUnsupported::error;
  std::vector<std::string> warnings{};
};

[[nodiscard]] inline std::string_view header(const HttpRequest& request, std::string_view name) {
  for (const HttpHeader& header : request.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

}  // namespace keywheel::testing
