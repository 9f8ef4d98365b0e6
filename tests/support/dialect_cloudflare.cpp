#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/dialect_openai.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

using Wrong = std::optional<std::string>;

std::string usage(const Answer& answer) {
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})", answer.prompt_tokens,
                     answer.completion_tokens, answer.prompt_tokens + answer.completion_tokens);
}

/// Arguments are an object, not text, and calls have no ids.
std::string calls(const Answer& answer) {
  std::string list;
  for (const AskedTool& call : answer.tool_calls) {
    list += list.empty() ? "" : ",";
    list +=
        fill(R"({"name":$name,"arguments":$arguments})", {{"name", quoted(call.name)}, {"arguments", call.arguments}});
  }
  return list;
}

class CloudflareRunDialect final : public JsonDialect {
 public:
  bool takes(const ReceivedRequest& request) const override {
    return request.path().find("/ai/run/") != std::string_view::npos;
  }
  std::string key(const ReceivedRequest& request) const override { return bearer_of(request); }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& /*rate*/) const override {
    if (!ask.stream) {
      return Reply::json(
          200,
          fill(
              R"({"result":{"response":$text,"tool_calls":[$calls],"usage":$usage},"success":true,"errors":[],"messages":[]})",
              {{"text", quoted(answer.text())}, {"calls", calls(answer)}, {"usage", usage(answer)}}));
    }
    std::vector<std::string> events;
    for (const std::string& word : answer.words) {
      events.push_back(sse_event(fill(R"({"response":$text,"p":"abdef"})", {{"text", quoted(word)}})));
    }
    events.push_back(sse_event(fill(R"({"response":"","tool_calls":[$calls],"usage":$usage})",
                                    {{"calls", calls(answer)}, {"usage", usage(answer)}})));
    events.push_back(sse_event("[DONE]"));
    return Reply::sse(std::move(events), answer.between);
  }

 protected:
  Wrong read_body(const ReceivedRequest& request, const rapidjson::Value& body, Ask& ask,
                  std::vector<Turn>& turns) const override {
    const std::string_view path = request.path();
    if (!path.starts_with("/client/v4/accounts/")) return "the path names no account";
    ask.model = path.substr(path.find("/ai/run/") + 8);
    if (member(body, "model") != nullptr) return "the body names a model";
    ask.stream = true_member(body, "stream");
    if (const auto most = number_member(body, "max_tokens")) ask.max_tokens = static_cast<std::int64_t>(*most);
    if (Wrong wrong = read_openai_turns(body, turns)) return wrong;
    return read_openai_tools(body, ask);
  }
  std::span<const Refusal> refusals() const override { return compatible_refusals("cloudflare"); }
};

}  // namespace

std::unique_ptr<Dialect> cloudflare_run_dialect() { return std::make_unique<CloudflareRunDialect>(); }

}  // namespace keywheel::testing
