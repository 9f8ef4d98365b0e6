#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/config.hpp>

#include <catch2/catch_test_macros.hpp>

#include "config/validate.hpp"
#include "http/url.hpp"

using namespace keywheel;
using namespace std::chrono_literals;

namespace {

bool has(const std::vector<std::string>& lines, std::string_view line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

bool mentions(const std::vector<std::string>& lines, std::string_view text) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& l) { return l.find(text) != std::string::npos; });
}

RouterConfig two_services() {
  return {.services = {{.provider = "openai", .credentials = {{.api_key = "a"}, {.api_key = "b"}}},
                       {.provider = "claude", .credentials = {{.api_key = "c"}}},
                       {.provider = "openai"}}};
}

}  // namespace

TEST_CASE("ids are filled in by place", "[config]") {
  RouterConfig config = two_services();
  config.services[0].credentials[1].id = "spare";
  REQUIRE(detail::complete(config).empty());
  CHECK(config.services[0].id == "openai-1");
  CHECK(config.services[1].id == "claude-1");
  CHECK(config.services[2].id == "openai-2");
  CHECK(config.services[0].credentials[0].id == "openai-1#1");
  CHECK(config.services[0].credentials[1].id == "spare");
  CHECK(config.services[1].credentials[0].id == "claude-1#1");
  // A service without a key is lent like any other.
  REQUIRE(config.services[2].credentials.size() == 1);
  CHECK(config.services[2].credentials[0].id == "openai-2#1");
}

TEST_CASE("completing a config twice changes nothing", "[config]") {
  RouterConfig config = two_services();
  REQUIRE(detail::complete(config).empty());
  const std::vector<std::string> warnings = config.warnings;
  REQUIRE(detail::complete(config).empty());
  CHECK(config.warnings == warnings);
  CHECK(config.services[2].credentials.size() == 1);
}

TEST_CASE("an id is given once", "[config]") {
  RouterConfig config = two_services();
  config.services[1].id = "openai-1";
  config.services[0].credentials[1].id = "openai-1#1";
  const std::vector<std::string> faults = detail::complete(config);
  CHECK(faults.size() == 2);
  CHECK(has(faults, "services[1].id: \"openai-1\" is the id of services[0] too; expected an id of its own"));
  CHECK(has(faults,
            "services[0].credentials[1].id: \"openai-1#1\" is the id of services[0].credentials[0] too; expected "
            "an id of its own"));
}

TEST_CASE("every fault of a config is found", "[config]") {
  RouterConfig config = two_services();
  config.loop_threads = 0;
  config.retry.jitter = 2;
  config.retry.backoff = -1ms;
  config.timeouts.idle = -1s;
  config.circuit_breaker.failure_threshold = 0;
  config.bounds.max_event = 0;
  config.proxy.url = "ftp://proxy:1";
  config.model_redirect["a"] = "";
  config.transports["mine"] = nullptr;
  ServiceConfig& service = config.services[0];
  service.id = "a b";
  service.base_url = "example.com/v1";
  service.models = {"m", "", "m"};
  service.limits.qps = std::numeric_limits<double>::quiet_NaN();
  service.weight = -1;
  service.headers = {{"X-Good", "fine"}, {"Bad Name", "x"}, {"X-Split", "a\r\nb"}};
  service.credentials[0].limits.tpm = -5;
  service.credentials[1].weight = std::numeric_limits<double>::infinity();
  config.services[1].provider = "";
  const std::vector<std::string> faults = detail::complete(config);
  CHECK(has(faults, "loop_threads: expected 1 to 64, came 0"));
  CHECK(has(faults, "retry.jitter: expected a share from 0 to 1, came 2"));
  CHECK(has(faults, "retry.backoff: expected 0 or more, came -1 ms"));
  CHECK(has(faults, "timeouts.idle: expected 0 or more, came -1000 ms"));
  CHECK(has(faults, "circuit_breaker.failure_threshold: expected 1 or more, came 0"));
  CHECK(has(faults, "bounds.max_event: expected 1 or more, came 0"));
  CHECK(has(faults, "proxy.url: expected http://, https://, socks5:// or socks5h:// with host and port"));
  CHECK(has(faults, "model_redirect.a: expected the name of a model, came an empty string"));
  CHECK(has(faults, "transports.mine: expected a Transport, came a null pointer"));
  CHECK(
      has(faults, "services[0].id: expected letters, digits, '.', '_' and '-', a letter or digit first, came \"a b\""));
  CHECK(mentions(faults, "services[0].base_url: expected an absolute URL"));
  CHECK(has(faults, "services[0].models[1]: expected the name of a model, came an empty string"));
  CHECK(has(faults, "services[0].limits.qps: expected 0 or more, came nan"));
  CHECK(has(faults, "services[0].weight: expected 0 or more, came -1"));
  CHECK(has(faults, "services[0].headers: expected the name of an HTTP header as a key, came \"Bad Name\""));
  CHECK(has(faults, "services[0].headers.X-Split: holds a line break or another control character; expected none"));
  CHECK(has(faults, "services[0].credentials[0].limits.tpm: expected 0 or more, came -5"));
  CHECK(has(faults, "services[0].credentials[1].weight: expected 0 or more, came inf"));
  CHECK(has(faults, "services[1].provider: expected the name of a provider, came nothing"));
  CHECK(faults.size() == 19);
}

TEST_CASE("a config without services is a fault", "[config]") {
  RouterConfig config;
  CHECK(detail::complete(config) == std::vector<std::string>{"services: expected at least one service, came none"});
}

TEST_CASE("advice is given where it is not followed, and only there", "[config]") {
  RouterConfig config = two_services();
  REQUIRE(detail::complete(config).empty());
  CHECK(mentions(config.warnings, "openai-1: 2 keys; with three or more"));
  CHECK(mentions(config.warnings, "claude-1: 1 key; with three or more"));
  CHECK(mentions(config.warnings, "openai-1: no limit.qps for its keys"));
  // Without a key there is nothing to advise on.
  CHECK_FALSE(mentions(config.warnings, "openai-2"));

  RouterConfig followed{.services = {{.provider = "openai", .models = {"m"}}}};
  for (const char* key : {"a", "b", "c"}) {
    followed.services[0].credentials.push_back({.api_key = key, .limits = {.qps = 2}});
  }
  REQUIRE(detail::complete(followed).empty());
  CHECK(followed.warnings.empty());

  followed.services[0].credentials[1].limits.qps = 0;
  followed.services[0].credentials[2].api_key = "a";
  followed.services[0].base_url = "http://example.com/v1";
  followed.model_redirect["x"] = "n";
  REQUIRE(detail::complete(followed).empty());
  CHECK(mentions(followed.warnings, "openai-1: no limit.qps for openai-1#2"));
  CHECK(mentions(followed.warnings, "openai-1#3: the same key as openai-1#1"));
  CHECK(mentions(followed.warnings, "openai-1#1: its base_url is plain http"));
  CHECK(mentions(followed.warnings, "model_redirect.x: no service serves \"n\""));
}

TEST_CASE("plain http is no concern on this machine", "[config]") {
  CHECK(detail::is_loopback(detail::host_of("http://127.0.0.1:8080/v1")));
  CHECK(detail::is_loopback(detail::host_of("http://localhost/v1")));
  CHECK(detail::is_loopback(detail::host_of("http://[::1]:80")));
  CHECK_FALSE(detail::is_loopback(detail::host_of("http://127.0.0.1.example.com/")));
  CHECK_FALSE(detail::is_loopback(detail::host_of("http://127.0.0.1@example.com/")));
  CHECK(detail::host_of("https://example.com:1?x").compare("example.com") == 0);
  CHECK(detail::host_of("example.com").empty());
}
