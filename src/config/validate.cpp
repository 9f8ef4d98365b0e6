#include "config/validate.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "config/advice.hpp"
#include "config/faults.hpp"
#include "config/wording.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool has_control(std::string_view text) { return std::any_of(text.begin(), text.end(), is_control); }

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_service_id(std::string_view id) {
  return !id.empty() && is_alphanumeric(id.front()) && std::all_of(id.begin(), id.end(), [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
  });
}

/// Authority of an absolute URL ("user@host:port"); empty: not such a URL.
std::string_view authority_of(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos || colon == 0) return {};
  const std::string_view rest = url.substr(colon + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

bool has_scheme(std::string_view url, std::initializer_list<std::string_view> schemes) {
  return std::any_of(schemes.begin(), schemes.end(), [&](std::string_view scheme) {
    return url.size() > scheme.size() + 3 && url.starts_with(scheme) && url.substr(scheme.size(), 3) == "://";
  });
}

// What came is not repeated in faults of URLs: one may hold a password or a key.
void check_base_url(const Faults& faults, std::string_view url) {
  if (url.empty()) return;
  if (!has_scheme(url, {"https", "http", "wss", "ws"}) || host_of(url).empty()) {
    faults.add("base_url", "expected an absolute URL that begins with https://, http://, wss:// or ws://");
  } else if (has_control(url) || url.find(' ') != std::string_view::npos) {
    faults.add("base_url", "expected a URL without blanks and control characters");
  } else if (authority_of(url).find('@') != std::string_view::npos) {
    faults.add("base_url", "holds a user or password, which would be printed with it; expected none");
  }
}

void check_proxy(const Faults& faults, const ProxyConfig& proxy) {
  const std::string_view url = proxy.url.reveal();
  if (url.empty()) return;
  if (!has_scheme(url, {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}) || host_of(url).empty() ||
      has_control(url)) {
    faults.add("url", "expected http://, https://, socks5:// or socks5h:// with host and port");
  }
}

void check_limits(const Faults& faults, const Limits& limits) {
  faults.not_negative("qps", limits.qps);
  faults.not_negative("rpm", limits.rpm);
  faults.not_negative("rpd", limits.rpd);
  faults.not_negative("tpm", limits.tpm);
  faults.not_negative("itpm", limits.itpm);
  faults.not_negative("otpm", limits.otpm);
  faults.not_negative("tpd", limits.tpd);
  faults.not_negative("concurrency", limits.concurrency);
  faults.not_negative("max_requests", limits.max_requests);
  faults.not_negative("max_tokens", limits.max_tokens);
  faults.not_negative("max_cost", limits.max_cost);
  faults.not_negative("timeout", limits.timeout);
  faults.not_negative("guard", limits.guard);
  faults.not_negative("burst", limits.burst);
  constexpr std::chrono::milliseconds kMinute{60'000};
  if (limits.burst >= kMinute) {
    faults.add("burst", fmt::format("expected less than a minute, came {} ms", limits.burst.count()));
  }
}

void check_timeouts(const Faults& faults, const Timeouts& timeouts) {
  faults.not_negative("connect", timeouts.connect);
  faults.not_negative("first_byte", timeouts.first_byte);
  faults.not_negative("idle", timeouts.idle);
  faults.not_negative("attempt", timeouts.attempt);
  faults.not_negative("total", timeouts.total);
}

void check_retry(const Faults& faults, const RetryPolicy& retry) {
  faults.not_negative("max_attempts", retry.max_attempts);
  faults.at_least_one("max_attempts_per_service", retry.max_attempts_per_service);
  faults.not_negative("backoff", retry.backoff);
  faults.not_negative("max_backoff", retry.max_backoff);
  faults.not_negative("cooldown", retry.cooldown);
  faults.not_negative("max_cooldown", retry.max_cooldown);
  if (!(retry.jitter >= 0 && retry.jitter <= 1)) {
    faults.add("jitter", fmt::format("expected a share from 0 to 1, came {}", retry.jitter));
  }
}

void check_tls(const Faults& faults, const TlsConfig& tls) {
  if (!tls.ca_pem.empty() && (!tls.ca_file.empty() || !tls.ca_path.empty())) {
    faults.add("ca_pem", "expected either ca_pem or ca_file and ca_path, came both");
  }
}

/// Drops repetitions, which a config put together from several lists has, and which would count double.
void check_names(const Faults& faults, std::string_view member, std::vector<std::string>& names) {
  std::set<std::string_view> seen;
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) faults.at(member, i).add("expected the name of a model, came an empty string");
    if (seen.insert(names[i]).second) kept.push_back(names[i]);
  }
  names = std::move(kept);
}

void check_aliases(const Faults& faults, const std::map<std::string, std::string>& aliases) {
  for (const auto& [alias, model] : aliases) {
    if (alias.empty()) faults.add("expected the name of a model as a key, came an empty string");
    if (model.empty()) faults.add(alias, "expected the name of a model, came an empty string");
  }
}

void check_headers(const Faults& faults, const std::map<std::string, std::string>& headers) {
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";  // RFC 9110, 5.6.2
  for (const auto& [name, value] : headers) {
    const bool is_token = !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
      return is_alphanumeric(c) || kTokenMarks.find(c) != std::string_view::npos;
    });
    if (!is_token) faults.add(fmt::format("expected the name of an HTTP header as a key, came {}", quoted(name)));
    if (has_control(value)) faults.add(name, "holds a line break or another control character; expected none");
  }
}

void check_prices(const Faults& faults, const std::map<std::string, Price>& prices) {
  for (const auto& [model, price] : prices) {
    const Faults here = faults.at(model);
    if (model.empty()) faults.add("expected the name of a model, or \"*\", as a key, came an empty string");
    here.not_negative("input", price.input);
    here.not_negative("output", price.output);
    here.not_negative("request", price.request);
    if (price.cached_input) here.not_negative("cached_input", *price.cached_input);
  }
}

void check_credential(const Faults& faults, CredentialConfig& credential) {
  const std::string_view key = credential.api_key.reveal();
  if (has_control(key)) {
    faults.add("api_key", "holds a line break or another control character; expected the bare key");
  } else if (!key.empty() && (key.front() == ' ' || key.back() == ' ')) {
    faults.add("api_key", "begins or ends with a blank; expected the bare key");
  }
  if (!key.empty() && credential.id == key) faults.add("id", "is the key itself, and ids are printed; expected a name");
  if (has_control(credential.id)) faults.add("id", "holds a control character; expected none");
  if (!std::isfinite(credential.weight) || credential.weight < 0) {
    faults.add("weight", fmt::format("expected 0 or more, came {}", credential.weight));
  }
  check_limits(faults.at("limits"), credential.limits);
  for (const auto& [name, limits] : credential.model_limits) {
    const Faults here = faults.at("model_limits").at(name);
    if (name.empty()) here.add("expected the name of a model or limit group as a key, came an empty string");
    check_limits(here, limits);
  }
  check_base_url(faults, credential.base_url);
  check_names(faults, "models", credential.models);
}

void check_service(const Faults& faults, ServiceConfig& service) {
  if (service.provider.empty()) faults.add("provider", "expected the name of a provider, came nothing");
  if (!service.id.empty() && !is_service_id(service.id)) {
    faults.add("id", fmt::format("expected letters, digits, '.', '_' and '-', a letter or digit first, came {}",
                                 quoted(service.id)));
  }
  check_base_url(faults, service.base_url);
  check_names(faults, "models", service.models);
  check_names(faults, "embedding_models", service.embedding_models);
  check_aliases(faults.at("model_map"), service.model_map);
  check_aliases(faults.at("model_redirect"), service.model_redirect);
  check_limits(faults.at("limits"), service.limits);
  faults.not_negative("affinity_wait", service.affinity_wait);
  check_aliases(faults.at("limit_groups"), service.limit_groups);
  check_prices(faults.at("prices"), service.prices);
  if (!std::isfinite(service.weight) || service.weight < 0) {
    faults.add("weight", fmt::format("expected 0 or more, came {}", service.weight));
  }
  check_headers(faults.at("headers"), service.headers);
  if (service.timeouts) check_timeouts(faults.at("timeouts"), *service.timeouts);
  if (service.retry) check_retry(faults.at("retry"), *service.retry);
  if (service.proxy) check_proxy(faults.at("proxy"), *service.proxy);
  if (service.tls) check_tls(faults.at("tls"), *service.tls);
  for (std::size_t i = 0; i < service.credentials.size(); ++i) {
    check_credential(faults.at("credentials", i), service.credentials[i]);
  }
}

void check_bounds(const Faults& faults, const Bounds& bounds) {
  faults.at_least_one("max_body", bounds.max_body);
  faults.at_least_one("max_header", bounds.max_header);
  faults.at_least_one("max_event", bounds.max_event);
  faults.at_least_one("max_json_depth", bounds.max_json_depth);
  faults.at_least_one("max_buffered", bounds.max_buffered);
}

void fill_ids(RouterConfig& config) {
  std::map<std::string_view, std::size_t> places;
  for (ServiceConfig& service : config.services) {
    const std::size_t place = ++places[service.provider];
    if (service.id.empty() && !service.provider.empty()) service.id = fmt::format("{}-{}", service.provider, place);
    if (service.credentials.empty()) service.credentials.emplace_back();
    for (std::size_t i = 0; i < service.credentials.size(); ++i) {
      std::string& id = service.credentials[i].id;
      if (id.empty()) id = fmt::format("{}#{}", service.id, i + 1);
    }
  }
}

void check_ids(const Faults& faults, const RouterConfig& config) {
  std::map<std::string_view, std::size_t> services;
  std::map<std::string_view, std::string> credentials;
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    const ServiceConfig& service = config.services[i];
    if (service.id.empty()) continue;
    const Faults here = faults.at("services", i);
    const auto [first, is_new] = services.emplace(service.id, i);
    if (!is_new) {
      // One fault says it: the credentials' ids repeat only because the service's does.
      here.add("id", fmt::format("{} is the id of services[{}] too; expected an id of its own", quoted(service.id),
                                 first->second));
      continue;
    }
    for (std::size_t j = 0; j < service.credentials.size(); ++j) {
      const std::string path = fmt::format("services[{}].credentials[{}]", i, j);
      const auto [other, unique] = credentials.emplace(service.credentials[j].id, path);
      if (unique || service.credentials[j].id == service.credentials[j].api_key.reveal()) continue;
      here.at("credentials", j)
          .add("id", fmt::format("{} is the id of {} too; expected an id of its own", quoted(service.credentials[j].id),
                                 other->second));
    }
  }
}

}  // namespace

std::string_view host_of(std::string_view url) noexcept {
  std::string_view authority = authority_of(url);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? std::string_view{} : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

std::vector<ConfigFault> check(RouterConfig& config) {
  std::vector<ConfigFault> all;
  const Faults faults(all, {});
  if (config.services.empty()) faults.add("services", "expected at least one service, came none");
  for (std::size_t i = 0; i < config.services.size(); ++i) check_service(faults.at("services", i), config.services[i]);
  fill_ids(config);
  check_ids(faults, config);

  check_aliases(faults.at("model_redirect"), config.model_redirect);
  for (auto& [model, fallback] : config.fallbacks) {
    const Faults here = faults.at("fallbacks").at(model);
    check_names(here, "any", fallback.any);
    check_names(here, "context_length", fallback.context_length);
    check_names(here, "content_filter", fallback.content_filter);
  }
  faults.at("hedge").not_negative("delay", config.hedge.delay);
  if (!(config.hedge.max_share >= 0 && config.hedge.max_share <= 1))
    faults.at("hedge").add("max_share", fmt::format("expected 0 to 1, came {}", config.hedge.max_share));
  for (const auto& [tenant, share] : config.tenants) {
    if (!(share > 0 && std::isfinite(share)))
      faults.at("tenants").add(tenant, fmt::format("expected a number above 0, came {}", share));
  }
  check_timeouts(faults.at("timeouts"), config.timeouts);
  check_retry(faults.at("retry"), config.retry);
  if (config.circuit_breaker.enabled) {
    const Faults here = faults.at("circuit_breaker");
    here.at_least_one("failure_threshold", config.circuit_breaker.failure_threshold);
    here.not_negative("recovery_timeout", config.circuit_breaker.recovery_timeout);
    here.at_least_one("half_open_max_requests", config.circuit_breaker.half_open_max_requests);
  }
  check_proxy(faults.at("proxy"), config.proxy);
  check_tls(faults.at("tls"), config.tls);
  check_bounds(faults.at("bounds"), config.bounds);
  constexpr int kMostThreads = 64;
  if (config.loop_threads < 1 || config.loop_threads > kMostThreads) {
    faults.add("loop_threads", fmt::format("expected 1 to {}, came {}", kMostThreads, config.loop_threads));
  }
  for (const auto& [name, transport] : config.transports) {
    if (!transport) faults.at("transports").add(name, "expected a Transport, came a null pointer");
  }
  if (has_control(config.user_agent)) faults.add("user_agent", "holds a control character; expected none");

  if (all.empty()) advise(config);
  return all;
}

std::vector<std::string> complete(RouterConfig& config) {
  std::vector<std::string> lines;
  for (const ConfigFault& fault : check(config)) lines.push_back(fmt::format("{}: {}", fault.path, fault.text));
  return lines;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
