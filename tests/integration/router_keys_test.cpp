#include <sstream>

#include <catch2/catch_test_macros.hpp>

#include "integration/router_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;

TEST_CASE("a revoked and a throttled key are passed over, and not asked again", "[router]") {
  RouterFixture f{"sk-revoked-key", "sk-throttled-key", "sk-good-key"};
  f.provider.script("sk-revoked-key", KeyScript::revoked());
  f.provider.script("sk-throttled-key", KeyScript::throttled_after(0, std::chrono::seconds(7)));
  Router router = f.router();

  const auto first = router.chat(f.request());
  REQUIRE(first);
  CHECK(first->text() == "You said: one two three");
  CHECK(first->credential == "main#3");
  REQUIRE(first->attempts.size() == 3);
  CHECK(first->attempts[0].status == 401);
  CHECK(first->attempts[0].error == ErrorKind::authentication);
  CHECK(first->attempts[1].status == 429);
  CHECK(first->attempts[1].error == ErrorKind::rate_limited);
  CHECK(first->attempts[2].status == 200);
  CHECK_FALSE(first->attempts[2].error);

  const auto second = router.chat(f.request());
  REQUIRE(second);
  CHECK(second->attempts.size() == 1);
  CHECK(second->credential == "main#3");

  const RouterStats stats = router.stats();
  REQUIRE(stats.credentials.size() == 3);
  CHECK(stats.credentials[0].state == CredentialState::disabled);
  CHECK(stats.credentials[1].state == CredentialState::cooling_down);
  CHECK(stats.credentials[1].available_in > std::chrono::seconds(5));
  CHECK(stats.credentials[2].state == CredentialState::active);
  CHECK(stats.credentials[2].successes == 2);
  CHECK(stats.attempts == 4);
}

TEST_CASE("when every key is dead the error says so, names the key and keeps it to itself", "[router]") {
  RouterFixture f{"sk-a-very-secret-value"};
  f.provider.script("sk-a-very-secret-value", KeyScript::revoked());
  Router router = f.router();
  const auto reply = router.chat(f.request());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::authentication);
  CHECK(reply.error().status == 401);
  CHECK(reply.error().credential == "main#1");
  REQUIRE(reply.error().attempts.size() == 1);
  std::ostringstream printed;
  printed << reply.error();
  for (const Attempt& attempt : reply.error().attempts) printed << attempt.message << attempt.reason;
  for (const CredentialStatus& status : router.stats().credentials) printed << status << status.reason;
  CHECK(printed.str().find("very-secret") == std::string::npos);
}

TEST_CASE("a wait that cannot end in time fails at once with the time at which it could", "[router]") {
  RouterFixture f{"sk-throttled-key"};
  f.config.services[0].credentials[0].limits.timeout = std::chrono::seconds(1);
  f.provider.script("sk-throttled-key", KeyScript::throttled_after(0, std::chrono::seconds(60)));
  Router router = f.router();
  const auto reply = router.chat(f.request());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::rate_limited);
  CHECK(reply.error().attempts.size() == 1);
  REQUIRE(reply.error().retry_after);
  CHECK(*reply.error().retry_after > std::chrono::seconds(50));
}

TEST_CASE("credentials can be added, removed, disabled and cleared while the Router runs", "[router]") {
  RouterFixture f{"sk-key-one"};
  Router router = f.router();
  REQUIRE(router.disable_credential("main#1"));
  CHECK_FALSE(router.chat(f.request()));
  const auto added = router.add_credential("main", {.api_key = "sk-key-two"});
  REQUIRE(added);
  CHECK(*added == "main#2");
  auto reply = router.chat(f.request());
  REQUIRE(reply);
  CHECK(reply->credential == "main#2");
  REQUIRE(router.clear_credential("main#1"));
  REQUIRE(router.remove_credential("main#2"));
  reply = router.chat(f.request());
  REQUIRE(reply);
  CHECK(reply->credential == "main#1");
  CHECK(router.remove_credential("nobody").error().kind == ErrorKind::not_found);
  CHECK(router.add_credential("nowhere", {.api_key = "k"}).error().kind == ErrorKind::not_found);
}

TEST_CASE("a reload keeps what is known of a credential whose id stays", "[router]") {
  RouterFixture f{"sk-revoked-key", "sk-good-key"};
  f.provider.script("sk-revoked-key", KeyScript::revoked());
  Router router = f.router();
  REQUIRE(router.chat(f.request()));
  RouterConfig next = f.config;
  next.services[0].models.push_back("another-model");
  REQUIRE(router.reload(next));
  const auto reply = router.chat({.model = "another-model", .messages = {user("hi")}});
  REQUIRE(reply);
  CHECK(reply->attempts.size() == 1);
  CHECK(f.provider.log("sk-revoked-key").requests == 1);

  next.services[0].provider = "nobody-knows-this";
  const auto bad = router.reload(next);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().kind == ErrorKind::config);
  CHECK(router.chat(f.request()));
}
