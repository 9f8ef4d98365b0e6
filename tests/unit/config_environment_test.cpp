#include <map>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "config/environment.hpp"

using namespace keywheel;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::string_view kOpenAi[] = {"OPENAI_API_KEY"};
constexpr std::string_view kGemini[] = {"GEMINI_API_KEY", "GOOGLE_API_KEY"};
constexpr std::string_view kGoogle[] = {"GOOGLE_API_KEY"};
constexpr detail::EnvironmentProvider kProviders[] = {{"openai", kOpenAi}, {"gemini", kGemini}, {"google", kGoogle}};

Result<RouterConfig> config_of(const std::map<std::string, std::string>& environment) {
  return detail::config_from(kProviders, [&](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? Secret() : Secret(found->second);
  });
}

}  // namespace

TEST_CASE("a provider whose key is in the environment becomes a service", "[config]") {
  const Result<RouterConfig> config = config_of({{"OPENAI_API_KEY", "k"}});
  REQUIRE(config);
  REQUIRE(config->services.size() == 1);
  CHECK(config->services[0].id == "openai-1");
  CHECK(config->services[0].enabled);
  CHECK(config->services[0].credentials.at(0).api_key.reveal() == "k");
}

TEST_CASE("the plural of a variable holds several keys", "[config]") {
  const Result<RouterConfig> config = config_of({{"OPENAI_API_KEYS", "a, b,,c ,a"}, {"OPENAI_API_KEY", "b"}});
  REQUIRE(config);
  const auto& credentials = config->services.at(0).credentials;
  REQUIRE(credentials.size() == 3);
  CHECK(credentials[0].api_key.reveal() == "a");
  CHECK(credentials[1].api_key.reveal() == "b");
  CHECK(credentials[2].api_key.reveal() == "c");
}

TEST_CASE("a variable serves one provider", "[config]") {
  const Result<RouterConfig> config = config_of({{"GOOGLE_API_KEY", "g"}});
  REQUIRE(config);
  REQUIRE(config->services.size() == 1);
  CHECK(config->services[0].provider == "gemini");
}

TEST_CASE("an environment without keys says what to set", "[config]") {
  const Result<RouterConfig> config = config_of({{"OPENAI_API_KEY", ""}, {"OPENAI_API_KEYS", " , "}});
  REQUIRE_FALSE(config);
  CHECK(config.error().kind == ErrorKind::config);
  CHECK_THAT(config.error().message, ContainsSubstring("OPENAI_API_KEY, GEMINI_API_KEY"));
}

TEST_CASE("a bad key in the environment is told without the key", "[config]") {
  const Result<RouterConfig> config = config_of({{"OPENAI_API_KEY", "sk-hidden\n"}});
  REQUIRE_FALSE(config);
  CHECK_THAT(config.error().message, ContainsSubstring("services[0].credentials[0].api_key: holds a line break"));
  CHECK_THAT(config.error().message, !ContainsSubstring("sk-hidden"));
}
