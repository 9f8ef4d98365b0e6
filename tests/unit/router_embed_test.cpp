#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "support/sim_router.hpp"

/// Embeddings through the whole Router: split to the provider's batch, and put back in order.

using namespace keywheel;
using namespace keywheel::testing;

namespace {

struct EmbeddingRouter : SimRouter {
  EmbeddingRouter() {
    config.services.front().provider = "mistral";  // 128 texts in a request
    config.services.front().embedding_models = {"mistral-embed"};
  }
};

std::vector<std::string> texts(std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(fmt::format("text {}", i));
  return all;
}

}  // namespace

TEST_CASE("more texts than a provider takes at once go in several requests, and come back in order",
          "[router][embeddings]") {
  EmbeddingRouter sim;
  const std::vector<std::string> all = texts(300);
  const auto reply = sim.router().embed({.model = "mistral-embed", .input = all});
  if (!reply) FAIL(reply.error().message);
  REQUIRE(reply->embeddings.size() == 300);
  CHECK(reply->attempts.size() == 3);
  CHECK(sim.provider.log("sk-key-one").requests == 3);
  for (const std::size_t i : {0U, 127U, 128U, 255U, 256U, 299U}) {
    INFO(i);
    const auto alone = sim.router().embed({.model = "mistral-embed", .input = {all[i]}});
    REQUIRE(alone);
    CHECK(reply->embeddings[i] == alone->embeddings.front());
  }
  CHECK(reply->embeddings[0] != reply->embeddings[1]);
  CHECK(reply->usage.total_tokens.value_or(0) >= 300);
}

TEST_CASE("a batch that fails for good fails the call, which lists what went before", "[router][embeddings]") {
  EmbeddingRouter sim;
  int served = 0;
  sim.provider.script("sk-key-one", {.reply = [&served](const ReceivedRequest&, const Ask&) {
                        return ++served < 2 ? std::nullopt
                                            : std::optional(Reply::json(400, R"({"message":"too odd","type":"x"})"));
                      }});
  const auto reply = sim.router().embed({.model = "mistral-embed", .input = texts(300)});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::invalid_request);
  CHECK(reply.error().attempts.size() == 2);
}

TEST_CASE("nothing to embed is refused before anything is sent", "[router][embeddings]") {
  EmbeddingRouter sim;
  const auto reply = sim.router().embed({.model = "mistral-embed"});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::invalid_request);
  CHECK(sim.provider.log("sk-key-one").requests == 0);
}
