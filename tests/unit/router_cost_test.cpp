#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "router/prices.hpp"
#include "support/sim_router.hpp"

/// What calls cost, what they may cost, and what the Router hands on to the pool of what answers state.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;
using Catch::Approx;

namespace {

KeyScript stating(std::vector<HttpHeader> headers) {
  return {.reply = [=](const ReceivedRequest&, const Ask&) {
    Reply reply =
        Reply::json(200, R"({"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],
      "usage":{"prompt_tokens":1000,"completion_tokens":100,"prompt_tokens_details":{"cached_tokens":400}}})");
    for (const HttpHeader& header : headers) reply.headers.push_back(header);
    return std::optional(std::move(reply));
  }};
}

ChatRequest asking(double max_cost, int max_tokens = 100) {
  return {.model = "test-model", .messages = {user("Hello")}, .max_tokens = max_tokens, .max_cost = max_cost};
}

}  // namespace

TEST_CASE("a call's cost is its usage at its model's price, and the key's is the sum", "[router][cost]") {
  SimRouter sim;
  sim.config.services[0].prices["test-model"] = {.input = 2, .output = 10, .cached_input = 0.5, .request = 0.01};
  sim.provider.script_others(stating({}));
  const auto reply = sim.chat();
  REQUIRE(reply);
  // 600 at 2, 400 at 0.5, 100 at 10, by the million; and the request.
  REQUIRE(reply->cost);
  CHECK(*reply->cost == Approx(0.0012 + 0.0002 + 0.001 + 0.01));
  REQUIRE(sim.chat());
  CHECK(sim.status(0).cost == Approx(2 * *reply->cost));
}

TEST_CASE("without a price there is no cost; the star prices all others", "[router][cost]") {
  SimRouter sim;
  sim.provider.script_others(stating({}));
  SECTION("none") {
    sim.config.services[0].prices["another"] = {.input = 2};
    const auto reply = sim.chat();
    REQUIRE(reply);
    CHECK_FALSE(reply->cost);
  }
  SECTION("star") {
    sim.config.services[0].prices["*"] = {.input = 1};
    const auto reply = sim.chat();
    REQUIRE(reply);
    CHECK(*reply->cost == Approx(0.001));
  }
}

TEST_CASE("a call that may cost more than it may is refused, with what to do", "[router][cost]") {
  SimRouter sim;
  sim.config.services[0].prices["*"] = {.output = 1000};
  sim.provider.script_others(stating({}));
  const auto reply = sim.router().chat(asking(0.05));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::invalid_request);
  CHECK(reply.error().message.find("the call may cost 0.1, and ChatRequest::max_cost is 0.05") != std::string::npos);
  CHECK(reply.error().message.find("max_tokens") != std::string::npos);
  CHECK(sim.runtime->requests() == 0);
  CHECK(sim.router().chat(asking(0.1)));
  CHECK(sim.router().chat(asking(0.05, 50)));
  CHECK(sim.router().chat(asking(0)));
}

TEST_CASE("a dear service is passed over for one that the call can afford", "[router][cost]") {
  SimRouter sim({"sk-dear"});
  sim.add_service("cheap", {"sk-cheap"});
  sim.config.balance = Rotation::first;
  sim.config.services[0].prices["*"] = {.output = 1000};
  sim.config.services[1].prices["*"] = {.output = 1};
  const auto reply = sim.router().chat(asking(0.05));
  REQUIRE(reply);
  CHECK(reply->service == "cheap");
}

TEST_CASE("a key's budget holds the next call back", "[router][cost]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.services[0].prices["*"] = {.request = 1};
  for (CredentialConfig& credential : sim.config.services[0].credentials) credential.limits.max_cost = 2;
  sim.provider.script_others(stating({}));
  for (int i = 0; i < 4; ++i) CHECK(sim.chat());
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::quota_exhausted);
  CHECK(sim.status(0).cost == 2);
  CHECK(sim.status(1).cost == 2);
}

TEST_CASE("what answers state is kept to by the calls that follow", "[router][learned]") {
  SimRouter sim;
  sim.config.services[0].limits.timeout = 90s;
  sim.provider.script_others(stating({{"x-ratelimit-limit-requests", "2"},
                                      {"x-ratelimit-remaining-requests", "1"},
                                      {"x-ratelimit-reset-requests", "30s"},
                                      {"openai-organization", "acme"}}));
  REQUIRE(sim.chat());
  const std::vector<LimitStatus> limits = sim.status(0).limits;
  REQUIRE(limits.size() == 1);
  CHECK(limits[0].learned);
  CHECK(limits[0].limit == 2);
  CHECK(limits[0].group == "test-model");
  // The third call waits for its place instead of meeting the limit.
  const TimePoint before = sim.runtime->now();
  REQUIRE(sim.chat());
  REQUIRE(sim.chat());
  CHECK(sim.runtime->now() - before >= 55s);
}

TEST_CASE("a refusal's headers are learned from as well", "[router][learned]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script("sk-key-one", {.reply = [](const ReceivedRequest&, const Ask&) {
                        Reply reply =
                            Reply::json(429, R"({"error":{"code":"rate_limit_exceeded","message":"slower"}})");
                        reply.headers.push_back({"x-ratelimit-limit-requests", "7"});
                        reply.headers.push_back({"x-ratelimit-remaining-requests", "0"});
                        return std::optional(std::move(reply));
                      }});
  REQUIRE(sim.chat());
  REQUIRE(sim.status(0).limits.size() == 1);
  CHECK(sim.status(0).limits[0].limit == 7);
}

TEST_CASE("the application's tokenizer counts what is reserved", "[router][tokens]") {
  SimRouter sim;
  sim.config.services[0].credentials[0].limits.tpm = 500;
  std::vector<std::string> models;
  sim.config.count_tokens = [&](std::string_view, std::string_view model) -> std::int64_t {
    models.emplace_back(model);
    return 1000;
  };
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().message.find("larger than tpm 500") != std::string::npos);
  CHECK(models == std::vector<std::string>{"test-model"});
}

TEST_CASE("a tokenizer that throws fails its call and no other", "[router][tokens]") {
  SimRouter sim;
  bool broken = true;
  sim.config.count_tokens = [&](std::string_view, std::string_view) -> std::int64_t {
    if (broken) throw std::runtime_error("no vocabulary");
    return 1;
  };
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::config);
  CHECK(reply.error().message.find("no vocabulary") != std::string::npos);
  broken = false;
  CHECK(sim.chat());
}

TEST_CASE("usage that cannot be meant costs no less than nothing", "[router][cost]") {
  const Price price{.input = 1, .output = 1, .cached_input = 0.0};
  CHECK(detail::cost_of(price, Usage{.prompt_tokens = -5, .completion_tokens = -7}) == 0);
  CHECK(detail::cost_of(price, Usage{.prompt_tokens = 1'000'000, .cached_tokens = 5'000'000}) == Approx(0.0));
  CHECK(detail::cost_of(price, Usage{}) == 0);
  CHECK(detail::cost_of(price, Usage{.prompt_tokens = 1'000'000, .total_tokens = 3'000'000}) == Approx(3));
}
