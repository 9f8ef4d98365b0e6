#include <string>

#include <keywheel/config_json.hpp>
#include <keywheel/quota.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace keywheel;

namespace {

Result<RouterConfig> parse(const std::string& settings) {
  return parse_config(
      R"({"services": {"openai": [{"enabled": true, "models": ["m"], "credentials": {"api_key": "k"}}]},)" + settings +
      "}");
}

std::string fault(const std::string& settings) {
  const Result<RouterConfig> config = parse(settings);
  return config ? std::string("none") : config.error().message;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a config file names its quota store", "[config][quota]") {
  CHECK_FALSE(parse(R"("region": "")").value().quota_store);
  const RouterConfig config = parse(R"("quota_store": {"type": "memory"}, "on_store_loss": "refuse")").value();
  REQUIRE(config.quota_store);
  CHECK(config.quota_store->name() == "in memory");
  CHECK(config.on_store_loss == StoreLoss::refuse);

  // Built with a store or without, a file that asks for it gets it or an error that says what to do.
  const auto sqlite = parse(R"("quota_store": {"type": "sqlite", "path": "/tmp/none/quota.db"})");
  if (sqlite_store("x")) {
    CHECK(sqlite.value().quota_store->name() == "SQLite at /tmp/none/quota.db");
  } else {
    CHECK(has(sqlite.error().message, "-DKEYWHEEL_WITH_SQLITE=ON"));
  }
  const auto redis = parse(R"("quota_store": {"type": "redis", "url": "redis://u:s3cret@cache:1/2"})");
  if (redis_store("redis://h")) {
    CHECK(redis.value().quota_store->name() == "Redis at cache:1/2");
  } else {
    CHECK(has(redis.error().message, "-DKEYWHEEL_WITH_REDIS=ON"));
  }
}

TEST_CASE("a quota store that is none is told where it stands", "[config][quota]") {
  CHECK(has(fault(R"("quota_store": {})"), R"(quota_store: expected a "type": "sqlite", "redis" or "memory")"));
  CHECK(has(fault(R"("quota_store": {"type": "mysql"})"), R"(expected a "type")"));
  CHECK(has(fault(R"("quota_store": "redis")"), "quota_store: expected"));
  CHECK(has(fault(R"("quota_store": {"type": "sqlite"})"), R"(a quota_store of type "sqlite" needs "path")"));
  CHECK(has(fault(R"("quota_store": {"type": "redis", "url": "redis://h", "path": "x"})"),
            R"(a quota_store of type "redis" has no "path")"));
  CHECK(has(fault(R"("quota_store": {"type": "memory", "url": "redis://h"})"), R"(has no "url")"));
  CHECK(has(fault(R"("on_store_loss": "wait")"), R"(on_store_loss: expected "share" or "refuse")"));
  if (!redis_store("redis://h")) return;
  const std::string bad = fault(R"("quota_store": {"type": "redis", "url": "redis://u:s3cret@h:x"})");
  CHECK(has(bad, "port is not a number"));
  CHECK_FALSE(has(bad, "s3cret"));
}
