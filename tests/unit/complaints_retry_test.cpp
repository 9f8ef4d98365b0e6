#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/verdict_transport.hpp"

/// As complaints_cooldown_test.cpp: how often, where and when a call is tried again; what streams do; what is counted.
/// Streams that are gone on with (58 to 64) are in router_resume_test.cpp, hedges (72, 78, 79) in
/// router_hedge_test.cpp, fair waiting (75 to 77) in pool_line_test.cpp, and what the config accepts and does nothing
/// with (74) in config_json_test.cpp, under the same tags; the virtual clock under all of these is the answer to 80.
/// Mistakes read in the code of peers are tagged [peers]; those that no complaint names are in
/// complaints_peers_test.cpp. Not a library's: keep-alives towards one's own callers (56).

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("every request that was made is in the attempts, and there are few", "[complaints][40][41][42][43][44]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three", "sk-key-four"});
  sim.provider.script_others(verdict(FailureClass::server, Scope::service, {}, 503));
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().attempts.size() == 2);
  CHECK(sim.runtime->requests() == 2);
  std::uint64_t counted = 0;
  for (const CredentialStatus& key : sim.router().stats().credentials) counted += key.requests;
  CHECK(counted == 2);
  CHECK(sim.router().stats().attempts == 2);
}

TEST_CASE("what may have been billed is not sent again where the config says so", "[complaints][45]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.timeouts.first_byte = 5s;
  sim.provider.script_others({.delay = 1h});
  SECTION("by default once more") { CHECK(sim.chat().error().attempts.size() == 2); }
  SECTION("never") {
    sim.config.retry.retry_after_send = false;
    CHECK(sim.chat().error().attempts.size() == 1);
  }
}

TEST_CASE("a spent quota is not tried again with the same key", "[complaints][46]") {
  VerdictRouter sim;
  sim.config.services[0].limits.timeout = 0ms;
  sim.provider.script("sk-key-one", verdict(FailureClass::quota, Scope::account, {}, 429));
  for (int i = 0; i < 5; ++i) CHECK(sim.chat().error().kind == ErrorKind::quota_exhausted);
  CHECK(sim.runtime->requests() == 1);
}

TEST_CASE("an overloaded provider is not stormed", "[complaints][47]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.provider.script_others(verdict(FailureClass::capacity, Scope::service_model, 30s, 529));
  for (int i = 0; i < 50; ++i) CHECK(sim.chat().error().kind == ErrorKind::overloaded);
  CHECK(sim.runtime->requests() == 1);
}

TEST_CASE("a retry goes to a key that the call has not tried, in the order of the rotation", "[complaints][48][49]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  for (const char* key : {"sk-key-one", "sk-key-two"})
    sim.provider.script(key, verdict(FailureClass::rate, Scope::key, 30s, 429));
  SECTION("first") {
    const auto reply = sim.chat();
    REQUIRE(reply);
    CHECK(credentials(reply->attempts) == Strings{"main#1", "main#2", "main#3"});
  }
  SECTION("sticky") {
    sim.config.services[0].rotation = Rotation::hash;
    for (int i = 0; i < 10; ++i) {
      const auto reply =
          sim.router().chat({.model = "test-model", .messages = {user("x")}, .session = "user " + std::to_string(i)});
      REQUIRE(reply);
      CHECK(reply->credential == "main#3");
    }
    CHECK(sim.runtime->requests() == 12);
  }
}

TEST_CASE("an attempt that stalls leaves time for another", "[complaints][50]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.timeouts.first_byte = 20s;
  sim.provider.script("sk-key-one", {.delay = 1h});
  const auto reply =
      sim.router().chat({.model = "test-model", .messages = {user("x")}, .deadline = std::chrono::seconds(30)});
  REQUIRE(reply);
  CHECK(reply->attempts.size() == 2);
}

TEST_CASE("keep-alive comments do not hide a stall, and a slow beginning is none",
          "[complaints][51][52][53][54][55][57]") {
  VerdictRouter sim;
  sim.config.timeouts.idle = 10s;
  const std::string word = R"(data: {"choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]})"
                           "\n\n";
  const auto ask = [&] {
    return sim.router().chat({.model = "test-model", .messages = {user("x")}}, [](const ChatEvent&) {});
  };
  SECTION("comments") {
    sim.provider.script_others({.reply = [&](const ReceivedRequest&, const Ask&) {
      std::vector<std::string> pieces(10'000, ": keep-alive\n\n");
      pieces.front() = word;
      return std::optional(Reply::sse(std::move(pieces), 1s));
    }});
    const TimePoint begin = sim.runtime->now();
    CHECK(ask().error().kind == ErrorKind::timeout);
    CHECK(sim.runtime->now() - begin < 15s);
  }
  SECTION("a prompt that takes minutes to read") {
    sim.provider.script_others({.delay = 5min});
    CHECK(ask());
  }
}

TEST_CASE("a stream that fails before it has said anything goes to the next key", "[complaints][55][58]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script("sk-key-one", {.reply = [](const ReceivedRequest&, const Ask&) {
                        return std::optional(Reply::sse(
                            {"data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n"}));
                      }});
  std::string shown;
  const auto reply = sim.router().chat({.model = "test-model", .messages = {user("x")}},
                                       [&](const ChatEvent& e) { shown += e.text(); });
  REQUIRE(reply);
  CHECK(reply->attempts.size() == 2);
  CHECK(shown == "You said: x");
}

TEST_CASE("what an aborted stream has used is counted, and marked as estimated", "[complaints][66][67][68][69][70]") {
  VerdictRouter sim;
  sim.provider.script("sk-key-one", {.between = 1s});
  int events = 0;
  (void)sim.router().chat({.model = "test-model", .messages = {user("one two three four five six")}},
                          [&](const ChatEvent&) { return ++events == 4 ? Flow::stop : Flow::proceed; });
  const CredentialStatus key = sim.status(0);
  CHECK(key.cancelled == 1);
  CHECK(key.prompt_tokens > 0);
  CHECK(key.completion_tokens > 0);
  CHECK(key.estimated_tokens == key.prompt_tokens + key.completion_tokens);
}

TEST_CASE("a key that a provider repeats in its error is shown to nobody", "[complaints][73]") {
  VerdictRouter sim({"sk-very-secret-key-0123456789"});
  sim.provider.script_others({.reply = [](const ReceivedRequest&, const Ask&) {
    return std::optional(Reply::json(
        401,
        R"({"error":{"message":"Incorrect API key provided: sk-very-secret-key-0123456789","type":"invalid_request_error","code":"invalid_api_key"}})"));
  }});
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  std::ostringstream text;
  text << reply.error();
  for (const Attempt& attempt : reply.error().attempts) text << attempt.message << attempt.reason;
  text << sim.status(0) << sim.status(0).reason;
  CHECK(text.str().find("very-secret") == std::string::npos);
}

TEST_CASE("a dead key and a spent balance are gone round, with several keys in one program",
          "[complaints][81][82][83]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.provider.script("sk-key-one", verdict(FailureClass::auth, Scope::key, {}, 401));
  sim.provider.script("sk-key-two", verdict(FailureClass::quota, Scope::account, {}, 402));
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(classes(reply->attempts) == Strings{"auth", "quota", ""});
}
