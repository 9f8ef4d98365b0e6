#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/answer_script.hpp"

using namespace keywheel;
using keywheel::testing::DialectUnderTest;

namespace {

std::string words(const Failure& failure) {
  return fmt::format("{} {} {}", to_string(failure.failure), to_string(failure.scope), to_string(failure.error_kind()));
}

/// As AWS says it: the exception in a header, with a URI behind it.
std::string verdict(int status, std::string_view exception, std::string_view message) {
  const Failure failure = DialectUnderTest("bedrock").classify(
      status, fmt::format(R"({{"message":"{}"}})", message),
      {{"x-amzn-errortype", fmt::format("{}:http://internal.amazon.com/coral/x/", exception)},
       {"x-amzn-requestid", "aws-1"}});
  CHECK(failure.message == message);
  CHECK(failure.code == exception);
  CHECK(failure.status == status);
  CHECK(failure.request_id == "aws-1");
  return words(failure);
}

}  // namespace

TEST_CASE("each of Bedrock's exceptions blames whom it should", "[bedrock]") {
  CHECK(verdict(403, "ExpiredTokenException", "The security token included in the request is expired") ==
        "auth key authentication");
  CHECK(verdict(403, "UnrecognizedClientException", "The security token included in the request is invalid.") ==
        "auth key authentication");
  CHECK(verdict(403, "InvalidClientTokenId", "invalid") == "auth key authentication");
  CHECK(verdict(403, "InvalidSignatureException",
                "Signature expired: 20251117T063822Z is now earlier than 20251117T063849Z") ==
        "clock host authentication");
  CHECK(verdict(403, "InvalidSignatureException", "Signature not yet current: x is still later than y") ==
        "clock host authentication");
  CHECK(verdict(400, "RequestExpired", "too old") == "clock host authentication");
  CHECK(verdict(403, "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided.") ==
        "auth key authentication");
  CHECK(verdict(403, "AccessDeniedException", "You don't have access to the model with the specified model ID.") ==
        "permission account_model permission");
  CHECK(verdict(403, "AccessDeniedException", "User: arn:x is not authorized to perform: bedrock:InvokeModel") ==
        "permission key_model permission");
  CHECK(verdict(403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.") ==
        "auth key authentication");
  CHECK(verdict(404, "ResourceNotFoundException", "This model version has reached the end of its life.") ==
        "model service_model not_found");
  CHECK(verdict(404, "ResourceNotFoundException", "Model use case details have not been submitted for this account.") ==
        "permission account_model permission");
  CHECK(verdict(404, "ResourceNotFoundException", "Could not resolve the foundation model") ==
        "model key_model not_found");
  CHECK(verdict(400, "ValidationException", "The provided model identifier is invalid.") ==
        "model key_model not_found");
  CHECK(verdict(400, "ValidationException",
                "Invocation of model ID x with on-demand throughput isn’t supported. Retry with a profile.") ==
        "model service_model not_found");
  CHECK(verdict(400, "ValidationException", "Input Tokens Exceeded: Number of input tokens exceeds maximum length.") ==
        "context call context_length");
  CHECK(verdict(400, "ValidationException", "Input is too long for requested model.") == "context call context_length");
  CHECK(verdict(400, "ValidationException", "Operation not allowed") == "permission account_model permission");
  CHECK(verdict(400, "ValidationException", "1 validation error detected") == "request call invalid_request");
  CHECK(verdict(429, "ThrottlingException", "Too many requests, please wait before trying again.") ==
        "rate account_model rate_limited");
  CHECK(verdict(429, "ThrottlingException", "Too many tokens per day, please wait before trying again.") ==
        "quota account_model quota_exhausted");
  CHECK(verdict(400, "ServiceQuotaExceededException", "Your request exceeds the service quota") ==
        "quota account quota_exhausted");
  CHECK(verdict(429, "ModelNotReadyException", "Not ready") == "capacity service_model overloaded");
  CHECK(verdict(503, "ServiceUnavailableException", "Unavailable") == "capacity service_model overloaded");
  CHECK(verdict(408, "ModelTimeoutException", "Too slow") == "timeout service_model timeout");
  CHECK(verdict(424, "ModelErrorException", "It failed") == "server service_model server_error");
  CHECK(verdict(500, "InternalServerException", "Oops") == "server service_model server_error");
}

TEST_CASE("the exception's name is found in the body too, and missed where nobody says it", "[bedrock]") {
  DialectUnderTest bedrock("bedrock");
  const Failure typed = bedrock.classify(
      400, R"({"__type":"com.amazon.coral.service#ThrottlingException","message":"Too many requests"})");
  CHECK(typed.code == "ThrottlingException");
  CHECK(typed.failure == FailureClass::rate);
  CHECK(words(bedrock.classify(400, R"({"message":"The provided model identifier is invalid."})")) ==
        "model key_model not_found");
  CHECK(
      words(bedrock.classify(403, R"({"message":"Signature expired: x is now earlier than y"})")).starts_with("clock"));
  CHECK(words(bedrock.classify(429, R"({"message":"Too many requests"})")) == "rate account_model rate_limited");
  CHECK(words(bedrock.classify(424, "{}")) == "server service_model server_error");
  CHECK(bedrock.classify(403, "<html><title>Blocked</title></html>").failure == FailureClass::place);
  CHECK(bedrock.classify(500, "").failure == FailureClass::server);
}
