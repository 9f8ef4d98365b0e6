#include "config/advice.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "config/validate.hpp"
#include "config/wording.hpp"
#include "http/url.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Keys that a service should have at least, so that one can be dead and one at its limit while calls are answered.
constexpr std::size_t kAdvisedKeys = 3;

class Advice {
 public:
  explicit Advice(std::vector<std::string>& warnings) : warnings_(warnings) {}
  void add(std::string text) {
    if (std::find(warnings_.begin(), warnings_.end(), text) == warnings_.end()) warnings_.push_back(std::move(text));
  }

 private:
  std::vector<std::string>& warnings_;
};

void advise_on_keys(Advice& advice, const ServiceConfig& service) {
  std::size_t keys = 0;
  bool all_paced = service.limits.qps > 0;
  std::vector<const CredentialConfig*> unpaced;
  for (std::size_t i = 0; i < service.credentials.size(); ++i) {
    const CredentialConfig& credential = service.credentials[i];
    if (credential.api_key.empty() && credential.fields.empty()) continue;
    ++keys;
    if (credential.limits.qps <= 0) unpaced.push_back(&credential);
    for (std::size_t j = 0; j < i; ++j) {
      const CredentialConfig& other = service.credentials[j];
      if (credential.api_key == other.api_key && credential.fields == other.fields) {
        advice.add(fmt::format("{}: the same key as {}; they count as one", credential.id, other.id));
        break;
      }
    }
  }
  if (keys == 0) return;
  all_paced = all_paced || unpaced.empty();
  if (keys < kAdvisedKeys) {
    advice.add(fmt::format("{}: {} key{}; with three or more, calls go on while one is revoked and one at its limit",
                           service.id, keys, keys == 1 ? "" : "s"));
  }
  if (!all_paced) {
    advice.add(fmt::format("{}: no limit.qps for {}; with one, a key is not sent more than its provider allows",
                           service.id, unpaced.size() == keys ? "its keys" : unpaced.front()->id));
  }
}

void advise_on_transport_security(Advice& advice, const ServiceConfig& service) {
  if (service.allow_insecure) return;
  for (const CredentialConfig& credential : service.credentials) {
    const std::string& url = credential.base_url.empty() ? service.base_url : credential.base_url;
    const bool plain = url.starts_with("http://") || url.starts_with("ws://");
    if (!plain || is_loopback(host_of(url)) || credential.api_key.empty()) continue;
    advice.add(fmt::format(
        "{}: its base_url is plain http, where everyone on the way can read the key; calls are refused unless the "
        "service has allow_insecure",
        credential.id));
  }
}

/// A budget counts what the prices say.
void advise_on_budgets(Advice& advice, const ServiceConfig& service) {
  if (!service.prices.empty()) return;
  bool budget = service.limits.max_cost > 0;
  for (const CredentialConfig& credential : service.credentials) {
    budget = budget || credential.limits.max_cost > 0;
    for (const auto& [name, limits] : credential.model_limits) budget = budget || limits.max_cost > 0;
  }
  if (budget) advice.add(fmt::format("{}: max_cost holds nothing back, since there are no prices", service.id));
}

/// Names that a call may be routed by; nothing where a service takes any.
std::vector<std::string_view> routable(const RouterConfig& config) {
  std::vector<std::string_view> names;
  for (const ServiceConfig& service : config.services) {
    if (service.models.empty()) return {};
    names.insert(names.end(), service.models.begin(), service.models.end());
    names.insert(names.end(), service.embedding_models.begin(), service.embedding_models.end());
    for (const auto& [alias, model] : service.model_redirect) names.push_back(alias);
  }
  for (const auto& [alias, model] : config.model_redirect) names.push_back(alias);
  return names;
}

void advise_on_targets(Advice& advice, const RouterConfig& config) {
  const std::vector<std::string_view> names = routable(config);
  if (names.empty()) return;
  const auto check = [&](std::string_view path, std::string_view from, const std::string& model) {
    // "provider/model" is the router's to resolve; a model's own name may hold a slash too.
    if (model == "random" || model.find('/') != std::string::npos) return;
    if (std::find(names.begin(), names.end(), model) != names.end()) return;
    advice.add(fmt::format("{}.{}: no service serves {}{}", path, from, quoted(model), did_you_mean(model, names)));
  };
  for (const auto& [alias, model] : config.model_redirect) check("model_redirect", alias, model);
  for (const auto& [model, fallback] : config.fallbacks) {
    for (const auto* list : {&fallback.any, &fallback.context_length, &fallback.content_filter}) {
      for (const std::string& next : *list) check("fallbacks", model, next);
    }
  }
}

}  // namespace

void advise(RouterConfig& config) {
  Advice advice(config.warnings);
  if (std::none_of(config.services.begin(), config.services.end(), [](const auto& s) { return s.enabled; })) {
    advice.add("no service is enabled, so every call will fail; an entry needs \"enabled\": true");
  }
  for (const ServiceConfig& service : config.services) {
    if (!service.enabled) continue;
    advise_on_keys(advice, service);
    advise_on_transport_security(advice, service);
    advise_on_budgets(advice, service);
    if (std::none_of(service.credentials.begin(), service.credentials.end(), [](const auto& c) { return c.enabled; })) {
      advice.add(fmt::format("{}: none of its credentials is enabled", service.id));
    }
  }
  advise_on_targets(advice, config);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
