#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "providers/bedrock_body.hpp"
#include "providers/error_body.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using enum FailureClass;

// https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html and AWS's common errors;
// the phrases as the API was seen to say them. In a stream the same names begin with a small letter. A rule with a
// phrase stands before the one that has its name alone.
constexpr std::array kRules = {
    ErrorRule{0, "ExpiredTokenException", {}, auth, Scope::key},
    ErrorRule{0, "ExpiredToken", {}, auth, Scope::key},
    ErrorRule{0, "UnrecognizedClientException", {}, auth, Scope::key},
    ErrorRule{0, "InvalidClientTokenId", {}, auth, Scope::key},
    ErrorRule{0, "MissingAuthenticationTokenException", {}, auth, Scope::key},
    ErrorRule{0, "InvalidSignatureException", "signature expired", clock, Scope::host},
    ErrorRule{0, "InvalidSignatureException", "signature not yet current", clock, Scope::host},
    ErrorRule{0, "InvalidSignatureException", {}, auth, Scope::key},
    ErrorRule{0, "RequestExpired", {}, clock, Scope::host},
    ErrorRule{0, "RequestTimeTooSkewed", {}, clock, Scope::host},
    ErrorRule{0, "IncompleteSignatureException", {}, config, Scope::key},
    ErrorRule{0, "AccessDeniedException", "api key is valid", auth, Scope::key},
    ErrorRule{0, "AccessDeniedException", "api key has expired", auth, Scope::key},
    ErrorRule{0, "AccessDeniedException", "have access to the model", permission, Scope::account_model},
    ErrorRule{0, "AccessDeniedException", "unsupported countries, regions", place, Scope::host},
    ErrorRule{0,
              "AccessDeniedException",
              "MPAgreementBeingCreated",
              permission,
              Scope::account_model,
              {},
              std::chrono::minutes(15)},
    // Any other policy is the user's, whose key this is.
    ErrorRule{0, "AccessDeniedException", "service control policy", permission, Scope::account_model},
    ErrorRule{0, "AccessDeniedException", {}, permission, Scope::key_model},
    ErrorRule{0, "ResourceNotFoundException", "end of its life", model, Scope::service_model},
    ErrorRule{0, "ResourceNotFoundException", "use case details", permission, Scope::account_model},
    ErrorRule{0, "FTUFormNotFilled", {}, permission, Scope::account_model},
    ErrorRule{0, "ResourceNotFoundException", {}, model, Scope::key_model},
    ErrorRule{0, "ValidationException", "model identifier is invalid", model, Scope::key_model},
    // "isn’t supported", with an apostrophe of print.
    ErrorRule{0, "ValidationException", "on-demand throughput isn", model, Scope::service_model},
    ErrorRule{0, "ValidationException", "input tokens exceed", context, Scope::call},
    ErrorRule{0, "ValidationException", "input is too long", context, Scope::call},
    ErrorRule{0, "ValidationException", "too many input tokens", context, Scope::call},
    ErrorRule{0, "ValidationException", "prompt is too long", context, Scope::call},
    ErrorRule{0, "ValidationException", "exceed context limit", context, Scope::call},
    ErrorRule{0, "ValidationException", "maximum context length", context, Scope::call},
    ErrorRule{0, "ValidationException", "blocked by content filtering", filter, Scope::call},
    ErrorRule{0, "ValidationException", "operation not allowed", permission, Scope::account_model},
    ErrorRule{0, "ValidationException", {}, request, Scope::call},
    ErrorRule{0, "ThrottlingException", "tokens per day", quota, Scope::account_model},
    ErrorRule{0, "ThrottlingException", {}, rate, Scope::account_model},
    ErrorRule{0, "TooManyRequestsException", {}, rate, Scope::account_model},
    ErrorRule{0, "ServiceQuotaExceededException", {}, quota, Scope::account},
    ErrorRule{0, "ModelNotReadyException", {}, capacity, Scope::service_model},
    ErrorRule{0, "ServiceUnavailableException", {}, capacity, Scope::service_model},
    ErrorRule{0, "ServiceUnavailable", {}, capacity, Scope::service_model},
    ErrorRule{0, "ModelTimeoutException", {}, timeout, Scope::service_model},
    ErrorRule{0, "ModelErrorException", {}, server, Scope::service_model},
    ErrorRule{0, "ModelStreamErrorException", {}, server, Scope::service_model},
    ErrorRule{0, "InternalServerException", {}, server, Scope::service_model},
    ErrorRule{0, "InternalFailure", {}, server, Scope::service_model},
    // Where a proxy has taken the exception's name away.
    ErrorRule{400, {}, "model identifier is invalid", model, Scope::key_model},
    ErrorRule{400, {}, "on-demand throughput isn", model, Scope::service_model},
    ErrorRule{400, {}, "input tokens exceed", context, Scope::call},
    ErrorRule{400, {}, "input is too long", context, Scope::call},
    ErrorRule{403, {}, "signature expired", clock, Scope::host},
    ErrorRule{403, {}, "security token included in the request", auth, Scope::key},
    ErrorRule{403, {}, "have access to the model", permission, Scope::account_model},
    ErrorRule{404, {}, "end of its life", model, Scope::service_model},
    ErrorRule{429, {}, "tokens per day", quota, Scope::account_model},
    ErrorRule{429, {}, {}, rate, Scope::account_model},
    ErrorRule{424, {}, {}, server, Scope::service_model},
};

/// "ThrottlingException:http://internal.amazon.com/coral/…", "com.amazon.coral.service#ThrottlingException".
std::string_view exception_name(std::string_view text) {
  text = text.substr(0, text.find(':'));
  const std::size_t hash = text.rfind('#');
  return hash == std::string_view::npos ? text : text.substr(hash + 1);
}

}  // namespace

std::span<const ErrorRule> bedrock_error_rules() noexcept { return kRules; }

Failure classify_bedrock_answer(const HttpHead& head, std::string_view body, WallTime now) {
  ErrorBody error = read_error_body(body);
  const std::string_view stated = head.find("x-amzn-errortype");
  error.code = std::string(exception_name(stated.empty() ? std::string_view(error.code) : stated));
  return classify_answer(head, error, now, kRules);
}

Failure classify_bedrock_exception(std::string_view name, std::string_view payload) {
  ErrorBody error = read_error_body(payload);
  error.code = std::string(exception_name(name));
  if (error.message.empty()) error.message = error.code;
  return classify_error(error, std::nullopt, std::nullopt, kRules);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
