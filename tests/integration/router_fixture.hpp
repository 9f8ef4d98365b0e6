#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <keywheel/keywheel.hpp>

#include "support/loopback_provider.hpp"

namespace keywheel::testing {

/// Every answer waits until LoopbackServer::release() of this name.
[[nodiscard]] inline KeyScript held(std::string name) {
  return {.reply = [name = std::move(name)](const ReceivedRequest&, const Ask& ask) {
    Reply reply =
        ask.stream
            ? Reply::sse(
                  {"data: "
                   "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"held\"},\"finish_reason\":\"stop\"}]}\n\n",
                   "data: [DONE]\n\n"})
            : Reply::json(
                  200,
                  R"({"choices":[{"index":0,"message":{"role":"assistant","content":"held"},"finish_reason":"stop"}]})");
    reply.hold = name;
    return std::optional(std::move(reply));
  }};
}

/// A Router over one service of the loopback provider.
struct RouterFixture {
  explicit RouterFixture(std::initializer_list<const char*> keys = {"sk-test-one"}) {
    ServiceConfig service{
        .provider = "openai", .id = "main", .base_url = provider.url() + "/v1", .models = {"test-model"}};
    service.rotation = Rotation::first;
    for (const char* key : keys) service.credentials.push_back({.api_key = key});
    config.services.push_back(std::move(service));
    config.retry.backoff = std::chrono::milliseconds(1);
    config.retry.max_backoff = std::chrono::milliseconds(5);
  }

  [[nodiscard]] Router router() const { return Router(config); }

  [[nodiscard]] static ChatRequest request(std::string prompt = "one two three") {
    return {.model = "test-model", .messages = {user(std::move(prompt))}};
  }

  LoopbackProvider provider{};
  RouterConfig config{};
};

}  // namespace keywheel::testing
