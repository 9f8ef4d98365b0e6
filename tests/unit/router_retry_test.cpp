#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/sim_router.hpp"

/// The table of consequences, through the whole Router on a virtual clock.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

KeyScript refusing(Fault::Kind kind, int status = 0) { return {.refuse = Fault{.kind = kind, .status = status}}; }

KeyScript raw(int status, std::string body, std::vector<HttpHeader> headers = {}) {
  return {.reply = [=](const ReceivedRequest&, const Ask&) {
    Reply reply = Reply::json(status, body);
    for (const HttpHeader& header : headers) reply.headers.push_back(header);
    return std::optional(std::move(reply));
  }};
}

std::vector<std::string> classes(const std::vector<Attempt>& attempts) {
  std::vector<std::string> all;
  for (const Attempt& attempt : attempts) all.push_back(attempt.failure);
  return all;
}

}  // namespace

TEST_CASE("a request that is wrong whatever the key is tried once and blames nobody", "[router][retry]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script_others(refusing(Fault::Kind::bad_request));
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::invalid_request);
  CHECK(reply.error().attempts.size() == 1);
  CHECK(sim.status(0).state == CredentialState::active);
}

TEST_CASE("a prompt that is too long, or filtered, goes to no other key", "[router][retry]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  SECTION("context") {
    sim.provider.script_others(refusing(Fault::Kind::context_length));
    CHECK(sim.chat().error().kind == ErrorKind::context_length);
  }
  SECTION("filter") {
    sim.provider.script_others(refusing(Fault::Kind::content_filter));
    CHECK(sim.chat().error().kind == ErrorKind::content_filter);
  }
  CHECK(sim.runtime->requests() == 1);
}

TEST_CASE("a prompt that is too long goes on to the fallback that the config names for that", "[router][retry]") {
  SimRouter sim;
  sim.config.services[0].models.push_back("long-model");
  sim.config.fallbacks["test-model"] = {.context_length = {"long-model"}};
  sim.provider.script_others({.reply = [](const ReceivedRequest&, const Ask& ask) -> std::optional<Reply> {
    if (ask.model == "long-model") return std::nullopt;
    return Reply::json(
        400,
        R"({"error":{"message":"This model's maximum context length is 10 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}})");
  }});
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(classes(reply->attempts) == std::vector<std::string>{"context", ""});
  CHECK(reply->attempts[1].model == "long-model");
}

TEST_CASE("a failing service is tried twice, then the next one", "[router][retry]") {
  SimRouter sim({"sk-a-one", "sk-a-two", "sk-a-three"});
  sim.add_service("other", {"sk-b-one"});
  sim.config.services[1].priority = 1;
  for (const char* key : {"sk-a-one", "sk-a-two", "sk-a-three"}) sim.provider.script(key, KeyScript::failing(99, 503));
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(reply->service == "other");
  CHECK(reply->attempts.size() == 2);
  CHECK(sim.status(0).state == CredentialState::active);

  SECTION("and where there is no other, twice with a pause and then the error") {
    SimRouter alone({"sk-a-one"});
    alone.provider.script_others(KeyScript::failing(99, 500));
    const TimePoint begin = alone.runtime->now();
    const auto failed = alone.chat();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().kind == ErrorKind::server_error);
    CHECK(failed.error().attempts.size() == 2);
    CHECK(alone.runtime->now() - begin >= 250ms);
    CHECK(alone.runtime->now() - begin <= 500ms);
  }
}

TEST_CASE("five failed calls in a row open the breaker, and one probe closes it", "[router][retry]") {
  SimRouter sim;
  // Two attempts a call, but one blame; the fifth call's first failure leaves no room for a second attempt.
  sim.provider.script_others(KeyScript::failing(9, 500));
  for (int i = 0; i < 5; ++i) CHECK(sim.chat().error().kind == ErrorKind::server_error);
  CHECK(sim.runtime->requests() == 9);
  const auto refused = sim.chat();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::overloaded);
  REQUIRE(refused.error().retry_after);
  CHECK(*refused.error().retry_after <= 30s);
  CHECK(sim.runtime->requests() == 9);
  sim.runtime->run_for(31s);
  CHECK(sim.chat());
  CHECK(sim.chat());
  CHECK_FALSE(sim.router().stats().breakers.at(0).open);
}

TEST_CASE("a full provider is nobody's fault: the next service, at once", "[router][retry]") {
  SimRouter sim({"sk-a-one", "sk-a-two"});
  sim.add_service("other", {"sk-b-one"});
  sim.config.services[1].priority = 1;
  sim.provider.script("sk-a-one", refusing(Fault::Kind::overloaded));
  const TimePoint begin = sim.runtime->now();
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(classes(reply->attempts) == std::vector<std::string>{"capacity", ""});
  CHECK(reply->service == "other");
  CHECK(sim.runtime->now() == begin);
  CHECK(sim.status(0).state == CredentialState::active);
}

TEST_CASE("a spent balance rests its key until it is cleared or probed, and others serve", "[router][retry]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script("sk-key-one", KeyScript::exhausted());
  auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(classes(reply->attempts) == std::vector<std::string>{"quota", ""});
  CHECK(sim.status(0).state == CredentialState::exhausted);
  CHECK(sim.chat()->attempts.size() == 1);
  sim.provider.script("sk-key-one", KeyScript::ok());
  REQUIRE(sim.router().clear_credential("main#1"));
  CHECK(sim.chat()->credential == "main#1");
}

TEST_CASE("Retry-After is waited for where it ends in time", "[router][retry]") {
  SimRouter sim;
  sim.provider.script("sk-key-one", KeyScript::throttled_after(0, 3s));
  const TimePoint begin = sim.runtime->now();
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(reply->attempts.size() == 2);
  CHECK(sim.runtime->now() - begin >= 3s);
  CHECK(sim.runtime->now() - begin < 4s);
}

TEST_CASE("an unknown 4xx is asked of one other key, then it is the request", "[router][retry]") {
  SimRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.provider.script_others(raw(418, R"({"error":{"message":"I am a teapot"}})"));
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().attempts.size() == 2);
  for (std::size_t i = 0; i < 3; ++i) CHECK(sim.status(i).state == CredentialState::active);
}

TEST_CASE("x-should-retry outweighs the class", "[router][retry]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script_others(raw(500, "{}", {{"x-should-retry", "false"}}));
  CHECK(sim.chat().error().attempts.size() == 1);
}

TEST_CASE("a stream that breaks before its first event goes to the next key, after it stops with what came",
          "[router][retry]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  const std::string start =
      R"(data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})"
      "\n\n";
  const std::string word =
      R"(data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]})"
      "\n\n";
  std::string shown;
  const auto ask = [&] {
    return sim.router().chat({.model = "test-model", .messages = {user("x")}},
                             [&](const ChatEvent& e) { shown += e.text(); });
  };
  SECTION("before") {
    sim.provider.script("sk-key-one", {.reply = [&](const ReceivedRequest&, const Ask&) {
                          return std::optional(Reply::sse({start}));
                        }});
    const auto reply = ask();
    REQUIRE(reply);
    CHECK(reply->attempts.size() == 2);
    CHECK(shown == "You said: x");
  }
  SECTION("after") {
    sim.provider.script("sk-key-one", {.reply = [&](const ReceivedRequest&, const Ask&) {
                          return std::optional(Reply::sse({start, word}));
                        }});
    const auto reply = ask();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().attempts.size() == 1);
    CHECK(reply.error().partial_text == "half");
    CHECK(shown == "half");
  }
}

TEST_CASE("timeouts: connect goes on, an answer that never comes is asked for once more", "[router][retry]") {
  SECTION("connect") {
    bool first = true;
    SimRouter sim({"sk-key-one", "sk-key-two"}, [&](const HttpRequest&, TimePoint) {
      return SimTravel{.connect = std::exchange(first, false) ? std::chrono::nanoseconds(1h) : 0ns};
    });
    const TimePoint begin = sim.runtime->now();
    const auto reply = sim.chat();
    REQUIRE(reply);
    CHECK(classes(reply->attempts) == std::vector<std::string>{"connect_timeout", ""});
    CHECK(sim.runtime->now() - begin >= 10s);
    CHECK(sim.runtime->now() - begin <= 11s);
  }
  SECTION("first byte") {
    SimRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
    sim.config.timeouts.first_byte = 5s;
    sim.provider.script_others({.delay = std::chrono::hours(2)});
    SECTION("once more") {
      const auto reply = sim.chat();
      REQUIRE_FALSE(reply);
      CHECK(reply.error().kind == ErrorKind::timeout);
      CHECK(reply.error().attempts.size() == 2);
    }
    SECTION("not, where the config says so") {
      sim.config.retry.retry_after_send = false;
      CHECK(sim.chat().error().attempts.size() == 1);
    }
  }
  SECTION("comments do not feed the idle clock") {
    SimRouter sim;
    sim.config.timeouts.idle = 3s;
    sim.provider.script_others({.reply = [](const ReceivedRequest&, const Ask&) {
      std::vector<std::string> pieces(100, ": keep-alive\n\n");
      pieces.front() = R"(data: {"choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]})"
                       "\n\n";
      return std::optional(Reply::sse(std::move(pieces), 1s));
    }});
    const TimePoint begin = sim.runtime->now();
    const auto reply = sim.router().chat({.model = "test-model", .messages = {user("x")}}, [](const ChatEvent&) {});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().kind == ErrorKind::timeout);
    CHECK(reply.error().partial_text == "half");
    CHECK(sim.runtime->now() - begin < 5s);
  }
  SECTION("the deadline holds for everything") {
    SimRouter sim({"sk-key-one", "sk-key-two"});
    sim.provider.script_others({.delay = std::chrono::hours(2)});
    const TimePoint begin = sim.runtime->now();
    const auto reply = sim.router().chat({.model = "test-model", .messages = {user("x")}, .deadline = 1500ms});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().kind == ErrorKind::timeout);
    CHECK(sim.runtime->now() - begin == 1500ms);
  }
}

TEST_CASE("max_attempts holds", "[router][retry]") {
  SimRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.config.retry.max_attempts = 1;
  sim.provider.script("sk-key-one", KeyScript::revoked());
  CHECK(sim.chat().error().attempts.size() == 1);
  CHECK(sim.chat());
}

TEST_CASE("qps: 2 and twenty calls", "[router][limits]") {
  SimRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.config.services[0].limits.qps = 2;
  int good = 0;
  int limited = 0;
  const auto start_all = [&] {
    for (int i = 0; i < 20; ++i) {
      sim.router().start({.model = "test-model", .messages = {user("x")}}, [&](Result<ChatResponse> reply) {
        good += reply ? 1 : 0;
        if (!reply && reply.error().kind == ErrorKind::rate_limited && reply.error().retry_after) ++limited;
      });
    }
    sim.runtime->run_until_idle();
  };
  SECTION("all are answered, and no second sees more than two") {
    start_all();
    CHECK(good == 20);
    std::vector<TimePoint> arrivals;
    for (const char* key : {"sk-key-one", "sk-key-two", "sk-key-three"}) {
      for (const KeyLog::Entry& entry : sim.provider.log(key).entries) arrivals.push_back(entry.arrived);
    }
    std::sort(arrivals.begin(), arrivals.end());
    REQUIRE(arrivals.size() == 20);
    for (std::size_t i = 2; i < arrivals.size(); ++i) CHECK(arrivals[i] - arrivals[i - 2] >= 1s);
  }
  SECTION("with a wait of at most a second the late ones fail with a time") {
    sim.config.services[0].limits.timeout = 1s;
    start_all();
    CHECK(good + limited == 20);
    CHECK(limited >= 15);
    CHECK(good >= 2);
  }
}
