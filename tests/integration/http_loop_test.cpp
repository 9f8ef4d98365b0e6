#include <set>

#include <catch2/catch_test_macros.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "integration/http_support.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;

TEST_CASE("a lone caller that waits drives the loop itself and no thread is started", "[http][loop]") {
  Server server(echo([](const Received&) { return "ok"; }));
  const auto loop = Loop::create({});
  std::thread::id driver;
  for (int i = 0; i < 5; ++i) {
    Recorder recorder(*loop);
    recorder.when_body = [&] {
      CHECK(loop->on_loop());
      driver = std::this_thread::get_id();
    };
    run(*loop, recorder, post(server.url()));
    CHECK(recorder.body == "ok");
    CHECK(driver == std::this_thread::get_id());
    CHECK_FALSE(loop->on_loop());
  }
  CHECK_FALSE(loop->has_thread());
}

TEST_CASE("what nobody waits for is driven by the loop's own thread", "[http][loop]") {
  Server server(echo([](const Received&) { return "ok"; }));
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  Latch ended;
  std::thread::id driver;
  recorder.when_end = [&] {
    driver = std::this_thread::get_id();
    ended.open();
  };
  start(*loop, recorder, post(server.url()));
  ended.wait();
  CHECK(loop->has_thread());
  CHECK(driver != std::this_thread::get_id());
  loop->stop();
  CHECK(recorder.body == "ok");
}

TEST_CASE("a caller whose wait ends hands what is left to the loop's thread", "[http][loop]") {
  Latch release;
  Server slow([&](Connection& connection, int) {
    if (!connection.read_request()) return;
    release.wait();
    connection.answer("late");
  });
  Server quick(echo([](const Received&) { return "quick"; }));
  const auto loop = Loop::create({});
  Recorder later(*loop);
  Latch ended;
  later.when_end = [&] { ended.open(); };
  Recorder now(*loop);
  const Task both = [&] {
    later.exchange = loop->exchange(post(slow.url()), {}, later);
    now.exchange = loop->exchange(post(quick.url()), {}, now);
  };
  loop->post_and_wait(both, now.gate);
  CHECK(now.body == "quick");
  release.open();
  ended.wait();
  CHECK(loop->has_thread());
  loop->stop();
  CHECK(later.body == "late");
}

TEST_CASE("sixteen threads call side by side", "[http][loop]") {
  Server server(echo([](const Received& received) { return received.body; }));
  const auto loop = Loop::create({});
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        Recorder recorder(*loop);
        const std::string body = std::to_string(t) + "/" + std::to_string(i);
        run(*loop, recorder, post(server.url(), body));
        if (recorder.body == body && recorder.ends == 1) ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 16 * 25);
  CHECK(server.connections() <= 16);
}

TEST_CASE("asynchronous and blocking calls mix", "[http][loop]") {
  Server server(echo([](const Received& received) { return received.body; }));
  const auto loop = Loop::create({});
  constexpr int kAsync = 200;
  std::vector<std::unique_ptr<Recorder>> recorders;
  std::atomic<int> left = kAsync;
  Latch all;
  for (int i = 0; i < kAsync; ++i) {
    recorders.push_back(std::make_unique<Recorder>(*loop));
    recorders.back()->when_end = [&] {
      if (--left == 0) all.open();
    };
  }
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kAsync / 4; ++i) {
        Recorder blocking(*loop);
        start(*loop, *recorders[static_cast<std::size_t>(t * kAsync / 4 + i)], post(server.url(), "async"));
        run(*loop, blocking, post(server.url(), "blocking"));
        if (blocking.body == "blocking") ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();
  all.wait();
  CHECK(good == kAsync);
  loop->stop();
  for (const auto& recorder : recorders) CHECK(recorder->body == "async");
}

TEST_CASE("a gate can be opened by any thread, whoever drives", "[http][loop]") {
  const auto loop = Loop::create({});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        Gate gate;
        std::thread opener([&] { loop->open(gate); });
        loop->wait(gate);
        opener.join();
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(loop->has_thread());
}

TEST_CASE("tasks of one thread run in their order, on the loop, one at a time", "[http][loop]") {
  const auto loop = Loop::create({});
  std::vector<int> order;
  Gate done;
  for (int i = 0; i < 1000; ++i)
    loop->post([&, i] {
      CHECK(loop->on_loop());
      order.push_back(i);
      if (i == 999) loop->open(done);
    });
  loop->wait(done);
  REQUIRE(order.size() == 1000);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("timers run in their order and can be cancelled", "[http][loop]") {
  const auto loop = Loop::create({});
  std::vector<int> order;
  Gate done;
  const Task set = [&] {
    const TimePoint now = loop->now();
    (void)loop->at(now + std::chrono::milliseconds(6), [&] {
      order.push_back(3);
      loop->open(done);
    });
    const TimerId never = loop->at(now + std::chrono::milliseconds(1), [&] { order.push_back(-1); });
    (void)loop->at(now + std::chrono::milliseconds(3), [&] { order.push_back(2); });
    (void)loop->at(now - std::chrono::milliseconds(1), [&] { order.push_back(1); });
    loop->cancel(never);
    loop->cancel(never);
  };
  loop->post_and_wait(set, done);
  CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("a timer that outlasts its caller's wait runs all the same", "[http][loop]") {
  const auto loop = Loop::create({});
  Latch ran;
  on_loop(*loop, [&] { (void)loop->at(loop->now() + std::chrono::milliseconds(5), [&] { ran.open(); }); });
  ran.wait();
  CHECK(loop->has_thread());
  loop->stop();
}

TEST_CASE("stop runs what was posted and takes no more", "[http][loop]") {
  Server server([](Connection& connection, int) { connection.drain(); });
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  Latch sent;
  recorder.when_sent = [&] { sent.open(); };
  start(*loop, recorder, post(server.url()));
  sent.wait();
  int ran = 0;
  for (int i = 0; i < 10; ++i) loop->post([&] { ++ran; });
  loop->stop();
  CHECK(ran == 10);
  CHECK_FALSE(loop->post([&] { ++ran; }));
  Gate never;
  loop->wait(never);
  CHECK_FALSE(loop->post_and_wait([&] { ++ran; }, never));
  CHECK(ran == 10);
  CHECK(recorder.ends == 0);
  recorder.exchange.reset();
}

TEST_CASE("stop frees the callers that wait", "[http][loop]") {
  const auto loop = Loop::create({});
  std::vector<std::thread> threads;
  std::atomic<int> waiting = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      Gate never;
      loop->post_and_wait([&] { ++waiting; }, never);
    });
  Gate all;
  std::function<void()> look = [&] {
    if (waiting == 4) {
      loop->open(all);
    } else {
      loop->post(look);
    }
  };
  loop->post_and_wait(look, all);
  loop->stop();
  for (std::thread& thread : threads) thread.join();
  CHECK(waiting == 4);
}

TEST_CASE("a loop destroyed on its own thread ends after the callback", "[http][loop]") {
  Server server(echo([](const Received&) { return "ok"; }));
  // The thread cannot be joined; what it held is let go when it is done.
  Latch ended;
  const auto released = [&ended](const int* held) {
    delete held;
    ended.open();
  };
  auto lookup = [held = std::shared_ptr<int>(new int, released)](const std::string&) { return Lookup{}; };
  auto loop = Loop::create({.resolver = Resolver::create({.lookup = std::move(lookup)})});
  auto recorder = std::make_unique<Recorder>(*loop);
  recorder->when_body = [&] {
    loop.reset();
    recorder->exchange.reset();
  };
  loop->post([&] { recorder->exchange = loop->exchange(post(server.url()), {}, *recorder); });
  ended.wait();
  CHECK(loop == nullptr);
  CHECK(recorder->ends == 0);
}

TEST_CASE("a loop destroyed by the caller that drives it ends after the callback", "[http][loop]") {
  Server server(echo([](const Received&) { return "ok"; }));
  auto loop = Loop::create({});
  auto recorder = std::make_unique<Recorder>(*loop);
  recorder->when_body = [&] {
    recorder->exchange.reset();
    loop.reset();
  };
  const Task begin = [&] { recorder->exchange = loop->exchange(post(server.url()), {}, *recorder); };
  Gate never;
  loop->post_and_wait(begin, never);
  CHECK_FALSE(never.open());
  CHECK(loop == nullptr);
  CHECK(recorder->ends == 0);
}

TEST_CASE("in a fork's child a loop does nothing and its destruction disturbs nobody", "[http][loop]") {
  Latch release;
  Server server([&](Connection& connection, int) {
    while (connection.read_request()) {
      release.wait();
      if (!connection.answer("parent's")) return;
    }
  });
  auto loop = Loop::create({});
  auto recorder = std::make_unique<Recorder>(*loop);
  Latch sent;
  Latch ended;
  recorder->when_sent = [&] { sent.open(); };
  recorder->when_end = [&] { ended.open(); };
  start(*loop, *recorder, post(server.url()));
  sent.wait();
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Gate gate;
    const bool posted = loop->post([] {}) || loop->post_and_wait([] {}, gate);
    loop->wait(gate);
    loop->open(gate);
    recorder->exchange.reset();
    loop->stop();
    loop.reset();
    ::_exit(posted ? 1 : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  release.open();
  ended.wait();
  loop->stop();
  CHECK(recorder->body == "parent's");
}

TEST_CASE("the random numbers of a loop repeat with its seed", "[http][loop]") {
  const auto draw = [](std::uint64_t seed) {
    const auto loop = Loop::create({.seed = seed});
    std::set<std::uint64_t> numbers;
    on_loop(*loop, [&] {
      for (int i = 0; i < 100; ++i) numbers.insert(loop->random());
    });
    return numbers;
  };
  CHECK(draw(7) == draw(7));
  CHECK(draw(7) != draw(8));
  CHECK(draw(0) != draw(0));
  CHECK(draw(7).size() == 100);
}
