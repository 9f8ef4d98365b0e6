// One call, three ways not to wait for it: a callback, a future, a coroutine.
//
//     async [CONFIG.json [PROMPT]]    without a config: the keys found in the environment

#include <coroutine>
#include <exception>
#include <future>
#include <iostream>
#include <string>
#include <utility>

#include <keywheel/future.hpp>
#include <keywheel/keywheel.hpp>

namespace {

using Reply = keywheel::Result<keywheel::ChatResponse>;

bool print(const char* way, const Reply& reply) {
  if (!reply) {
    std::cerr << way << ": " << reply.error() << '\n';
    return false;
  }
  std::cout << way << ": " << reply->text() << '\n';
  return true;
}

/// A coroutine that runs by itself; whoever starts it waits on the future. Use your framework's task type here.
struct Task {
  struct promise_type {
    std::promise<bool> result;
    Task get_return_object() { return {result.get_future()}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(bool value) { result.set_value(value); }
    void unhandled_exception() { result.set_exception(std::current_exception()); }
  };
  std::future<bool> result;
};

/// The request has a name: a braced temporary inside co_await does not compile, since g++ 12 would get it wrong.
Task ask(keywheel::Router& router, keywheel::ChatRequest request) {
  const Reply reply = co_await router.co_chat(request);
  co_return print("coroutine", reply);
}

}  // namespace

int main(int argc, char** argv) {
  keywheel::Result<keywheel::RouterConfig> config =
      argc > 1 ? keywheel::load_config(argv[1]) : keywheel::config_from_environment();
  keywheel::Result<keywheel::Router> created = std::move(config).and_then(&keywheel::Router::create);
  if (!created) {
    std::cerr << created.error() << '\n';
    return 2;
  }
  keywheel::Router& router = *created;
  const keywheel::ChatRequest request{.messages = {keywheel::user(argc > 2 ? argv[2] : "Hello")}};

  // on_done comes exactly once, last, on the loop's thread (or RouterConfig::executor): it must not block.
  std::promise<bool> done;
  const keywheel::Call call =
      router.start(request, [&](const Reply& reply) { done.set_value(print("callback", reply)); });
  const bool called_back = done.get_future().get();

  std::future<Reply> future = keywheel::chat_async(router, request);
  const bool fulfilled = print("future", future.get());

  const bool resumed = ask(router, request).result.get();
  return called_back && fulfilled && resumed ? 0 : 1;
}
