#include "pool/news.hpp"

#include <algorithm>
#include <utility>

#include "pool/level_name.hpp"
#include "pool/pool_state.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

CredentialState state_of(const Rest& rest) noexcept {
  if (rest.probing()) return CredentialState::probing;
  switch (rest.kind()) {
    case Rest::Kind::none:
      return CredentialState::active;
    case Rest::Kind::cooling:
    case Rest::Kind::aside:
      return CredentialState::cooling_down;
    case Rest::Kind::exhausted:
      return CredentialState::exhausted;
    case Rest::Kind::dead:
    case Rest::Kind::switched_off:
      return CredentialState::disabled;
  }
  return CredentialState::active;
}

}  // namespace

void PoolState::note(const Credential& c, const Level& level, const Rest& rest, std::string_view model, TimePoint now) {
  if (!watcher) return;
  PoolNews news{.service = c.service->id,
                .credential = c.config->id,
                .state = state_of(rest),
                .level = std::string(name_of(level.kind)),
                .model = std::string(model)};
  if (news.state != CredentialState::active) {
    news.reason = rest.words();
    if (const Block block = rest.check(now)) {
      news.available_in = block.at == kNever || block.needs_event
                              ? std::chrono::milliseconds::max()
                              : std::chrono::ceil<std::chrono::milliseconds>(block.at - now);
    }
  }
  news_.push_back(std::move(news));
  pending_.store(true, std::memory_order_relaxed);
}

void PoolState::note_joined(const Credential& c, const Level& joint, std::string_view owner) {
  if (!watcher) return;
  const auto other = std::find_if(joint.members.begin(), joint.members.end(),
                                  [&](const Credential* each) { return each->key != c.key; });
  if (other == joint.members.end()) return;
  news_.push_back({.service = c.service->id,
                   .credential = c.config->id,
                   .level = std::string(name_of(joint.kind)),
                   .with = (*other)->config->id,
                   .owner = std::string(owner)});
  pending_.store(true, std::memory_order_relaxed);
}

void PoolState::note_limit(const Credential& c, const Level& level, std::string_view group, const Gauge& gauge) {
  if (!watcher) return;
  news_.push_back({.service = c.service->id,
                   .credential = c.config->id,
                   .level = std::string(name_of(level.kind)),
                   .model = std::string(group),
                   .limit = gauge.name(),
                   .value = gauge.known_limit(),
                   .found = gauge.known_limit() < gauge.limit});
  pending_.store(true, std::memory_order_relaxed);
}

void PoolAccess::watch(CredentialPool& pool, PoolWatcher watcher) { pool.state_->watcher = std::move(watcher); }

void PoolState::publish() {
  if (!watcher || !pending_.load(std::memory_order_relaxed)) return;
  std::vector<PoolNews> news;
  {
    const std::lock_guard lock(mutex);
    news.swap(news_);
    pending_.store(false, std::memory_order_relaxed);
  }
  for (const PoolNews& each : news) watcher(each);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
