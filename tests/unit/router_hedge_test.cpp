#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "router/first_events.hpp"
#include "router/hedge_budget.hpp"
#include "support/sim_router.hpp"

/// Hedging: a second attempt beside a slow one.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

std::string chunk(std::string_view text, std::string_view finish = "null") {
  return R"(data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":")" + std::string(text) +
         R"("},"finish_reason":)" + std::string(finish) + "}]}\n\n";
}

std::vector<std::string> words_of(std::initializer_list<std::string_view> words) {
  std::vector<std::string> events;
  for (const std::string_view word : words) events.push_back(chunk(word));
  events.push_back(chunk("", "\"stop\""));
  events.emplace_back("data: [DONE]\n\n");
  return events;
}

/// The first key answers after ten seconds, the others at once; a call is hedged after two.
struct HedgeSim : SimRouter {
  explicit HedgeSim(std::vector<std::string> keys = {"sk-key-one", "sk-key-two"}) : SimRouter(std::move(keys)) {
    config.hedge = {.enabled = true, .delay = 2s, .max_share = 1};
    provider.script("sk-key-one", {.delay = 10s});
  }
  std::chrono::nanoseconds took(const Result<ChatResponse>& reply) const {
    return reply ? std::chrono::nanoseconds(reply->elapsed) : std::chrono::nanoseconds(-1);
  }
};

}  // namespace

TEST_CASE("a slow answer is hedged, the first to answer is taken, and the other is cancelled and counted",
          "[router][hedge][complaints][72]") {
  HedgeSim sim;
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(sim.took(reply) == 2s);
  CHECK(reply->credential == "main#2");
  REQUIRE(reply->attempts.size() == 2);
  const Attempt& slow = reply->attempts[0];
  CHECK(slow.credential == "main#1");
  CHECK(slow.failure == "cancelled");
  CHECK(slow.error == ErrorKind::cancelled);
  CHECK_FALSE(slow.hedge);
  CHECK(slow.elapsed == 2s);
  const Attempt& quick = reply->attempts[1];
  CHECK(quick.credential == "main#2");
  CHECK(quick.hedge);
  CHECK_FALSE(quick.error);
  CHECK(quick.started == 2s);

  const RouterStats stats = sim.router().stats();
  CHECK(stats.hedges == 1);
  CHECK(stats.attempts == 2);
  CHECK(stats.breakers.empty());
  CHECK(sim.runtime->exchanges() == 0);
  const CredentialStatus loser = sim.status(0);
  CHECK(loser.state == CredentialState::active);
  CHECK(loser.failures.empty());
  CHECK(loser.cancelled == 1);
  CHECK(loser.in_flight == 0);
  CHECK(loser.estimated_tokens > 0);
  CHECK(sim.status(1).estimated_tokens == 0);
}

TEST_CASE("without being asked for, nothing is hedged; a call may say otherwise", "[router][hedge]") {
  HedgeSim sim;
  SECTION("off by default") {
    sim.config.hedge.enabled = HedgeConfig().enabled;
    CHECK(sim.took(sim.chat()) == 10s);
    CHECK(sim.router().stats().hedges == 0);
    const auto asked = sim.router().chat({.model = "test-model", .messages = {user("x")}, .hedge = true});
    CHECK(sim.took(asked) == 2s);
  }
  SECTION("a call declines") {
    const auto declined = sim.router().chat({.model = "test-model", .messages = {user("x")}, .hedge = false});
    CHECK(sim.took(declined) == 10s);
  }
  SECTION("a call of one attempt has no second") {
    const auto single = sim.router().chat({.model = "test-model", .messages = {user("x")}, .max_attempts = 1});
    CHECK(sim.took(single) == 10s);
  }
}

TEST_CASE("of two streams the first that says something is shown, and nothing of the other", "[router][hedge]") {
  HedgeSim sim;
  std::string shown;
  std::vector<ChatEvent::Type> types;
  const auto ask = [&] {
    return sim.router().chat({.model = "test-model", .messages = {user("x")}}, [&](const ChatEvent& e) {
      shown += e.text();
      types.push_back(e.type);
    });
  };
  const auto answering = [](std::chrono::nanoseconds after, std::string_view word) {
    return KeyScript{.reply = [=](const ReceivedRequest&, const Ask&) {
      Reply reply = Reply::sse(words_of({word, " more"}), 1s);
      reply.delay = after;
      return std::optional(reply);
    }};
  };
  SECTION("the hedge") {
    sim.provider.script("sk-key-one", answering(10s, "slow"));
    sim.provider.script("sk-key-two", answering(1s, "quick"));
    const auto reply = ask();
    REQUIRE(reply);
    CHECK(reply->text() == "quick more");
    CHECK(shown == "quick more");
    CHECK(types.front() == ChatEvent::Type::start);
    CHECK(reply->attempts.back().hedge);
  }
  SECTION("the first, which then is the last of the attempts") {
    sim.provider.script("sk-key-one", answering(3s, "slow"));
    sim.provider.script("sk-key-two", answering(5s, "quick"));
    const auto reply = ask();
    REQUIRE(reply);
    CHECK(shown == "slow more");
    REQUIRE(reply->attempts.size() == 2);
    CHECK(reply->attempts[0].hedge);
    CHECK(reply->attempts[0].failure == "cancelled");
    CHECK(reply->attempts[1].credential == "main#1");
    CHECK(sim.runtime->exchanges() == 0);
  }
  SECTION("words about itself are no answer") {
    sim.provider.script(
        "sk-key-one", {.reply = [](const ReceivedRequest&, const Ask&) {
          std::vector<std::string> events = words_of({"slow"});
          events.insert(
              events.begin(),
              R"(data: {"id":"0","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})"
              "\n\n");
          return std::optional(Reply::sse(std::move(events), 10s));
        }});
    const auto reply = ask();
    REQUIRE(reply);
    CHECK(reply->credential == "main#2");
    CHECK(shown == "You said: x");
  }
  SECTION("who speaks in time is not hedged") {
    sim.provider.script("sk-key-one", answering(1s, "in time"));
    CHECK(ask()->text() == "in time more");
    CHECK(sim.router().stats().hedges == 0);
  }
}

TEST_CASE("at most max_share of the calls hedge, and a quiet time saves up few", "[router][hedge][complaints][79]") {
  SECTION("the share") {
    HedgeSim sim;
    sim.config.hedge.max_share = 0.05;
    for (int i = 0; i < 100; ++i) REQUIRE(sim.chat());
    CHECK(sim.router().stats().hedges == 5);
  }
  SECTION("nothing") {
    HedgeSim sim;
    sim.config.hedge.max_share = 0;
    CHECK(sim.took(sim.chat()) == 10s);
  }
  SECTION("saved up") {
    detail::HedgeBudget budget;
    CHECK_FALSE(budget.take());
    for (int i = 0; i < 100'000; ++i) budget.earn(0.05);
    int taken = 0;
    while (budget.take()) ++taken;
    CHECK(taken == 10);
  }
}

TEST_CASE("while a service fails, its calls are not hedged", "[router][hedge][complaints][79]") {
  HedgeSim sim;
  sim.config.retry.max_attempts = 1;
  sim.provider.script("sk-key-one", KeyScript::failing(1, 500));
  CHECK_FALSE(sim.chat());
  sim.config.retry.max_attempts = 0;
  REQUIRE(sim.router().reload(sim.config));
  sim.provider.script("sk-key-one", {.delay = 10s});
  CHECK(sim.took(sim.chat()) == 10s);
  CHECK(sim.router().stats().hedges == 0);
  // That it answered ends the count.
  CHECK(sim.took(sim.chat()) == 2s);
}

TEST_CASE("a hedge never waits, and takes no place that somebody waits for", "[router][hedge]") {
  HedgeSim sim;
  SECTION("no room") {
    sim.config.services[0].credentials[1].limits.rpm = 1;
    sim.router().start({.model = "test-model", .messages = {user("x")}}, [](Result<ChatResponse>) {});
    sim.runtime->run_for(20s);  // hedged, on the second key
    CHECK(sim.router().stats().hedges == 1);
    CHECK(sim.took(sim.chat()) == 10s);
    CHECK(sim.router().stats().hedges == 1);
  }
  SECTION("somebody waits") {
    sim.config.services[0].models.push_back("large");
    sim.config.services[0].credentials[0].models = {"test-model"};
    sim.config.services[0].credentials[1].limits.tpm = 1000;
    sim.config.services[0].credentials[1].limits.timeout = 300s;
    sim.provider.script("sk-key-two", {.delay = 30s});
    const auto large = [&] { return ChatRequest{.model = "large", .messages = {user("x")}, .max_tokens = 900}; };
    int large_done = 0;
    for (int i = 0; i < 2; ++i) {
      sim.router().start(large(), [&](Result<ChatResponse> reply) { large_done += reply ? 1 : 0; });
    }
    sim.runtime->run_for(1s);
    REQUIRE(sim.router().stats().waiting == 1);
    const auto small = sim.router().chat({.model = "test-model", .messages = {user("x")}, .max_tokens = 10});
    CHECK(sim.took(small) == 10s);
    CHECK(sim.router().stats().hedges == 0);
    sim.runtime->run_until_idle();
    CHECK(large_done == 2);
  }
}

TEST_CASE("a hedge goes to another account, else to another key, else to another service", "[router][hedge]") {
  SECTION("another account") {
    HedgeSim sim({"sk-key-one", "sk-key-two", "sk-key-three"});
    sim.config.services[0].credentials[0].account = "a";
    sim.config.services[0].credentials[1].account = "a";
    sim.config.services[0].credentials[2].account = "b";
    CHECK(sim.chat()->credential == "main#3");
  }
  SECTION("another key") {
    HedgeSim sim;
    sim.config.services[0].credentials[0].account = "a";
    sim.config.services[0].credentials[1].account = "a";
    CHECK(sim.chat()->credential == "main#2");
  }
  SECTION("another service") {
    HedgeSim sim({"sk-key-one"});
    sim.add_service("other", {"sk-other"}).priority = 1;
    CHECK(sim.chat()->credential == "other#1");
  }
  SECTION("nowhere") {
    HedgeSim sim({"sk-key-one"});
    CHECK(sim.took(sim.chat()) == 10s);
    CHECK(sim.router().stats().hedges == 0);
  }
}

TEST_CASE("without a set delay, a call is hedged when it is slower than 95 of 100", "[router][hedge][complaints][78]") {
  HedgeSim sim;
  sim.config.hedge.delay = 0ms;
  sim.provider.script("sk-key-one", {.delay = 1s});
  for (int i = 0; i < 19; ++i) REQUIRE(sim.chat());
  sim.provider.script("sk-key-one", {.delay = 10s});
  CHECK(sim.took(sim.chat()) == 10s);  // too few seen yet
  sim.provider.script("sk-key-one", {.delay = 900ms});
  for (int i = 0; i < 20; ++i) REQUIRE(sim.chat());
  sim.provider.script("sk-key-one", {.delay = 10s});
  CHECK(sim.took(sim.chat()) == 1s);
  CHECK(sim.router().stats().hedges == 1);
}

TEST_CASE("what 95 of 100 take is of the last hundred or so, streams apart", "[router][hedge]") {
  detail::FirstEvents times;
  for (int i = 1; i <= 100; ++i) times.add("s", "m", true, std::chrono::milliseconds(i));
  CHECK(times.usual("s", "m", true) == 95ms);
  CHECK_FALSE(times.usual("s", "m", false));
  CHECK_FALSE(times.usual("s", "other", true));
  for (int i = 0; i < 128; ++i) times.add("s", "m", true, 7ms);
  CHECK(times.usual("s", "m", true) == 7ms);
}

TEST_CASE("of two attempts one may fail: the other goes on, and the failure is on record", "[router][hedge]") {
  HedgeSim sim;
  SECTION("the hedge fails") {
    sim.provider.script("sk-key-two", KeyScript::failing(1, 500));
    const auto reply = sim.chat();
    REQUIRE(reply);
    CHECK(sim.took(reply) == 10s);
    REQUIRE(reply->attempts.size() == 2);
    CHECK(reply->attempts[0].hedge);
    CHECK(reply->attempts[0].failure == "server");
    CHECK(reply->attempts[1].credential == "main#1");
    CHECK(sim.router().stats().breakers.at(0).failures == 0);
  }
  SECTION("the first fails") {
    sim.provider.script(
        "sk-key-one",
        {.fail_next = 1, .fail_with = Fault{.kind = Fault::Kind::server_error, .status = 500}, .delay = 3s});
    sim.provider.script("sk-key-two", {.delay = 5s});
    const auto reply = sim.chat();
    REQUIRE(reply);
    CHECK(reply->credential == "main#2");
    CHECK(reply->attempts[0].failure == "server");
    CHECK(reply->attempts[1].hedge);
  }
  SECTION("a dead key is found out beside a slow one") {
    sim.provider.script("sk-key-two", KeyScript::revoked());
    CHECK(sim.chat()->credential == "main#1");
    CHECK(sim.status(1).state == CredentialState::disabled);
  }
  SECTION("both fail: the call goes on as ever") {
    HedgeSim three({"sk-key-one", "sk-key-two", "sk-key-three"});
    three.provider.script("sk-key-one", {.refuse = Fault{.kind = Fault::Kind::invalid_key}, .delay = 5s});
    three.provider.script("sk-key-two", KeyScript::revoked());
    const auto reply = three.chat();
    REQUIRE(reply);
    CHECK(reply->credential == "main#3");
    CHECK(reply->attempts.size() == 3);
  }
}

TEST_CASE("a call with two attempts ends once, and leaves nothing behind", "[router][hedge]") {
  HedgeSim sim;
  sim.provider.script("sk-key-two", {.delay = 10s});
  int ended = 0;
  std::optional<Error> error;
  const auto done = [&](Result<ChatResponse> reply) {
    ++ended;
    if (!reply) error = reply.error();
  };
  const auto check_left = [&] {
    CHECK(ended == 1);
    REQUIRE(error);
    CHECK(error->attempts.size() == 2);
    CHECK(sim.runtime->exchanges() == 0);
    CHECK(sim.runtime->timers() == 0);
  };
  SECTION("cancelled") {
    Call call = sim.router().start({.model = "test-model", .messages = {user("x")}}, done);
    sim.runtime->run_for(3s);
    REQUIRE(sim.runtime->exchanges() == 2);
    call.cancel();
    sim.runtime->run_for(1s);
    check_left();
    CHECK(error->kind == ErrorKind::cancelled);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(sim.status(i).in_flight == 0);
      CHECK(sim.status(i).cancelled == 1);
      CHECK(sim.status(i).state == CredentialState::active);
    }
  }
  SECTION("out of time") {
    sim.router().start({.model = "test-model", .messages = {user("x")}, .deadline = 5s}, done);
    sim.runtime->run_until_idle();
    check_left();
    CHECK(error->kind == ErrorKind::timeout);
  }
}

TEST_CASE("a slow reader holds back the attempt that was taken, and misses nothing", "[router][hedge]") {
  HedgeSim sim;
  sim.config.bounds.max_buffered = 64;
  sim.provider.script("sk-key-two", {.reply = [](const ReceivedRequest&, const Ask&) {
                        std::vector<std::string> events;
                        for (int i = 0; i < 200; ++i) events.push_back(chunk("0123456789"));
                        events.push_back(chunk("", "\"stop\""));
                        events.emplace_back("data: [DONE]\n\n");
                        return std::optional(Reply::sse(std::move(events), 1ms));
                      }});
  std::size_t bytes = 0;
  ChatStream stream = sim.router().stream({.model = "test-model", .messages = {user("x")}});
  for (const ChatEvent& event : stream) {
    bytes += event.text().size();
    sim.runtime->run_for(50ms);
  }
  CHECK(bytes == 2000);
  REQUIRE(stream.result());
  CHECK(stream.result()->credential == "main#2");
}
