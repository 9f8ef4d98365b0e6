#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "integration/provider_cases.hpp"

/// Nothing is silently dropped: each field of a request is sent in a form that the vendor takes, or is an error that
/// names it, or, where the request says so, a warning that does.

using namespace keywheel;
using namespace keywheel::testing;

namespace {

struct Field {
  std::string_view name;  ///< as an error or a warning calls it
  std::function<void(ChatRequest&)> set;
};

std::vector<Field> fields() {
  return {
      {"messages[0]", [](ChatRequest& r) { r.messages.insert(r.messages.begin(), keywheel::system("Be brief.")); }},
      {"messages[0]",
       [](ChatRequest& r) {
         r.messages = {user("Hi"), assistant("Hello"), user("one two three")};
       }},
      {"max_tokens", [](ChatRequest& r) { r.max_tokens = 100; }},
      {"temperature", [](ChatRequest& r) { r.temperature = 0.5; }},
      {"top_p", [](ChatRequest& r) { r.top_p = 0.5; }},
      {"top_k", [](ChatRequest& r) { r.top_k = 5; }},
      {"stop", [](ChatRequest& r) { r.stop = {"END"}; }},
      {"seed", [](ChatRequest& r) { r.seed = 7; }},
      {"presence_penalty", [](ChatRequest& r) { r.presence_penalty = 0.5; }},
      {"frequency_penalty", [](ChatRequest& r) { r.frequency_penalty = 0.5; }},
      {"logit_bias",
       [](ChatRequest& r) {
         r.logit_bias = {{"50256", -100}};
       }},
      {"logprobs", [](ChatRequest& r) { r.logprobs = true; }},
      {"parallel_tool_calls", [](ChatRequest& r) { r.parallel_tool_calls = false; }},
      {"response_format",
       [](ChatRequest& r) { r.response_format = ResponseFormat{.type = ResponseFormat::Type::json_object}; }},
      {"response_format",
       [](ChatRequest& r) {
         r.response_format = ResponseFormat{.type = ResponseFormat::Type::json_schema,
                                            .name = "answer",
                                            .schema = R"({"type":"object","properties":{}})"};
       }},
      {"reasoning_effort", [](ChatRequest& r) { r.reasoning_effort = "low"; }},
      {"user", [](ChatRequest& r) { r.user = "end-user-1"; }},
      {"metadata",
       [](ChatRequest& r) {
         r.metadata = {{"trace", "1"}};
       }},
      {"service_tier", [](ChatRequest& r) { r.service_tier = "auto"; }},
  };
}

std::string words(const std::vector<std::string>& warnings) {
  std::string all;
  for (const std::string& warning : warnings) all += warning + "\n";
  return all;
}

}  // namespace

TEST_CASE("every field is sent, or an error that names it, or a warning that does", "[trip]") {
  RoundTrip trip(GENERATE(from_range(provider_cases())));
  for (const Field& field : fields()) {
    CAPTURE(trip.provider, field.name);
    ChatRequest request{.model = trip.provider.model, .messages = {user("one two three")}};
    field.set(request);
    const Result<ChatResponse> strict = trip.chat(request, false);
    if (strict) {
      CHECK(strict->text() == "You said: one two three");
      CHECK(strict->warnings.empty());
      continue;
    }
    CAPTURE(strict.error().message);
    CHECK(to_string(strict.error().kind) == to_string(ErrorKind::unsupported));
    CHECK(strict.error().message.find(field.name) != std::string::npos);
    CHECK(strict.error().attempts.size() <= 1);
    CHECK(trip.router->stats().credentials[0].state == CredentialState::active);

    request.on_unsupported = OnUnsupported::warn;
    const Result<ChatResponse> lenient = trip.chat(request, true);
    INFO((lenient ? std::string() : lenient.error().message));
    REQUIRE(lenient);
    CHECK(lenient->text() == "You said: one two three");
    CHECK(words(lenient->warnings).find(field.name) != std::string::npos);
  }
}
