#include "pool/topology.hpp"

#include <algorithm>
#include <array>

#include "pool/pool_state.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Levels that nobody belongs to any more are kept, since what was counted there may be asked for again by the next
/// reload; so many at most.
constexpr std::size_t kMostOrphans = 1000;

/// New limits hold at once: what was sent in the last minute counts against them, dated by the end of its second.
void recall(Ledger& ledger, const std::vector<Credential*>& members, std::uint64_t since, TimePoint now) {
  if (now == TimePoint::min() || !ledger.has_new(since)) return;
  for (std::uint32_t age = 60; age-- > 0;) {
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
    for (const Credential* c : members) c->recent.collect(now, age, requests, tokens);
    const TimePoint second = std::chrono::floor<std::chrono::seconds>(now) - std::chrono::seconds(age);
    ledger.recall(since, std::min(now, second + std::chrono::seconds(1)), requests, tokens);
  }
}

/// Providers that refuse traffic which grows too fast, whatever the limits allow: Anthropic's acceleration limits
/// (https://docs.claude.com/en/api/rate-limits), DashScope's "limit_burst_rate"
/// (https://help.aliyun.com/model-studio/error-code), MiniMax's code 2045
/// (https://platform.minimaxi.com/document/error_codes).
bool limits_growth(std::string_view provider) noexcept {
  constexpr std::array<std::string_view, 5> kProviders = {"anthropic", "bailian", "claude", "dashscope", "minimax"};
  return std::find(kProviders.begin(), kProviders.end(), provider) != kProviders.end();
}

/// Host and port of a URL, in lower case. Empty for the provider's own.
std::string authority(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  std::string host(url.substr(0, url.find_first_of("/?#")));
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return host;
}

std::string home_of(const ServiceConfig& service, const CredentialConfig& credential) {
  return service.provider + '\n' + authority(credential.base_url.empty() ? service.base_url : credential.base_url);
}

bool same_key(const CredentialConfig& a, const CredentialConfig& b) noexcept {
  if (a.api_key.empty() && a.fields.empty()) return b.api_key.empty() && b.fields.empty() && a.id == b.id;
  return a.api_key == b.api_key && a.fields == b.fields;
}

std::uint64_t key_hash(const std::string& home, const CredentialConfig& credential) noexcept {
  std::uint64_t hash = stable_hash(home);
  hash = mix(hash ^ stable_hash(credential.api_key.reveal()));
  for (const auto& [name, value] : credential.fields) {
    hash = mix(hash ^ stable_hash(name));
    hash = mix(hash ^ stable_hash(value.reveal()));
  }
  if (credential.api_key.empty() && credential.fields.empty()) hash = mix(hash ^ stable_hash(credential.id));
  return hash;
}

/// The names under which a credential's models are sent upstream.
std::vector<std::string> sent_names(const ServiceConfig& service, const CredentialConfig& credential) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    names.push_back(name);
    if (const auto mapped = service.model_map.find(name); mapped != service.model_map.end()) {
      names.push_back(mapped->second);
    }
  };
  for (const std::string& model : credential.models) {
    add(model);
    if (const auto alias = service.model_redirect.find(model); alias != service.model_redirect.end()) {
      add(alias->second);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

Credential* PoolState::find(std::string_view id) const noexcept {
  const auto found = credentials_.find(id);
  return found == credentials_.end() ? nullptr : found->second.get();
}

Service* PoolState::find_service(std::string_view id) const noexcept {
  // Of few, the one that is meant is found sooner than its hash.
  constexpr std::size_t kFew = 4;
  if (order_.size() <= kFew) {
    for (Service* each : order_) {
      if (each->id == id) return each;
    }
  }
  const auto found = services_.find(id);
  return found == services_.end() ? nullptr : found->second.get();
}

void PoolState::align(Nanos wall_at_zero) {
  if (wall_at_zero == wall_at_zero_) return;
  wall_at_zero_ = wall_at_zero;
  for (auto& [zone, calendar] : calendars_) calendar->align(wall_at_zero);
  // Who sleeps until a day turns sleeps until another time now.
  for (auto& [id, c] : credentials_) wake(*c);
  for (auto& [id, service] : services_) ++service->changes;
}

Calendar* PoolState::calendar_of(const ServiceConfig& service) {
  DayZone zone = day_zone_of(service.provider);
  if (const auto option = service.options.find("day_zone"); option != service.options.end()) {
    zone = parse_day_zone(option->second).value_or(zone);
  }
  for (auto& [known, calendar] : calendars_) {
    if (known == zone) return calendar.get();
  }
  calendars_.emplace_back(zone, std::make_unique<Calendar>(zone));
  calendars_.back().second->align(wall_at_zero_);
  return calendars_.back().second.get();
}

Level* PoolState::level(Level::Kind kind, const std::string& name) {
  std::unique_ptr<Level>& slot = levels_[name];
  if (!slot) {
    slot = std::make_unique<Level>();
    slot->kind = kind;
    slot->label = name;
  }
  return slot.get();
}

Level* PoolState::key_of(const ServiceConfig& service, const std::shared_ptr<const CredentialConfig>& credential) {
  std::string home = home_of(service, *credential);
  const std::uint64_t hash = key_hash(home, *credential);
  const auto [begin, end] = keys_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (same_key(*it->second->identity, *credential)) return it->second.get();
  }
  auto made = std::make_unique<Level>();
  made->identity = credential;
  made->label = std::move(home);
  return keys_.emplace(hash, std::move(made))->second.get();
}

/// Puts a key below what it shares. Returns the level at which the credential's limits hold: the highest that it names.
Level* PoolState::link(Level& key, const ServiceConfig& config, const CredentialConfig& credential) {
  const std::string account = config.provider + '\n' + credential.account;
  Level* project = nullptr;
  Level* top = nullptr;
  if (!credential.project.empty()) {
    project = level(Level::Kind::project, "project\n" + account + '\n' + credential.project);
  }
  if (!credential.account.empty()) {
    top = level(Level::Kind::account, "account\n" + account);
  } else {
    top = level(Level::Kind::peers, "peers\n" + home_of(config, credential));
  }
  // Where the key is configured twice, the entry that says most of whose it is holds.
  const bool known = key.parent != nullptr && (key.parent->kind != Level::Kind::peers || credential.account.empty());
  if (!known) {
    key.parent = project != nullptr ? project : top;
    if (project != nullptr) project->parent = top;
  }
  if (project != nullptr) return project;
  return credential.account.empty() ? &key : top;
}

void PoolState::add_credential(Service& service, const ServiceConfig& config, const CredentialConfig& credential,
                               LimitsOf& limits) {
  std::unique_ptr<Credential>& slot = credentials_[credential.id];
  const bool fresh = slot == nullptr || slot->service != &service;
  if (!slot) {
    slot = std::make_unique<Credential>();
    slot->serial = static_cast<std::uint32_t>(by_serial_.size());
    slot->hash = stable_hash(credential.id);
    by_serial_.push_back(slot.get());
  }
  Credential& c = *slot;
  if (c.config && c.in_flight != 0) c.former.push_back(c.config);
  c.config = std::make_shared<const CredentialConfig>(credential);
  c.service = &service;
  c.removed = false;
  c.fresh = fresh;
  c.place = static_cast<std::uint32_t>(service.members.size());
  c.weight = credential.weight > 0 ? credential.weight : 1;
  service.members.push_back(&c);
  if (has_any(credential.limits)) {
    service.longest_wait = std::max(service.longest_wait, Nanos(bounded(credential.limits.timeout)));
  }

  Level* key = key_of(config, c.config);
  c.key = key;
  Calendar* calendar = calendar_of(config);
  Level* limited = link(*key, config, credential);
  for (Level* each = key; each != nullptr; each = each->parent) {
    each->calendar = calendar;
    each->rules = service.rules;
    each->members.push_back(&c);
    each->join(&service);
  }
  Level* const owned = credential.account.empty() ? key : key->top();
  owned->growth.limited = owned->kind != Level::Kind::peers && limits_growth(config.provider);
  LevelLimits& here = limits[limited];
  here.all.push_back(credential.limits);
  for (const auto& [name, of_name] : credential.model_limits) here.scoped[name].push_back(of_name);
}

void PoolState::configure(Level& level, const LevelLimits& limits) {
  if (level.members.empty()) return;  // kept as it is, in case its members come back
  level.ledger.configure(limits.all, *level.rules, next_number_);
  recall(level.ledger, level.members, next_number_, clock_);
  for (const auto& each : level.scoped) {
    if (limits.scoped.find(each->name) == limits.scoped.end()) each->ledger.configure({}, *level.rules, next_number_);
  }
  for (const auto& [name, of_name] : limits.scoped) {
    if (!std::any_of(of_name.begin(), of_name.end(), has_any)) continue;
    Scoped* scoped = scoped_for(level, name);
    if (scoped == nullptr) continue;
    scoped->ledger.configure(of_name, *level.rules, next_number_);
    recall(scoped->ledger, level.members, next_number_, clock_);
  }
}

void PoolState::arrange(Service& service, const ServiceConfig& config) {
  service.lanes.clear();
  service.asleep = {};
  service.awaiting = 0;
  for (Credential* c : service.members) {
    std::vector<std::string> models = sent_names(config, *c->config);
    const bool weighted = c->config->weight > 0;
    const auto same = std::find_if(service.lanes.begin(), service.lanes.end(), [&](const auto& lane) {
      return lane->weighted == weighted && lane->region == c->config->region && lane->models == models;
    });
    Lane* lane = nullptr;
    if (same != service.lanes.end()) {
      lane = same->get();
    } else {
      service.lanes.push_back(std::make_unique<Lane>());
      lane = service.lanes.back().get();
      lane->region = c->config->region;
      lane->models = std::move(models);
      lane->weighted = weighted;
    }
    c->wake_place = WakeQueue<Credential>::kAwake;
    c->ready_place = Lane::kNotReady;
    c->awaits_event = false;
    c->spare = std::any_of(c->key->members.begin(), c->key->members.end(), [&](const Credential* other) {
      return other != c && other->service == &service && other->place < c->place && other->lane == lane;
    });
    c->lane = c->spare ? nullptr : lane;
    if (c->spare) continue;
    c->leaf = static_cast<std::uint32_t>(lane->members.size());
    lane->members.push_back(c);
  }
  // Newcomers of one weight come in evenly, so that turns of different weights mingle.
  std::map<double, std::pair<double, double>> by_weight;
  for (const Credential* c : service.members) by_weight[c->weight].second += c->fresh ? 1 : 0;
  for (Credential* c : service.members) {
    if (c->fresh) {
      auto& [place, count] = by_weight[c->weight];
      c->turn = service.turn + (place + 0.5) / (count * c->weight);
      place += 1;
    }
    c->fresh = false;
    if (c->lane != nullptr) c->lane->set_ready(*c, true);
  }
}

void PoolState::bury_removed() {
  for (auto it = credentials_.begin(); it != credentials_.end();) {
    if (!it->second->removed) {
      ++it;
      continue;
    }
    it->second->lane = nullptr;
    by_serial_[it->second->serial] = nullptr;
    if (it->second->in_flight != 0) buried_.push_back(std::move(it->second));
    it = credentials_.erase(it);
  }
  for (auto it = services_.begin(); it != services_.end();) {
    if (!it->second->removed) {
      ++it;
      continue;
    }
    it->second->members.clear();
    it->second->lanes.clear();
    it->second->asleep = {};
    if (it->second->level.in_flight != 0) buried_services_.push_back(std::move(it->second));
    it = services_.erase(it);
  }
  std::erase_if(buried_services_, [](const auto& service) { return service->level.in_flight == 0; });
  std::erase_if(buried_, [](const auto& c) { return c->in_flight == 0; });
}

void PoolState::drop_orphans() {
  const auto orphan = [](const Level& level) { return level.members.empty() && level.in_flight == 0; };
  std::size_t orphans = 0;
  for (const auto& [hash, key] : keys_) orphans += orphan(*key) ? 1 : 0;
  for (const auto& [name, shared] : levels_) orphans += orphan(*shared) ? 1 : 0;
  if (orphans <= kMostOrphans) return;
  std::erase_if(keys_, [&](const auto& each) { return orphan(*each.second); });
  std::erase_if(levels_, [&](const auto& each) { return orphan(*each.second); });
}

void PoolState::build(const std::vector<ServiceConfig>& services, const RetryPolicy& retry, std::string region) {
  ++builds_;
  region_ = std::move(region);
  for (auto& [id, c] : credentials_) c->removed = true;
  const auto reset = [](Level& level) {
    level.members.clear();
    level.services.clear();
    level.streak.clear();
    level.parent = nullptr;
    level.kept_for = 0;
    level.stated_organization.clear();
    level.stated_project.clear();
  };
  stated_owners_.clear();
  order_.clear();
  for (auto& [hash, key] : keys_) reset(*key);
  for (auto& [name, shared] : levels_) reset(*shared);
  for (auto& [id, service] : services_) {
    service->removed = true;
    service->members.clear();
    service->evidence.cases.clear();
    service->level.kept_for = 0;
  }
  LimitsOf limits;
  for (const ServiceConfig& config : services) {
    if (!config.enabled) continue;
    std::unique_ptr<Service>& slot = services_[config.id];
    if (!slot) {
      slot = std::make_unique<Service>();
      slot->id = config.id;
    }
    Service& service = *slot;
    service.removed = false;
    service.rotation = config.rotation;
    service.affinity_wait = bounded(config.affinity_wait);
    service.policy = config.retry.value_or(retry);
    service.provider = config.provider;
    service.rules = &rules_of(config);
    service.charging = config.charging.value_or(service.rules->charging);
    service.limit_groups = {config.limit_groups.begin(), config.limit_groups.end()};
    service.mixed = false;
    service.asleep_for.clear();
    service.level.calendar = calendar_of(config);
    service.level.rules = service.rules;
    service.level.ledger.configure({&config.limits, 1}, *service.rules, next_number_);
    service.longest_wait = service.level.ledger.timeout();
    for (const CredentialConfig& credential : config.credentials) {
      if (credential.enabled) add_credential(service, config, credential, limits);
    }
    recall(service.level.ledger, service.members, next_number_, clock_);
  }
  for (const auto& [hash, key] : keys_) configure(*key, limits[key.get()]);
  for (const auto& [name, shared] : levels_) configure(*shared, limits[shared.get()]);
  bury_removed();
  for (const ServiceConfig& config : services) {
    if (Service* service = find_service(config.id); service != nullptr && config.enabled) arrange(*service, config);
  }
  for (const ServiceConfig& config : services) {
    if (Service* service = find_service(config.id); service != nullptr && config.enabled) order_.push_back(service);
  }
  drop_orphans();
  if (sharing) sharing->attach(*this);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
