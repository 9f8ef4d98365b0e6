#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/sim_router.hpp"

/// Chains of fallback models, what a decision passed over, and the tenants' shares.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

Reply refusal(std::string_view code, std::string_view message) {
  return Reply::json(400, R"({"error":{"message":")" + std::string(message) +
                              R"(","type":"invalid_request_error","code":")" + std::string(code) + "\"}}");
}

/// One service of one key that serves the models a, b, c and d, each with a fate of its own.
struct ChainSim : SimRouter {
  ChainSim() : SimRouter({"sk-key-one"}) {
    config.services[0].models = {"a", "b", "c", "d"};
    provider.script_others({.reply = [this](const ReceivedRequest&, const Ask& ask) -> std::optional<Reply> {
      asked += ask.model;
      if (too_long.find(ask.model) != std::string::npos)
        return refusal("context_length_exceeded", "This model's maximum context length is 10 tokens.");
      if (filtered.find(ask.model) != std::string::npos)
        return refusal("content_filter", "The response was filtered due to the content management policy.");
      if (gone.find(ask.model) != std::string::npos)
        return Reply::json(
            404,
            R"({"error":{"message":"The model does not exist","type":"invalid_request_error","code":"model_not_found"}})");
      return std::nullopt;
    }});
  }
  Result<ChatResponse> ask() { return router().chat({.model = "a", .messages = {user("x")}}); }

  std::string too_long{};
  std::string filtered{};
  std::string gone{};
  std::string asked{};
};

}  // namespace

TEST_CASE("a call goes through a chain of models, in their order", "[router][fallback]") {
  ChainSim sim;
  SECTION("one list") {
    sim.config.fallbacks["a"] = {.any = {"b", "c", "d"}};
    sim.gone = "ab";
    const auto reply = sim.ask();
    REQUIRE(reply);
    CHECK(sim.asked == "abc");
    CHECK(reply->attempts.size() == 3);
    CHECK(reply->attempts[2].model == "c");
  }
  SECTION("the fallbacks of a fallback, after the model's own") {
    sim.config.fallbacks["a"] = {.any = {"b", "c"}};
    sim.config.fallbacks["b"] = {.any = {"d"}};
    sim.gone = "abc";
    REQUIRE(sim.ask());
    CHECK(sim.asked == "abcd");
  }
  SECTION("the last one's error, where none is left") {
    sim.config.fallbacks["a"] = {.any = {"b"}};
    sim.gone = "ab";
    const auto reply = sim.ask();
    REQUIRE_FALSE(reply);
    CHECK(sim.asked == "ab");
    CHECK(reply.error().attempts.size() == 2);
  }
}

TEST_CASE("each case has its own chain", "[router][fallback]") {
  ChainSim sim;
  sim.config.fallbacks["*"] = {.any = {"d"}, .context_length = {"b", "c"}, .content_filter = {"c"}};
  SECTION("too long, twice") {
    sim.too_long = "ab";
    REQUIRE(sim.ask());
    CHECK(sim.asked == "abc");
  }
  SECTION("filtered") {
    sim.filtered = "a";
    REQUIRE(sim.ask());
    CHECK(sim.asked == "ac");
  }
  SECTION("too long, then gone") {
    sim.too_long = "a";
    sim.gone = "b";
    REQUIRE(sim.ask());
    CHECK(sim.asked == "abd");
  }
  SECTION("nothing is named for the case") {
    sim.config.fallbacks["*"].content_filter.clear();
    sim.filtered = "a";
    CHECK(sim.ask().error().kind == ErrorKind::content_filter);
    CHECK(sim.asked == "a");
  }
}

TEST_CASE("a chain goes in no circle", "[router][fallback]") {
  ChainSim sim;
  sim.gone = "abcd";
  SECTION("by name") {
    sim.config.fallbacks["a"] = {.any = {"a", "b"}};
    sim.config.fallbacks["b"] = {.any = {"a", "c"}};
    sim.config.fallbacks["c"] = {.any = {"b", "a", "c"}};
    CHECK_FALSE(sim.ask());
    CHECK(sim.asked == "abc");
  }
  SECTION("by another name") {
    sim.config.model_redirect["again"] = "a";
    sim.config.fallbacks["a"] = {.any = {"again", "b"}};
    CHECK_FALSE(sim.ask());
    CHECK(sim.asked == "ab");
  }
  SECTION("a name that no service serves is passed by") {
    sim.config.fallbacks["a"] = {.any = {"nobody's", "b"}};
    CHECK_FALSE(sim.ask());
    CHECK(sim.asked == "ab");
  }
}

TEST_CASE("a fallback has what is left of the call's time, and begins with every key", "[router][fallback]") {
  SECTION("time") {
    ChainSim sim;
    sim.config.fallbacks["a"] = {.any = {"b"}};
    sim.config.retry.max_attempts_per_service = 1;
    sim.provider.script("sk-key-one", {.delay = 10s, .cut = Cut{}});
    const TimePoint begin = sim.runtime->now();
    const auto reply = sim.router().chat({.model = "a", .messages = {user("x")}, .deadline = 15s});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().kind == ErrorKind::timeout);
    CHECK(sim.runtime->now() - begin == 15s);
    CHECK(reply.error().attempts.size() == 2);
  }
  SECTION("keys: the one that may not use the first model may use the second") {
    ChainSim sim;
    sim.config.fallbacks["a"] = {.any = {"b"}};
    sim.gone = "a";
    CHECK(sim.ask()->credential == "main#1");
  }
  SECTION("a service that failed waits behind one that did not") {
    SimRouter sim({"sk-key-one"});
    sim.config.services[0].models = {"a", "b"};
    sim.add_service("other", {"sk-other"}).models = {"b"};
    sim.config.services[1].priority = 1;
    sim.config.fallbacks["a"] = {.any = {"b"}};
    sim.config.retry.max_attempts_per_service = 1;
    sim.provider.script("sk-key-one", KeyScript::failing(9, 503));
    const auto reply = sim.router().chat({.model = "a", .messages = {user("x")}});
    REQUIRE(reply);
    CHECK(reply->service == "other");
    CHECK(reply->attempts.size() == 2);
  }
}

TEST_CASE("an attempt says whom its choice passed over, and why", "[router][explain]") {
  SimRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  SECTION("nobody") { CHECK(sim.chat()->attempts[0].passed_over.empty()); }
  SECTION("resting and disabled ones") {
    sim.provider.script("sk-key-one", KeyScript::throttled_after(0, 60s));
    sim.provider.script("sk-key-two", KeyScript::revoked());
    const auto first = sim.chat();
    REQUIRE(first);
    REQUIRE(first->attempts.size() == 3);
    CHECK(first->attempts[0].passed_over.empty());
    REQUIRE(first->attempts[1].passed_over.size() == 1);
    CHECK(first->attempts[1].passed_over[0].credential == "main#1");
    CHECK(first->attempts[1].passed_over[0].why == "cooling down for 60000 ms (429, stated)");
    CHECK(first->attempts[2].passed_over.size() == 2);

    const auto second = sim.chat();
    REQUIRE(second);
    std::vector<PassedOver> passed = second->attempts[0].passed_over;
    std::sort(passed.begin(), passed.end(),
              [](const PassedOver& a, const PassedOver& b) { return a.credential < b.credential; });
    REQUIRE(passed.size() == 2);
    CHECK(passed[0].credential == "main#1");
    CHECK(passed[1].credential == "main#2");
    CHECK(passed[1].why.find("disabled") != std::string::npos);
  }
  SECTION("those that this call had already") {
    sim.provider.script("sk-key-one", KeyScript::failing(1, 500));
    const auto reply = sim.chat();
    REQUIRE(reply);
    REQUIRE(reply->attempts.size() == 2);
    REQUIRE(reply->attempts[1].passed_over.size() == 1);
    CHECK(reply->attempts[1].passed_over[0].credential == "main#1");
    CHECK(reply->attempts[1].passed_over[0].why == "tried already");
  }
}

TEST_CASE("tenants have their configured shares of what is scarce", "[router][tenants]") {
  SimRouter sim;
  sim.config.services[0].limits.qps = 1;
  sim.config.services[0].limits.timeout = 600s;
  sim.config.tenants = {{"large", 3}};
  std::string order;
  for (int i = 0; i < 8; ++i) {
    for (const char* tenant : {"small", "large"}) {
      sim.router().start({.model = "test-model", .messages = {user("x")}, .tenant = tenant},
                         [&order, tenant](Result<ChatResponse> reply) { order += reply ? tenant[0] : '?'; });
    }
  }
  sim.runtime->run_until_idle();
  REQUIRE(order.size() == 16);
  // The first found nobody waiting.
  const std::string first = order.substr(1, 8);
  CHECK(std::count(first.begin(), first.end(), 'l') == 6);

  SECTION("until a reload says otherwise") {
    sim.config.tenants.clear();
    REQUIRE(sim.router().reload(sim.config));
    order.clear();
    for (int i = 0; i < 8; ++i) {
      for (const char* tenant : {"small", "large"}) {
        sim.router().start({.model = "test-model", .messages = {user("x")}, .tenant = tenant},
                           [&order, tenant](Result<ChatResponse> reply) { order += reply ? tenant[0] : '?'; });
      }
    }
    sim.runtime->run_until_idle();
    const std::string again = order.substr(0, 8);
    CHECK(std::count(again.begin(), again.end(), 'l') == 4);
  }
}
