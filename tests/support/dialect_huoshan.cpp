#include <array>
#include <chrono>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialect_openai.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using K = Fault::Kind;

constexpr std::array kTokenRefusals = {
    Refusal{
        K::invalid_key, 401,
        R"({"ResponseMetadata":{"RequestId":"r-1","Action":"GetApiKey","Version":"2024-01-01","Service":"ark","Region":"cn-beijing","Error":{"Code":"InvalidAccessKey","Message":"The access key is invalid."}}})"},
    Refusal{K::bad_request, 400,
            R"({"ResponseMetadata":{"RequestId":"r-1","Error":{"Code":"InvalidParameter","Message":$message}}})"},
};

/// OpenAI's chat, with an API key or with one that was fetched with AK and SK.
class HuoshanDialect final : public Dialect {
 public:
  bool takes(const ReceivedRequest& request) const override {
    return fetches(request) || (request.path().starts_with("/api/v3/") && chat_->takes(request));
  }

  std::string key(const ReceivedRequest& request) const override {
    if (fetches(request)) return signer_of(request);
    const std::string key = chat_->key(request);
    const std::string owner = key_of_token(key);
    return owner.empty() ? key : owner;
  }

  std::optional<Fault> read(const ReceivedRequest& request, Ask& ask) const override {
    if (!fetches(request)) return chat_->read(request, ask);
    ask.kind = Ask::Kind::token;
    const auto bad = [](std::string why) { return Fault{.kind = K::bad_request, .message = std::move(why)}; };
    if (auto wrong = signature_fault(request, "HMAC-SHA256", {"content-type", "host", "x-content-sha256", "x-date"})) {
      return bad(*std::move(wrong));
    }
    if (request.find("Authorization").find("/cn-beijing/ark/request") == std::string_view::npos) {
      return bad("the scope is wrong");
    }
    if (form_value(request.query(), "Version") != "2024-01-01") return bad("Version is not known");
    const rapidjson::Document body = parse_json(request.body);
    const rapidjson::Value* ids = member(body, "ResourceIds");
    if (string_member(body, "ResourceType") != "endpoint" || ids == nullptr || !ids->IsArray() || ids->Empty() ||
        number_member(body, "DurationSeconds").value_or(0) < 1) {
      return bad("DurationSeconds, ResourceType or ResourceIds is missing");
    }
    return std::nullopt;
  }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& rate) const override {
    if (ask.kind != Ask::Kind::token) return chat_->answer(ask, answer, rate);
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch();
    return Reply::json(
        200,
        fill(
            R"({"ResponseMetadata":{"RequestId":"r-1","Action":"GetApiKey","Version":"2024-01-01","Service":"ark","Region":"cn-beijing"},"Result":{"ApiKey":$key,"ExpiredTime":$ends}})",
            {{"key", quoted(token_of(answer.key))}, {"ends", fmt::format("{}", now.count() + 604800)}}));
  }

  Reply refuse(const Fault& fault, const Ask& ask) const override {
    return ask.kind == Ask::Kind::token ? refusal_reply(kTokenRefusals, fault, ask) : chat_->refuse(fault, ask);
  }
  bool has_words_for(Fault::Kind kind) const override { return chat_->has_words_for(kind); }

 private:
  static bool fetches(const ReceivedRequest& request) {
    return form_value(request.query(), "Action") == "GetApiKey" && request.path() == "/";
  }

  std::unique_ptr<Dialect> chat_ = compatible_dialect("huoshan");
};

}  // namespace

std::unique_ptr<Dialect> huoshan_dialect() { return std::make_unique<HuoshanDialect>(); }

}  // namespace keywheel::testing
