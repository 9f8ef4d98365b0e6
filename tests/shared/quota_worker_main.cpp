#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <keywheel/keywheel.hpp>

/// One process of several that share a limit: calls without end, so many at a time. Ends by itself when a quota is used
/// up (status 3), else when it is killed.
///
///     keywheel-quota-worker URL redis|sqlite STORE qps|rpd LIMIT CALLS share|refuse [DAY_ZONE]

namespace {

using namespace keywheel;

constexpr int kExhausted = 3;

std::atomic<int> g_status{-1};

void call(Router& router) {
  router.start({.model = "m", .messages = {user("hello")}}, [&router](Result<ChatResponse> reply) {
    if (!reply && reply.error().kind == ErrorKind::quota_exhausted) g_status = kExhausted;
    if (!reply && reply.error().kind == ErrorKind::rate_limited &&
        reply.error().retry_after > std::chrono::minutes(5)) {
      g_status = kExhausted;  // until the day turns
    }
    if (!reply && reply.error().kind == ErrorKind::cancelled) return;
    if (!reply && g_status < 0) {
      std::fprintf(stderr, "%s\n", reply.error().message.c_str());
      // The store is away: not as fast as it can be told so.
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (g_status < 0) call(router);
  });
}

}  // namespace

int main(int count, char** words) {
  if (count < 8) return EXIT_FAILURE;
  const std::string_view kind = words[2];
  auto store = kind == "redis" ? redis_store(words[3]) : sqlite_store(words[3]);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    return EXIT_FAILURE;
  }
  CredentialConfig key{.api_key = "sk-shared", .id = "shared"};
  const auto limit = std::strtoll(words[5], nullptr, 10);
  if (std::string_view(words[4]) == "qps") {
    key.limits.qps = static_cast<double>(limit);
  } else {
    key.limits.rpd = limit;
  }
  key.limits.guard = std::chrono::milliseconds(20);
  key.limits.timeout = std::chrono::minutes(10);
  ServiceConfig service{.provider = "openai", .id = "s", .base_url = words[1], .models = {"m"}, .credentials = {key}};
  if (count > 8) service.options["day_zone"] = words[8];
  RouterConfig config{.services = {service}, .quota_store = *store};
  config.on_store_loss = std::string_view(words[7]) == "refuse" ? StoreLoss::refuse : StoreLoss::share;
  Router router(std::move(config));
  for (int i = std::atoi(words[6]); i > 0; --i) call(router);
  while (g_status < 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return g_status;
}
