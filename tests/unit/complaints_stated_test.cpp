#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "providers/registry.hpp"
#include "support/sim_router.hpp"

/// As complaints_cooldown_test.cpp: what answers state of limits, in headers and in words, is read, shown and kept to.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// Every answer says of its key's limit what the list says next, and at its end the last.
KeyScript stating(std::vector<std::vector<HttpHeader>> each) {
  return {.reply = [each = std::move(each), next = std::size_t{0}](const ReceivedRequest&, const Ask&) mutable {
    Reply reply =
        Reply::json(200, R"({"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]})");
    reply.headers = each[std::min(next++, each.size() - 1)];
    return std::optional(std::move(reply));
  }};
}

std::vector<HttpHeader> requests(const char* limit, const char* remaining, const char* reset) {
  return {{"x-ratelimit-limit-requests", limit},
          {"x-ratelimit-remaining-requests", remaining},
          {"x-ratelimit-reset-requests", reset}};
}

std::optional<std::chrono::milliseconds> wait_stated(const std::string& words) {
  HttpHead head;
  head.status = 429;
  const std::string body = R"({"error":{"message":")" + words + R"(","type":"requests","code":"rate_limit_exceeded"}})";
  return detail::make_transport("openai", "")->classify(head, body, WallTime{}).retry_after;
}

}  // namespace

TEST_CASE("a wait that an error states in words is read, in hours as in seconds", "[complaints][35]") {
  CHECK(wait_stated("Rate limit reached for m: reset after 16h26m14s.") == 16h + 26min + 14s);
  CHECK(wait_stated("Rate limit reached for m. Please try again in 7m12.5s.") == 7min + 12500ms);
  CHECK(wait_stated("Rate limit reached for m. Please try again in 174ms.") == 174ms);
  CHECK_FALSE(wait_stated("Rate limit reached for m: reset after a while."));
}

TEST_CASE("what a key has left, as its answers say, can be read", "[complaints][37]") {
  SimRouter sim;
  sim.provider.script_others(stating({requests("100", "40", "20s")}));
  REQUIRE(sim.chat());
  const std::vector<LimitStatus> limits = sim.status(0).limits;
  REQUIRE(limits.size() == 1);
  CHECK(limits[0].learned);
  CHECK(limits[0].name == "rpm");
  CHECK(limits[0].limit == 100);
  CHECK(limits[0].used >= 60);  // and a margin, since somebody else uses it, too
  CHECK(limits[0].used <= 62);
}

TEST_CASE("a key whose answer says that nothing is left is not asked again before there is", "[complaints][38]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script("sk-key-one", stating({requests("10", "0", "30s")}));
  REQUIRE(sim.chat()->credential == "main#1");
  for (int i = 0; i < 5; ++i) CHECK(sim.chat()->credential == "main#2");
  CHECK(sim.provider.log("sk-key-one").requests == 1);
  sim.runtime->run_for(31s);
  CHECK(sim.chat()->credential == "main#1");
}

TEST_CASE("limits follow what answers say of them, up and down", "[complaints][39]") {
  SimRouter sim;
  sim.provider.script_others(
      stating({requests("10", "9", "6s"), requests("500", "498", "1s"), requests("3", "2", "20s")}));
  const auto limit = [&] {
    REQUIRE(sim.chat());
    REQUIRE(sim.status(0).limits.size() == 1);
    return sim.status(0).limits[0].limit;
  };
  CHECK(limit() == 10);
  CHECK(limit() == 500);
  CHECK(limit() == 3);
}
