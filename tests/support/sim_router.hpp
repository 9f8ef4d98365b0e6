#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <keywheel/keywheel.hpp>

#include "router/core.hpp"
#include "support/sim_provider.hpp"

namespace keywheel::testing {

/// A whole Router on the virtual clock. Fill `config` (one service is there already), script `provider`, then use
/// `router()`.
struct SimRouter {
  explicit SimRouter(std::vector<std::string> keys = {"sk-key-one"}, SimProvider::Travel travel = {},
                     std::uint64_t seed = 1)
      : provider(std::move(travel)),
        runtime(std::make_shared<SimRuntime>(provider, SimRuntime::Options{.seed = seed})),
        seed_(seed) {
    add_service("main", std::move(keys));
  }

  ServiceConfig& add_service(std::string id, std::vector<std::string> keys) {
    ServiceConfig service{
        .provider = "openai", .id = std::move(id), .base_url = "https://provider.test/v1", .models = {"test-model"}};
    service.rotation = Rotation::first;
    for (const std::string& key : keys) service.credentials.push_back({.api_key = key});
    config.services.push_back(std::move(service));
    return config.services.back();
  }

  Router& router() {
    if (!router_) {
      auto core = detail::RouterCore::create(config,
                                             {{.runtime = runtime,
                                               .stop =
                                                   [r = runtime] {
                                                     r->run_until_idle();
                                                     r->end();
                                                   }}},
                                             seed_)
                      .value();
      router_ = std::make_unique<Router>(detail::RouterAccess::make(std::move(core)));
    }
    return *router_;
  }

  [[nodiscard]] Result<ChatResponse> chat(std::string prompt = "one two three") {
    return router().chat({.model = "test-model", .messages = {user(std::move(prompt))}});
  }

  [[nodiscard]] CredentialStatus status(std::size_t index) { return router().stats().credentials.at(index); }

  RouterConfig config{};
  SimProvider provider;
  std::shared_ptr<SimRuntime> runtime;

 private:
  std::uint64_t seed_;
  std::unique_ptr<Router> router_{};
};

}  // namespace keywheel::testing
