#include "providers/provider.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "providers/quota_headers.hpp"
#include "providers/retry_time.hpp"
#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;
using enum FailureClass;

constexpr milliseconds kHour = std::chrono::hours(1);

constexpr std::array kCommonRules = {
    ErrorRule{0, "invalid_api_key", {}, auth, Scope::key},
    ErrorRule{0, "insufficient_quota", {}, quota, Scope::account},
    ErrorRule{0, "context_length_exceeded", {}, context, Scope::call},
    ErrorRule{0, "content_policy_violation", {}, filter, Scope::call},
    ErrorRule{0, "content_filter", {}, filter, Scope::call},
    ErrorRule{0, "model_not_found", {}, model, Scope::key_model},
    ErrorRule{429, {}, "request too large", too_big, Scope::account_model},
    ErrorRule{0, {}, "invalid api key", auth, Scope::key},
    ErrorRule{0, {}, "incorrect api key", auth, Scope::key},
    ErrorRule{0, {}, "invalid_api_key", auth, Scope::key},
    ErrorRule{0, {}, "api key is invalid", auth, Scope::key},
    ErrorRule{0, {}, "api key not valid", auth, Scope::key},
    ErrorRule{0, {}, "maximum context length", context, Scope::call},
    ErrorRule{0, {}, "context window", context, Scope::call},
    ErrorRule{403, {}, "country, region, or territory", place, Scope::host},
    ErrorRule{404, {}, "does not exist or you do not have access to it", model, Scope::key_model},
    // Servers of open models, which configs call "openai" with a base URL of their own.
    ErrorRule{0, "exceed_context_size_error", {}, context, Scope::call},                 // llama.cpp
    ErrorRule{500, {}, "requires --jinja", request, Scope::call},                        // llama.cpp
    ErrorRule{500, {}, "input is not supported", request, Scope::call},                  // llama.cpp
    ErrorRule{500, {}, "cannot use both", request, Scope::call},                         // llama.cpp
    ErrorRule{0, {}, "prompt too long", context, Scope::call},                           // Ollama
    ErrorRule{503, {}, "server busy", capacity, Scope::service_model},                   // Ollama
    ErrorRule{503, {}, "loading", capacity, Scope::service_model},                       // Hugging Face, llama.cpp
    ErrorRule{404, {}, "not found, try pulling it first", model, Scope::service_model},  // Ollama
    ErrorRule{503, {}, "overloaded", capacity, Scope::service_model},
    ErrorRule{529, {}, {}, capacity, Scope::service_model},
};

bool fits(const ErrorRule& rule, const ErrorBody& error, std::optional<int> status) {
  if (rule.status != 0 && rule.status != status) return false;
  if (!rule.code.empty() && !equal_ignoring_case(rule.code, error.code) &&
      !equal_ignoring_case(rule.code, error.type)) {
    return false;
  }
  return rule.phrase.empty() || contains_ignoring_case(error.message, rule.phrase) ||
         contains_ignoring_case(error.detail, rule.phrase);
}

template <class Filter>
const ErrorRule* find_rule(std::span<const ErrorRule> own, const ErrorBody& error, std::optional<int> status,
                           Filter filter) {
  for (const std::span<const ErrorRule> rules : {own, common_error_rules()}) {
    for (const ErrorRule& rule : rules) {
      if (filter(rule) && fits(rule, error, status)) return &rule;
    }
  }
  return nullptr;
}

struct Verdict {
  FailureClass failure = unknown;
  Scope scope = Scope::call;
  std::optional<ErrorKind> kind{};
  std::chrono::minutes rest{0};
};

/// What stands before an API answers in its place: nginx, Cloudflare (52x, 530), a load balancer.
bool from_edge(int status, const ErrorBody& error) {
  const bool gateway = status == 502 || status == 504 || (status >= 520 && status <= 526) || status == 530;
  return gateway && !error.structured;
}

Verdict by_status(int status, const ErrorBody& error, std::optional<milliseconds> stated) {
  if (from_edge(status, error)) return {server, Scope::service, {}};
  if (status >= 500) return {status == 504 ? timeout : server, Scope::service_model, {}};
  if (error.html && status == 403) return {place, Scope::host, {}};
  switch (status) {
    case 400:
    case 422:
      return error.structured ? Verdict{request, Scope::call, {}} : Verdict{unknown, Scope::call, {}};
    case 401:
      return {auth, Scope::key, {}};
    case 402:
      return stated ? Verdict{rate, Scope::account, {}} : Verdict{quota, Scope::account, {}};
    case 403:
      return {permission, Scope::key_model, {}};
    case 404:
      return {unknown, Scope::call, ErrorKind::not_found};
    case 408:
      return {timeout, Scope::service_model, {}};
    case 413:
    case 415:
      return {request, Scope::call, {}};
    case 429:
      return stated && *stated > kHour ? Verdict{quota, Scope::account, {}} : Verdict{rate, Scope::key, {}};
    default:
      return {};
  }
}

Verdict decide(const ErrorBody& error, std::optional<int> status, std::optional<milliseconds> stated,
               std::span<const ErrorRule> own) {
  const auto verdict = [](const ErrorRule& rule) { return Verdict{rule.failure, rule.scope, rule.kind, rule.rest}; };
  if (const ErrorRule* rule = find_rule(own, error, status, [](const ErrorRule& r) { return !r.code.empty(); })) {
    return verdict(*rule);
  }
  const auto spoken = [](const ErrorRule& r) { return r.code.empty() && !r.phrase.empty(); };
  if (const ErrorRule* rule = find_rule(own, error, status, spoken)) {
    const bool soon = stated && *stated <= kHour;
    if (rule->failure == quota && soon && status == 429) return {rate, rule->scope, {}};
    return verdict(*rule);
  }
  const auto bare = [](const ErrorRule& r) { return r.code.empty() && r.phrase.empty(); };
  if (const ErrorRule* rule = find_rule(own, error, status, bare)) return verdict(*rule);
  if (status) return by_status(*status, error, stated);
  // An error in a stream that nothing is known of: the provider failed while it answered.
  return {server, Scope::service_model, {}};
}

std::optional<bool> should_retry(const HttpHead& head) {
  const std::string_view value = trimmed(head.find("x-should-retry"));
  if (equal_ignoring_case(value, "true")) return true;
  if (equal_ignoring_case(value, "false")) return false;
  return std::nullopt;
}

}  // namespace

void RequestCheck::fail(ErrorKind kind, std::string message) {
  if (error_) return;
  Error error;
  error.kind = kind;
  error.message = std::move(message);
  error.provider = provider_;
  error.service = target_.service.id;
  error.credential = target_.credential.id;
  error_ = std::move(error);
}

void RequestCheck::unsupported(std::string_view field, std::string_view why) {
  std::string message = fmt::format("{} cannot express {}", provider_, field);
  if (!why.empty()) message += fmt::format(": {}", why);
  if (target_.on_unsupported == OnUnsupported::error) {
    fail(ErrorKind::unsupported, message + " (leave it out, or set on_unsupported to warn)");
  } else if (target_.warnings != nullptr) {
    target_.warnings->push_back(message + "; it was left out");
  }
}

void RequestCheck::left_out(std::string_view field, std::string_view why) {
  if (target_.warnings != nullptr) target_.warnings->push_back(fmt::format("{} was left out: {}", field, why));
}

void RequestCheck::invalid(std::string_view message) { fail(ErrorKind::invalid_request, std::string(message)); }

void RequestCheck::misconfigured(std::string_view message) { fail(ErrorKind::config, std::string(message)); }

void RequestCheck::written(const std::string& writer_fault) {
  if (!writer_fault.empty()) invalid(writer_fault);
}

std::span<const ErrorRule> common_error_rules() noexcept { return kCommonRules; }

Failure classify_error(const ErrorBody& error, std::optional<int> status, std::optional<milliseconds> stated,
                       std::span<const ErrorRule> own) {
  stated = longer(stated, stated_in_text(error.message));
  stated = longer(stated, stated_in_text(error.detail));
  const Verdict verdict = decide(error, status, stated, own);
  Failure failure;
  failure.failure = verdict.failure;
  failure.scope = verdict.scope;
  failure.kind = verdict.kind;
  failure.message = error.message;
  if (!error.detail.empty()) failure.message += fmt::format(" ({})", error.detail);
  failure.code = error.code.empty() ? error.type : error.code;
  failure.status = status;
  failure.retry_after = stated;
  if (!stated && verdict.rest.count() > 0) failure.retry_after = verdict.rest;
  if (failure.failure == rate || failure.failure == quota || failure.failure == too_big) {
    failure.limits = limits_in_text(failure.message);
  }
  return failure;
}

Failure classify_error(JsonValue answer, std::span<const ErrorRule> own) {
  return classify_error(read_error_value(answer), std::nullopt, std::nullopt, own);
}

Failure classify_answer(const HttpHead& head, std::string_view body, WallTime now, std::span<const ErrorRule> own) {
  return classify_answer(head, read_error_body(body), now, own);
}

Failure classify_answer(const HttpHead& head, const ErrorBody& error, WallTime now, std::span<const ErrorRule> own) {
  Failure failure = classify_error(error, head.status, stated_in_headers(head, now), own);
  if (failure.message.empty()) failure.message = fmt::format("HTTP status {} with an empty body", head.status);
  failure.should_retry = should_retry(head);
  failure.request_id = request_id(head);
  return failure;
}

Failure broken_answer(std::string message) {
  Failure failure;
  failure.failure = server;
  failure.scope = Scope::service_model;
  failure.kind = ErrorKind::protocol;
  failure.message = std::move(message);
  return failure;
}

std::optional<Failure> parse_answer(JsonDoc& doc, std::string_view body, const JsonLimits& limits) {
  if (doc.parse(body, limits)) return std::nullopt;
  return broken_answer(fmt::format("the answer is not JSON: {}", doc.error()));
}

std::string_view request_id(const HttpHead& head) noexcept {
  constexpr std::array<std::string_view, 12> kNames = {
      "x-request-id",
      "request-id",
      "x-amzn-requestid",
      "x-tt-logid",
      "x-dashscope-request-id",
      "apim-request-id",
      "x-goog-request-id",
      "x-bce-request-id",
      "trace-id",
      "x-siliconcloud-trace-id",
      "x-generation-id",
      "cf-ray",
  };
  for (const std::string_view name : kNames) {
    if (const std::string_view value = head.find(name); !value.empty()) return value;
  }
  return {};
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
