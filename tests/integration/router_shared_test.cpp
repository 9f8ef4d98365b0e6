#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "integration/router_fixture.hpp"

/// Whole Routers that share their limits. What the stores and the sessions do one by one is in
/// tests/unit/quota*_test.cpp, several processes in tests/shared.

using namespace keywheel;
using namespace keywheel::testing;

TEST_CASE("two Routers with one store spend one quota", "[router][quota]") {
  RouterFixture f;
  f.config.services[0].credentials[0].limits.max_requests = 10;
  f.config.quota_store = memory_store();
  Router a = f.router();
  Router b = f.router();
  int answered = 0;
  ErrorKind last = ErrorKind::cancelled;
  for (int failures = 0; failures < 4;) {
    for (Router* router : {&a, &b}) {
      const auto reply = router->chat(f.request());
      answered += reply ? 1 : 0;
      failures += reply ? 0 : 1;
      if (!reply) last = reply.error().kind;
    }
  }
  CHECK(answered == 10);
  CHECK(last == ErrorKind::quota_exhausted);
  CHECK(f.provider.server().request_count() == 10);
}

TEST_CASE("a Router gives back what it did not use, and its successor takes it up", "[router][quota]") {
  RouterFixture f;
  f.config.services[0].credentials[0].limits.max_requests = 20;
  f.config.quota_store = memory_store();
  int answered = 0;
  for (int i = 0; i < 30; ++i) answered += f.router().chat(f.request()) ? 1 : 0;
  CHECK(answered == 20);
}

TEST_CASE("a key that one Router finds dead is not tried by the next", "[router][quota]") {
  RouterFixture f({"sk-dead", "sk-good"});
  f.provider.script("sk-dead", KeyScript::revoked());
  f.config.quota_store = memory_store();
  REQUIRE(f.router().chat(f.request()));
  const auto tried = f.provider.log("sk-dead").with_status(401);
  REQUIRE(tried == 1);
  REQUIRE(f.router().chat(f.request()));
  CHECK(f.provider.log("sk-dead").with_status(401) == tried);
}

TEST_CASE("a store that cannot be reached fails calls with its name, and reload cannot change it", "[router][quota]") {
  struct Broken final : QuotaStore {
    [[nodiscard]] std::string name() const override { return "the broken one"; }
    [[nodiscard]] Result<QuotaReply> exchange(const QuotaRequest& /*request*/) override {
      throw std::runtime_error("it is broken");
    }
  };
  RouterFixture f;
  f.config.quota_store = std::make_shared<Broken>();
  Router router = f.router();
  const auto reply = router.chat(f.request());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::connection);
  CHECK(reply.error().message.find("the broken one: it is broken") != std::string::npos);
  CHECK(f.provider.server().request_count() == 0);

  RouterConfig other = f.config;
  other.quota_store = memory_store();
  const auto reloaded = router.reload(other);
  REQUIRE_FALSE(reloaded);
  CHECK(reloaded.error().kind == ErrorKind::config);
  CHECK(router.reload(f.config));
}

TEST_CASE("an Observer sees the store go and come back", "[router][quota][observer]") {
  /// As memory_store(), unless it is told to fail.
  struct Fickle final : QuotaStore {
    [[nodiscard]] std::string name() const override { return "the fickle one"; }
    [[nodiscard]] Result<QuotaReply> exchange(const QuotaRequest& request) override {
      if (away) return Error{.kind = ErrorKind::connection, .message = "it is away"};
      return inner->exchange(request);
    }
    std::shared_ptr<QuotaStore> inner = memory_store();
    std::atomic<bool> away{false};
  };
  struct Recorder final : Observer {
    void on_store_changed(const StoreChanged& event) override {
      const std::lock_guard lock(mutex);
      lines.push_back(std::string(event.name) + (event.reachable ? ": reached" : ": " + std::string(event.error)));
      heard.notify_all();
    }
    std::vector<std::string> wait_for(std::size_t count) {
      std::unique_lock lock(mutex);
      heard.wait(lock, [&] { return lines.size() >= count; });
      return lines;
    }
    std::mutex mutex{};
    std::condition_variable heard{};
    std::vector<std::string> lines{};
  };
  RouterFixture f;
  const auto store = std::make_shared<Fickle>();
  const auto recorder = std::make_shared<Recorder>();
  f.config.services[0].credentials[0].limits.rpm = 1000;
  f.config.quota_store = store;
  f.config.observer = recorder;
  const Router router = f.router();
  (void)recorder->wait_for(1);
  store->away = true;
  (void)recorder->wait_for(2);
  store->away = false;
  CHECK(recorder->wait_for(3) ==
        std::vector<std::string>{"the fickle one: reached", "the fickle one: it is away", "the fickle one: reached"});
}
