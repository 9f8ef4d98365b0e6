#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <keywheel/future.hpp>

#include <catch2/catch_test_macros.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "integration/router_fixture.hpp"

/// What DESIGN promises about threads and lifetimes, each as a test.

using namespace keywheel;
using namespace keywheel::testing;

TEST_CASE("blocking forms run their callbacks on the caller's thread", "[router][threads]") {
  RouterFixture f;
  Router router = f.router();
  const auto me = std::this_thread::get_id();
  bool elsewhere = false;
  REQUIRE(router.chat(f.request(), [&](const ChatEvent&) { elsewhere |= std::this_thread::get_id() != me; }));
  CHECK_FALSE(elsewhere);

  // Also while another call keeps the loop's own thread busy.
  f.provider.script("sk-test-one", held("go"));
  std::promise<Result<ChatResponse>> other;
  router.start(f.request(), [&](Result<ChatResponse> reply) { other.set_value(std::move(reply)); });
  REQUIRE(f.provider.server().wait_for_requests(2));
  f.provider.script("sk-test-one", KeyScript{});
  REQUIRE(router.chat(f.request(), [&](const ChatEvent&) { elsewhere |= std::this_thread::get_id() != me; }));
  CHECK_FALSE(elsewhere);
  f.provider.server().release("go");
  CHECK(other.get_future().get());
}

TEST_CASE("on_done comes exactly once, last, and never from inside start", "[router][threads]") {
  RouterFixture f;
  Router router = f.router();
  for (int i = 0; i < 50; ++i) {
    std::atomic<bool> inside{true};
    std::atomic<bool> early{false};
    std::atomic<int> done{0};
    std::atomic<int> after{0};
    std::promise<void> ended;
    std::promise<void> returned;
    std::shared_future<void> returned_future = returned.get_future().share();
    const Call call = router.start(
        f.request(), [&](const ChatEvent&) { after += done.load(); },
        [&](Result<ChatResponse>) {
          early = inside.load();
          ++done;
          ended.set_value();
        });
    inside = false;
    ended.get_future().wait();
    CHECK(done == 1);
    CHECK(after == 0);
  }
}

TEST_CASE("start never calls on_done on the starting thread before it returns, even for a call that must fail",
          "[router][threads]") {
  RouterFixture f;
  Router router = f.router();
  const auto me = std::this_thread::get_id();
  std::promise<std::thread::id> where;
  router.start({.model = "no-such-model"}, [&](Result<ChatResponse> reply) {
    CHECK(reply.error().kind == ErrorKind::not_found);
    where.set_value(std::this_thread::get_id());
  });
  CHECK(where.get_future().get() != me);
}

TEST_CASE("an exception from a blocking caller's callback cancels the call and reaches the caller",
          "[router][threads]") {
  RouterFixture f;
  Router router = f.router();
  CHECK_THROWS_AS((void)router.chat(f.request(), [](const ChatEvent&) { throw std::runtime_error("mine"); }),
                  std::runtime_error);
  CHECK(router.chat(f.request()));
  CHECK(router.stats().in_flight == 0);
}

TEST_CASE("an exception from an asynchronous callback cancels the call and is told in its error", "[router][threads]") {
  RouterFixture f;
  Router router = f.router();
  std::promise<Result<ChatResponse>> done;
  router.start(
      f.request(), [](const ChatEvent&) { throw std::runtime_error("mine"); },
      [&](Result<ChatResponse> reply) { done.set_value(std::move(reply)); });
  const auto reply = done.get_future().get();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::cancelled);
  CHECK(reply.error().message.find("mine") != std::string::npos);
  CHECK(router.chat(f.request()));
}

TEST_CASE("a blocking call on the loop's thread fails at once and says why", "[router][threads]") {
  RouterFixture f;
  Router router = f.router();
  std::promise<Error> inner;
  router.start(f.request(), [&](Result<ChatResponse>) { inner.set_value(router.chat(f.request()).error()); });
  const Error error = inner.get_future().get();
  CHECK(error.kind == ErrorKind::config);
  CHECK(error.message.find("start()") != std::string::npos);
}

TEST_CASE("a blocking call inside a blocking caller's callback works", "[router][threads]") {
  RouterFixture f;
  Router router = f.router();
  int inner = 0;
  REQUIRE(router.chat(f.request(), [&](const ChatEvent& e) {
    if (e.type == ChatEvent::Type::finish) inner += router.chat(f.request()).has_value() ? 1 : 0;
  }));
  CHECK(inner == 1);
}

TEST_CASE("destruction cancels what is in flight, fulfils what is awaited and joins", "[router][threads]") {
  RouterFixture f;
  f.provider.script("sk-test-one", held("go"));
  auto router = std::make_unique<Router>(f.config);
  std::atomic<int> cancelled{0};
  for (int i = 0; i < 20; ++i) {
    router->start(f.request(),
                  [&](Result<ChatResponse> reply) { cancelled += reply.error().kind == ErrorKind::cancelled ? 1 : 0; });
  }
  auto future = chat_async(*router, f.request());
  REQUIRE(f.provider.server().wait_for_requests(21));
  router.reset();
  CHECK(cancelled == 20);
  CHECK(future.get().error().kind == ErrorKind::cancelled);
}

TEST_CASE("a Router can be destroyed inside a callback of its own", "[router][threads]") {
  RouterFixture f;
  auto router = std::make_unique<Router>(f.config);
  std::promise<void> gone;
  Router& r = *router;
  r.start(f.request(), [&](Result<ChatResponse> reply) {
    CHECK(reply);
    router.reset();
    gone.set_value();
  });
  gone.get_future().wait();

  router = std::make_unique<Router>(f.config);
  std::promise<Result<ChatResponse>> done;
  std::promise<void> destroyed;
  Router& second = *router;
  second.start(
      f.request(),
      [&](const ChatEvent&) {
        router.reset();
        destroyed.set_value();
      },
      [&](Result<ChatResponse> reply) { done.set_value(std::move(reply)); });
  CHECK(done.get_future().get().error().kind == ErrorKind::cancelled);
  destroyed.get_future().wait();
}

TEST_CASE("a call is cancelled from any thread, at any stage, and on_done still comes once", "[router][threads]") {
  RouterFixture f;
  f.provider.script("sk-test-one", held("go"));
  Router router = f.router();
  std::promise<Result<ChatResponse>> done;
  Call call = router.start(f.request(), [&](Result<ChatResponse> reply) { done.set_value(std::move(reply)); });
  REQUIRE(f.provider.server().wait_for_requests(1));
  std::thread([&call] { call.cancel(); }).join();
  CHECK(done.get_future().get().error().kind == ErrorKind::cancelled);

  for (int i = 0; i < 50; ++i) {
    std::promise<void> ended;
    Call quick = router.start(f.request(), [&](Result<ChatResponse>) { ended.set_value(); });
    quick.cancel();
    quick.cancel();
    ended.get_future().wait();
  }
  CHECK(router.stats().in_flight == 0);
  CHECK(router.stats().credentials[0].in_flight == 0);
  CHECK(router.stats().credentials[0].state == CredentialState::active);
}

TEST_CASE("dropping a Call or a future detaches, dropping a stream cancels", "[router][threads]") {
  RouterFixture f;
  f.provider.script("sk-test-one", held("go"));
  Router router = f.router();
  std::promise<Result<ChatResponse>> done;
  {
    const Call call = router.start(f.request(), [&](Result<ChatResponse> reply) { done.set_value(std::move(reply)); });
  }
  { auto future = chat_async(router, f.request()); }
  REQUIRE(f.provider.server().wait_for_requests(2));
  f.provider.server().release("go");
  CHECK(done.get_future().get());

  f.provider.script("sk-test-one", held("never"));
  {
    ChatStream stream = router.stream(f.request());
    REQUIRE(f.provider.server().wait_for_requests(3));
  }
  f.provider.script("sk-test-one", KeyScript{});
  REQUIRE(router.chat(f.request()));
  CHECK(router.stats().in_flight <= 1);
}

TEST_CASE("callbacks and coroutines go to the executor where one is set", "[router][threads]") {
  RouterFixture f;
  std::mutex mutex;
  std::vector<std::function<void()>> tasks;
  f.config.executor = [&](std::function<void()> task) {
    const std::lock_guard lock(mutex);
    tasks.push_back(std::move(task));
  };
  Router router = f.router();
  const auto me = std::this_thread::get_id();
  bool elsewhere = false;
  bool done = false;
  std::string text;
  router.start(
      f.request(),
      [&](const ChatEvent& e) {
        elsewhere |= std::this_thread::get_id() != me;
        text += e.text();
      },
      [&](Result<ChatResponse> reply) {
        elsewhere |= std::this_thread::get_id() != me;
        done = true;
        CHECK(reply);
      });
  while (!done) {
    std::vector<std::function<void()>> now;
    {
      const std::lock_guard lock(mutex);
      now.swap(tasks);
    }
    for (auto& task : now) task();
    std::this_thread::yield();
  }
  CHECK_FALSE(elsewhere);
  CHECK(text == "You said: one two three");
}

TEST_CASE("after fork the child's calls fail and its destructors touch nothing shared", "[router][threads]") {
  RouterFixture f;
  auto router = std::make_unique<Router>(f.config);
  REQUIRE(router->chat(f.request()));
  const pid_t child = ::fork();
  if (child == 0) {
    const auto reply = router->chat(f.request());
    const bool failed = !reply && reply.error().kind == ErrorKind::config;
    router.reset();
    ::_exit(failed ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  CHECK(router->chat(f.request()));
}

TEST_CASE("sixteen threads share a Router", "[router][threads]") {
  RouterFixture f{"sk-key-one", "sk-key-two"};
  Router router = f.router();
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string prompt = "thread " + std::to_string(t) + " call " + std::to_string(i);
        const auto reply = router.chat(f.request(prompt));
        good += reply && reply->text() == "You said: " + prompt ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 320);
}

TEST_CASE("destructors are enough: a Router that never made a call starts no thread", "[router][threads]") {
  RouterFixture f;
  for (int i = 0; i < 100; ++i) Router router = f.router();
  SUCCEED();
}
