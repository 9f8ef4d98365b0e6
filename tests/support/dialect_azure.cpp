#include <array>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialect_openai.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using K = Fault::Kind;

// https://learn.microsoft.com/azure/ai-foundry/openai/quotas-limits and bodies that people have quoted.
constexpr std::array kRefusals = {
    Refusal{
        K::no_key, 401,
        R"({"error":{"code":"401","message":"Access denied due to missing subscription key. Make sure to provide a valid key for an active subscription."}})"},
    Refusal{
        K::invalid_key, 401,
        R"({"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}})"},
    Refusal{K::quota_exhausted, 403,
            R"({"error":{"code":"403","message":"Out of call volume quota. Quota will be replenished in 12:00:00."}})"},
    Refusal{
        K::rate_limited, 429,
        R"({"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after $wait seconds. Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."}})"},
    Refusal{K::forbidden, 403,
            R"({"error":{"code":"AccessDenied","message":"Access denied due to Virtual Network/Firewall rules."}})"},
    Refusal{
        K::unknown_model, 404,
        R"({"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}})"},
    Refusal{
        K::content_filter, 400,
        R"({"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":false,"severity":"safe"},"violence":{"filtered":true,"severity":"medium"}}}}})"},
    Refusal{
        K::context_length, 400,
        R"({"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})"},
    Refusal{K::bad_request, 400,
            R"({"error":{"message":$message,"type":"invalid_request_error","param":null,"code":null}})"},
    Refusal{
        K::overloaded, 429,
        R"({"error":{"code":"429","message":"The system is currently experiencing high demand and cannot process your request. Your request exceeds the maximum usage size allowed during peak load."}})"},
    Refusal{
        K::server_error, 500,
        R"({"error":{"message":"The server had an error processing your request. Sorry about that!","type":"server_error","param":null,"code":null}})"},
};

constexpr std::string_view kDeployments = "/openai/deployments/";
constexpr std::string_view kV1 = "/openai/v1/";

/// OpenAI's chat at Azure's addresses, and a stream that begins with what the filters found in the prompt.
class AzureDialect final : public Dialect {
 public:
  // Groq's paths begin so too, with a Bearer key.
  bool takes(const ReceivedRequest& request) const override {
    return request.path().starts_with("/openai/") && bearer_of(request).empty();
  }
  std::string key(const ReceivedRequest& request) const override { return std::string(request.find("api-key")); }

  std::optional<Fault> read(const ReceivedRequest& request, Ask& ask) const override {
    const auto bad = [](std::string why) { return Fault{.kind = K::bad_request, .message = std::move(why)}; };
    const std::string_view path = request.path();
    const std::string version = form_value(request.query(), "api-version");
    if (request.target.find(key(request)) != std::string::npos) return bad("the key is in the URL");
    if (!path.starts_with(kDeployments)) {
      if (!path.starts_with(kV1)) return Fault{.kind = K::not_found};
      if (!version.empty()) return bad("api-version query parameter is not allowed when using /v1 path");
      return chat_->read(request, ask);
    }
    if (version.empty()) return Fault{.kind = K::not_found};
    std::optional<Fault> fault = chat_->read(request, ask);
    const std::string_view rest = path.substr(kDeployments.size());
    ask.model = rest.substr(0, rest.find('/'));
    return fault;
  }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& rate) const override {
    Reply reply = chat_->answer(ask, answer, rate);
    reply.headers.push_back({"apim-request-id", answer.id});
    if (!ask.stream) return reply;
    const std::string filters = sse_event(
        R"({"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]})");
    reply.body.insert(reply.body.begin(), Piece{.bytes = filters});
    return reply;
  }

  Reply refuse(const Fault& fault, const Ask& ask) const override { return refusal_reply(kRefusals, fault, ask); }
  bool has_words_for(Fault::Kind kind) const override { return has_row(kRefusals, kind); }

 private:
  std::unique_ptr<Dialect> chat_ = openai_dialect();
};

}  // namespace

std::unique_ptr<Dialect> azure_dialect() { return std::make_unique<AzureDialect>(); }

}  // namespace keywheel::testing
