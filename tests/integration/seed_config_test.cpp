#include <functional>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <fmt/format.h>

#include "integration/cli_fixture.hpp"
#include "integration/provider_cases.hpp"
#include "support/dialect_base.hpp"

/// A config in simple-one-api's format for each of its service types: it loads unchanged and completes calls, though
/// the first of its keys is dead.

using namespace keywheel;
using namespace keywheel::testing;

namespace {

struct SeedType {
  std::string type;
  std::string model;
  std::string path;         ///< of server_url, as the format's samples have it
  std::string credential;   ///< of one key, $key being the key
  std::string api = {};     ///< of the dialect that the loopback provider speaks
  std::string suffix = {};  ///< what is sent behind the key
};

std::ostream& operator<<(std::ostream& out, const SeedType& seed) { return out << seed.type; }

std::vector<SeedType> seed_types() {
  const std::string api_key = R"("api_key":"$key")";
  return {
      {"openai", "gpt-4o", "/v1", api_key},
      {"azure", "gpt-4o", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-02-15-preview", api_key},
      {"deepseek", "deepseek-chat", "/v1", api_key},
      {"zhipu", "glm-4-flash", "/api/paas/v4/chat/completions", api_key},
      {"groq", "llama3-70b-8192", "/openai/v1", api_key},
      {"ollama", "llama3", "", api_key},
      {"gemini", "gemini-1.5-pro", "/v1beta/models", api_key},
      {"claude", "claude-3-5-sonnet-20240620", "/v1/messages", api_key},
      {"qianfan", "ERNIE-Speed-8K", "", R"("api_key":"$key","secret_key":"s")", "v1"},
      {"hunyuan", "hunyuan-lite", "", R"("secret_id":"$key","secret_key":"s")", "native"},
      {"xinghuo", "spark-lite", "/v1", R"("appid":"a","api_key":"$key","api_secret":"s")", "", ":s"},
      {"minimax", "abab6.5s", "/v1/text/chatcompletion_pro", R"("api_key":"$key","group_id":"g")", "pro"},
      {"huoshan", "ep-20240101-abcde", "/api/v3", api_key},
      {"dashscope", "qwen-turbo", "/api/v1/services/aigc/text-generation/generation", api_key, "native"},
      {"bailian", "qwen-plus", "/compatible-mode/v1", api_key},
      {"dify", "dify-app", "/v1/chat-messages", api_key},
      {"vertexai", "gemini-1.5-flash", "", R"("project_id":"p","location":"us-central1","json_file":"$file")"},
  };
}

}  // namespace

TEST_CASE("a config of simple-one-api serves each of its service types, whole and streamed", "[trip]") {
  const SeedType seed = GENERATE(from_range(seed_types()));
  const bool stream = GENERATE(false, true);
  CAPTURE(seed, stream);
  LoopbackProvider loopback;
  add_dialects(loopback.engine(), seed.type, seed.api);
  loopback.script("key-dead" + seed.suffix, KeyScript::revoked());

  const TemporaryFile dead(service_account("key-dead", loopback.url()));
  const TemporaryFile good(service_account("key-good", loopback.url()));
  const auto credential = [&](const std::string& key, const TemporaryFile& file) {
    return fmt::format("{{{}}}", fill(seed.credential, {{"key", key}, {"file", file.path()}}));
  };
  const std::string json = fill(
      R"({"server_port":":9090","log_level":"prodj","load_balancing":"first","services":{"$type":[{"models":["$model"],"enabled":true,"server_url":"$url","timeout":30,"credential_list":[$dead,$good]}]}})",
      {{"type", seed.type},
       {"model", seed.model},
       {"url", loopback.url() + seed.path},
       {"dead", credential("key-dead", dead)},
       {"good", credential("key-good", good)}});
  Result<RouterConfig> config = parse_config(json);
  INFO((config ? std::string() : config.error().message));
  REQUIRE(config);
  Router router(*std::move(config));

  // The first call of either kind meets the dead key, and the second knows it.
  const ChatRequest request{.model = seed.model, .messages = {user("one two three")}};
  for (const std::size_t attempts : {2U, 1U}) {
    std::string pushed;
    const Result<ChatResponse> reply =
        stream ? router.chat(request, [&](const ChatEvent& event) { pushed += event.text(); }) : router.chat(request);
    INFO((reply ? std::string() : reply.error().message));
    REQUIRE(reply);
    CHECK(reply->text() == "You said: one two three");
    if (stream) CHECK(pushed == reply->text());
    CHECK(reply->credential == seed.type + "-1#2");
    REQUIRE(reply->attempts.size() == attempts);
    if (attempts == 2) CHECK(reply->attempts[0].error == ErrorKind::authentication);
  }
  CHECK(loopback.log("key-dead" + seed.suffix).requests == 1);
}
