#include <chrono>
#include <string>

#include <keywheel/config_json.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace keywheel;
using namespace std::chrono_literals;

namespace {

Result<RouterConfig> parse(const std::string& members) {
  return parse_config(R"({"services":{"openai":[{"enabled":true,"models":["m"],"credentials":{"api_key":"sk-x"}}]},)" +
                      members + "}");
}

}  // namespace

TEST_CASE("the keys of hedging, resuming and tenants", "[config]") {
  const auto config =
      parse(R"("hedge":{"enabled":true,"delay":1.5,"max_share":0.1},"resume":true,"tenants":{"web":3,"batch":0.5})");
  REQUIRE(config);
  CHECK(config->hedge.enabled);
  CHECK(config->hedge.delay == 1500ms);
  CHECK(config->hedge.max_share == 0.1);
  CHECK(config->resume);
  CHECK(config->tenants.at("web") == 3);
  CHECK(config->tenants.at("batch") == 0.5);
  for (const std::string& warning : config->warnings) CHECK(warning.find("known") == std::string::npos);

  const auto defaults = parse(R"("region":"")");
  REQUIRE(defaults);
  CHECK_FALSE(defaults->hedge.enabled);
  CHECK_FALSE(defaults->resume);
}

TEST_CASE("what hedging and tenants cannot be is told", "[config]") {
  const auto fault = [](const std::string& members) {
    const auto config = parse(members);
    REQUIRE_FALSE(config);
    return config.error().message;
  };
  CHECK(fault(R"("hedge":{"max_share":1.5})").find("hedge.max_share: expected 0 to 1") != std::string::npos);
  CHECK(fault(R"("hedge":{"delay":-1})").find("hedge.delay: expected 0 or more") != std::string::npos);
  CHECK(fault(R"("hedge":true)").find("hedge: expected an object") != std::string::npos);
  CHECK(fault(R"("tenants":{"web":0})").find("tenants.web: expected a number above 0") != std::string::npos);
  CHECK(fault(R"("tenants":{"web":"3"})").find("tenants.web: expected a number") != std::string::npos);
  CHECK(fault(R"("resume":"yes")").find("resume: expected") != std::string::npos);
}

TEST_CASE("how long a session's own key is waited for", "[config]") {
  const auto service = [](const std::string& member) {
    return parse_config(
        R"({"services":{"openai":[{"enabled":true,"models":["m"],"credentials":{"api_key":"sk-x"},"rotation":"hash",)" +
        member + "}]}}");
  };
  const auto config = service(R"("affinity_wait":2.5)");
  REQUIRE(config);
  CHECK(config->services.at(0).affinity_wait == 2500ms);
  const auto bad = service(R"("affinity_wait":-1)");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message.find("affinity_wait: expected 0 or more") != std::string::npos);
}
