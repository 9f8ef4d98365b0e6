#pragma once

#include <future>
#include <memory>
#include <utility>

#include <keywheel/router.hpp>

/// Apart from the rest, because <future> is dear to include.

KEYWHEEL_BEGIN_NAMESPACE

/// A call whose answer is waited for later. Dropping the future detaches: the call goes on.
[[nodiscard]] inline std::future<Result<ChatResponse>> chat_async(Router& router, ChatRequest request) {
  auto promise = std::make_shared<std::promise<Result<ChatResponse>>>();
  auto future = promise->get_future();
  router.start(std::move(request), [promise](Result<ChatResponse> reply) { promise->set_value(std::move(reply)); });
  return future;
}

KEYWHEEL_END_NAMESPACE
