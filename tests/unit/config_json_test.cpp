#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

#include <keywheel/config_json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace keywheel;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;

namespace {

RouterConfig good(std::string_view json) {
  Result<RouterConfig> config = parse_config(json);
  if (!config) FAIL(config.error().message);
  return *std::move(config);
}

std::string fault_of(std::string_view json) {
  const Result<RouterConfig> config = parse_config(json);
  REQUIRE_FALSE(config);
  CHECK(config.error().kind == ErrorKind::config);
  return config.error().message;
}

/// The members of one entry of provider "openai", as a whole file.
std::string entry(std::string_view members) {
  return R"({"services":{"openai":[{"enabled":true)" + (members.empty() ? "" : "," + std::string(members)) + "}]}}";
}

bool warns(const RouterConfig& config, std::string_view text) {
  for (const std::string& warning : config.warnings) {
    if (warning.find(text) != std::string::npos) return true;
  }
  return false;
}

std::size_t lines_in(std::string_view text) {
  std::size_t lines = 1;
  for (const char c : text) lines += c == '\n' ? 1U : 0U;
  return lines;
}

}  // namespace

TEST_CASE("a simple-one-api file with several keys loads", "[config]") {
  const RouterConfig config = good(R"({
    "server_port": ":9090", "debug": false, "log_level": "prod", "api_key": "sk-gateway",
    "load_balancing": "rr",
    "model_redirect": {"all": "spark-pro", "gpt-4o": "4.0Ultra"},
    "services": {"xinghuo": [{
      "models": ["4.0Ultra", "spark-pro", "spark-max", "spark-pro"], "enabled": true,
      "model_map": {"spark-max": "generalv3.5"},
      "credential_list": [
        {"appid": "a", "api_key": "k1", "api_secret": "s1", "limit": {"qps": 2, "timeout": 10}},
        {"appid": "b", "api_key": "k2", "api_secret": "s2", "limit": {"qpm": 90, "rpm": 60, "concurrency": 4}},
        {"appid": "c", "api_key": "k3", "api_secret": "s3", "limit": {"qps": 0.5}}]}]}})");
  REQUIRE(config.services.size() == 1);
  const ServiceConfig& service = config.services[0];
  CHECK(service.provider == "xinghuo");
  CHECK(service.id == "xinghuo-1");
  CHECK(service.enabled);
  CHECK(service.rotation == Rotation::round_robin);
  CHECK(config.balance == Rotation::round_robin);
  CHECK(service.models == std::vector<std::string>{"4.0Ultra", "spark-pro", "spark-max"});
  CHECK(service.model_map.at("spark-max") == "generalv3.5");
  REQUIRE(service.credentials.size() == 3);
  CHECK(service.credentials[0].id == "xinghuo-1#1");
  CHECK(service.credentials[0].api_key.reveal() == "k1");
  CHECK(service.credentials[0].fields.at("appid").reveal() == "a");
  CHECK(service.credentials[0].fields.at("api_secret").reveal() == "s1");
  CHECK(service.credentials[0].limits.qps == 2);
  CHECK(service.credentials[0].limits.timeout == 10s);
  CHECK(service.credentials[1].limits.rpm == 60);
  CHECK(service.credentials[1].limits.concurrency == 4);
  CHECK(service.credentials[2].limits.qps == 0.5);
  CHECK(config.model_redirect.at("all") == "spark-pro");
  CHECK(warns(config, "server_port: not used"));
  CHECK(warns(config, "api_key: not used"));
  for (const std::string& warning : config.warnings) CHECK_THAT(warning, !ContainsSubstring("sk-gateway"));
}

TEST_CASE("every spelling of a load balancing means what it says", "[config]") {
  const auto rotation = [](std::string_view text) {
    return good(R"({"load_balancing":")" + std::string(text) + R"(","services":{"openai":[{"enabled":true}]}})")
        .balance;
  };
  CHECK(rotation("first") == Rotation::first);
  CHECK(rotation("random") == Rotation::random);
  CHECK(rotation("rand") == Rotation::random);
  CHECK(rotation("") == Rotation::random);
  CHECK(rotation("rr") == Rotation::round_robin);
  CHECK(rotation("round_robin") == Rotation::round_robin);
  CHECK(rotation("Round-Robin") == Rotation::round_robin);
  CHECK(rotation("hash") == Rotation::hash);
  CHECK(rotation("least_busy") == Rotation::least_busy);
  CHECK(rotation("least-used") == Rotation::least_used);
  CHECK(rotation("lowest_latency") == Rotation::lowest_latency);
  CHECK(rotation("lowest_cost") == Rotation::lowest_cost);
  CHECK_THAT(fault_of(R"({"load_balancing":"rond_robin","services":{"openai":[{"enabled":true}]}})"),
             ContainsSubstring("line 1, column 19: load_balancing: expected first, random") &&
                 ContainsSubstring("came \"rond_robin\"; did you mean \"round_robin\"?"));
}

TEST_CASE("what the file does not say has the format's defaults", "[config]") {
  const RouterConfig config = good(R"({"services":{"openai":[{}]}})");
  CHECK(config.balance == Rotation::random);
  CHECK(config.services[0].rotation == Rotation::random);
  CHECK_FALSE(config.services[0].enabled);
  CHECK(config.services[0].credentials.size() == 1);
  CHECK(config.circuit_breaker.enabled);
  CHECK(config.circuit_breaker.failure_threshold == 5);
  CHECK(warns(config, "services.openai[0]: switched off, since \"enabled\" is absent"));
  CHECK(warns(config, "no service is enabled"));
}

TEST_CASE("keywheel's additions are read", "[config]") {
  const RouterConfig config = good(R"({
    "retry": {"max_attempts": 4, "backoff": 0.25, "jitter": 0.1, "retry_after_send": false, "cooldown": 2},
    "timeouts": {"connect": 1.5, "first_byte": 60, "idle": 0.0001, "total": 120},
    "tls": {"ca_file": "/etc/ca.pem"},
    "circuit_breaker": {"enabled": null, "failure_threshold": 7, "recovery_timeout_seconds": 9, "half_open_max_requests": 2},
    "fallbacks": {"m": ["n"], "*": {"context_length": ["n"], "content_filter": ["m"]}},
    "bounds": {"max_body": 1000, "max_json_depth": 20},
    "region": "eu", "loop_threads": 2, "user_agent": "app/1",
    "services": {"openai": [{
      "id": "main", "enabled": true, "models": ["m", " n "], "embedding_models": ["e"], "base_url": "https://h/v1",
      "rotation": "least_used", "priority": 2, "weight": 0.5, "api": "responses", "timeout": 30,
      "limit": {"qps": 1, "rpd": 2, "tpm": 3, "itpm": 4, "otpm": 5, "tpd": 6, "max_requests": 7, "max_tokens": 8, "guard_ms": 9},
      "headers": {"X-A": "b"}, "options": {"api_version": "2024"}, "allow_insecure": true,
      "model_redirect": {"a": "m"},
      "timeouts": {"idle": 3}, "retry": {"max_attempts": 1}, "tls": {"ca_path": "/etc/certs"},
      "credential_list": [
        {"id": "one", "api_key": "k", "weight": 2, "account": "acme", "project": "p", "region": "us",
         "models": ["m"], "server_url": "https://other/v1"},
        {"api_key": "l", "enabled": false}]}]}})");
  CHECK(config.retry.max_attempts == 4);
  CHECK(config.retry.backoff == 250ms);
  CHECK(config.retry.jitter == 0.1);
  CHECK_FALSE(config.retry.retry_after_send);
  CHECK(config.timeouts.connect == 1500ms);
  CHECK(config.timeouts.idle == 1ms);
  CHECK(config.circuit_breaker.enabled);
  CHECK(config.circuit_breaker.failure_threshold == 7);
  CHECK(config.circuit_breaker.recovery_timeout == 9s);
  CHECK(config.circuit_breaker.half_open_max_requests == 2);
  CHECK(config.fallbacks.at("m").any == std::vector<std::string>{"n"});
  CHECK(config.fallbacks.at("*").context_length == std::vector<std::string>{"n"});
  CHECK(config.fallbacks.at("*").content_filter == std::vector<std::string>{"m"});
  CHECK(config.bounds.max_body == 1000);
  CHECK(config.bounds.max_json_depth == 20);
  CHECK(config.tls.ca_file == "/etc/ca.pem");
  CHECK(config.region == "eu");
  CHECK(config.loop_threads == 2);
  CHECK(config.user_agent == "app/1");
  const ServiceConfig& service = config.services.at(0);
  CHECK(service.id == "main");
  CHECK(service.models == std::vector<std::string>{"m", "n"});
  CHECK(service.embedding_models == std::vector<std::string>{"e"});
  CHECK(service.base_url == "https://h/v1");
  CHECK(service.rotation == Rotation::least_used);
  CHECK(service.priority == 2);
  CHECK(service.weight == 0.5);
  CHECK(service.api == "responses");
  CHECK(service.limits.qps == 1);
  CHECK(service.limits.rpd == 2);
  CHECK(service.limits.tpm == 3);
  CHECK(service.limits.itpm == 4);
  CHECK(service.limits.otpm == 5);
  CHECK(service.limits.tpd == 6);
  CHECK(service.limits.max_requests == 7);
  CHECK(service.limits.max_tokens == 8);
  CHECK(service.limits.guard == 9ms);
  CHECK(service.headers.at("X-A") == "b");
  CHECK(service.options.at("api_version") == "2024");
  CHECK(service.allow_insecure);
  CHECK(service.model_redirect.at("a") == "m");
  // What an entry leaves out of an object of its own is as the file has it for all.
  CHECK(service.timeouts.value().connect == 1500ms);
  CHECK(service.timeouts.value().idle == 3s);
  CHECK(service.timeouts.value().total == 30s);
  CHECK(service.retry.value().max_attempts == 1);
  CHECK(service.retry.value().backoff == 250ms);
  CHECK(service.tls.value().ca_path == "/etc/certs");
  const CredentialConfig& one = service.credentials.at(0);
  CHECK(one.id == "one");
  CHECK(one.weight == 2);
  CHECK(one.account == "acme");
  CHECK(one.project == "p");
  CHECK(one.region == "us");
  CHECK(one.models == std::vector<std::string>{"m"});
  CHECK(one.base_url == "https://other/v1");
  CHECK(service.credentials.at(1).id == "main#2");
  CHECK_FALSE(service.credentials.at(1).enabled);
}

TEST_CASE("a list of credentials holds instead of a single one", "[config]") {
  const RouterConfig both = good(entry(R"("credentials":{"api_key":"a"},"credential_list":[{"api_key":"b"}])"));
  REQUIRE(both.services[0].credentials.size() == 1);
  CHECK(both.services[0].credentials[0].api_key.reveal() == "b");
  CHECK(warns(both, "\"credentials\" is not used"));
  const RouterConfig empty = good(entry(R"("credentials":{"api_key":"a"},"credential_list":[])"));
  CHECK(empty.services[0].credentials.at(0).api_key.reveal() == "a");
}

TEST_CASE("a fractional rate a minute is kept as simple-one-api takes it", "[config]") {
  const Limits slow = good(entry(R"("limit":{"rpm":0.5})")).services[0].limits;
  CHECK(slow.rpm == 0);
  CHECK(slow.qps == 0.5 / 60);
  CHECK(good(entry(R"("limit":{"qpm":2.9})")).services[0].limits.rpm == 2);
}

TEST_CASE("a redirect of all to all is random", "[config]") {
  const RouterConfig config = good(R"({"model_redirect":{"all":"all"},"services":{"openai":[{"enabled":true}]}})");
  CHECK(config.model_redirect.at("all") == "random");
}

TEST_CASE("all faults are told at once, each with its place", "[config]") {
  const std::string message = fault_of(R"({
  "loop_threads": 0,
  "services": {
    "xinghuo": [
      {"enabled": "yes", "limit": {"qps": "2", "rpm": -1, "timeout": true},
       "server_url": "spark.example.com",
       "credential_list": [{"api_key": "k", "appid": 12345, "weight": -2}, {"api_key": 7}]}
    ]
  },
  "proxy": {"strategy": "sometimes"}
})");
  CHECK_THAT(message, ContainsSubstring("line 2, column 19: loop_threads: expected 1 to 64, came 0\n"));
  CHECK_THAT(message,
             ContainsSubstring("line 5, column 19: services.xinghuo[0].enabled: expected true or false, came a "
                               "string\n"));
  CHECK_THAT(message, ContainsSubstring("line 5, column 43: services.xinghuo[0].limit.qps: expected a number (without "
                                        "quotes), came a string\n"));
  CHECK_THAT(message,
             ContainsSubstring("line 5, column 55: services.xinghuo[0].limit.rpm: expected 0 or more, came -1\n"));
  CHECK_THAT(message, ContainsSubstring("line 5, column 70: services.xinghuo[0].limit.timeout: expected a number of "
                                        "seconds, came true\n"));
  CHECK_THAT(message, ContainsSubstring("line 6, column 22: services.xinghuo[0].server_url: expected an absolute URL"));
  CHECK_THAT(message, ContainsSubstring("services.xinghuo[0].credential_list[0].appid: expected a string (in quotes), "
                                        "came a number\n"));
  CHECK_THAT(message,
             ContainsSubstring("services.xinghuo[0].credential_list[0].weight: expected 0 or more, came -2\n"));
  CHECK_THAT(message, ContainsSubstring("services.xinghuo[0].credential_list[1].api_key: expected a string, came a "
                                        "number\n"));
  CHECK_THAT(message,
             ContainsSubstring("proxy.strategy: expected disabled, default, all, force_all, came \"sometimes\""));
  CHECK_THAT(message, ContainsSubstring("10 faults in the config\n"));
  CHECK_THAT(message, !ContainsSubstring("12345"));
}

TEST_CASE("a fault in a key does not repeat the key", "[config]") {
  const std::string secret = "sk-very\\nsecret";
  const std::string bad_entries[] = {
      R"("credentials":{"api_key":")" + secret + R"("})",
      R"("credentials":{"api_key":"kk-hidden ","id":"kk-hidden "})",
      R"("server_url":"https://user:kk-hidden@host/v1")",
  };
  for (const std::string& members : bad_entries) {
    const std::string message = fault_of(entry(members));
    CHECK_THAT(message, !ContainsSubstring("very") && !ContainsSubstring("kk-hidden"));
  }
  const std::string proxy = fault_of(R"({"proxy":{"strategy":"all","http_proxy":"gopher://u:kk-hidden@h:1"},
                                         "services":{"openai":[{"enabled":true},{"enabled":true}]}})");
  CHECK_THAT(proxy,
             Equals("line 1, column 41: proxy.http_proxy: expected http://, https://, socks5:// or socks5h:// with "
                    "host and port"));
}

TEST_CASE("an unknown key is warned of, with the one that was meant", "[config][complaints][74]") {
  const RouterConfig config = good(R"({"load_balance":"rr","services":{"openai":[{"enabled":true,"modles":["m"],
    "limit":{"QPS":3},"credentials":{"api_kye":"k","team":"x","nested":{}}}]}})");
  CHECK(warns(config, "load_balance: unknown key, not used; did you mean \"load_balancing\"?"));
  CHECK(warns(config, "services.openai[0].modles: unknown key, not used; did you mean \"models\"?"));
  CHECK(warns(config, "services.openai[0].limit.QPS: unknown key, not used; did you mean \"qps\"?"));
  CHECK(warns(config, "services.openai[0].credentials.api_kye: no provider reads this key; did you mean \"api_key\"?"));
  CHECK(warns(config, "services.openai[0].credentials.nested: unknown key, not used"));
  CHECK(config.services[0].credentials[0].fields.at("team").reveal() == "x");
}

TEST_CASE("two names of one setting are not both taken", "[config]") {
  CHECK_THAT(fault_of(entry(R"("server_url":"https://a/v1","base_url":"https://b/v1")")),
             ContainsSubstring("services.openai[0].base_url: another name for \"server_url\", which is given too"));
}

TEST_CASE("variables of the environment are put in", "[config]") {
  ::setenv("KEYWHEEL_TEST_A", "alpha", 1);
  ::unsetenv("KEYWHEEL_TEST_NONE");
  const RouterConfig config = good(entry(R"("credentials":{"api_key":"${KEYWHEEL_TEST_A}",
    "appid":"x-${KEYWHEEL_TEST_A}-${KEYWHEEL_TEST_A}","token":"$${KEYWHEEL_TEST_A} $1 $"},
    "models":["m-${KEYWHEEL_TEST_A}"])"));
  const CredentialConfig& credential = config.services[0].credentials[0];
  CHECK(credential.api_key.reveal() == "alpha");
  CHECK(credential.fields.at("appid").reveal() == "x-alpha-alpha");
  CHECK(credential.fields.at("token").reveal() == "${KEYWHEEL_TEST_A} $1 $");
  CHECK(config.services[0].models.at(0) == "m-alpha");

  CHECK_THAT(fault_of(entry(R"("credentials":{"api_key":"${KEYWHEEL_TEST_NONE}"})")),
             ContainsSubstring("services.openai[0].credentials.api_key: the environment variable KEYWHEEL_TEST_NONE is "
                               "not set"));
  CHECK_THAT(fault_of(entry(R"("credentials":{"api_key":"${KEYWHEEL TEST}"})")),
             ContainsSubstring("is not followed by the name of an environment variable"));
  CHECK_THAT(fault_of(entry(R"("credentials":{"api_key":"${UNENDED"})")),
             ContainsSubstring("is not followed by the name of an environment variable"));
  // An entry that is switched off needs no keys.
  CHECK(warns(good(R"({"services":{"openai":[{"enabled":false,"credentials":{"api_key":"${KEYWHEEL_TEST_NONE}"}}]}})"),
              "KEYWHEEL_TEST_NONE is not set"));
}

TEST_CASE("the proxy goes to the services that the strategy names", "[config]") {
  const auto proxies = [](std::string_view settings) {
    const RouterConfig config = good(R"({"proxy":)" + std::string(settings) + R"(,"services":{"openai":[
      {"enabled":true,"use_proxy":true},{"enabled":true,"use_proxy":false},{"enabled":true,"use_proxy":null},
      {"enabled":true,"server_url":"http://127.0.0.1:1/v1","use_proxy":true}]}})");
    std::string out;
    for (const ServiceConfig& service : config.services) {
      out += service.proxy ? std::string(service.proxy->url.reveal()) : "-";
      out += ' ';
    }
    return out;
  };
  const std::string_view urls = R"("http_proxy":"h:1","https_proxy":"https://s:2","socks5_proxy":"socks5://k:3")";
  const auto with = [&](std::string_view members) {
    return proxies("{" + std::string(members) + "," + std::string(urls) + "}");
  };
  CHECK(with(R"("strategy":"disabled")") == "- - - - ");
  CHECK(with(R"("type":"http")") == "- - - - ");
  CHECK(with(R"("strategy":"default","type":"http")") == "https://s:2 - - http://h:1 ");
  CHECK(with(R"("strategy":"ALL","type":"http")") == "https://s:2 - https://s:2 http://h:1 ");
  CHECK(with(R"("strategy":"force_all","type":"socks5")") ==
        "socks5h://k:3 socks5h://k:3 socks5h://k:3 socks5h://k:3 ");
  CHECK(proxies(R"({"strategy":"default","http_proxy":"http://h:1"})") == "http://h:1 - - http://h:1 ");
  CHECK(proxies(R"({"strategy":"default","socks5_proxy":"socks5h://k:3"})") == "socks5h://k:3 - - socks5h://k:3 ");

  const RouterConfig timed = good(R"({"proxy":{"strategy":"all","http_proxy":"h:1","timeout":7},
                                      "services":{"openai":[{"enabled":true}]}})");
  CHECK(timed.services[0].timeouts.value().connect == 7s);
  CHECK(warns(good(R"({"proxy":{"strategy":"all"},"services":{"openai":[{"enabled":true}]}})"), "goes direct"));
}

TEST_CASE("text that is not JSON is told with line and column", "[config]") {
  CHECK_THAT(fault_of(""), Equals("line 1, column 1: empty: expected a JSON object"));
  CHECK_THAT(fault_of("[]"), ContainsSubstring("line 1, column 1: expected an object, came a list"));
  CHECK_THAT(fault_of("{\n  \"a\": 1,\n}"), Equals("line 3, column 1: not JSON: a comma before '}'"));
  CHECK_THAT(fault_of("{\"a\": [1,\n]}"), Equals("line 2, column 1: not JSON: a comma before ']'"));
  CHECK_THAT(fault_of("{ // services\n}"),
             ContainsSubstring("line 1, column 3: not JSON: comments are not part of it"));
  CHECK_THAT(fault_of("{\"a\": tru}"), ContainsSubstring("line 1, column "));
  CHECK_THAT(fault_of("{\"a\": \"\xff\"}"), ContainsSubstring("not JSON"));
  CHECK_THAT(fault_of("{\"a\xf0"), ContainsSubstring("not JSON"));  // cut inside a character
  CHECK_THAT(fault_of("{\"services\""), ContainsSubstring("the text ends here"));
  CHECK_THAT(fault_of("{} {}"), ContainsSubstring("line 1, column 4"));
  CHECK_THAT(fault_of(std::string("{}\0{}", 5)), ContainsSubstring("zero byte"));
  CHECK_THAT(fault_of(std::string(100'000, '[')), ContainsSubstring("nested deeper than 32 levels"));
}

TEST_CASE("a byte order mark is skipped, and columns count characters", "[config]") {
  CHECK(
      parse_config("\xEF\xBB\xBF"
                   R"({"services":{"openai":[{"enabled":true}]}})"));
  CHECK_THAT(fault_of("\xEF\xBB\xBF{\"debug\": \"é\", \"loop_threads\": 0, \"services\":{\"openai\":[{}]}}"),
             ContainsSubstring("line 1, column 32: loop_threads"));
  CHECK_THAT(fault_of("\xEF\xBB\xBF{ x"), ContainsSubstring("line 1, column 3"));
}

TEST_CASE("a key given twice is a fault", "[config]") {
  const std::string message = fault_of(
      "{\"debug\": true,\n \"services\": {\"openai\": [{\"enabled\": true, \"id\": \"a\", "
      "\"id\": \"b\"}]},\n \"debug\": false}");
  CHECK_THAT(message, ContainsSubstring("line 2, column 55: the key \"id\" is given twice"));
  CHECK_THAT(message, ContainsSubstring("line 3, column 2: the key \"debug\" is given twice"));
  CHECK(lines_in(message) == 3);
}

TEST_CASE("a config cut at any byte is an error, never a crash", "[config]") {
  const std::string whole =
      R"({"load_balancing":"rr","proxy":{"strategy":"all","http_proxy":"h:1"},"fallbacks":{"*":["m"]},
    "services":{"openai":[{"enabled":true,"models":["m\u00e9\n"],"timeout":1.5e1,"limit":{"qps":0.5},
    "credential_list":[{"api_key":"${HOME}"},{"api_key":"k","weight":-0}]}]}})";
  REQUIRE(parse_config(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CHECK_FALSE(parse_config(std::string_view(whole).substr(0, length)));
  }
  // And with any byte replaced: an answer of either kind.
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char replacement : {'"', '{', ']', '\0', '\\', '9', '\xff', '-'}) {
      std::string changed = whole;
      changed[i] = replacement;
      static_cast<void>(parse_config(changed));
    }
  }
}

TEST_CASE("numbers out of range are faults", "[config]") {
  CHECK_THAT(fault_of(entry(R"("timeout":1e300)")), ContainsSubstring("expected at most 1000000000 seconds"));
  CHECK_THAT(fault_of(entry(R"("limit":{"concurrency":3000000000})")), ContainsSubstring("expected a smaller number"));
  CHECK_THAT(fault_of(entry(R"("limit":{"rpd":1e30})")), ContainsSubstring("expected a whole number"));
  CHECK_THAT(fault_of(entry(R"("limit":{"rpd":1.5})")), ContainsSubstring("expected a whole number"));
  CHECK_THAT(fault_of(entry(R"("limit":{"rpm":1e30})")), ContainsSubstring("expected a number below 1e15"));
  CHECK_THAT(fault_of(entry(R"("limit":{"qps":1e999})")), ContainsSubstring("not JSON"));
  CHECK_THAT(fault_of(R"({"bounds":{"max_body":-1},"services":{"openai":[{}]}})"),
             ContainsSubstring("expected 0 or more"));
}
