#include "sim/router_config.hpp"

#include <fmt/format.h>

namespace keywheel::sim {
namespace {

const char* provider_of(Vendor vendor) {
  switch (vendor) {
    case Vendor::anthropic:
      return "claude";
    case Vendor::groq:
      return "groq";
    case Vendor::openai:
      break;
  }
  return "openai";
}

}  // namespace

RouterConfig router_config(const World& world) {
  const Scenario& scenario = *world.scenario;
  RouterConfig config{.retry = scenario.retry, .circuit_breaker = scenario.breaker};
  for (const ServiceSpec& spec : scenario.services) {
    ServiceConfig service{.provider = provider_of(spec.vendor),
                          .id = spec.id,
                          .models = scenario.load.models,
                          .rotation = spec.rotation,
                          .priority = spec.priority,
                          .charging = spec.charging};
    if (spec.price) service.prices["*"] = *spec.price;
    config.services.push_back(std::move(service));
  }
  for (std::uint32_t key = 0; key < world.keys.size(); ++key) {
    const KeyGroup& group = world.group(world.keys[key]);
    CredentialConfig credential{
        .api_key = Secret(key_text(key)), .id = fmt::format("k{:06}", key), .limits = group.stated};
    if (group.declared) credential.account = fmt::format("a{}", world.keys[key].account);
    config.services[world.keys[key].service].credentials.push_back(std::move(credential));
  }
  for (const TenantSpec& tenant : scenario.load.tenants) {
    if (tenant.share != 1) config.tenants[tenant.name] = tenant.share;
  }
  return config;
}

}  // namespace keywheel::sim
