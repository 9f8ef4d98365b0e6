#include <array>

#include "providers/openai_errors.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using enum FailureClass;
using R = ErrorRule;

// https://docs.bigmodel.cn/cn/api/api-code. The HTTP status says little: a locked account and arrears come as 429.
constexpr std::array kZhipu = {
    R{0, "1000", {}, auth, Scope::key},
    R{0, "1001", {}, auth, Scope::key},
    R{0, "1002", {}, auth, Scope::key},
    R{0, "1003", {}, clock, Scope::host},
    R{0, "1004", {}, auth, Scope::key},
    R{0, "1110", {}, auth, Scope::account},
    R{0, "1111", {}, auth, Scope::account},
    R{0, "1112", {}, auth, Scope::account},
    R{0, "1121", {}, auth, Scope::account},
    R{0, "1113", {}, quota, Scope::account},
    R{0, "500", {}, server, Scope::service_model},
    R{0, "1120", {}, server, Scope::service_model},
    R{0, "1230", {}, server, Scope::service_model},
    R{0, "1234", {}, server, Scope::service_model},
    R{0, "1210", {}, request, Scope::call},
    R{0, "1212", {}, request, Scope::call},
    R{0, "1213", {}, request, Scope::call},
    R{0, "1214", {}, request, Scope::call},
    R{0, "1215", {}, request, Scope::call},
    R{0, "1231", {}, request, Scope::call},
    R{0, "1211", {}, model, Scope::key_model},
    R{0, "1221", {}, model, Scope::key_model},
    R{0, "1222", {}, model, Scope::key_model},
    R{0, "1220", {}, permission, Scope::key_model},
    R{0, "1261", {}, context, Scope::call},
    R{0, "1300", {}, filter, Scope::call},
    R{0, "1301", {}, filter, Scope::call},
    R{0, "1302", {}, rate, Scope::account_model},
    R{0, "1303", {}, rate, Scope::account_model},
    R{0, "1304", {}, quota, Scope::account},
    R{0, "1305", {}, capacity, Scope::service_model},
    R{0, "1312", {}, capacity, Scope::service_model},
    R{0, "1308", {}, quota, Scope::account},
    R{0, "1310", {}, quota, Scope::account},
    R{0, "1316", {}, quota, Scope::account},
    R{0, "1317", {}, quota, Scope::account},
    R{0, "1318", {}, quota, Scope::account},
    R{0, "1319", {}, quota, Scope::account},
    R{0, "1320", {}, quota, Scope::account},
    R{0, "1321", {}, quota, Scope::account},
    R{0, "1309", {}, quota, Scope::account},
    R{0, "1311", {}, permission, Scope::account_model},
    R{0, "1313", {}, rate, Scope::account},
    R{434, {}, {}, permission, Scope::key_model},
};

// https://platform.moonshot.cn/docs/api/chat. The kind of a limit stands in the words only.
constexpr std::array kMoonshot = {
    R{0, "invalid_authentication_error", {}, auth, Scope::key},
    R{0, "permission_denied_error", {}, permission, Scope::key_model},
    R{0, "exceeded_current_quota_error", {}, quota, Scope::account},
    R{0, "rate_limit_reached_error", "tpd", quota, Scope::account},
    R{0, "rate_limit_reached_error", {}, rate, Scope::account},
    R{0, "engine_overloaded_error", {}, capacity, Scope::service_model},
    R{0, "resource_not_found_error", {}, model, Scope::key_model},
    R{0, {}, "exceeded model token limit", context, Scope::call},
    // Kimi Code is sold by membership.
    R{0, {}, "usage limit for this billing cycle", quota, Scope::account},
    R{403, {}, "membership", quota, Scope::account},
    R{0, {}, "considered high risk", filter, Scope::call},
};

// https://help.aliyun.com/en/model-studio/error-code and /rate-limit. insufficient_quota is tokens a minute here.
constexpr std::array kDashScope = {
    R{0, "InvalidApiKey", {}, auth, Scope::key},
    R{0, "Arrearage", {}, quota, Scope::account},
    R{0, "PrepaidBillOverdue", {}, quota, Scope::account},
    R{0, "PostpaidBillOverdue", {}, quota, Scope::account},
    R{0, "AllocationQuota.FreeTierOnly", {}, quota, Scope::account_model},
    R{0, "Throttling.AllocationQuota", "free allocated quota", quota, Scope::account_model},
    R{0, "insufficient_quota", "free allocated quota", quota, Scope::account_model},
    R{0, "Throttling.AllocationQuota", {}, rate, Scope::account_model},
    R{0, "insufficient_quota", {}, rate, Scope::account_model},
    R{0, "Throttling", {}, rate, Scope::account_model},
    R{0, "Throttling.RateQuota", {}, rate, Scope::account_model},
    R{0, "limit_requests", {}, rate, Scope::account_model},
    R{0, "Throttling.BurstRate", {}, rate, Scope::account_model},
    R{0, "limit_burst_rate", {}, rate, Scope::account_model},
    R{0, "ServiceOverloaded", {}, capacity, Scope::service_model},
    R{0, "ModelUnavailable", {}, capacity, Scope::service_model},
    R{0, "CommodityNotPurchased", {}, permission, Scope::account_model},
    R{0, "AccessDenied.Unpurchased", {}, permission, Scope::account_model},
    R{0, "Model.AccessDenied", {}, permission, Scope::account_model},
    R{0, "ModelNotFound", {}, model, Scope::account_model},
    R{0, "model_not_found", {}, model, Scope::account_model},
    R{0, "AccessDenied", {}, permission, Scope::key_model},
    R{0, "Throttling.User", {}, rate, Scope::account_model},
    R{0, "LimitRequests", {}, rate, Scope::account_model},
    // An error in a native stream has no status to say the rest.
    R{0, "ModelServingError", {}, capacity, Scope::service_model},
    R{0, "InternalError", {}, server, Scope::service_model},
    R{0, "InternalError.Algo", {}, server, Scope::service_model},
    R{0, "InternalError.Timeout", {}, timeout, Scope::service_model},
    R{0, "RequestTimeOut", {}, timeout, Scope::service_model},
    R{0, "InvalidParameter", "range of input length", context, Scope::call},
    R{0, "invalid_parameter_error", "range of input length", context, Scope::call},
    R{0, "InvalidParameter", {}, request, Scope::call},
    R{0, "InvalidParameter.DataInspection", {}, filter, Scope::call},
    R{0, "BadRequest.EmptyInput", {}, request, Scope::call},
    R{0, "BadRequest.IllegalInput", {}, request, Scope::call},
    R{0, "InvalidURL", {}, request, Scope::call},
    R{0, "DataInspectionFailed", {}, filter, Scope::call},
    R{0, "data_inspection_failed", {}, filter, Scope::call},
};

// https://www.volcengine.com/docs/82379/1299023
constexpr std::array kArk = {
    R{0, "AuthenticationError", {}, auth, Scope::key},
    R{0, "AccountOverdueError", {}, quota, Scope::account},
    R{0, "AccessDenied", {}, permission, Scope::key_model},
    R{0, "InvalidEndpointOrModel.NotFound", {}, model, Scope::account_model},
    R{0, "InvalidEndpointOrModel.ModelIDAccessDisabled", {}, model, Scope::account_model},
    R{0, "ModelNotOpen", {}, model, Scope::account_model},
    R{0, "UnsupportedModel", {}, model, Scope::account_model},
    R{0, "InvalidEndpoint.ClosedEndpoint", {}, model, Scope::account_model},
    R{0, "RateLimitExceeded.EndpointRPMExceeded", {}, rate, Scope::account_model},
    R{0, "RateLimitExceeded.EndpointTPMExceeded", {}, rate, Scope::account_model},
    R{0, "ModelAccountRpmRateLimitExceeded", {}, rate, Scope::account_model},
    R{0, "ModelAccountTpmRateLimitExceeded", {}, rate, Scope::account_model},
    R{0, "ModelAccountIpmRateLimitExceeded", {}, rate, Scope::account_model},
    R{0, "RateLimitExceeded.FoundationModelRPMExceeded", {}, rate, Scope::account_model},
    R{0, "RateLimitExceeded.FoundationModelTPMExceeded", {}, rate, Scope::account_model},
    R{0, "AccountRateLimitExceeded", {}, rate, Scope::account},
    R{0, "InvalidParameter", "exceed max message tokens", context, Scope::call},
    R{0, "QuotaExceeded", {}, quota, Scope::account_model},
    R{0, "SetLimitExceeded", {}, quota, Scope::account_model},
    R{0, "ServerOverloaded", {}, capacity, Scope::service_model},
    R{0, "InternalServiceError", {}, server, Scope::service_model},
    R{0, "SensitiveContentDetected", {}, filter, Scope::call},
    R{0, "SensitiveContentDetected.SevereViolation", {}, filter, Scope::call},
    R{0, "SensitiveContentDetected.Violence", {}, filter, Scope::call},
    R{0, "InputTextSensitiveContentDetected", {}, filter, Scope::call},
    R{0, "OutputTextSensitiveContentDetected", {}, filter, Scope::call},
    R{0, "InputImageSensitiveContentDetected", {}, filter, Scope::call},
    R{0, "OutputImageSensitiveContentDetected", {}, filter, Scope::call},
    // The gateway before it.  https://docs.byteplus.com/byteplus-platform/reference/common-error-codes
    R{0, "InvalidTimestamp", {}, clock, Scope::host},
};

// https://platform.minimax.io/docs/api-reference/errorcode. Codes come in base_resp of a 200.
constexpr std::array kMiniMax = {
    R{0, "1000", {}, server, Scope::service_model},
    R{0, "1024", {}, server, Scope::service_model},
    R{0, "1033", {}, server, Scope::service_model},
    R{0, "1001", {}, timeout, Scope::service_model},
    R{0, "1002", {}, rate, Scope::account_model},
    R{0, "1004", {}, auth, Scope::key},
    R{0, "2049", {}, auth, Scope::key},
    R{0, "1008", {}, quota, Scope::account},
    R{0, "1028", {}, quota, Scope::account},
    R{0, "1030", {}, quota, Scope::account},
    R{0, "1039", {}, rate, Scope::account_model},
    R{0, "1041", {}, rate, Scope::account},
    R{0, "2045", {}, rate, Scope::account},
    R{0, "2056", {}, quota, Scope::account},
    R{0, "2061", {}, permission, Scope::account_model},
    R{0, "1026", {}, filter, Scope::call},
    R{0, "1027", {}, filter, Scope::call},
    R{0, "1042", {}, request, Scope::call},
    R{0, "2013", {}, request, Scope::call},
};

// https://www.xfyun.cn/doc/spark/. 11200 to 11203 are all headed "authorisation error"; none of them is a dead key.
constexpr std::array kSpark = {
    R{0, "10000", {}, request, Scope::call},
    R{0, "10001", {}, request, Scope::call},
    R{0, "10002", {}, request, Scope::call},
    R{0, "10003", {}, request, Scope::call},
    R{0, "10004", {}, request, Scope::call},
    R{0, "10005", {}, request, Scope::call},
    R{0, "10163", {}, request, Scope::call},
    R{0, "10006", {}, rate, Scope::account},
    R{0, "10007", {}, rate, Scope::account},
    R{0, "10008", {}, capacity, Scope::service_model},
    R{0, "10110", {}, capacity, Scope::service_model},
    R{0, "10009", {}, server, Scope::service_model},
    R{0, "10010", {}, server, Scope::service_model},
    R{0, "10011", {}, server, Scope::service_model},
    R{0, "10012", {}, server, Scope::service_model},
    R{0, "10222", {}, server, Scope::service_model},
    R{0, "10013", {}, filter, Scope::call},
    R{0, "10014", {}, filter, Scope::call},
    R{0, "10019", {}, filter, Scope::call},
    R{0, "10015", {}, auth, Scope::account},
    // One code for three causes, which its words tell apart: too much at once, not enabled, tokens used up.
    R{0, "10016", "并发", rate, Scope::account_model},
    R{0, "10016", "concurren", rate, Scope::account_model},
    R{0, "10016", "开通", permission, Scope::account_model},
    R{0, "10016", "not enabled", permission, Scope::account_model},
    R{0, "10016", {}, quota, Scope::account_model},
    R{0, "10907", {}, context, Scope::call},
    R{0, "11200", {}, quota, Scope::account_model},
    R{0, "11201", {}, quota, Scope::account_model},
    R{0, "11202", {}, rate, Scope::account},
    R{0, "11203", {}, rate, Scope::account},
    R{0, "11500", {}, auth, Scope::key},
    R{401, {}, "hmac signature does not match", auth, Scope::key},
    R{403, {}, "a valid date or x-date header is required", clock, Scope::host},
    R{403, {}, "300s", clock, Scope::host},
};

// https://cloud.baidu.com/doc/qianfan-api/s/rmwbl43x7 (v2)
constexpr std::array kQianfan = {
    R{0, "invalid_iam_token", {}, auth, Scope::key},
    R{0, "invalid_model", {}, model, Scope::key_model},
    R{0, "access_denied", "in arrears", quota, Scope::account},
    R{0, "access_denied", "overdue", quota, Scope::account},
    R{0, "access_denied", {}, permission, Scope::key_model},
    R{0, "tokens_too_long", {}, context, Scope::call},
    R{0, "characters_too_long", {}, context, Scope::call},
    R{0, "rpm_rate_limit_exceeded", {}, rate, Scope::account_model},
    R{0, "tpm_rate_limit_exceeded", {}, rate, Scope::account_model},
    R{0, {}, "in arrears", quota, Scope::account},
    R{0, {}, "overdue", quota, Scope::account},
};

}  // namespace

std::span<const ErrorRule> zhipu_errors() noexcept { return kZhipu; }
std::span<const ErrorRule> moonshot_errors() noexcept { return kMoonshot; }
std::span<const ErrorRule> dashscope_errors() noexcept { return kDashScope; }
std::span<const ErrorRule> ark_errors() noexcept { return kArk; }
std::span<const ErrorRule> minimax_errors() noexcept { return kMiniMax; }
std::span<const ErrorRule> spark_errors() noexcept { return kSpark; }
std::span<const ErrorRule> qianfan_errors() noexcept { return kQianfan; }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
