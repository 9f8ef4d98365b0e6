#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "pool/pool_state.hpp"
#include "support/sim_router.hpp"
#include "unit/shared_pools.hpp"

/// A Router whose place in a shared limit lapses before its request comes to the socket: it asks for another.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// On the virtual clock, with a store that answers at once whenever the test lets it. The first key has one request a
/// second.
struct LateSim {
  explicit LateSim(SimProvider::Travel travel, const std::vector<std::string>& keys = {"sk-key-one"})
      : provider(std::move(travel)), runtime(std::make_shared<SimRuntime>(provider)) {
    ServiceConfig service{
        .provider = "openai", .id = "main", .base_url = "https://provider.test/v1", .models = {"test-model"}};
    service.rotation = Rotation::first;
    for (const std::string& key : keys) service.credentials.push_back({.api_key = key});
    service.credentials[0].limits = {.qps = 1, .guard = 0ms};
    config.services.push_back(std::move(service));
  }
  void open() {
    core = detail::RouterCore::create(config,
                                      {{.runtime = runtime,
                                        .stop =
                                            [r = runtime] {
                                              r->run_until_idle();
                                              r->end();
                                            }}},
                                      1)
               .value();
    router = std::make_unique<Router>(detail::RouterAccess::make(core));
    session = std::make_unique<detail::QuotaSession>(core->pool().shared_from_this(),
                                                     detail::QuotaSession::Options{.process = "p", .store = "test"});
    run_for(100ms);
  }
  void start(ChatRequest request = {}) {
    request.model = "test-model";
    request.messages = {user("one two three")};
    router->start(request, [this](Result<ChatResponse> result) { reply = std::move(result); });
  }
  void talk() {
    const TimePoint now = runtime->now();
    if (session->due(now) > now) return;
    const QuotaRequest request = session->request(1, false, now);
    if (session->accept(store.exchange(request, now).value(), now, now))
      detail::PoolAccess::state(core->pool()).listener();
  }
  /// `stalled`: the store does not answer while a request is on its way to the socket.
  void run_for(std::chrono::nanoseconds length, bool stalled = false) {
    for (const TimePoint end = runtime->now() + length; runtime->now() < end; runtime->run_for(1ms)) {
      if (!stalled || runtime->exchanges() == 0) talk();
    }
  }
  [[nodiscard]] CredentialStatus status(std::size_t index) const { return router->stats().credentials.at(index); }

  RouterConfig config{};
  SimProvider provider;
  std::shared_ptr<SimRuntime> runtime;
  SharedStore store{};
  std::shared_ptr<detail::RouterCore> core{};
  std::unique_ptr<detail::QuotaSession> session{};
  std::unique_ptr<Router> router{};
  std::optional<Result<ChatResponse>> reply{};
};

/// The first so many requests are connected after 400 ms, longer than a place of one a second lasts by itself.
SimProvider::Travel slow_to_connect(int count) {
  return
      [left = count](const HttpRequest&, TimePoint) mutable { return SimTravel{.connect = left-- > 0 ? 400ms : 0ms}; };
}

}  // namespace

TEST_CASE("a request whose place has lapsed when it is connected is not sent, and another place is asked for",
          "[router][late]") {
  LateSim sim(slow_to_connect(1));
  sim.open();
  sim.start({.max_attempts = 1});
  sim.run_for(3s, true);
  REQUIRE(sim.reply);
  REQUIRE(*sim.reply);
  CHECK(sim.provider.log("sk-key-one").requests == 1);
  const std::vector<Attempt>& attempts = (*sim.reply)->attempts;
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[0].failure == "cancelled");
  CHECK(attempts[0].elapsed == 400ms);
  CHECK_FALSE(attempts[0].status);
  CHECK_FALSE(attempts[1].error);
  const CredentialStatus status = sim.status(0);
  CHECK(status.requests == 1);
  CHECK(status.successes == 1);
  CHECK(status.failures.empty());
  CHECK(status.state == CredentialState::active);
  CHECK(status.in_flight == 0);
  CHECK(sim.router->stats().attempts == 1);
}

TEST_CASE("while the store answers, a slow connection keeps its place", "[router][late]") {
  LateSim sim(slow_to_connect(1));
  sim.open();
  sim.start();
  sim.run_for(1s);
  REQUIRE(sim.reply);
  REQUIRE(*sim.reply);
  CHECK((*sim.reply)->attempts.size() == 1);
}

TEST_CASE("a place that always lapses ends the call, in time", "[router][late]") {
  LateSim sim(slow_to_connect(1000));
  sim.open();
  const TimePoint begun = sim.runtime->now();
  SECTION("at its deadline") {
    sim.start({.deadline = 1s});
    sim.run_for(2s, true);
    REQUIRE(sim.reply);
    REQUIRE_FALSE(*sim.reply);
    CHECK(sim.reply->error().kind == ErrorKind::timeout);
  }
  SECTION("after some tries") {
    sim.start();
    while (!sim.reply && sim.runtime->now() < begun + 60s) sim.run_for(100ms, true);
    REQUIRE(sim.reply);
    REQUIRE_FALSE(*sim.reply);
    CHECK(sim.reply->error().kind == ErrorKind::rate_limited);
    CHECK(sim.reply->error().message.starts_with("16 times a place in a limit"));
    CHECK(sim.reply->error().attempts.size() == 16);
    CHECK(sim.status(0).failures.empty());
  }
  CHECK(sim.provider.log("sk-key-one").requests == 0);
  CHECK(sim.status(0).requests == 0);
  CHECK(sim.status(0).in_flight == 0);
}

TEST_CASE("where a hedge runs beside an attempt that comes too late, the call goes on with it", "[router][late]") {
  LateSim sim(slow_to_connect(1), {"sk-key-one", "sk-key-two"});
  sim.config.hedge = {.enabled = true, .delay = 200ms, .max_share = 1};
  sim.provider.script("sk-key-two", {.delay = 5s});
  sim.open();
  // So that there is a ticket at hand, and the first key is taken.
  const std::vector<std::string> second{"main#2"};
  (void)sim.core->pool().acquire({.service = "main", .model = "test-model", .exclude = &second}, sim.runtime->now());
  sim.run_for(10ms);
  sim.start();
  sim.run_for(6s, true);
  REQUIRE(sim.reply);
  REQUIRE(*sim.reply);
  CHECK((*sim.reply)->credential == "main#2");
  CHECK((*sim.reply)->attempts.size() == 2);
  CHECK(sim.provider.log("sk-key-one").requests == 0);
  CHECK(sim.provider.log("sk-key-two").requests == 1);
}
