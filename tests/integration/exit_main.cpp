// A Router destroyed in its own callback leaves a thread behind, which nobody may find running when the statics of the
// process are gone. Returns 0 when that thread ended before they did.
#include <atomic>
#include <cstdlib>
#include <future>
#include <memory>

#include <keywheel/keywheel.hpp>

#include <unistd.h>

namespace {

std::atomic<bool> exiting{false};
std::atomic<bool> thread_ended{false};

struct Witness {
  ~Witness() {
    if (!thread_ended) ::_exit(1);
  }
};
const Witness witness;

struct EndOfThread {
  ~EndOfThread() { thread_ended = true; }
};

}  // namespace

int main() {
  keywheel::ServiceConfig service;
  service.id = "nobody";
  service.provider = "openai";
  service.base_url = "http://127.0.0.1:1/v1";
  service.models = {"m"};
  service.credentials = {{.api_key = keywheel::Secret("sk-test")}};
  keywheel::RouterConfig config;
  config.services = {service};
  config.retry.max_attempts = 1;

  auto router = std::make_unique<keywheel::Router>(config);
  std::promise<void> destroyed;
  router->start({.model = "m", .messages = {keywheel::user("hello")}}, [&](const auto& reply) {
    thread_local const EndOfThread end;
    if (reply) ::_exit(2);
    router.reset();
    destroyed.set_value();
    exiting.wait(false);
  });
  destroyed.get_future().wait();
  // Registered last, so the first thing to run: the thread is still in its callback when the process begins to end.
  std::atexit([] {
    exiting = true;
    exiting.notify_all();
  });
  return 0;
}
