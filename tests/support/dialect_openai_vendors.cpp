#include <algorithm>
#include <array>

#include "support/dialect_openai.hpp"

/// How vendors that speak OpenAI's chat completions word their errors: their pages, and bodies that people have quoted.

namespace keywheel::testing {
namespace {

using K = Fault::Kind;

// https://api-docs.deepseek.com/quick_start/error_codes
constexpr std::array kDeepSeek = {
    Refusal{
        K::invalid_key, 401,
        R"({"error":{"message":"Authentication Fails, Your api key: ****dead is invalid","type":"authentication_error","param":null,"code":"invalid_request_error"}})"},
    Refusal{
        K::quota_exhausted, 402,
        R"({"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}})"},
    Refusal{K::rate_limited, 429,
            R"({"error":{"message":"Rate limit reached","type":"rate_limit_error","param":null,"code":"rate_limit"}})"},
    Refusal{
        K::unknown_model, 400,
        R"({"error":{"message":"The supported API model names are deepseek-chat or deepseek-reasoner, but you passed $model.","type":"invalid_request_error","param":null,"code":"invalid_request_error"}})"},
    Refusal{
        K::content_filter, 400,
        R"({"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}})"},
    Refusal{
        K::context_length, 400,
        R"({"error":{"message":"This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (69000 in the messages, 1000 in the completion). Please reduce the length of the messages or completion.","type":"invalid_request_error","param":null,"code":"invalid_request_error"}})"},
    Refusal{
        K::bad_request, 422,
        R"({"error":{"message":$message,"type":"invalid_request_error","param":null,"code":"invalid_request_error"}})"},
    Refusal{
        K::overloaded, 503,
        R"({"error":{"message":"Service is too busy. We advise users to temporarily switch to alternative LLM API service providers.","type":"service_unavailable_error","param":null,"code":"service_unavailable_error"}})"},
    Refusal{K::server_error, 500,
            R"({"error":{"message":"Internal Server Error","type":"internal_error","param":null,"code":null}})"},
};

// https://docs.bigmodel.cn/cn/api/api-code
constexpr std::array kZhipu = {
    Refusal{K::invalid_key, 401,
            R"({"error":{"code":"1002","message":"Authorization Token非法，请确认Authorization Token正确传递。"}})"},
    Refusal{K::quota_exhausted, 429, R"({"error":{"code":"1113","message":"您的账户已欠费，请充值后重试。"}})"},
    Refusal{K::rate_limited, 429,
            R"({"error":{"code":"1302","message":"您当前使用该API的并发数过高，请降低并发，或联系客服增加限额。"}})"},
    Refusal{K::forbidden, 434, R"({"error":{"code":"1220","message":"您无权访问API"}})"},
    Refusal{K::unknown_model, 400, R"({"error":{"code":"1211","message":"模型不存在，请检查模型代码。"}})"},
    Refusal{
        K::content_filter, 400,
        R"({"contentFilter":[{"level":1,"role":"user"}],"error":{"code":"1301","message":"系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语，感谢您的配合。"}})"},
    Refusal{K::context_length, 400, R"({"error":{"code":"1261","message":"Prompt 超长"}})"},
    Refusal{K::bad_request, 400, R"({"error":{"code":"1210","message":$message}})"},
    Refusal{K::overloaded, 429, R"({"error":{"code":"1305","message":"该模型当前访问量过大，请您稍后再试"}})"},
    Refusal{K::server_error, 500, R"({"error":{"code":"500","message":"内部错误"}})"},
};

// https://console.groq.com/docs/errors
constexpr std::array kGroq = {
    Refusal{K::invalid_key, 401,
            R"({"error":{"message":"Invalid API Key","type":"invalid_request_error","code":"invalid_api_key"}})"},
    Refusal{
        K::quota_exhausted, 429,
        R"({"error":{"message":"Rate limit reached for model `$model` in organization `org_1` service tier `on_demand` on tokens per day (TPD): Limit 100000, Used 99999, Requested 200. Please try again in 2m51.936s.","type":"tokens","code":"rate_limit_exceeded"}})"},
    Refusal{
        K::rate_limited, 429,
        R"({"error":{"message":"Rate limit reached for model `$model` in organization `org_1` service tier `on_demand` on requests per minute (RPM): Limit 30, Used 30, Requested 1. Please try again in ${wait}s.","type":"requests","code":"rate_limit_exceeded"}})"},
    Refusal{
        K::unknown_model, 404,
        R"({"error":{"message":"The model `$model` does not exist or you do not have access to it.","type":"invalid_request_error","code":"model_not_found"}})"},
    Refusal{
        K::context_length, 400,
        R"({"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})"},
    Refusal{K::bad_request, 400, R"({"error":{"message":$message,"type":"invalid_request_error"}})"},
    Refusal{
        K::overloaded, 498,
        R"({"error":{"message":"Flex capacity exceeded","type":"invalid_request_error","code":"capacity_exceeded"}})"},
    Refusal{K::server_error, 500, R"({"error":{"message":"Internal Server Error","type":"internal_server_error"}})"},
};

// https://platform.moonshot.cn/docs/api/chat
constexpr std::array kMoonshot = {
    Refusal{K::invalid_key, 401,
            R"({"error":{"message":"Invalid Authentication","type":"invalid_authentication_error"}})"},
    Refusal{
        K::quota_exhausted, 429,
        R"({"error":{"message":"Your account org-1 is suspended due to insufficient balance, please recharge your account or check your plan and billing details","type":"exceeded_current_quota_error"}})"},
    Refusal{
        K::rate_limited, 429,
        R"({"error":{"message":"Your account org-1 request reached organization max RPM: 3, please try again after $wait seconds","type":"rate_limit_reached_error"}})"},
    Refusal{K::forbidden, 403, R"({"error":{"message":"Permission denied","type":"permission_denied_error"}})"},
    Refusal{
        K::unknown_model, 404,
        R"({"error":{"message":"Not found the model $model or Permission denied","type":"resource_not_found_error"}})"},
    Refusal{
        K::content_filter, 400,
        R"({"error":{"message":"The request was rejected because it was considered high risk","type":"content_filter"}})"},
    Refusal{
        K::context_length, 400,
        R"({"error":{"message":"Invalid request: Your request exceeded model token limit: 8192","type":"invalid_request_error"}})"},
    Refusal{K::bad_request, 400, R"({"error":{"message":$message,"type":"invalid_request_error"}})"},
    Refusal{
        K::overloaded, 429,
        R"({"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}})"},
    Refusal{K::server_error, 500,
            R"({"error":{"message":"Failed to extract file: unexpected","type":"unexpected_output"}})"},
};

// https://docs.mistral.ai/api
constexpr std::array kMistral = {
    Refusal{K::invalid_key, 401, R"({"detail":"Unauthorized"})"},
    Refusal{
        K::rate_limited, 429,
        R"({"object":"error","message":"Requests rate limit exceeded","type":"rate_limited","param":null,"code":"1300"})"},
    Refusal{
        K::unknown_model, 400,
        R"({"object":"error","message":"Invalid model: $model","type":"invalid_model","param":null,"code":"1500"})"},
    Refusal{
        K::bad_request, 422,
        R"({"object":"error","message":{"detail":[{"type":"missing","loc":["body","messages"],"msg":$message}]},"type":"invalid_request_error","param":null,"code":null})"},
    Refusal{
        K::overloaded, 429,
        R"({"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","param":null,"code":"3505"})"},
    Refusal{
        K::server_error, 500,
        R"({"object":"error","message":"Service unavailable.","type":"internal_server_error","param":null,"code":"1000"})"},
};

// https://docs.x.ai/docs/key-information/debugging
constexpr std::array kXai = {
    Refusal{
        K::invalid_key, 400,
        R"({"code":"Client specified an invalid argument","error":"Incorrect API key provided: de***ad. You can obtain an API key from https://console.x.ai."})"},
    Refusal{
        K::quota_exhausted, 429,
        R"({"code":"Some resource has been exhausted","error":"Your team has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits or raise your spending limit."})"},
    Refusal{
        K::content_filter, 403,
        R"({"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines."})"},
    Refusal{
        K::unknown_model, 404,
        R"({"code":"Some requested entity was not found","error":"The model $model does not exist or your team does not have access to it."})"},
    Refusal{K::bad_request, 400, R"({"code":"Client specified an invalid argument","error":$message})"},
    Refusal{K::server_error, 500, R"({"code":"Internal error","error":"Service temporarily unavailable."})"},
};

// https://openrouter.ai/docs/api-reference/errors
constexpr std::array kOpenRouter = {
    Refusal{K::invalid_key, 401, R"({"error":{"message":"User not found.","code":401}})"},
    Refusal{
        K::quota_exhausted, 402,
        R"({"error":{"message":"Insufficient credits. Add more using https://openrouter.ai/settings/credits","code":402,"metadata":{"limit_source":"openrouter_credits"}}})"},
    Refusal{
        K::rate_limited, 429,
        R"({"error":{"message":"Rate limit exceeded: free-models-per-min. ","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0"},"provider_name":null}},"user_id":"user_1"})"},
    Refusal{
        K::content_filter, 403,
        R"({"error":{"message":"Input was flagged","code":403,"metadata":{"reasons":["violence"],"flagged_input":"…","provider_name":"OpenAI"}}})"},
    Refusal{
        K::context_length, 400,
        R"({"error":{"message":"This endpoint's maximum context length is 8192 tokens. However, you requested about 9000 tokens (9000 of text input). Please reduce the length of either one.","code":400,"metadata":{"provider_name":null}}})"},
    Refusal{K::unknown_model, 400, R"({"error":{"message":"$model is not a valid model ID","code":400}})"},
    Refusal{K::bad_request, 400, R"({"error":{"message":$message,"code":400}})"},
    Refusal{
        K::overloaded, 429,
        R"({"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"$model is temporarily rate-limited upstream. Please retry shortly.","provider_name":"Chutes"}}})"},
    Refusal{
        K::server_error, 502,
        R"({"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"bad gateway","provider_name":"Chutes"}}})"},
};

// https://inference-docs.cerebras.ai/support/error
constexpr std::array kCerebras = {
    Refusal{K::invalid_key, 401,
            R"({"message":"Wrong API Key","type":"invalid_request_error","param":"api_key","code":"wrong_api_key"})"},
    Refusal{
        K::quota_exhausted, 429,
        R"({"message":"Tokens per day limit exceeded - too many tokens processed.","type":"too_many_tokens_error","param":"quota","code":"token_quota_exceeded"})"},
    Refusal{
        K::rate_limited, 429,
        R"({"message":"Requests per minute limit exceeded - too many requests sent.","type":"too_many_requests_error","param":"quota","code":"request_quota_exceeded"})"},
    Refusal{
        K::unknown_model, 404,
        R"({"message":"Model $model does not exist or you do not have access to it.","type":"not_found_error","param":"model","code":"model_not_found"})"},
    Refusal{
        K::context_length, 400,
        R"({"message":"Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"})"},
    Refusal{K::bad_request, 400,
            R"({"message":$message,"type":"invalid_request_error","param":null,"code":"wrong_parameters"})"},
    Refusal{
        K::overloaded, 429,
        R"({"message":"We're experiencing high traffic right now! Please try again soon.","type":"too_many_requests_error","param":"queue","code":"queue_exceeded"})"},
    Refusal{
        K::server_error, 500,
        R"({"message":"Encountered a server error, please try again.","type":"server_error","param":"","code":""})"},
};

// https://developers.cloudflare.com/workers-ai/platform/errors
constexpr std::array kCloudflare = {
    Refusal{
        K::invalid_key, 401,
        R"({"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"result":null})"},
    Refusal{
        K::quota_exhausted, 429,
        R"({"success":false,"errors":[{"code":3036,"message":"you have used up your daily free allocation of 10,000 neurons, please upgrade to Cloudflare's Workers Paid plan if you would like to continue usage."}],"messages":[],"result":{}})"},
    Refusal{
        K::forbidden, 403,
        R"({"success":false,"errors":[{"code":5018,"message":"This account is not allowed to access this model"}],"messages":[],"result":{}})"},
    Refusal{
        K::unknown_model, 400,
        R"({"success":false,"errors":[{"code":5007,"message":"No such model $model or task"}],"messages":[],"result":{}})"},
    Refusal{K::bad_request, 400,
            R"({"success":false,"errors":[{"code":5006,"message":$message}],"messages":[],"result":{}})"},
    Refusal{
        K::overloaded, 429,
        R"({"success":false,"errors":[{"code":3040,"message":"No more data centers to forward the request to"}],"messages":[],"result":{}})"},
    Refusal{
        K::server_error, 500,
        R"({"success":false,"errors":[{"code":3043,"message":"Internal server error"}],"messages":[],"result":{}})"},
};

// https://help.aliyun.com/en/model-studio/error-code, in the words of the compatible mode.
constexpr std::array kBailian = {
    Refusal{
        K::invalid_key, 401,
        R"({"error":{"message":"Incorrect API key provided. For details, see: https://help.aliyun.com/zh/model-studio/error-code#apikey-error","type":"invalid_request_error","param":null,"code":"invalid_api_key"},"request_id":"req-1"})"},
    Refusal{
        K::quota_exhausted, 400,
        R"({"error":{"message":"Access denied, please make sure your account is in good standing.","type":"Arrearage","param":null,"code":"Arrearage"},"request_id":"req-1"})"},
    // The word is OpenAI's for an empty account; here it is tokens a minute.
    Refusal{
        K::rate_limited, 429,
        R"({"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"},"request_id":"req-1"})"},
    Refusal{
        K::forbidden, 403,
        R"({"error":{"message":"Model access denied.","type":"Model.AccessDenied","param":null,"code":"Model.AccessDenied"},"request_id":"req-1"})"},
    Refusal{
        K::unknown_model, 404,
        R"({"error":{"message":"The model `$model` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"},"request_id":"req-1"})"},
    Refusal{
        K::content_filter, 400,
        R"({"error":{"message":"Input data may contain inappropriate content.","type":"data_inspection_failed","param":null,"code":"data_inspection_failed"},"request_id":"req-1"})"},
    Refusal{
        K::context_length, 400,
        R"({"error":{"message":"<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]","type":"invalid_request_error","param":null,"code":"invalid_parameter_error"},"request_id":"req-1"})"},
    Refusal{
        K::bad_request, 400,
        R"({"error":{"message":$message,"type":"invalid_request_error","param":null,"code":"invalid_parameter_error"},"request_id":"req-1"})"},
    Refusal{
        K::overloaded, 503,
        R"({"error":{"message":"Too many requests. Your requests are being throttled due to system capacity limits. Please try again later.","type":"ServiceUnavailable","param":null,"code":"ModelUnavailable"},"request_id":"req-1"})"},
    Refusal{
        K::server_error, 500,
        R"({"error":{"message":"An internal error has occured, please try again later or contact service support.","type":"InternalError","param":null,"code":"InternalError"},"request_id":"req-1"})"},
};

// https://cloud.baidu.com/doc/qianfan-api/s/rmwbl43x7
constexpr std::array kQianfan = {
    Refusal{
        K::invalid_key, 401,
        R"({"error":{"code":"invalid_iam_token","message":"invalid_iam_token","type":"invalid_request_error"},"id":"as-1"})"},
    Refusal{
        K::quota_exhausted, 403,
        R"({"error":{"code":"access_denied_account","message":"the account is in arrears","type":"access_denied"},"id":"as-1"})"},
    Refusal{
        K::rate_limited, 429,
        R"({"error":{"code":"rpm_rate_limit_exceeded","message":"Rate limit reached for RPM","type":"rate_limit_exceeded"},"id":"as-1"})"},
    Refusal{K::forbidden, 401,
            R"({"error":{"code":"access_denied","message":"Access denied","type":"access_denied"},"id":"as-1"})"},
    Refusal{
        K::unknown_model, 401,
        R"({"error":{"code":"invalid_model","message":"The model does not exist or you do not have access to it.","type":"invalid_request_error"},"id":"as-1"})"},
    Refusal{
        K::context_length, 400,
        R"({"error":{"code":"tokens_too_long","message":"Prompt tokens too long","type":"invalid_request_error"},"id":"as-1"})"},
    Refusal{K::bad_request, 400,
            R"({"error":{"code":"invalid_argument","message":$message,"type":"invalid_request_error"},"id":"as-1"})"},
    Refusal{K::server_error, 500,
            R"({"error":{"code":"internal_error","message":"Internal error","type":"internal_error"},"id":"as-1"})"},
};

// https://www.volcengine.com/docs/82379/1299023
constexpr std::array kArk = {
    Refusal{
        K::invalid_key, 401,
        R"({"error":{"code":"AuthenticationError","message":"The API key or AK/SK in the request is missing or invalid. Request id: 1","param":"","type":"Unauthorized"}})"},
    Refusal{
        K::quota_exhausted, 403,
        R"({"error":{"code":"AccountOverdueError","message":"The request failed because your account has an overdue balance. Request id: 1","param":"","type":"Forbidden"}})"},
    Refusal{
        K::rate_limited, 429,
        R"({"error":{"code":"RateLimitExceeded.EndpointRPMExceeded","message":"The Requests Per Minute (RPM) limit of the associated endpoint for your account has been exceeded. Request id: 1","param":"","type":"TooManyRequests"}})"},
    Refusal{
        K::forbidden, 403,
        R"({"error":{"code":"AccessDenied","message":"The request failed because you do not have access to the requested resource. Request id: 1","param":"","type":"Forbidden"}})"},
    Refusal{
        K::unknown_model, 404,
        R"({"error":{"code":"InvalidEndpointOrModel.NotFound","message":"The model or endpoint $model does not exist or you do not have access to it. Request id: 1","param":"","type":"NotFound"}})"},
    Refusal{
        K::content_filter, 400,
        R"({"error":{"code":"SensitiveContentDetected","message":"The request failed because the input text may contain sensitive information. Request id: 1","param":"","type":"BadRequest"}})"},
    Refusal{
        K::context_length, 400,
        R"({"error":{"code":"InvalidParameter","message":"Total tokens of image and text exceed max message tokens. Request id: 1","param":"messages","type":"BadRequest"}})"},
    Refusal{K::bad_request, 400,
            R"({"error":{"code":"InvalidParameter","message":$message,"param":"messages","type":"BadRequest"}})"},
    Refusal{
        K::overloaded, 429,
        R"({"error":{"code":"ServerOverloaded","message":"The service is currently unable to handle additional requests due to a high volume of requests. Request id: 1","param":"","type":"TooManyRequests"}})"},
    Refusal{
        K::server_error, 500,
        R"({"error":{"code":"InternalServiceError","message":"The service encountered an unexpected internal error. Request id: 1","param":"","type":"InternalServerError"}})"},
};

// https://www.xfyun.cn/doc/spark/. All of these are headed "authorisation error", and only the last is a dead key.
constexpr std::array kXinghuo = {
    Refusal{
        K::quota_exhausted, 403,
        R"json({"error":{"message":"AppIdNoAuthError:(11200) 授权错误：该appId没有相关功能的授权或者业务量超过限制 (sid: cht1)","type":"api_error","param":null,"code":"11200"}})json"},
    Refusal{
        K::rate_limited, 429,
        R"json({"error":{"message":"AppIdQpsOverFlowError:(11202) 授权错误：秒级流控超限 (sid: cht1)","type":"api_error","param":null,"code":"11202"}})json"},
    Refusal{
        K::content_filter, 400,
        R"json({"error":{"message":"(10013) 输入内容审核不通过，涉嫌违规，请重新调整输入内容 (sid: cht1)","type":"api_error","param":null,"code":"10013"}})json"},
    Refusal{
        K::context_length, 400,
        R"json({"error":{"message":"(10907) token数量超过上限 (sid: cht1)","type":"api_error","param":null,"code":"10907"}})json"},
    Refusal{K::bad_request, 400, R"({"error":{"message":$message,"type":"api_error","param":null,"code":"10163"}})"},
    Refusal{
        K::overloaded, 503,
        R"json({"error":{"message":"(10110) 服务忙，请稍后再试 (sid: cht1)","type":"api_error","param":null,"code":"10110"}})json"},
    Refusal{K::invalid_key, 401, R"({"message":"HMAC signature does not match"})"},
    Refusal{
        K::server_error, 500,
        R"json({"error":{"message":"(10012) 引擎内部错误 (sid: cht1)","type":"api_error","param":null,"code":"10012"}})json"},
};

// https://platform.minimax.io/docs/api-reference/errorcode: all in a 200.
constexpr std::array kMiniMax = {
    Refusal{K::invalid_key, 200, R"({"base_resp":{"status_code":2049,"status_msg":"invalid api key"}})", {}, true},
    Refusal{
        K::quota_exhausted, 200, R"({"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}})", {}, true},
    Refusal{K::rate_limited,
            200,
            R"json({"base_resp":{"status_code":1002,"status_msg":"rate limit exceeded(RPM)"}})json",
            {},
            true},
    Refusal{K::forbidden,
            200,
            R"({"base_resp":{"status_code":2061,"status_msg":"your current token plan not support model, $model"}})",
            {},
            true},
    Refusal{
        K::content_filter, 200, R"({"base_resp":{"status_code":1026,"status_msg":"input new_sensitive"}})", {}, true},
    Refusal{K::bad_request, 200, R"({"base_resp":{"status_code":2013,"status_msg":$message}})", {}, true},
    Refusal{K::server_error,
            200,
            R"({"base_resp":{"status_code":1033,"status_msg":"system error, please try again later"}})",
            {},
            true},
};

// vLLM, llama.cpp, LM Studio and the hosts of open models.
constexpr std::array kHuggingFace = {
    Refusal{K::invalid_key, 401, R"({"error":"Invalid username or password."})"},
    Refusal{
        K::quota_exhausted, 402,
        R"({"error":"You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get 20x more monthly included credits."})"},
    Refusal{K::bad_request, 422, R"({"error":$message,"error_type":"validation"})"},
    Refusal{K::overloaded, 503, R"({"error":"Model $model is currently loading","estimated_time":20.0})"},
    Refusal{K::server_error, 500, R"({"error":"Internal server error"})"},
};
constexpr std::array kSiliconFlow = {
    Refusal{K::invalid_key, 401, R"("Invalid token")"},
    Refusal{K::quota_exhausted, 403,
            R"({"code":30001,"message":"Sorry, your account balance is insufficient","data":null})"},
    Refusal{
        K::rate_limited, 429,
        R"({"code":50602,"message":"Request was rejected due to rate limiting. Details: TPM limit reached.","data":null})"},
    Refusal{K::unknown_model, 400,
            R"({"code":20012,"message":"Model does not exist. Please check it carefully.","data":null})"},
    Refusal{K::bad_request, 400, R"({"code":20015,"message":$message,"data":null})"},
    Refusal{K::overloaded, 503,
            R"({"code":50505,"message":"Model service overloaded. Please try again later.","data":null})"},
    Refusal{K::server_error, 500, R"({"code":50507,"message":"unknown error","data":null})"},
};

struct Vendor {
  std::string_view provider;
  std::span<const Refusal> refusals;
};
constexpr std::array kVendors = {
    Vendor{"deepseek", kDeepSeek},
    Vendor{"zhipu", kZhipu},
    Vendor{"groq", kGroq},
    Vendor{"moonshot", kMoonshot},
    Vendor{"mistral", kMistral},
    Vendor{"xai", kXai},
    Vendor{"openrouter", kOpenRouter},
    Vendor{"cerebras", kCerebras},
    Vendor{"cloudflare", kCloudflare},
    Vendor{"bailian", kBailian},
    Vendor{"dashscope", kBailian},
    Vendor{"qianfan", kQianfan},
    Vendor{"huoshan", kArk},
    Vendor{"xinghuo", kXinghuo},
    Vendor{"minimax", kMiniMax},
    Vendor{"huggingface", kHuggingFace},
    Vendor{"siliconflow", kSiliconFlow},
};

}  // namespace

std::span<const Refusal> compatible_refusals(std::string_view provider) {
  const auto* const vendor =
      std::find_if(kVendors.begin(), kVendors.end(), [&](const Vendor& v) { return v.provider == provider; });
  return vendor == kVendors.end() ? std::span<const Refusal>{} : vendor->refusals;
}

}  // namespace keywheel::testing
