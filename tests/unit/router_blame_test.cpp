#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "auth/utc.hpp"
#include "support/verdict_transport.hpp"

/// What follows from each verdict, for the key, the service and the call: DESIGN's table through the whole Router.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("unknown: a second account is asked, not a second key of the same one", "[router][blame]") {
  VerdictRouter sim({"sk-a-one", "sk-a-two", "sk-a-three", "sk-b-one"});
  for (std::size_t i = 0; i < 3; ++i) sim.config.services[0].credentials[i].account = "a";
  sim.provider.script_others(verdict(FailureClass::unknown, Scope::call, {}, 418));
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(credentials(reply.error().attempts) == Strings{"main#1", "main#4"});
  // Two accounts say the same: it is the request.
  CHECK(classes(reply.error().attempts) == Strings{"unknown", "request"});
  CHECK(reply.error().kind == ErrorKind::invalid_request);
  for (std::size_t i = 0; i < 4; ++i) CHECK(sim.status(i).state == CredentialState::active);
}

TEST_CASE("unknown: what one account alone says convicts nobody", "[router][blame]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.provider.script("sk-key-one", verdict(FailureClass::unknown, Scope::call, {}, 418));
  SECTION("another answers") {
    const auto reply = sim.chat();
    REQUIRE(reply);
    CHECK(reply->attempts.size() == 2);
  }
  SECTION("another says something else") {
    sim.provider.script("sk-key-two", verdict(FailureClass::unknown, Scope::call, {}, 418, "other"));
    const auto reply = sim.chat();
    REQUIRE_FALSE(reply);
    CHECK(classes(reply.error().attempts) == Strings{"unknown", "unknown"});
  }
  SECTION("another of the same account says the same") {
    for (CredentialConfig& c : sim.config.services[0].credentials) c.account = "a";
    sim.provider.script("sk-key-two", verdict(FailureClass::unknown, Scope::call, {}, 418));
    const auto reply = sim.chat();
    REQUIRE_FALSE(reply);
    CHECK(classes(reply.error().attempts) == Strings{"unknown", "unknown"});
  }
  for (std::size_t i = 0; i < 3; ++i) CHECK(sim.status(i).state == CredentialState::active);
}

TEST_CASE("quota: the next account, and every key of the spent one is left alone", "[router][blame]") {
  VerdictRouter sim({"sk-a-one", "sk-a-two", "sk-b-one"});
  for (std::size_t i = 0; i < 2; ++i) sim.config.services[0].credentials[i].account = "a";
  for (const char* key : {"sk-a-one", "sk-a-two"})
    sim.provider.script(key, verdict(FailureClass::quota, Scope::account, {}, 429));
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(credentials(reply->attempts) == Strings{"main#1", "main#3"});
  CHECK(sim.status(1).state == CredentialState::exhausted);
  CHECK(sim.asked("sk-a-two") == 0);
}

TEST_CASE("a probe that fails costs its call nothing but the attempt, and one call makes one probe",
          "[router][blame]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three", "sk-key-four"});
  for (const char* key : {"sk-key-one", "sk-key-two", "sk-key-three"})
    sim.provider.script(key, verdict(FailureClass::quota, Scope::key, {}, 429));
  REQUIRE(sim.chat());
  CHECK(sim.asked("sk-key-three") == 1);
  sim.runtime->run_for(61min);
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(credentials(reply->attempts) == Strings{"main#1", "main#4"});
  SECTION("where nobody else is left, one call tries them all") {
    REQUIRE(sim.router().disable_credential("main#4", "test"));
    sim.provider.script("sk-key-three", KeyScript::ok());
    const auto last = sim.chat();
    REQUIRE(last);
    CHECK(credentials(last->attempts) == Strings{"main#2", "main#3"});
  }
}

TEST_CASE("a group of keys that meets its limit rests together, also where the limit is one model's",
          "[router][blame]") {
  Strings keys;
  for (int i = 0; i < 20; ++i) keys.push_back("sk-key-" + std::to_string(i));
  VerdictRouter sim(keys);
  sim.config.services[0].limits.timeout = 0ms;
  const auto scope = Scope::account_model;
  sim.provider.script_others(verdict(FailureClass::rate, scope, 20s, 429));
  CHECK(sim.chat().error().kind == ErrorKind::rate_limited);
  CHECK(sim.runtime->requests() == 3);
  // Nobody asks the others, one by one, whether they are limited, too.
  const auto refused = sim.chat();
  CHECK(refused.error().attempts.empty());
  CHECK(refused.error().retry_after <= 20s);
  CHECK(sim.runtime->requests() == 3);
  sim.provider.script_others(KeyScript::ok());
  sim.runtime->run_for(21s);
  CHECK(sim.chat());
}

TEST_CASE("capacity: the model rests at its service, longer each time, and no key does", "[router][blame]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.retry.max_attempts = 1;
  sim.provider.script_others(verdict(FailureClass::capacity, Scope::service_model, {}, 529));
  sim.config.timeouts.total = 100ms;
  CHECK(sim.chat().error().kind == ErrorKind::overloaded);
  const auto breaker = sim.router().stats().breakers.at(0);
  CHECK(breaker.open);
  CHECK(breaker.failures == 0);
  const auto second = sim.chat();
  CHECK(second.error().kind == ErrorKind::overloaded);
  CHECK(second.error().attempts.empty());
  sim.runtime->run_for(500ms);
  (void)sim.chat();
  CHECK(sim.runtime->requests() == 2);
  // Half a second at first, up to a half of it by chance; then twice that.
  CHECK(sim.router().stats().breakers.at(0).probe_in >= 400ms);
  for (std::size_t i = 0; i < 2; ++i) CHECK(sim.status(i).state == CredentialState::active);
}

TEST_CASE("capacity: a stated rest of absurd length is tried out within the hour", "[router][blame]") {
  VerdictRouter sim;
  sim.config.retry.max_attempts = 1;
  sim.provider.script("sk-key-one",
                      verdict(FailureClass::capacity, Scope::service_model, std::chrono::milliseconds::max(), 529));
  CHECK_FALSE(sim.chat());
  sim.provider.script("sk-key-one", KeyScript::ok());
  CHECK_FALSE(sim.chat());
  sim.runtime->run_for(1h);
  CHECK(sim.chat());
}

TEST_CASE("place: the host rests for all its models, and another serves", "[router][blame]") {
  VerdictRouter sim({"sk-a-one", "sk-a-two"});
  sim.config.services[0].models.push_back("other-model");
  ServiceConfig& other = sim.add("other", {"sk-b-one"});
  other.priority = 1;
  other.models.push_back("other-model");
  sim.provider.script("sk-a-one", verdict(FailureClass::place, Scope::host, {}, 403));
  CHECK(sim.chat()->service == "other");
  CHECK(sim.chat()->attempts.size() == 1);
  CHECK(sim.router().chat({.model = "other-model", .messages = {user("x")}})->service == "other");
  CHECK(sim.asked("sk-a-one") == 1);
  CHECK(sim.asked("sk-a-two") == 0);
  CHECK(sim.status(0).state == CredentialState::active);
  sim.provider.script("sk-a-one", KeyScript::ok());
  sim.runtime->run_for(6s);
  CHECK(sim.chat()->service == "main");
}

TEST_CASE("output: the same key once more, then not again there", "[router][blame]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script_others(verdict(FailureClass::output, Scope::call, {}, 400));
  const auto reply = sim.chat();
  REQUIRE_FALSE(reply);
  CHECK(credentials(reply.error().attempts) == Strings{"main#1", "main#1"});
  CHECK(sim.status(0).state == CredentialState::active);
}

TEST_CASE("clock: signed anew with the provider's time, once, and from then on at once", "[router][blame]") {
  VerdictRouter sim;
  // The provider is ten minutes ahead, and takes no signature older than one.
  const auto ahead = 10min;
  sim.provider.script(
      "sk-key-one", {.reply = [&](const ReceivedRequest& request, const Ask&) -> std::optional<Reply> {
        const WallTime there = sim.runtime->wall_time() + ahead;
        const WallTime signed_at{WallTime::duration(std::stoll(std::string(request.find("x-signed-at"))))};
        if (there - signed_at < 1min) return std::nullopt;
        Reply reply = *verdict(FailureClass::clock, Scope::host, {}, 403).reply(request, {});
        reply.headers.push_back({"Date", detail::http_date(there)});
        return reply;
      }});
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(classes(reply->attempts) == Strings{"clock", ""});
  CHECK(sim.chat()->attempts.size() == 1);
  CHECK(sim.status(0).state == CredentialState::active);
}

TEST_CASE("server: one call is one failure, however often it tried", "[router][blame]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.config.retry.max_attempts_per_service = 4;
  sim.provider.script_others(verdict(FailureClass::server, Scope::service, {}, 500));
  CHECK(sim.chat().error().attempts.size() == 4);
  CHECK(sim.router().stats().breakers.at(0).failures == 1);
  CHECK_FALSE(sim.router().stats().breakers.at(0).open);
}

TEST_CASE("after a breaker closes, traffic comes back little by little", "[router][blame]") {
  VerdictRouter sim;
  sim.config.retry.max_attempts = 1;
  sim.provider.script("sk-key-one", verdict(FailureClass::server, Scope::service, {}, 500));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(sim.chat());
  sim.provider.script("sk-key-one", {.delay = 1s});
  sim.runtime->run_for(30s);
  REQUIRE(sim.chat());
  const std::uint64_t before = sim.runtime->requests();
  int good = 0;
  for (int i = 0; i < 40; ++i) {
    sim.router().start({.model = "test-model", .messages = {user("x")}},
                       [&](Result<ChatResponse> reply) { good += reply ? 1 : 0; });
  }
  sim.runtime->run_for(100ms);
  CHECK(sim.runtime->requests() - before == 2);
  sim.runtime->run_for(1500ms);
  CHECK(sim.runtime->requests() - before >= 4);
  CHECK(sim.runtime->requests() - before <= 8);
  sim.runtime->run_until_idle();
  CHECK(good == 40);
}

TEST_CASE("model: what a service does not serve, no other key of it is asked for", "[router][blame]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  sim.provider.script_others(verdict(FailureClass::model, Scope::service_model, {}, 404));
  const auto first = sim.chat();
  REQUIRE_FALSE(first);
  CHECK(first.error().kind == ErrorKind::not_found);
  CHECK(first.error().attempts.size() == 1);
  const auto second = sim.chat();
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == ErrorKind::not_found);
  CHECK(second.error().message.find("does not serve the model") != std::string::npos);
  CHECK(second.error().attempts.empty());
  for (std::size_t i = 0; i < 3; ++i) CHECK(sim.status(i).state == CredentialState::active);
  CHECK(sim.asked("sk-key-one") == 1);
  sim.runtime->run_for(6s);
  CHECK(sim.chat().error().attempts.size() == 1);
  sim.runtime->run_for(6s);  // it rests for longer now
  CHECK(sim.chat().error().attempts.empty());
  SECTION("until it is asked again") {
    sim.runtime->run_for(6s);
    sim.provider.script_others(KeyScript::ok());
    CHECK(sim.chat());
  }
  SECTION("and another service serves") {
    sim.add("other", {"sk-other"});
    sim.provider.script("sk-other", KeyScript::ok());
    REQUIRE(sim.router().reload(sim.config));
    const auto third = sim.chat();
    REQUIRE(third);
    CHECK(third->attempts.size() == 1);
  }
}

TEST_CASE("rate: a limit of our address rests the service, and no key", "[router][blame]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.add("other", {"sk-other"});
  sim.config.balance = Rotation::first;
  sim.provider.script("sk-key-one", verdict(FailureClass::rate, Scope::host, 30s, 429));
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(credentials(reply->attempts) == Strings{"main#1", "other#1"});
  REQUIRE(sim.chat());
  CHECK(sim.asked("sk-key-one") + sim.asked("sk-key-two") == 1);
  for (std::size_t i = 0; i < 2; ++i) CHECK(sim.status(i).state == CredentialState::active);
  sim.runtime->run_for(31s);
  sim.provider.script("sk-key-one", KeyScript::ok());
  CHECK(sim.chat()->service == "main");
}

TEST_CASE("rate: what only this call meets rests nobody", "[router][blame]") {
  VerdictRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script("sk-key-one", verdict(FailureClass::rate, Scope::call, {}, 429));
  const auto reply = sim.chat();
  REQUIRE(reply);
  CHECK(credentials(reply->attempts) == Strings{"main#1", "main#2"});
  CHECK(sim.status(0).state == CredentialState::active);
  CHECK(sim.chat()->attempts.front().credential == "main#1");
}

TEST_CASE("model: a listing that a service lacks rests nothing of it", "[router][blame]") {
  VerdictRouter sim({"sk-key-one"});
  sim.provider.script_others(verdict(FailureClass::model, Scope::service_model, {}, 404));
  CHECK_FALSE(sim.router().list_models("main"));
  sim.provider.script_others(KeyScript::ok());
  CHECK(sim.chat());
}
