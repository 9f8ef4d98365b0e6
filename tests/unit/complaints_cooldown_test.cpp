#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/verdict_transport.hpp"

/// What users of other routers have had to complain of, as promises of this one. The numbers are those of the list of
/// complaints that this library was designed against; here: how long a credential rests, and how it comes back.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;

KeyScript rate(std::chrono::milliseconds retry_after = {}, Scope scope = Scope::key) {
  return verdict(FailureClass::rate, scope, retry_after, 429);
}
KeyScript quota(std::chrono::milliseconds retry_after = {}, Scope scope = Scope::key) {
  return verdict(FailureClass::quota, scope, retry_after, 429);
}

}  // namespace

TEST_CASE("a failing service is left alone from the failure on that opens its breaker", "[complaints][1]") {
  VerdictRouter sim;
  sim.config.retry.max_attempts = 1;
  sim.provider.script("sk-key-one", verdict(FailureClass::server, Scope::service, {}, 500));
  for (int i = 0; i < 30; ++i) CHECK_FALSE(sim.chat());
  CHECK(sim.runtime->requests() == 5);
}

TEST_CASE("no number of other rests makes one forgotten", "[complaints][2]") {
  VerdictRouter sim;
  sim.config.services[0].limits.timeout = 0ms;
  auto& models = sim.config.services[0].models;
  for (int i = 0; i < 200; ++i) models.push_back("model-" + std::to_string(i));
  sim.provider.script("sk-key-one", rate(60s, Scope::key_model));
  for (const std::string& model : models) {
    CHECK_FALSE(sim.router().chat({.model = model, .messages = {user("x")}}));
  }
  const auto asked = sim.asked("sk-key-one");
  for (const std::string& model : models) {
    CHECK_FALSE(sim.router().chat({.model = model, .messages = {user("x")}}));
  }
  CHECK(sim.asked("sk-key-one") == asked);
}

TEST_CASE("a second failure lengthens a rest or leaves it", "[complaints][3][peers]") {
  // Two calls are under way at once; the one that is refused later names the shorter time.
  std::vector<std::chrono::milliseconds> stated = {60s, 5s};
  VerdictRouter sim;
  sim.config.services[0].limits.timeout = 0ms;
  int next = 0;
  sim.provider.script("sk-key-one", {.reply = [&](const ReceivedRequest& request, const Ask& ask) {
                        const int i = next++;
                        auto reply = *rate(stated.at(static_cast<std::size_t>(i))).reply(request, ask);
                        reply.delay = (i + 1) * 1s;
                        return std::optional(std::move(reply));
                      }});
  for (int i = 0; i < 2; ++i) sim.router().start({.model = "test-model", .messages = {user("x")}}, [](auto&&) {});
  sim.runtime->run_for(2s);
  CHECK(sim.status(0).available_in == 59s);
}

TEST_CASE("what a fallback meets rests its keys like anything else", "[complaints][4]") {
  VerdictRouter sim({"sk-key-one"});
  sim.add("second", {"sk-b-one", "sk-b-two"}).models = {"second-model"};
  sim.config.fallbacks["test-model"].any = {"second-model"};
  sim.provider.script("sk-key-one", quota());
  sim.provider.script("sk-b-one", rate(60s));
  const auto first = sim.chat();
  REQUIRE(first);
  CHECK(credentials(first->attempts) == Strings{"main#1", "second#1", "second#2"});
  CHECK(credentials(sim.chat()->attempts) == Strings{"second#2"});
}

TEST_CASE("one failure of one call is no outage", "[complaints][5]") {
  VerdictRouter sim;
  sim.config.retry.max_attempts = 1;
  sim.provider.script("sk-key-one", KeyScript::failing(1, 500));
  CHECK_FALSE(sim.chat());
  CHECK(sim.chat());
}

TEST_CASE("each service may have rests of its own length", "[complaints][6]") {
  VerdictRouter sim;
  sim.config.services[0].retry = RetryPolicy{.cooldown = 90s};
  sim.config.services[0].limits.timeout = 0ms;
  sim.provider.script("sk-key-one", rate());
  CHECK_FALSE(sim.chat());
  CHECK(sim.status(0).available_in == 90s);
}

TEST_CASE("when nobody is left, the error says when there will be somebody", "[complaints][7]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.services[0].limits.timeout = 1s;
  sim.provider.script("sk-key-one", rate(50s));
  sim.provider.script("sk-key-two", rate(20s));
  (void)sim.chat();
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::rate_limited);
  REQUIRE(reply.error().retry_after);
  CHECK(*reply.error().retry_after == 20s);
  CHECK(sim.runtime->requests() == 2);
}

TEST_CASE("a passing limit does not cut a long rest short", "[complaints][8]") {
  // The day's quota is found spent by one call while another is on its way, which then meets the minute's limit.
  VerdictRouter sim;
  sim.config.services[0].limits.timeout = 0ms;
  int next = 0;
  sim.provider.script("sk-key-one", {.reply = [&](const ReceivedRequest& request, const Ask& ask) {
                        const bool first = next++ == 0;
                        auto reply = *(first ? quota(5h) : rate(1s)).reply(request, ask);
                        reply.delay = first ? 1s : 2s;
                        return std::optional(std::move(reply));
                      }});
  for (int i = 0; i < 2; ++i) sim.router().start({.model = "test-model", .messages = {user("x")}}, [](auto&&) {});
  sim.runtime->run_for(10s);
  CHECK(sim.status(0).state == CredentialState::exhausted);
  CHECK_FALSE(sim.chat());
  CHECK(sim.runtime->requests() == 2);
}

TEST_CASE("a rest that is guessed never grows beyond its bound", "[complaints][9][10]") {
  VerdictRouter sim;
  sim.config.services[0].limits.timeout = 0ms;
  sim.provider.script("sk-key-one", rate());
  std::chrono::milliseconds longest{0};
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(sim.chat());
    longest = std::max(longest, sim.status(0).available_in);
    sim.runtime->run_for(sim.status(0).available_in);
  }
  CHECK(longest == sim.config.retry.max_cooldown);
  CHECK(sim.runtime->requests() == 20);
}

TEST_CASE("every rest can be ended by hand, for all keys at once", "[complaints][10][11]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.config.services[0].limits.timeout = 0ms;
  sim.provider.script_others(quota());
  CHECK_FALSE(sim.chat());
  sim.provider.script_others(KeyScript::ok());
  CHECK_FALSE(sim.chat());
  for (const CredentialStatus& key : sim.router().stats().credentials) CHECK(sim.router().clear_credential(key.id));
  CHECK(sim.chat());
}

TEST_CASE("a quota that is restored early is found within the hour, whatever end was stated", "[complaints][11]") {
  VerdictRouter sim;
  sim.config.services[0].limits.timeout = 0ms;
  sim.provider.script("sk-key-one", quota(38h));
  CHECK_FALSE(sim.chat());
  sim.provider.script("sk-key-one", KeyScript::ok());
  sim.runtime->run_for(1h);
  CHECK(sim.chat());
  CHECK(sim.status(0).state == CredentialState::active);
}

TEST_CASE("a rest says who said how long, and an older success does not end it", "[complaints][12]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  int next = 0;
  // The first call's answer comes after the second has been refused.
  sim.provider.script("sk-key-one",
                      {.reply = [&](const ReceivedRequest& request, const Ask& ask) -> std::optional<Reply> {
                         if (next++ == 0) return std::nullopt;
                         return *rate(60s).reply(request, ask);
                       },
                       .delay = 3s});
  sim.provider.script("sk-key-two", rate());
  for (int i = 0; i < 2; ++i) sim.router().start({.model = "test-model", .messages = {user("x")}}, [](auto&&) {});
  sim.runtime->run_for(4s);
  CHECK(sim.status(0).state == CredentialState::cooling_down);
  const auto reply = sim.chat();
  REQUIRE(reply);
  REQUIRE(reply->attempts.back().passed_over.size() >= 2);
  std::string all;
  for (const PassedOver& each : reply->attempts.back().passed_over) all += each.credential + ": " + each.why + '\n';
  CHECK(all.find("main#1: cooling down for ") != std::string::npos);
  CHECK(all.find("(429, stated)") != std::string::npos);
  CHECK(all.find("(429, guessed)") != std::string::npos);
}

TEST_CASE("a limit of one model leaves the others open; an account's limit holds for all its keys and models",
          "[complaints][14]") {
  VerdictRouter sim({"sk-a-one", "sk-a-two", "sk-b-one"});
  sim.config.services[0].models.push_back("other-model");
  for (std::size_t i = 0; i < 2; ++i) sim.config.services[0].credentials[i].account = "a";
  const auto other = [&] { return sim.router().chat({.model = "other-model", .messages = {user("x")}}); };
  SECTION("the model's") {
    sim.provider.script("sk-a-one", rate(60s, Scope::key_model));
    CHECK(sim.chat()->credential == "main#2");
    sim.provider.script("sk-a-one", KeyScript::ok());
    CHECK(other()->credential == "main#1");
  }
  SECTION("the account's") {
    sim.provider.script("sk-a-one", rate(60s, Scope::account));
    CHECK(sim.chat()->credential == "main#3");
    CHECK(other()->credential == "main#3");
    CHECK(sim.asked("sk-a-two") == 0);
  }
}
