#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <keywheel/observer.hpp>

#include <fmt/format.h>

#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Providers that the conventions name otherwise than a config does.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kProviders = {{
    {"claude", "anthropic"},
    {"azure", "azure.ai.openai"},
    {"bedrock", "aws.bedrock"},
    {"gemini", "gcp.gemini"},
    {"vertexai", "gcp.vertex_ai"},
    {"mistral", "mistral_ai"},
    {"moonshot", "moonshot_ai"},
    {"xai", "x_ai"},
}};

std::string_view provider_name(std::string_view provider) noexcept {
  for (const auto& [ours, theirs] : kProviders) {
    if (ours == provider) return theirs;
  }
  return provider;
}

class SpanWriter {
 public:
  SpanWriter(std::string_view operation, std::string_view model) {
    span_.name = model.empty() ? std::string(operation) : fmt::format("{} {}", operation, model);
    text("gen_ai.operation.name", operation);
    text("gen_ai.request.model", model);
  }

  /// Nothing is written for an empty text.
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) span_.attributes.emplace_back(name, value);
  }
  template <class Number>
  void number(std::string_view name, Number value) {
    span_.attributes.emplace_back(name, fmt::format("{}", value));
  }
  void flag(std::string_view name, bool value) {
    if (value) text(name, "true");
  }
  void seconds(std::string_view name, std::chrono::microseconds time) {
    number(name, std::chrono::duration<double>(time).count());
  }

  void usage(const Usage& usage) {
    const auto count = [this](std::string_view name, const std::optional<std::int64_t>& value) {
      if (value) number(name, *value);
    };
    count("gen_ai.usage.input_tokens", usage.prompt_tokens);
    count("gen_ai.usage.output_tokens", usage.completion_tokens);
    count("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens);
    count("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens);
    count("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens);
    flag("keywheel.usage.estimated", usage.estimated);
  }

  void finish_reasons(const std::vector<Choice>& choices) {
    std::string reasons;
    JsonWriter json(reasons);
    json.begin_array();
    for (const Choice& choice : choices) json.string(to_string(choice.finish_reason));
    json.end_array();
    if (!choices.empty()) text("gen_ai.response.finish_reasons", reasons);
  }

  [[nodiscard]] OtelSpan take() { return std::move(span_); }

 private:
  OtelSpan span_{};
};

}  // namespace
}  // namespace detail

OtelSpan otel_span(const CallEnded& event) {
  detail::SpanWriter span(event.operation, event.model);
  span.flag("gen_ai.request.stream", event.stream);
  if (event.stream && event.first_event) span.seconds("gen_ai.response.time_to_first_chunk", *event.first_event);
  if (const ChatResponse* response = event.response) {
    span.text("gen_ai.provider.name", detail::provider_name(response->provider));
    span.text("gen_ai.response.id", response->id);
    span.text("gen_ai.response.model", response->model);
    span.finish_reasons(response->choices);
    span.usage(response->usage);
    span.text("keywheel.service", response->service);
    span.text("keywheel.credential", response->credential);
    span.number("keywheel.attempts", response->attempts.size());
  }
  if (const Error* error = event.error) {
    span.text("gen_ai.provider.name", detail::provider_name(error->provider));
    span.text("error.type", to_string(error->kind));
    span.text("keywheel.service", error->service);
    span.text("keywheel.credential", error->credential);
    span.number("keywheel.attempts", error->attempts.size());
  }
  return span.take();
}

OtelSpan otel_span(const AttemptEnded& event) {
  const Attempt& attempt = event.attempt;
  detail::SpanWriter span(event.operation, attempt.model);
  span.text("gen_ai.provider.name", detail::provider_name(attempt.provider));
  if (event.first_event) span.seconds("gen_ai.response.time_to_first_chunk", *event.first_event);
  span.usage(event.usage);
  if (attempt.status) span.number("http.response.status_code", *attempt.status);
  if (attempt.error) span.text("error.type", to_string(*attempt.error));
  span.text("keywheel.failure", attempt.failure);
  span.text("keywheel.service", attempt.service);
  span.text("keywheel.credential", attempt.credential);
  span.text("keywheel.reason", attempt.reason);
  span.flag("keywheel.hedge", attempt.hedge);
  span.flag("keywheel.resumed", attempt.resumed);
  return span.take();
}

KEYWHEEL_END_NAMESPACE
