#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <keywheel/format.hpp>
#include <keywheel/keywheel.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace keywheel;
using namespace std::chrono_literals;

namespace {

std::string_view value_of(const OtelSpan& span, std::string_view name) {
  for (const auto& [key, value] : span.attributes) {
    if (key == name) return value;
  }
  return "(none)";
}

}  // namespace

TEST_CASE("the statistics as Prometheus text", "[observe]") {
  const RouterStats stats{.credentials = {{.id = "a#1",
                                           .service = "quo\"te\\d\n",
                                           .state = CredentialState::exhausted,
                                           .requests = 7,
                                           .failures = {{ErrorKind::rate_limited, 2}},
                                           .prompt_tokens = 11,
                                           .cost = 0.25,
                                           .limits = {{.name = "rpm", .level = "key", .limit = 60, .used = 7}},
                                           .available_in = std::chrono::milliseconds::max()},
                                          {.id = "a#2", .service = "s", .available_in = 1500ms}},
                          .breakers = {{.service = "s", .model = "m", .open = true, .failures = 5}},
                          .calls = 3,
                          .hedges = 1};
  const std::string text = to_prometheus(stats);
  const auto has = [&](std::string_view line) {
    return text.find("\n" + std::string(line) + "\n") != std::string::npos;
  };
  CHECK(
      text.starts_with("# HELP keywheel_calls_total Calls made.\n# TYPE keywheel_calls_total counter\n"
                       "keywheel_calls_total 3\n"));
  CHECK(has("keywheel_hedges_total 1"));
  CHECK(has(R"(keywheel_credential_requests_total{service="quo\"te\\d\n",credential="a#1"} 7)"));
  CHECK(has(R"(keywheel_credential_failures_total{service="quo\"te\\d\n",credential="a#1",kind="rate_limited"} 2)"));
  CHECK(has(R"(keywheel_credential_tokens_total{service="quo\"te\\d\n",credential="a#1",type="prompt"} 11)"));
  CHECK(has(R"(keywheel_credential_cost_total{service="quo\"te\\d\n",credential="a#1"} 0.25)"));
  CHECK(has(R"(keywheel_credential_state{service="s",credential="a#2",state="active"} 1)"));
  CHECK(has(R"(keywheel_credential_state{service="s",credential="a#2",state="exhausted"} 0)"));
  CHECK(has(R"(keywheel_credential_available_seconds{service="quo\"te\\d\n",credential="a#1"} +Inf)"));
  CHECK(has(R"(keywheel_credential_available_seconds{service="s",credential="a#2"} 1.5)"));
  CHECK(has(R"(keywheel_limit_used{service="quo\"te\\d\n",credential="a#1",limit="rpm",level="key",group=""} 7)"));
  CHECK(has(R"(keywheel_breaker_open{service="s",model="m"} 1)"));
  CHECK(text.ends_with("\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') > 40);
}

TEST_CASE("a call and an attempt in the words of OpenTelemetry", "[observe]") {
  const Attempt attempt{.service = "main",
                        .credential = "main#1",
                        .provider = "bedrock",
                        .model = "m",
                        .status = 429,
                        .error = ErrorKind::rate_limited,
                        .failure = "rate",
                        .hedge = true};
  const Usage usage{.prompt_tokens = 5, .estimated = true};
  const OtelSpan of_attempt =
      otel_span(AttemptEnded{.operation = "chat", .attempt = attempt, .usage = usage, .first_event = 250ms});
  CHECK(of_attempt.name == "chat m");
  CHECK(value_of(of_attempt, "gen_ai.provider.name") == "aws.bedrock");
  CHECK(value_of(of_attempt, "gen_ai.usage.input_tokens") == "5");
  CHECK(value_of(of_attempt, "gen_ai.usage.output_tokens") == "(none)");
  CHECK(value_of(of_attempt, "gen_ai.response.time_to_first_chunk") == "0.25");
  CHECK(value_of(of_attempt, "http.response.status_code") == "429");
  CHECK(value_of(of_attempt, "error.type") == "rate_limited");
  CHECK(value_of(of_attempt, "keywheel.failure") == "rate");
  CHECK(value_of(of_attempt, "keywheel.hedge") == "true");
  CHECK(value_of(of_attempt, "keywheel.resumed") == "(none)");

  ChatResponse response{.usage = {.completion_tokens = 9}, .id = "id", .model = "m-1", .provider = "claude"};
  response.choices.push_back({.finish_reason = FinishReason::stop});
  response.attempts.resize(2);
  const OtelSpan of_call = otel_span(
      CallEnded{.operation = "chat", .model = "alias", .stream = true, .response = &response, .first_event = 1500ms});
  CHECK(of_call.name == "chat alias");
  CHECK(value_of(of_call, "gen_ai.operation.name") == "chat");
  CHECK(value_of(of_call, "gen_ai.provider.name") == "anthropic");
  CHECK(value_of(of_call, "gen_ai.response.finish_reasons") == R"(["stop"])");
  CHECK(value_of(of_call, "gen_ai.response.time_to_first_chunk") == "1.5");
  CHECK(value_of(of_call, "keywheel.attempts") == "2");

  const Error error{.kind = ErrorKind::timeout, .provider = "xai"};
  const OtelSpan failed = otel_span(CallEnded{.operation = "embeddings", .error = &error});
  CHECK(failed.name == "embeddings");
  CHECK(value_of(failed, "error.type") == "timeout");
  CHECK(value_of(failed, "gen_ai.provider.name") == "x_ai");
}

TEST_CASE("{fmt} prints what can be printed", "[observe]") {
  const Error error{.kind = ErrorKind::rate_limited, .message = "slow down", .status = 429};
  CHECK(fmt::format("{}", error).starts_with("rate_limited (429): slow down"));
  CHECK(fmt::format("{:>8}", ErrorKind::timeout) == " timeout");
  CHECK(fmt::format("{} {} {}", FinishReason::stop, Role::user, CredentialState::probing) == "stop user probing");
  CHECK(fmt::format("{} {}", FailureClass::place, Scope::host) == "place host");
  CHECK(fmt::format("{}", CredentialStatus{.id = "a#1"}).starts_with("a#1: active"));
}
