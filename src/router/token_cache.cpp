#include "router/token_cache.hpp"

#include <algorithm>
#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// Renewed this long before its end, or after nine tenths of a short life: a request that is under way must not meet it.
TimePoint renewal(std::chrono::seconds lifetime, TimePoint now) {
  const auto margin = std::min<std::chrono::seconds>(std::chrono::minutes(5), lifetime / 10);
  return now + (lifetime - margin);
}

}  // namespace

TokenCache::Answer TokenCache::ask(std::string_view credential, TimePoint now, Secret& token, Wake wake) {
  const std::lock_guard lock(mutex_);
  auto it = entries_.find(credential);
  if (it == entries_.end()) it = entries_.emplace(std::string(credential), Entry{}).first;
  Entry& entry = it->second;
  if (!entry.value.empty() && now < entry.renew_at) {
    token = entry.value;
    return Answer::token;
  }
  if (entry.fetching) {
    entry.waiting.push_back(std::move(wake));
    return Answer::wait;
  }
  entry.fetching = true;
  return Answer::fetch;
}

void TokenCache::done(std::string_view credential, std::optional<Token> token, TimePoint now,
                      const std::optional<Failure>& failure) {
  std::vector<Wake> woken;
  {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(credential);
    if (it == entries_.end()) return;
    Entry& entry = it->second;
    entry.fetching = false;
    if (token) {
      entry.value = std::move(token->value);
      entry.renew_at = renewal(token->lifetime, now);
    }
    woken.swap(entry.waiting);
  }
  for (const Wake& wake : woken) wake(failure);
}

void TokenCache::drop(std::string_view credential, const Secret& token) {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(credential);
  if (it != entries_.end() && it->second.value == token) it->second.value = Secret();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
