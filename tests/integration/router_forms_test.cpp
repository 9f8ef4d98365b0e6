#include <coroutine>
#include <future>
#include <optional>
#include <string>

#include <keywheel/future.hpp>

#include <catch2/catch_test_macros.hpp>

#include "integration/router_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;

namespace {

/// A coroutine that runs by itself and lets a thread wait for its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached ask(Router& router, const ChatRequest& request, std::promise<Result<ChatResponse>>& into) {
  Result<ChatResponse> reply = co_await router.co_chat(request);
  into.set_value(std::move(reply));
}

void check_same(const ChatResponse& a, const ChatResponse& b) {
  CHECK(a.text() == b.text());
  CHECK(a.finish_reason() == b.finish_reason());
  CHECK(a.model == b.model);
  CHECK(a.credential == b.credential);
  CHECK(a.usage.prompt_tokens == b.usage.prompt_tokens);
  CHECK(a.usage.completion_tokens == b.usage.completion_tokens);
  CHECK(a.attempts.size() == b.attempts.size());
  REQUIRE(a.tool_calls().size() == b.tool_calls().size());
  for (std::size_t i = 0; i < a.tool_calls().size(); ++i) {
    CHECK(a.tool_calls()[i].name == b.tool_calls()[i].name);
    CHECK(a.tool_calls()[i].arguments == b.tool_calls()[i].arguments);
  }
}

}  // namespace

TEST_CASE("every form of a call gives the same answer", "[router]") {
  RouterFixture f;
  Router router = f.router();
  ChatRequest request = f.request("a prompt of several words");
  SECTION("text") {}
  SECTION("tools") {
    request.tools = {{.name = "weather", .parameters = R"({"type":"object","properties":{"city":{"type":"string"}}})"},
                     {.name = "time", .parameters = R"({"type":"object","properties":{"zone":{"type":"string"}}})"}};
  }
  const ChatResponse blocking = router.chat(request).value();
  if (request.tools.empty()) {
    CHECK(blocking.text() == "You said: a prompt of several words");
  } else {
    CHECK(blocking.tool_calls().size() == 2);
  }

  std::string pushed;
  check_same(router.chat(request, [&](const ChatEvent& e) { pushed += e.text(); }).value(), blocking);
  CHECK(pushed == blocking.text());

  std::string pulled;
  ChatStream stream = router.stream(request);
  for (const ChatEvent& e : stream) pulled += e.text();
  check_same(stream.result().value(), blocking);
  CHECK(pulled == blocking.text());

  std::promise<Result<ChatResponse>> called;
  std::string called_text;
  router.start(
      request, [&](const ChatEvent& e) { called_text += e.text(); },
      [&](Result<ChatResponse> reply) { called.set_value(std::move(reply)); });
  check_same(called.get_future().get().value(), blocking);
  CHECK(called_text == blocking.text());

  check_same(chat_async(router, request).get().value(), blocking);

  std::promise<Result<ChatResponse>> resumed;
  ask(router, request, resumed);
  check_same(resumed.get_future().get().value(), blocking);
}

TEST_CASE("a callback can stop its call, and the error holds what came", "[router]") {
  RouterFixture f;
  Router router = f.router();
  int events = 0;
  const auto reply = router.chat(f.request(), [&](const ChatEvent& e) {
    events += e.text().empty() ? 0 : 1;
    return events == 2 ? Flow::stop : Flow::proceed;
  });
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::cancelled);
  CHECK(events == 2);
  CHECK(reply.error().partial_text.starts_with("You said:"));
  CHECK(router.stats().credentials[0].state == CredentialState::active);
  CHECK(router.stats().credentials[0].in_flight == 0);
}

TEST_CASE("events keep their characters when copied", "[router]") {
  RouterFixture f;
  Router router = f.router();
  std::vector<ChatEvent> kept;
  REQUIRE(router.chat(f.request(), [&](const ChatEvent& e) { kept.push_back(e.copy()); }));
  std::string text;
  for (const ChatEvent& e : kept) text += e.text();
  CHECK(text == "You said: one two three");
}
