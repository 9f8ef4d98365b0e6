#include <array>

#include <fmt/format.h>

#include "support/dialect_anthropic.hpp"
#include "support/dialect_gemini.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using K = Fault::Kind;
using Wrong = std::optional<std::string>;

constexpr std::string_view kTokenPath = "/token";

// What the token endpoint says of a dead service account (RFC 6749, section 5.2).
constexpr std::array kTokenRefusals = {
    Refusal{K::invalid_key, 400, R"({"error":"invalid_grant","error_description":"Invalid grant: account not found"})"},
    Refusal{K::bad_request, 400, R"({"error":"invalid_request","error_description":$message})"},
};

// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/api-errors
constexpr std::array kRefusals = {
    Refusal{
        K::no_key, 401,
        R"({"error":{"code":401,"message":"Request is missing required authentication credential.","status":"UNAUTHENTICATED"}})"},
    Refusal{
        K::invalid_key, 401,
        R"({"error":{"code":401,"message":"Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.","status":"UNAUTHENTICATED"}})"},
    Refusal{
        K::quota_exhausted, 429,
        R"({"error":{"code":429,"message":"Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_day with base model: $model.","status":"RESOURCE_EXHAUSTED"}})"},
    Refusal{
        K::rate_limited, 429,
        R"({"error":{"code":429,"message":"Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_model with base model: $model. Please submit a quota increase request.","status":"RESOURCE_EXHAUSTED"}})"},
    Refusal{
        K::forbidden, 403,
        R"({"error":{"code":403,"message":"Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p/locations/l/publishers/google/models/$model' (or it may not exist).","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED","domain":"aiplatform.googleapis.com"}]}})"},
    Refusal{
        K::unknown_model, 404,
        R"({"error":{"code":404,"message":"Publisher Model `projects/p/locations/l/publishers/google/models/$model` was not found or your project does not have access to it.","status":"NOT_FOUND"}})"},
    Refusal{
        K::context_length, 400,
        R"({"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}})"},
    Refusal{K::bad_request, 400, R"({"error":{"code":400,"message":$message,"status":"INVALID_ARGUMENT"}})"},
    // A stream's error comes in a list.
    Refusal{
        K::overloaded, 429,
        R"([{"error":{"code":429,"message":"Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.","errors":[{"domain":"global","reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED"}}])"},
    Refusal{K::server_error, 500,
            R"({"error":{"code":500,"message":"Internal error encountered.","status":"INTERNAL"}})"},
};

int base64url_digit(char c) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string base64url(std::string_view text) {
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = base64url_digit(c);
    if (digit < 0) return {};
    bits = (bits << 6U) | static_cast<unsigned>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
  }
  return bytes;
}

/// The claims of a signed assertion (RFC 7523).
rapidjson::Document claims_of(std::string_view assertion) {
  const std::size_t first = assertion.find('.');
  const std::size_t last = assertion.rfind('.');
  if (first == std::string_view::npos || last == first) return {};
  return parse_json(base64url(assertion.substr(first + 1, last - first - 1)));
}

class VertexDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override {
    return request.path() == kTokenPath || request.path().find("/publishers/") != std::string_view::npos;
  }

  std::string key(const ReceivedRequest& request) const override {
    if (request.path() != kTokenPath) return key_of_token(bearer_of(request));
    return std::string(string_member(claims_of(form_value(request.body, "assertion")), "iss"));
  }

  std::optional<Fault> read(const ReceivedRequest& request, Ask& ask) const override {
    if (request.path() != kTokenPath) return JsonDialect::read(request, ask);
    ask.kind = Ask::Kind::token;
    const rapidjson::Document claims = claims_of(form_value(request.body, "assertion"));
    const double lifetime = number_member(claims, "exp").value_or(0) - number_member(claims, "iat").value_or(0);
    const bool good = form_value(request.body, "grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer" &&
                      string_member(claims, "aud").ends_with(kTokenPath) &&
                      string_member(claims, "scope") == "https://www.googleapis.com/auth/cloud-platform" &&
                      lifetime > 0 && lifetime <= 3600;
    if (good) return std::nullopt;
    return Fault{.kind = K::bad_request, .message = "the assertion's grant_type, aud, scope or lifetime is wrong"};
  }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    if (ask.kind == Ask::Kind::token) {
      return Reply::json(200, fill(R"({"access_token":$token,"expires_in":3599,"token_type":"Bearer"})",
                                   {{"token", quoted(token_of(answer.key))}}));
    }
    return ask.claude ? anthropic_answer(ask, answer) : gemini_answer(ask, answer);
  }

  Reply refuse(const Fault& fault, const Ask& ask) const override {
    if (ask.kind == Ask::Kind::token) return refusal_reply(kTokenRefusals, fault, ask);
    const bool anthropics = ask.claude && has_row(anthropic_refusals(), fault.kind) && !has_row(kGoogles, fault.kind);
    return refusal_reply(anthropics ? anthropic_refusals() : kRefusals, fault, ask);
  }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    const std::string_view path = request.path();
    if (!path.starts_with("/v1/projects/") || path.find("/locations/") == std::string_view::npos) {
      return "the path names no project and location";
    }
    ask.claude = path.find("/publishers/anthropic/models/") != std::string_view::npos;
    if (!ask.claude) return read_gemini_body(request, body, ask, turns);
    const std::string_view last = path.substr(path.rfind('/') + 1);
    ask.model = last.substr(0, last.find(':'));
    ask.stream = last.ends_with(":streamRawPredict");
    if (!ask.stream && !last.ends_with(":rawPredict")) return "there is no such method";
    if (ask.stream != true_member(body, "stream")) return "the method and \"stream\" say different things";
    if (string_member(body, "anthropic_version") != "vertex-2023-10-16") return "anthropic_version: Field required";
    if (member(body, "model") != nullptr) return "model: Extra inputs are not permitted";
    return read_anthropic_body(body, ask, turns);
  }
  std::span<const Refusal> refusals() const override { return kRefusals; }

 private:
  // Google's gateway answers for these, whoever made the model.
  static constexpr std::array kGoogles = {Refusal{K::no_key, 0, {}},          Refusal{K::invalid_key, 0, {}},
                                          Refusal{K::quota_exhausted, 0, {}}, Refusal{K::rate_limited, 0, {}},
                                          Refusal{K::forbidden, 0, {}},       Refusal{K::unknown_model, 0, {}}};
};

}  // namespace

std::unique_ptr<Dialect> vertex_dialect() { return std::make_unique<VertexDialect>(); }

}  // namespace keywheel::testing
