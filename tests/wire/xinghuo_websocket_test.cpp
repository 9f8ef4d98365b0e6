#include <catch2/catch_test_macros.hpp>

#include "http/websocket.hpp"
#include "providers/registry.hpp"

using namespace keywheel;

namespace {

ServiceConfig spark(std::string url) {
  return {.provider = "xinghuo",
          .id = "spark",
          .base_url = std::move(url),
          .credentials = {{.api_key = "k", .fields = {{"appid", "a"}, {"api_secret", "s"}}}}};
}

std::shared_ptr<const Transport> transport() { return detail::make_transport("xinghuo", ""); }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("Spark's WebSocket is for a libcurl that speaks it; the others are told where else", "[xinghuo][websocket]") {
  ServiceConfig by_key = spark("");
  by_key.credentials[0].base_url = "wss://spark-api.xf-yun.com";
  for (const ServiceConfig& service : {spark("wss://spark-api.xf-yun.com"), spark("ws://127.0.0.1:9"), by_key}) {
    const std::vector<std::string> faults = transport()->check(service);
    if (detail::speaks_websocket()) {
      CHECK(faults.empty());
      continue;
    }
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].starts_with("base_url: this libcurl ("));
    CHECK(has(faults[0], "https://spark-api-open.xf-yun.com/v1"));
  }
  CHECK(transport()->check(spark("")).empty());
  CHECK(transport()->check(spark("https://spark-api-open.xf-yun.com/v1")).empty());
}

TEST_CASE("a refused upgrade has no body, and a clock that is off is known by the Date", "[xinghuo][websocket]") {
  using namespace std::chrono_literals;
  const WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;
  const auto verdict = [&](int status, const char* date) {
    return transport()->classify({.status = status, .headers = {{"Date", date}}}, "", now);
  };
  for (const char* off : {"Sun, 01 Mar 2026 12:05:01 GMT", "Sun, 01 Mar 2026 11:54:59 GMT"}) {
    CHECK(verdict(403, off).failure == FailureClass::clock);
    CHECK(verdict(403, off).scope == Scope::host);
    CHECK(verdict(401, off).failure == FailureClass::auth);
  }
  for (const char* right : {"Sun, 01 Mar 2026 12:04:59 GMT", "Sun, 01 Mar 2026 11:55:01 GMT", "yesterday", ""})
    CHECK(verdict(403, right).failure != FailureClass::clock);
}
