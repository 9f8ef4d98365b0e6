#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "wire/error_rows.hpp"

/// Providers in China whose codes are names.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

std::string native(std::string_view code, std::string_view message = "x") {
  return fmt::format(R"({{"code":"{}","message":"{}","request_id":"r"}})", code, message);
}

std::string tencent(std::string_view code) {
  return fmt::format(R"({{"Response":{{"Error":{{"Code":"{}","Message":"x"}},"RequestId":"r"}}}})", code);
}

std::string dify(int status, std::string_view code, std::string_view message = "x") {
  return fmt::format(R"({{"code":"{}","message":"{}","status":{}}})", code, message, status);
}

std::string moonshot(std::string_view type, std::string_view message = "x") { return openai_error(message, "", type); }

std::string ark(std::string_view code) { return openai_error("x", code, "Error"); }

}  // namespace

TEST_CASE("Hunyuan's errors inside a 200", "[errors][rows]") {
  using enum FailureClass;
  struct Codes {
    std::vector<std::string_view> codes;
    FailureClass failure;
    Scope scope;
  };
  const Codes rows[] = {
      {{"AuthFailure.SecretIdNotFound", "AuthFailure.InvalidSecretId", "AuthFailure.TokenFailure",
        "AuthFailure.UnauthorizedOperation", "UnauthorizedOperation"},
       auth,
       Scope::key},
      {{"AuthFailure.SignatureExpire"}, clock, Scope::host},
      {{"AuthFailure.SignatureFailure"}, config, Scope::key},
      {{"RequestLimitExceeded", "RequestLimitExceeded.UinLimitExceeded",
        "RequestLimitExceeded.GlobalRegionUinLimitExceeded"},
       rate,
       Scope::account},
      {{"RequestLimitExceeded.IPLimitExceeded"}, rate, Scope::host},
      {{"LimitExceeded"}, rate, Scope::account_model},
      {{"FailedOperation.EngineServerLimitExceeded"}, capacity, Scope::service_model},
      {{"FailedOperation.EngineServerError"}, server, Scope::service_model},
      {{"FailedOperation.EngineRequestTimeout"}, timeout, Scope::service_model},
      {{"FailedOperation.FreeResourcePackExhausted", "FailedOperation.ResourcePackExhausted",
        "FailedOperation.ServiceStop", "FailedOperation.ServiceStopArrears", "FailedOperation.ServiceNotActivated",
        "ResourceUnavailable.InArrears", "ResourceUnavailable.LowBalance",
        "ResourceInsufficient.ChargeResourceExhaust"},
       quota,
       Scope::account},
      {{"InvalidParameter", "InvalidParameterValue", "InvalidParameter.ToolChoice"}, request, Scope::call},
      {{"InvalidParameterValue.Model"}, model, Scope::key_model},
      {{"UnsupportedOperation.NonWhitelistAccount"}, permission, Scope::key_model},
  };
  for (const Codes& row : rows) {
    for (const std::string_view code : row.codes)
      check_rows({{"hunyuan/native", 200, tencent(code), row.failure, row.scope}});
  }
  check_rows({
      {"hunyuan/native", 200, sse(R"({"Note":"","Choices":[],"ErrorMsg":{"Code":4000,"Msg":"x"}})"), server,
       Scope::service_model},
      {"hunyuan/native", 200, sse(R"({"Note":"","Choices":[],"ErrorMsg":{"Code":4001,"Msg":"x"}})"), timeout,
       Scope::service_model},
  });
}

TEST_CASE("DashScope's errors, in both of its forms", "[errors][rows]") {
  using enum FailureClass;
  for (const std::string_view provider : {"dashscope/native", "bailian"}) {
    check_rows({
        {provider, 401, native("InvalidApiKey"), auth, Scope::key},
        {provider, 400, native("Arrearage"), quota, Scope::account},
        {provider, 429, native("PrepaidBillOverdue"), quota, Scope::account},
        {provider, 429, native("PostpaidBillOverdue"), quota, Scope::account},
        {provider, 429, native("Throttling.AllocationQuota", "Allocated quota exceeded"), rate, Scope::account_model},
        {provider, 429, native("Throttling.AllocationQuota", "Free allocated quota exceeded."), quota,
         Scope::account_model},
        {provider, 403, native("AllocationQuota.FreeTierOnly"), quota, Scope::account_model},
        {provider, 429, native("Throttling"), rate, Scope::account_model},
        {provider, 429, native("Throttling.RateQuota"), rate, Scope::account_model},
        {provider, 429, native("Throttling.BurstRate", "Request rate increased too quickly"), rate,
         Scope::account_model},
        {provider, 429, native("ServiceOverloaded"), capacity, Scope::service_model},
        {provider, 503, native("ModelUnavailable"), capacity, Scope::service_model},
        {provider, 500, native("InternalError"), server, Scope::service_model},
        {provider, 500, native("InternalError.Algo"), server, Scope::service_model},
        {provider, 429, native("CommodityNotPurchased"), permission, Scope::account_model},
        {provider, 403, native("AccessDenied.Unpurchased"), permission, Scope::account_model},
        {provider, 403, native("Model.AccessDenied"), permission, Scope::account_model},
        {provider, 404, native("ModelNotFound"), model, Scope::account_model},
        {provider, 400, native("DataInspectionFailed"), filter, Scope::call},
    });
  }
  check_rows({
      {"bailian", 401, openai_error("Incorrect API key provided.", "invalid_api_key"), auth, Scope::key},
      {"bailian", 429,
       openai_error("You exceeded your current quota, please check your plan and billing details.",
                    "insufficient_quota", "insufficient_quota"),
       rate, Scope::account_model},
      {"bailian", 429, openai_error("You exceeded your current requests list.", "limit_requests"), rate,
       Scope::account_model},
      {"bailian", 429, openai_error("Request rate increased too quickly.", "limit_burst_rate"), rate,
       Scope::account_model},
      {"bailian", 404, openai_error("The model `x` does not exist.", "model_not_found"), model, Scope::account_model},
      {"bailian", 400, openai_error("Output data may contain inappropriate content.", "data_inspection_failed"), filter,
       Scope::call},
      {"bailian", 200, sse(openai_error("Input data may contain …", "data_inspection_failed")), filter, Scope::call},
      {"bailian", 200, sse(openai_error("Allocated quota exceeded", "insufficient_quota")), rate, Scope::account_model},
      {"dashscope/native", 200, sse(native("Throttling.AllocationQuota", "Allocated quota exceeded"), "error"), rate,
       Scope::account_model},
  });
}

TEST_CASE("Moonshot's errors", "[errors][rows]") {
  using enum FailureClass;
  const std::string limit = "rate_limit_reached_error";
  check_rows({
      {"moonshot", 401, moonshot("invalid_authentication_error", "Invalid Authentication"), auth, Scope::key},
      {"moonshot", 403, moonshot("permission_denied_error"), permission, Scope::key_model},
      {"moonshot", 429, moonshot("exceeded_current_quota_error", "Your account is suspended, check your balance"),
       quota, Scope::account},
      {"moonshot", 403, moonshot("exceeded_current_quota_error"), quota, Scope::account},
      {"moonshot", 429,
       moonshot(limit, "Your account reached max organization concurrency: 1, please try again after 1 seconds"), rate,
       Scope::account, 1s},
      {"moonshot", 429, moonshot(limit, "max RPM: 3, please try again after 60 seconds"), rate, Scope::account, 60s},
      {"moonshot", 429, moonshot(limit, "max TPM: 32000"), rate, Scope::account},
      {"moonshot", 429, moonshot(limit, "max TPD: 1500000, please try again after 1 seconds"), quota, Scope::account,
       1s},
      {"moonshot", 429, moonshot("engine_overloaded_error"), capacity, Scope::service_model},
      {"moonshot", 200, sse(moonshot("engine_overloaded_error")), capacity, Scope::service_model},
      {"moonshot", 400, moonshot("content_filter"), filter, Scope::call},
      {"moonshot", 400, moonshot("invalid_request_error", "Your request exceeded model token limit: 8192"), context,
       Scope::call},
      {"moonshot", 404, moonshot("resource_not_found_error"), model, Scope::key_model},
      {"moonshot", 403, moonshot("access_terminated_error", "You've reached your usage limit for this billing cycle."),
       quota, Scope::account},
      {"moonshot", 402, moonshot("", "We're unable to verify your membership benefits at this time."), quota,
       Scope::account},
      {"moonshot", 403, moonshot("", "Your membership does not include this."), quota, Scope::account},
  });
}

TEST_CASE("Ark's errors", "[errors][rows]") {
  using enum FailureClass;
  struct Codes {
    int status;
    std::vector<std::string_view> codes;
    FailureClass failure;
    Scope scope;
  };
  const Codes rows[] = {
      {401, {"AuthenticationError"}, auth, Scope::key},
      {403, {"AccountOverdueError"}, quota, Scope::account},
      {403, {"AccessDenied"}, permission, Scope::key_model},
      {404,
       {"InvalidEndpointOrModel.NotFound", "ModelNotOpen", "InvalidEndpointOrModel.ModelIDAccessDisabled",
        "UnsupportedModel"},
       model,
       Scope::account_model},
      {400, {"InvalidEndpoint.ClosedEndpoint"}, model, Scope::account_model},
      {429,
       {"RateLimitExceeded.EndpointRPMExceeded", "RateLimitExceeded.EndpointTPMExceeded",
        "ModelAccountRpmRateLimitExceeded", "ModelAccountTpmRateLimitExceeded", "ModelAccountIpmRateLimitExceeded",
        "RateLimitExceeded.FoundationModelRPMExceeded", "RateLimitExceeded.FoundationModelTPMExceeded"},
       rate,
       Scope::account_model},
      {429, {"AccountRateLimitExceeded"}, rate, Scope::account},
      {429, {"QuotaExceeded", "SetLimitExceeded"}, quota, Scope::account_model},
      {429, {"ServerOverloaded"}, capacity, Scope::service_model},
      {500, {"InternalServiceError"}, server, Scope::service_model},
      {400,
       {"SensitiveContentDetected", "SensitiveContentDetected.SevereViolation", "InputTextSensitiveContentDetected"},
       filter,
       Scope::call},
      {451, {"OutputTextSensitiveContentDetected", "OutputImageSensitiveContentDetected"}, filter, Scope::call},
      // The gateway before it, where the key is a signature.
      {400, {"InvalidTimestamp"}, clock, Scope::host},
      {401, {"InvalidAccessKey"}, auth, Scope::key},
      {401, {"SignatureDoesNotMatch"}, auth, Scope::key},
  };
  for (const Codes& row : rows) {
    for (const std::string_view code : row.codes)
      check_rows({{"huoshan", row.status, ark(code), row.failure, row.scope}});
  }
  check_rows({
      {"huoshan", 200, sse(ark("ServerOverloaded")), capacity, Scope::service_model},
      {"huoshan", 400,
       R"({"ResponseMetadata":{"RequestId":"r","Error":{"CodeN":100006,"Code":"InvalidTimestamp","Message":"Expired"}}})",
       clock, Scope::host},
  });
}

TEST_CASE("the errors of Qianfan's second version", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      {"qianfan", 401, openai_error("invalid iam token", "invalid_iam_token"), auth, Scope::key},
      {"qianfan", 401, openai_error("No permission to use the model", "invalid_model"), model, Scope::key_model},
      {"qianfan", 401, openai_error("access denied", "access_denied"), permission, Scope::key_model},
      {"qianfan", 400, openai_error("x", "tokens_too_long"), context, Scope::call},
      {"qianfan", 400, openai_error("x", "characters_too_long"), context, Scope::call},
      {"qianfan", 429, openai_error("x", "rpm_rate_limit_exceeded"), rate, Scope::account_model},
      {"qianfan", 429, openai_error("x", "tpm_rate_limit_exceeded"), rate, Scope::account_model},
      {"qianfan", 403, openai_error("The account is in arrears"), quota, Scope::account},
      {"qianfan", 429, openai_error("Your account is overdue."), quota, Scope::account},
  });
}

TEST_CASE("Dify's errors", "[errors][rows]") {
  using enum FailureClass;
  check_rows({
      {"dify", 401, dify(401, "unauthorized", "Access token is invalid"), auth, Scope::key},
      {"dify", 429, dify(429, "too_many_requests", "Too many requests. Please try again later."), rate, Scope::key},
      {"dify", 429, dify(429, "rate_limit_error", "Rate Limit Error"), quota, Scope::account},
      {"dify", 400, dify(400, "provider_not_initialize"), permission, Scope::key},
      {"dify", 400, dify(400, "provider_quota_exceeded"), permission, Scope::key},
      {"dify", 400, dify(400, "model_currently_not_support"), permission, Scope::key},
      {"dify", 400, dify(400, "completion_request_error"), server, Scope::key_model},
      {"dify", 403, dify(403, "forbidden"), permission, Scope::key},
      {"dify", 403, dify(403, "forbidden", "The number of messages has reached the limit of your subscription."), quota,
       Scope::account},
      {"dify", 200, sse(R"({"event":"error","status":400,"code":"provider_quota_exceeded","message":"x"})"), permission,
       Scope::key},
      {"dify", 200, sse(R"({"event":"error","status":500,"code":"internal_server_error","message":"x"})"), server,
       Scope::service},
      {"dify", 200, sse(R"({"event":"error","status":429,"code":"too_many_requests","message":"x"})"), rate,
       Scope::key},
  });
}
