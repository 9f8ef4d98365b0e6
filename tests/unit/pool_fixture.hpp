#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <keywheel/credential_pool.hpp>

namespace keywheel::testing {

/// A pool on a clock of its own, which begins at 1000 s. Fill `services` (one, "s", is there), then use it.
struct PoolFixture {
  explicit PoolFixture(std::size_t keys = 1, Limits limits = {}) {
    ServiceConfig service{.provider = "openai", .id = "s"};
    for (std::size_t i = 1; i <= keys; ++i) service.credentials.push_back(credential("s#" + std::to_string(i), limits));
    services.push_back(std::move(service));
  }

  [[nodiscard]] static CredentialConfig credential(std::string id, Limits limits = {}) {
    CredentialConfig config;
    config.api_key = "sk-" + id;
    config.id = std::move(id);
    config.limits = limits;
    config.limits.guard = std::chrono::milliseconds(0);
    return config;
  }

  [[nodiscard]] CredentialConfig& key(std::size_t index) { return services[0].credentials[index]; }

  [[nodiscard]] CredentialPool& pool() {
    if (!pool_) pool_ = CredentialPool::create(services, retry, region, seed);
    return *pool_;
  }
  [[nodiscard]] std::shared_ptr<CredentialPool> shared() {
    (void)pool();
    return pool_;
  }

  [[nodiscard]] std::variant<Lease, Unavailable> ask(Demand demand = {}) {
    if (demand.service.empty()) demand.service = "s";
    if (demand.model.empty()) demand.model = "m";
    return pool().acquire(demand, now);
  }
  /// Empty where there is none.
  [[nodiscard]] Lease lend(Demand demand = {}) {
    auto answer = ask(demand);
    if (auto* lease = std::get_if<Lease>(&answer)) return std::move(*lease);
    return {};
  }
  /// What keeps a call from starting.
  [[nodiscard]] Unavailable refusal(Demand demand = {}) { return std::get<Unavailable>(ask(demand)); }
  [[nodiscard]] bool room(Demand demand = {}) { return static_cast<bool>(lend(demand)); }

  /// One whole call, begun and ended now; the id of who made it, or "".
  std::string call(Demand demand = {}, const Outcome& outcome = Outcome::success()) {
    Lease lease = lend(demand);
    if (!lease) return {};
    std::string id = lease.id();
    pool().sent(lease, now);
    pool().report(std::move(lease), outcome, now);
    return id;
  }
  [[nodiscard]] std::string calls(int count, Demand demand = {}) {
    std::string ids;
    for (int i = 0; i < count; ++i) {
      const std::string id = call(demand);
      ids += id.empty() ? '-' : id.back();
    }
    return ids;
  }

  [[nodiscard]] static Outcome failed(FailureClass failure, Scope scope = Scope::key,
                                      std::optional<std::chrono::milliseconds> retry_after = {}, int status = 429) {
    Failure f;
    f.failure = failure;
    f.scope = scope;
    f.message = "as the provider says";
    f.status = status;
    f.retry_after = retry_after;
    return {.failure = std::move(f), .usage = {}, .latency = {}};
  }

  [[nodiscard]] CredentialStatus status(std::string_view id) { return pool().status(id, now).value(); }
  [[nodiscard]] CredentialState state(std::string_view id) { return status(id).state; }

  std::vector<ServiceConfig> services{};
  RetryPolicy retry{};
  std::string region{};
  std::uint64_t seed = 7;
  TimePoint now{std::chrono::seconds(1000)};

 private:
  std::shared_ptr<CredentialPool> pool_{};
};

}  // namespace keywheel::testing
