#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <dlfcn.h>
#include <netdb.h>

#include "integration/router_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;

namespace {

/// A name whose look-up takes as long as the test wants.
struct SlowName {
  std::mutex mutex{};
  std::condition_variable changed{};
  bool begun = false;
  bool released = false;
  int ended = 0;

  void look_up() {
    std::unique_lock lock(mutex);
    begun = true;
    changed.notify_all();
    changed.wait(lock, [this] { return released; });
    ++ended;
    changed.notify_all();
  }
  void wait_until_begun() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return begun; });
  }
  void release() {
    std::unique_lock lock(mutex);
    released = true;
    changed.notify_all();
    changed.wait(lock, [this] { return ended > 0; });
  }
};

SlowName& slow_name() {
  static SlowName* name = new SlowName;  // a look-up may outlive main
  return *name;
}

int threads_of_this_process() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Threads:")) return std::stoi(line.substr(8));
  }
  return 0;
}

/// Starts so many streams, waits until all are open, and lets them end.
int run_streams(RouterFixture& f, Router& router, int count, int& threads) {
  f.provider.script("sk-test-one", held("go-" + std::to_string(count)));
  const std::uint64_t before = f.provider.server().request_count();
  std::mutex mutex;
  std::condition_variable all;
  int ended = 0;
  int good = 0;
  for (int i = 0; i < count; ++i) {
    router.start(
        f.request(), [](const ChatEvent&) {},
        [&](Result<ChatResponse> reply) {
          const std::lock_guard lock(mutex);
          good += reply && reply->text() == "held" ? 1 : 0;
          if (++ended == count) all.notify_one();
        });
  }
  REQUIRE(f.provider.server().wait_for_requests(before + static_cast<std::uint64_t>(count)));
  threads = threads_of_this_process();
  f.provider.server().release("go-" + std::to_string(count));
  std::unique_lock lock(mutex);
  all.wait(lock, [&] { return ended == count; });
  return good;
}

}  // namespace

/// Interposed: this executable's look-ups come here.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (node != nullptr && std::string_view(node) == "slow.example") {
    slow_name().look_up();
    return EAI_NONAME;
  }
  return real(node, service, hints, result);
}

TEST_CASE("a thousand streams run through one Router, and threads do not grow with them", "[router][scale]") {
  raise_file_limit();
  RouterFixture f;
  Router router = f.router();
  int threads_for_ten = 0;
  int threads_for_thousand = 0;
  CHECK(run_streams(f, router, 10, threads_for_ten) == 10);
  CHECK(run_streams(f, router, 1000, threads_for_thousand) == 1000);
  CHECK(threads_for_thousand == threads_for_ten);
  CHECK(router.stats().credentials[0].successes == 1010);
  CHECK(router.stats().credentials[0].in_flight == 0);
}

TEST_CASE("a name that takes its time disturbs no other call, and its own connect timeout fires", "[router][scale]") {
  RouterFixture f;
  f.config.services.push_back({.provider = "openai",
                               .id = "slow",
                               .base_url = "https://slow.example/v1",
                               .models = {"slow-model"},
                               .credentials = {{.api_key = "sk-slow-key"}},
                               .timeouts = Timeouts{.connect = std::chrono::milliseconds(200)}});
  f.config.retry.max_attempts = 1;
  Router router = f.router();
  std::promise<Result<ChatResponse>> slow;
  router.start({.model = "slow-model", .messages = {user("x")}},
               [&](Result<ChatResponse> reply) { slow.set_value(std::move(reply)); });
  slow_name().wait_until_begun();
  for (int i = 0; i < 20; ++i) CHECK(router.chat(f.request()));
  // The look-up has not come back yet, and will not before it is told to: only the timeout can end this call.
  const auto reply = slow.get_future().get();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::timeout);
  CHECK(reply.error().attempts.at(0).failure == "connect_timeout");
  slow_name().release();
}

TEST_CASE("a kept connection that closes after reading the request: the server sees that POST once",
          "[router][scale]") {
  RouterFixture f{"sk-test-one"};
  f.config.retry.max_attempts = 1;
  Router router = f.router();
  REQUIRE(router.chat(f.request()));
  f.provider.script("sk-test-one", {.drop_next = 1});
  const auto reply = router.chat(f.request());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::connection);
  CHECK(f.provider.server().request_count() == 2);

  // Where the Router may decide to try again, it does, and says so.
  f.config.retry.max_attempts = 0;
  Router retrying = f.router();
  REQUIRE(retrying.chat(f.request()));
  f.provider.script("sk-test-one", {.drop_next = 1});
  const auto again = retrying.chat(f.request());
  REQUIRE(again);
  CHECK(again->attempts.size() == 2);
  CHECK(again->attempts[0].error == ErrorKind::connection);
  CHECK(f.provider.server().request_count() == 5);
}
