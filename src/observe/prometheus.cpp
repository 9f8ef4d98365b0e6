#include <array>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <keywheel/observer.hpp>
#include <keywheel/router.hpp>

#include <fmt/format.h>

/// https://prometheus.io/docs/instrumenting/exposition_formats/

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Text {
 public:
  /// What follows are samples of this metric.
  void metric(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP keywheel_{} {}\n# TYPE keywheel_{} {}\n", name, help, name, type);
  }

  template <class Number>
  void sample(Labels labels, Number value) {
    text_ += "keywheel_";
    text_ += name_;
    char before = '{';
    for (const auto& [label, content] : labels) {
      text_ += std::exchange(before, ',');
      text_ += label;
      text_ += "=\"";
      for (const char c : content) {
        if (c == '\\' || c == '"') text_ += '\\';
        if (c == '\n') {
          text_ += "\\n";
        } else {
          text_ += c;
        }
      }
      text_ += '"';
    }
    if (labels.size() != 0) text_ += '}';
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
  }

  template <class Number>
  void alone(std::string_view name, std::string_view type, std::string_view help, Number value) {
    metric(name, type, help);
    sample({}, value);
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_{};
  std::string_view name_{};
};

template <class Member>
void of_each(Text& text, const RouterStats& stats, std::string_view name, std::string_view type, std::string_view help,
             Member member) {
  text.metric(name, type, help);
  for (const CredentialStatus& c : stats.credentials)
    text.sample({{"service", c.service}, {"credential", c.id}}, member(c));
}

void write_tokens(Text& text, const RouterStats& stats) {
  text.metric("credential_tokens_total", "counter",
              "Tokens used; cached and estimated ones are part of the prompt and of all.");
  for (const CredentialStatus& c : stats.credentials) {
    const std::array<std::pair<std::string_view, std::int64_t>, 5> kinds = {{{"prompt", c.prompt_tokens},
                                                                             {"completion", c.completion_tokens},
                                                                             {"cached", c.cached_tokens},
                                                                             {"reasoning", c.reasoning_tokens},
                                                                             {"estimated", c.estimated_tokens}}};
    for (const auto& [kind, count] : kinds)
      text.sample({{"service", c.service}, {"credential", c.id}, {"type", kind}}, count);
  }
}

void write_states(Text& text, const RouterStats& stats) {
  text.metric("credential_state", "gauge", "1 for the state that the credential is in, 0 for the others.");
  using enum CredentialState;
  for (const CredentialStatus& c : stats.credentials) {
    for (const CredentialState state : {active, cooling_down, exhausted, disabled, probing})
      text.sample({{"service", c.service}, {"credential", c.id}, {"state", to_string(state)}},
                  c.state == state ? 1 : 0);
  }
}

void write_limits(Text& text, const RouterStats& stats) {
  const auto each = [&](std::string_view name, std::string_view help, auto member) {
    text.metric(name, "gauge", help);
    for (const CredentialStatus& c : stats.credentials) {
      for (const LimitStatus& limit : c.limits) {
        text.sample({{"service", c.service},
                     {"credential", c.id},
                     {"limit", limit.name},
                     {"level", limit.level},
                     {"group", limit.group}},
                    member(limit));
      }
    }
  };
  each("limit", "A limit on the credential's path.", [](const LimitStatus& limit) { return limit.limit; });
  each("limit_used", "How much of it is used now.", [](const LimitStatus& limit) { return limit.used; });
}

}  // namespace
}  // namespace detail

std::string to_prometheus(const RouterStats& stats) {
  using detail::of_each;
  detail::Text text;
  text.alone("calls_total", "counter", "Calls made.", stats.calls);
  text.alone("calls_succeeded_total", "counter", "Calls that were answered.", stats.succeeded);
  text.alone("calls_failed_total", "counter", "Calls that ended with an error.", stats.failed);
  text.alone("calls_in_flight", "gauge", "Calls under way.", stats.in_flight);
  text.alone("calls_waiting", "gauge", "Calls that wait for room.", stats.waiting);
  text.alone("attempts_total", "counter", "Upstream requests.", stats.attempts);
  text.alone("hedges_total", "counter", "Attempts made beside slow ones.", stats.hedges);
  text.alone("resumes_total", "counter", "Broken streams that were gone on with.", stats.resumes);
  text.alone("resends_stopped_total", "counter", "Requests that were not sent a second time unasked.",
             stats.resends_stopped);

  of_each(text, stats, "credential_requests_total", "counter", "Requests sent with the credential.",
          [](const CredentialStatus& c) { return c.requests; });
  of_each(text, stats, "credential_successes_total", "counter", "Requests that were answered.",
          [](const CredentialStatus& c) { return c.successes; });
  of_each(text, stats, "credential_cancelled_total", "counter", "Requests that were cancelled.",
          [](const CredentialStatus& c) { return c.cancelled; });
  text.metric("credential_failures_total", "counter", "Requests that failed, by kind.");
  for (const CredentialStatus& c : stats.credentials) {
    for (const auto& [kind, count] : c.failures)
      text.sample({{"service", c.service}, {"credential", c.id}, {"kind", to_string(kind)}}, count);
  }
  write_tokens(text, stats);
  of_each(text, stats, "credential_cost_total", "counter", "Money spent, in the currency of the configured prices.",
          [](const CredentialStatus& c) { return c.cost; });
  of_each(text, stats, "credential_in_flight", "gauge", "Requests under way.",
          [](const CredentialStatus& c) { return c.in_flight; });
  of_each(text, stats, "credential_available_seconds", "gauge", "Until the credential could take a call.",
          [](const CredentialStatus& c) {
            return c.available_in == std::chrono::milliseconds::max()
                       ? std::string("+Inf")
                       : fmt::format("{}", std::chrono::duration<double>(c.available_in).count());
          });
  write_states(text, stats);
  write_limits(text, stats);

  text.metric("breaker_open", "gauge", "1 while no attempt goes to the service's model.");
  for (const BreakerStatus& breaker : stats.breakers)
    text.sample({{"service", breaker.service}, {"model", breaker.model}}, breaker.open ? 1 : 0);
  text.metric("breaker_failures", "gauge", "Failed calls in a row.");
  for (const BreakerStatus& breaker : stats.breakers)
    text.sample({{"service", breaker.service}, {"model", breaker.model}}, breaker.failures);
  return text.take();
}

KEYWHEEL_END_NAMESPACE
