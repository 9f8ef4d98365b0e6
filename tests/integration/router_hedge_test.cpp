#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "integration/router_fixture.hpp"

/// Hedges and resumed streams over real sockets.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

std::string chunk(std::string_view text) {
  return R"(data: {"choices":[{"index":0,"delta":{"content":")" + std::string(text) +
         R"("},"finish_reason":null}]})"
         "\n\n";
}

const std::string kEnd = R"(data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"
                         "\n\ndata: [DONE]\n\n";

KeyScript saying(std::vector<std::string> events, std::string hold = {}) {
  return {.reply = [=](const ReceivedRequest&, const Ask&) {
    Reply reply = Reply::sse(events);
    if (!hold.empty()) reply.body.back().hold = hold;
    return std::optional(std::move(reply));
  }};
}

struct HedgeFixture : RouterFixture {
  HedgeFixture() : RouterFixture({"sk-test-one", "sk-test-two"}) {
    config.hedge = {.enabled = true, .delay = 20ms, .max_share = 1};
    provider.script("sk-test-one", held("never"));
  }
  ~HedgeFixture() { provider.server().release("never"); }
};

}  // namespace

TEST_CASE("a hedge over sockets: the other connection is given up", "[router][hedge]") {
  HedgeFixture f;
  {
    Router router = f.router();
    const auto reply = router.chat(f.request());
    REQUIRE(reply);
    CHECK(reply->credential == "main#2");
    CHECK(reply->attempts.at(0).failure == "cancelled");
    CHECK(router.stats().hedges == 1);
    CHECK(router.stats().credentials[0].in_flight == 0);
    // What is left open is the winner's, kept for the next call.
    CHECK(f.provider.server().wait_for_open_connections(1));
  }
}

TEST_CASE("a Router is destroyed in a callback while its call hedges", "[router][hedge]") {
  HedgeFixture f;
  f.provider.script("sk-test-two", saying({chunk("a"), chunk("b"), kEnd}, "later"));
  auto router = std::make_unique<std::optional<Router>>(f.router());
  std::promise<Result<ChatResponse>> ended;
  std::promise<void> destroyed;
  std::atomic<int> shown{0};
  (*router)->start(
      f.request(),
      [&](const ChatEvent& event) {
        if (event.text().empty()) return;
        ++shown;
        router->reset();
        destroyed.set_value();
      },
      [&](Result<ChatResponse> reply) { ended.set_value(std::move(reply)); });
  const auto reply = ended.get_future().get();
  destroyed.get_future().wait();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::cancelled);
  CHECK(reply.error().attempts.size() == 2);
  CHECK(shown == 1);
  f.provider.server().release("later");
}

TEST_CASE("many hedged calls are cancelled from another thread", "[router][hedge]") {
  HedgeFixture f;
  f.provider.script("sk-test-two", held("never"));
  Router router = f.router();
  constexpr int kCalls = 20;
  std::atomic<int> cancelled{0};
  std::vector<std::promise<void>> ended(kCalls);
  std::vector<Call> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(router.start(f.request(), [&cancelled, &done = ended[static_cast<std::size_t>(i)]](auto reply) {
      if (!reply && reply.error().kind == ErrorKind::cancelled) ++cancelled;
      done.set_value();
    }));
  }
  // At least one call hedges.
  REQUIRE(f.provider.server().wait_for_requests(kCalls + 1));
  for (Call& call : calls) call.cancel();
  for (std::promise<void>& each : ended) each.get_future().wait();
  CHECK(cancelled == kCalls);
  for (const CredentialStatus& credential : router.stats().credentials) CHECK(credential.in_flight == 0);
}

TEST_CASE("a stream whose connection breaks is gone on with", "[router][resume]") {
  RouterFixture f({"sk-test-one", "sk-test-two"});
  f.config.resume = true;
  f.config.services[0].provider = "llamacpp";
  f.provider.script("sk-test-one", {.reply = [](const ReceivedRequest&, const Ask&) {
                      Reply reply = Reply::sse({chunk("Hello "), chunk("wor"), kEnd});
                      reply.cut = Cut{.how = Cut::How::reset, .after = chunk("Hello ").size() + chunk("wor").size()};
                      return std::optional(std::move(reply));
                    }});
  f.provider.script("sk-test-two", saying({chunk("ld"), kEnd}));
  Router router = f.router();
  std::string shown;
  int breaks = 0;
  const auto reply = router.chat(f.request(), [&](const ChatEvent& event) {
    shown += event.text();
    breaks += event.type == ChatEvent::Type::resumed ? 1 : 0;
  });
  REQUIRE(reply);
  CHECK(reply->text() == "Hello world");
  CHECK(shown == "Hello world");
  CHECK(breaks == 1);
  CHECK(router.stats().resumes == 1);
}

TEST_CASE("a request that libcurl would send again by itself is counted, and the router decides", "[router]") {
  RouterFixture f({"sk-test-one", "sk-test-two"});
  Router router = f.router();
  REQUIRE(router.chat(f.request()));
  f.provider.script("sk-test-one", {.drop_next = 1});
  const auto reply = router.chat(f.request());
  REQUIRE(reply);
  CHECK(reply->attempts.size() == 2);
  CHECK(router.stats().resends_stopped == 1);
  CHECK(router.stats().attempts == 3);
  CHECK(f.provider.server().request_count() == 3);
}
