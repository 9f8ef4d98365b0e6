#include <optional>

#include <catch2/catch_test_macros.hpp>

#include "support/sim_router.hpp"

/// Listings through the whole Router: with the keys of the service that is asked, and their failures.

using namespace keywheel;
using namespace keywheel::testing;

TEST_CASE("a service's models are listed, though its first key is dead", "[router][listing]") {
  SimRouter sim({"sk-key-one", "sk-key-two"});
  sim.provider.script("sk-key-one", KeyScript::revoked());
  const auto models = sim.router().list_models("main");
  if (!models) FAIL(models.error().message);
  CHECK_FALSE(models->empty());
  CHECK(sim.provider.log("sk-key-one").requests == 1);
  CHECK(sim.provider.log("sk-key-two").requests == 1);
  CHECK(sim.status(0).state == CredentialState::disabled);
}

TEST_CASE("without a name the first service is listed, and with one that one", "[router][listing]") {
  SimRouter sim({"sk-key-one"});
  sim.add_service("second", {"sk-key-two"});
  REQUIRE(sim.router().list_models());
  CHECK(sim.provider.log("sk-key-one").requests == 1);
  REQUIRE(sim.router().list_models("second"));
  CHECK(sim.provider.log("sk-key-two").requests == 1);
  const auto none = sim.router().list_models("third");
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ErrorKind::not_found);
  CHECK(none.error().message.find("third") != std::string::npos);
}

TEST_CASE("a provider without listings says so, and nothing is sent", "[router][listing]") {
  SimRouter sim;
  sim.config.services[0].provider = "perplexity";
  const auto models = sim.router().list_models("main");
  REQUIRE_FALSE(models);
  CHECK(models.error().kind == ErrorKind::unsupported);
  CHECK(sim.provider.log("sk-key-one").requests == 0);
}

TEST_CASE("a listing that fails is an error like any other", "[router][listing]") {
  SimRouter sim;
  sim.config.retry.max_attempts = 1;
  sim.provider.script("sk-key-one", {.reply = [](const ReceivedRequest&, const Ask&) {
                        return std::optional(Reply::json(200, R"({"data":"none"})"));
                      }});
  const auto models = sim.router().list_models("main");
  REQUIRE_FALSE(models);
  CHECK(models.error().kind == ErrorKind::protocol);
  CHECK(models.error().attempts.size() == 1);
}
