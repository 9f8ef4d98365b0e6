#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "support/sim_provider.hpp"
#include "support/sim_runtime.hpp"

using namespace std::chrono_literals;
using keywheel::HttpHead;
using keywheel::HttpRequest;
using keywheel::TimePoint;
using keywheel::detail::Exchange;
using keywheel::detail::ExchangeEnd;
using keywheel::detail::ExchangeListener;
using keywheel::detail::Gate;
using keywheel::detail::TimerId;
using namespace keywheel::testing;

namespace {

/// Writes down what happens and when, in seconds since the start.
struct Listener : ExchangeListener {
  explicit Listener(SimRuntime& r) : runtime(r), start(r.now()) {}
  void note(std::string what) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(runtime.now() - start).count();
    log.push_back(fmt::format("{} {}", ms, what));
    if (what == stop_at) exchange.reset();
  }
  void on_sent() override { note("sent"); }
  void on_head(HttpHead head) override { note(fmt::format("head {}", head.status)); }
  void on_body(std::string_view bytes) override { note(fmt::format("body {}", bytes)); }
  void on_end(ExchangeEnd end) override {
    note(fmt::format("end {}", static_cast<int>(end.kind)));
    if (gate != nullptr) runtime.open(*gate);
  }

  SimRuntime& runtime;
  TimePoint start;
  std::vector<std::string> log{};
  std::string stop_at{};
  std::unique_ptr<Exchange> exchange{};
  Gate* gate = nullptr;
};

struct Slow : SimNetwork {
  SimTravel travel(const HttpRequest&, TimePoint) override { return {.connect = 10ms, .uplink = 5ms}; }
  SimAnswer answer(const HttpRequest&, TimePoint) override {
    return {.head_delay = 100ms,
            .head = HttpHead{.status = 200},
            .body = {{.delay = 1ms, .bytes = "a"}, {.delay = 2ms, .bytes = "b"}},
            .end_delay = 3ms};
  }
};

void send(SimRuntime& runtime, Listener& listener, HttpRequest request = {}) {
  runtime.post([&runtime, &listener, r = std::move(request)]() mutable {
    listener.exchange = runtime.exchange(std::move(r), {}, listener);
  });
}

HttpRequest chat(std::string key) {
  return {.url = "https://api.example.com/v1/chat/completions",
          .headers = {{"Authorization", "Bearer " + key}},
          .body = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})"};
}

}  // namespace

TEST_CASE("tasks and timers run in the order of their times, equal ones in the order of making", "[support]") {
  Slow network;
  SimRuntime runtime(network);
  std::string order;
  runtime.post([&] {
    const TimePoint now = runtime.now();
    (void)runtime.at(now + 2s, [&] { order += 'e'; });
    (void)runtime.at(now + 1s, [&] { order += 'c'; });
    (void)runtime.at(now + 1s, [&] { order += 'd'; });
    (void)runtime.at(now, [&] { order += 'a'; });
    (void)runtime.post([&] { order += 'b'; });
    (void)runtime.at(now - 1h, [&] { order += '!'; });
    const TimerId gone = runtime.at(now + 1s, [&] { order += '?'; });
    runtime.cancel(gone);
    runtime.cancel(gone);
  });
  const TimePoint start = runtime.now();
  runtime.run_until_idle();
  CHECK(order == "ab!cde");
  CHECK(runtime.now() == start + 2s);
  CHECK(runtime.wall_time() - keywheel::WallTime(std::chrono::seconds(1'750'000'000)) == 2s);
  CHECK(runtime.timers() == 0);
}

TEST_CASE("cancelling many timers leaves the order of the others", "[support]") {
  Slow network;
  SimRuntime runtime(network);
  std::vector<std::uint64_t> fired;
  std::vector<std::uint64_t> expected;
  runtime.post([&] {
    std::vector<std::pair<TimerId, std::uint64_t>> timers;
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t ms = runtime.random() % 10'000;
      timers.emplace_back(
          runtime.at(runtime.now() + std::chrono::milliseconds(ms), [&fired, ms] { fired.push_back(ms); }), ms);
    }
    for (const auto& [timer, ms] : timers) {
      if (runtime.random() % 2 == 0) {
        runtime.cancel(timer);
      } else {
        expected.push_back(ms);
      }
    }
  });
  runtime.run_until_idle();
  std::sort(expected.begin(), expected.end());
  CHECK(fired == expected);
}

TEST_CASE("an exchange goes through its parts at their times", "[support]") {
  Slow network;
  SimRuntime runtime(network);
  Listener listener(runtime);
  send(runtime, listener);
  Gate gate;
  listener.gate = &gate;
  runtime.wait(gate);
  CHECK(listener.log == std::vector<std::string>{"10 sent", "115 head 200", "116 body a", "118 body b", "121 end 0"});
  CHECK(runtime.exchanges() == 0);
}

TEST_CASE("an exchange destroyed in any of its calls is heard of no more", "[support]") {
  for (const char* stop : {"sent", "head 200", "body a", "body b", "end 0"}) {
    Slow network;
    SimRuntime runtime(network);
    Listener listener(runtime);
    listener.stop_at = stop;
    send(runtime, listener);
    runtime.run_until_idle();
    REQUIRE_FALSE(listener.log.empty());
    CHECK(listener.log.back().ends_with(stop));
    CHECK(runtime.exchanges() == 0);
  }
}

TEST_CASE("a paused exchange holds its next part back until it is resumed", "[support]") {
  Slow network;
  SimRuntime runtime(network);
  Listener listener(runtime);
  send(runtime, listener);
  runtime.run_for(116ms);
  listener.exchange->pause();
  runtime.run_for(1s);
  CHECK(listener.log.back() == "116 body a");
  listener.exchange->resume();
  runtime.run_until_idle();
  CHECK(listener.log == std::vector<std::string>{"10 sent", "115 head 200", "116 body a", "1116 body b", "1119 end 0"});
}

TEST_CASE("what fails on the way never arrives", "[support]") {
  struct Down : SimNetwork {
    SimTravel travel(const HttpRequest&, TimePoint) override {
      return {.connect = 1s, .failed = ExchangeEnd{.kind = ExchangeEnd::Kind::unreachable}};
    }
    SimAnswer answer(const HttpRequest&, TimePoint) override { throw std::logic_error("arrived"); }
  } network;
  SimRuntime runtime(network);
  Listener listener(runtime);
  send(runtime, listener);
  runtime.run_until_idle();
  CHECK(listener.log == std::vector<std::string>{"1000 end 1"});
}

TEST_CASE("a wait that can never end says so", "[support]") {
  SimScript silent([](const HttpRequest&, TimePoint) { return SimAnswer{.ends = false}; });
  SimRuntime runtime(silent);
  Listener listener(runtime);
  send(runtime, listener);
  Gate gate;
  CHECK_THROWS_AS(runtime.wait(gate), std::logic_error);

  // A timer that sets itself again keeps the loop busy for ever.
  std::function<void()> again = [&] { (void)runtime.at(runtime.now() + 24h, [&] { again(); }); };
  runtime.post([&] { again(); });
  CHECK_THROWS_AS(runtime.wait(gate), std::logic_error);

  runtime.post([&] { runtime.wait(gate); });
  CHECK_THROWS_AS(runtime.step(), std::logic_error);
  CHECK_THROWS_AS(runtime.at(runtime.now(), [] {}), std::logic_error);
  runtime.end();
  CHECK_FALSE(runtime.post([] {}));
}

TEST_CASE("the same seed gives the same numbers, another seed others", "[support][complaints][80]") {
  const auto numbers = [](std::uint64_t seed) {
    Slow network;
    SimRuntime runtime(network, {.seed = seed});
    std::vector<std::uint64_t> all;
    runtime.post([&] {
      for (int i = 0; i < 10; ++i) all.push_back(runtime.random());
    });
    runtime.run_until_idle();
    return all;
  };
  CHECK(numbers(7) == numbers(7));
  CHECK(numbers(7) != numbers(8));
}

TEST_CASE("the scripted provider answers on the virtual network as on sockets", "[support]") {
  SimProvider provider([](const HttpRequest&, TimePoint) { return SimTravel{.uplink = 20ms}; });
  provider.script("slow", {.delay = 1s});
  provider.script("gone", KeyScript::revoked());
  provider.script("cut", {.cut = Cut{.after = 4}});
  provider.script("mute", {.drop_next = 1});
  const auto log = [&](std::string key) {
    SimRuntime runtime(provider);
    Listener listener(runtime);
    send(runtime, listener, chat(std::move(key)));
    runtime.run_until_idle();
    return listener.log;
  };
  const std::vector<std::string> slow = log("slow");
  REQUIRE(slow.size() == 4);
  CHECK(slow[1] == "1020 head 200");
  CHECK(slow[2].find("You said: hi") != std::string::npos);
  CHECK(slow[3] == "1020 end 0");
  CHECK(log("gone")[1] == "20 head 401");
  CHECK(log("cut") == std::vector<std::string>{"0 sent", "20 head 200", "20 body {\"id", "20 end 2"});
  CHECK(log("mute") == std::vector<std::string>{"0 sent", "20 end 2"});
  CHECK(provider.log("slow").entries.at(0).arrived == TimePoint(1h) + 20ms);
}
