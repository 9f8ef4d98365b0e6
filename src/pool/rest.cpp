#include "pool/rest.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr Nanos kProbeEvery = std::chrono::hours(1);
constexpr Nanos kDeadRest = std::chrono::hours(1);
constexpr Nanos kLongestDeadRest = std::chrono::hours(24);
constexpr std::size_t kMostWords = 300;

/// first, 2 first, 4 first, … up to `most`.
Nanos doubled(Nanos first, int times, Nanos most) noexcept {
  for (int i = 0; i < times && first < most; ++i) first *= 2;
  return std::min(first, most);
}

}  // namespace

Block Rest::check(TimePoint now) const noexcept {
  if (kind_ == Kind::none || over(now)) return {};
  Block block{.why = Block::Why::cooling, .at = until_};
  block.stated = stated_;
  block.status = status_;
  switch (kind_) {
    case Kind::switched_off:
      block.why = Block::Why::switched_off;
      block.at = kNever;
      block.everyone = kNever;
      return block;
    case Kind::dead:
      block.why = Block::Why::dead;
      break;
    case Kind::exhausted:
      block.why = Block::Why::exhausted;
      break;
    case Kind::aside:
      block.why = Block::Why::aside;
      break;
    case Kind::cooling:
    case Kind::none:
      break;
  }
  if (probed_) {
    if (probe_ != 0) {
      block.at = now;
      block.everyone = kNever;
      block.needs_event = true;
      return block;
    }
    if (now >= probe_at_) return {};
    block.at = probe_at_;
  }
  block.everyone = block.at;
  return block;
}

void Rest::start(std::uint64_t lease, TimePoint now) noexcept {
  if (kind_ == Kind::none || over(now)) return;
  if (probed_ && probe_ == 0) probe_ = lease;
}

void Rest::fail(const News& news, const RetryPolicy& policy, TimePoint now) {
  const bool was_probe = probe_ != 0 && probe_ == news.lease;
  if (was_probe) probe_ = 0;
  if (kind_ == Kind::switched_off) return;
  // An attempt lent before this rest began tells nothing new of how deep it is.
  const bool fresh = kind_ == Kind::none || news.lease >= since_;
  if (fresh) ++strikes_;

  const Nanos cooldown = std::max<Nanos>(bounded(policy.cooldown), std::chrono::milliseconds(1));
  const Nanos most = std::max<Nanos>(bounded(policy.max_cooldown), cooldown);
  TimePoint until{};
  bool stated = news.stated > Nanos(0);
  bool probed = false;
  bool by_probe = false;
  switch (news.kind) {
    case Kind::cooling:
      until = later(now, stated ? news.stated : doubled(cooldown, strikes_ - 1, most));
      probed = stated && news.stated > kProbeEvery;
      break;
    case Kind::aside:
      until = later(now, stated ? news.stated : most);
      by_probe = true;
      break;
    case Kind::exhausted:
      // A short time stated beside a day's quota is not the quota's: rest so long once, then believe in the day. But
      // it may be what is left of a time stated before.
      if (stated && (news.stated >= kProbeEvery || strikes_ <= 1 || (stated_ && later(now, news.stated) <= until_))) {
        until = later(now, news.stated);
        by_probe = news.stated < kProbeEvery;
      } else {
        until = std::max(news.turn, later(now, std::min(kProbeEvery, news.stated)));
        stated = false;
        by_probe = true;
      }
      probed = true;
      break;
    case Kind::dead:
      until = later(now, doubled(kDeadRest, strikes_ - 1, kLongestDeadRest));
      stated = false;
      by_probe = true;
      break;
    case Kind::switched_off:
    case Kind::none:
      return;
  }

  if (news.kind >= kind_ || over(now)) {
    kind_ = news.kind;
    status_ = news.status;
    words_.assign(news.words.substr(0, kMostWords));
    by_probe_ = by_probe || (by_probe_ && !over(now));
    probed_ = probed || by_probe;
  }
  if (until >= until_) stated_ = stated;
  // Who was lent before the last word of it knows nothing of a better one.
  if (fresh || until > until_) since_ = news.next;
  until_ = std::max(until_, until);
  probe_at_ = std::min(until_, later(now, kProbeEvery));
  if (kind_ == Kind::aside || kind_ == Kind::dead) probe_at_ = until_;
}

bool Rest::succeed(std::uint64_t lease) noexcept {
  const bool probe = probe_ != 0 && probe_ == lease;
  if (kind_ == Kind::none || kind_ == Kind::switched_off || (lease < since_ && !probe)) return false;
  clear();
  return true;
}

bool Rest::release(std::uint64_t lease, Nanos pause, TimePoint now) noexcept {
  if (probe_ == 0 || probe_ != lease) return false;
  probe_ = 0;
  probe_at_ = later(now, pause);
  return true;
}

void Rest::switch_off(std::string_view words) {
  clear();
  kind_ = Kind::switched_off;
  words_.assign(words.substr(0, kMostWords));
  until_ = kNever;
}

Rest::Saved Rest::save() const {
  return {.kind = kind_,
          .stated = stated_,
          .by_probe = by_probe_,
          .probed = probed_,
          .strikes = strikes_,
          .status = status_,
          .until = until_,
          .words = words_};
}

void Rest::adopt(const Saved& saved, std::uint64_t next, TimePoint now) {
  clear();
  if (saved.kind == Kind::none) return;
  kind_ = saved.kind;
  stated_ = saved.stated;
  by_probe_ = saved.by_probe;
  probed_ = saved.probed;
  strikes_ = saved.strikes;
  status_ = saved.status;
  since_ = next;
  until_ = saved.until;
  probe_at_ = std::min(until_, later(now, kProbeEvery));
  if (kind_ == Kind::aside || kind_ == Kind::dead) probe_at_ = until_;
  words_.assign(saved.words, 0, kMostWords);
}

void Rest::revive() noexcept {
  if (kind_ == Kind::dead) clear();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
