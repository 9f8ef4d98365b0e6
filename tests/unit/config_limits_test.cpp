#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include <keywheel/config_json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "config/validate.hpp"

using namespace keywheel;
using namespace std::chrono_literals;

namespace {

bool mentions(const std::vector<std::string>& lines, std::string_view text) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& l) { return l.find(text) != std::string::npos; });
}

std::string with(std::string_view entry) {
  return R"({"services":{"openai":[{"enabled":true,)" + std::string(entry) + "}]}}";
}

}  // namespace

TEST_CASE("prices, limit groups, charging and the limits of models are read", "[config]") {
  const Result<RouterConfig> config = parse_config(with(R"(
    "limit": {"max_cost": 12.5, "period": "month", "burst_ms": 1000},
    "prices": {"gpt-4o": {"input": 2.5, "output": 10, "cached_input": 1.25}, "*": {"input": 1, "request": 0.01}},
    "limit_groups": {"gpt-4.1-2025": "gpt-4.1"},
    "charging": {"ahead": false, "cached": false},
    "credentials": {"api_key": "k", "limits": {"max_requests": 9, "period": "day"},
                    "model_limits": {"gpt-4.1": {"rpm": 5, "max_cost": 1}}})"));
  REQUIRE(config);
  const ServiceConfig& service = config->services.at(0);
  CHECK(service.limits.max_cost == 12.5);
  CHECK(service.limits.period == Period::month);
  CHECK(service.limits.burst == 1s);
  CHECK(service.prices.at("gpt-4o").output == 10);
  CHECK(service.prices.at("gpt-4o").cached_input == 1.25);
  CHECK_FALSE(service.prices.at("*").cached_input);
  CHECK(service.prices.at("*").request == 0.01);
  CHECK(service.limit_groups.at("gpt-4.1-2025") == "gpt-4.1");
  CHECK(service.charging == ChargingRule{.ahead = false, .output = true, .cached = false});
  const CredentialConfig& credential = service.credentials.at(0);
  CHECK(credential.limits.period == Period::day);
  CHECK(credential.model_limits.at("gpt-4.1").rpm == 5);
  CHECK(credential.model_limits.at("gpt-4.1").max_cost == 1);
}

TEST_CASE("what is wrong with them is told with its place", "[config]") {
  struct Case {
    std::string_view entry;
    std::string_view fault;
  };
  const auto c = GENERATE(
      Case{R"("limit":{"period":"week"})", R"(services.openai[0].limit.period: expected "life", "day" or "month")"},
      Case{R"("limit":{"max_cost":-1})", "limit.max_cost: expected 0 or more"},
      Case{R"("limit":{"burst_ms":60000})", "limit.burst_ms: expected less than a minute"},
      Case{R"("prices":{"m":{"input":-2}})", "prices.m.input: expected 0 or more"},
      Case{R"("prices":{"m":3})", "prices.m: expected an object"}, Case{R"("limit_groups":{"m":""})", "limit_groups"},
      Case{R"("charging":{"ahead":"yes"})", "charging.ahead: expected"},
      Case{R"("credentials":{"model_limits":{"m":{"rpm":-1}}})", "model_limits.m.rpm: expected 0 or more"});
  const Result<RouterConfig> config = parse_config(with(c.entry));
  CAPTURE(c.entry);
  REQUIRE_FALSE(config);
  CAPTURE(config.error().message);
  CHECK(config.error().message.find(c.fault) != std::string::npos);
}

TEST_CASE("structs are checked like files", "[config]") {
  RouterConfig config{.services = {{.provider = "openai", .credentials = {{.api_key = "a"}}}}};
  CredentialConfig& credential = config.services[0].credentials[0];
  SECTION("a budget without prices holds nothing back, and the loader says so") {
    credential.limits.max_cost = 5;
    CHECK(detail::complete(config).empty());
    CHECK(mentions(config.warnings, "openai-1: max_cost holds nothing back, since there are no prices"));
  }
  SECTION("with prices it does") {
    credential.limits.max_cost = 5;
    config.services[0].prices["*"] = {.input = 1};
    CHECK(detail::complete(config).empty());
    CHECK_FALSE(mentions(config.warnings, "max_cost"));
  }
  SECTION("money that is none") {
    credential.limits.max_cost = std::numeric_limits<double>::quiet_NaN();
    config.services[0].prices["m"] = {.output = std::numeric_limits<double>::infinity(), .cached_input = -1.0};
    const std::vector<std::string> faults = detail::complete(config);
    CHECK(mentions(faults, "services[0].credentials[0].limits.max_cost: expected 0 or more"));
    CHECK(mentions(faults, "services[0].prices.m.output: expected 0 or more"));
    CHECK(mentions(faults, "services[0].prices.m.cached_input: expected 0 or more"));
  }
}
