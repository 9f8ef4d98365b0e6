#include "quota/ticket_log.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Who has not asked for so long leaves its share to the others.
constexpr Micros kForgetAsker = 2'000'000;
/// Who saves up must ask again within this.
constexpr Micros kClaim = 2'000'000;

/// Goes through the times at which more room comes, from the first on.
class Room {
 public:
  Room(const std::vector<TicketLog::Entry>& entries, const WindowAsk& ask, Micros first)
      : entries_(entries), count_(entries.size()), ask_(ask), at_(first) {
    for (const auto& each : entries_) sum_ += each.amount;
    leave();
  }

  /// When `amount` more has room; takes it. False, and next(): not before the horizon.
  [[nodiscard]] bool take(std::int64_t amount, Micros horizon) {
    while (sum_ + amount > ask_.limit) {
      if (gone_ == count_) return false;
      const Micros freed = entries_[gone_].until + ask_.window.count();
      if (freed > horizon) {
        next_ = freed;
        return false;
      }
      at_ = std::max(at_, freed);
      leave();
    }
    if (at_ > horizon) {
      next_ = at_;
      return false;
    }
    sum_ += amount;
    return true;
  }
  [[nodiscard]] Micros at() const noexcept { return at_; }
  [[nodiscard]] Micros next() const noexcept { return next_; }

 private:
  void leave() {
    while (gone_ != count_ && entries_[gone_].until + ask_.window.count() <= at_) sum_ -= entries_[gone_++].amount;
  }

  const std::vector<TicketLog::Entry>& entries_;
  std::size_t count_;  ///< what is given meanwhile leaves only after the horizon
  const WindowAsk& ask_;
  Micros at_;
  Micros next_ = 0;
  std::int64_t sum_ = 0;
  std::size_t gone_ = 0;
};

}  // namespace

void TicketLog::settle(const WindowAsk& ask, const StoreMoment& moment) {
  for (const QuotaUse& use : ask.used) {
    const Entry sent{.id = use.id, .until = use.at.count(), .amount = use.amount, .owner = {}};
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const Entry& each) { return use.id != 0 && each.id == use.id; });
    // A process that was stopped for a while may have used a ticket long after it lapsed.
    if (found == entries.end()) {
      if (use.amount > 0) entries.push_back(sent);
    } else if (use.amount > 0) {
      *found = sent;
    } else {
      entries.erase(found);
    }
  }
  std::erase_if(entries, [&](const Entry& each) { return each.until + ask.window.count() <= moment.now; });
}

void TicketLog::renew(const std::vector<std::uint64_t>& ids, const WindowAsk& ask, const StoreMoment& moment,
                      WindowGrant& grant) {
  // No ticket begins after now + horizon, so none was given that counts on this one having left by then: the window is
  // longer than horizon and lapse together.
  for (const std::uint64_t id : ids) {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.id == id; });
    if (found == entries.end() || found->owner.empty() || found->until < moment.now) continue;
    found->until = std::max(found->until, moment.now + ask.lapse.count());
    grant.renewed.push_back({.id = id, .until = StoreTime(found->until), .amount = found->amount});
  }
}

/// A request that needs more than others leave it would never get it all at once. So who lacks most of one claims the
/// window; the others wait until it has what it needs, or asks no more.
bool TicketLog::claimed_by_another(const WindowAsk& ask, const StoreMoment& moment) {
  if (claim_until <= moment.now) claimant.clear();
  if (!claimant.empty() && claimant != moment.process) return true;
  if (ask.least > ask.held) {
    claimant = moment.process;
    claim_until = moment.now + kClaim;
  } else {
    claimant.clear();
  }
  return false;
}

/// Of what is to be had, each that asked lately may have an equal part in hand; what others do not want is its too.
std::int64_t TicketLog::share(const WindowAsk& ask, const StoreMoment& moment) const {
  if (askers.size() <= 1 || claimant == moment.process) return ask.want;
  std::int64_t open = 0;
  std::int64_t mine = 0;
  for (const Entry& each : entries) {
    if (each.owner.empty() || each.until < moment.now) continue;
    open += each.amount;
    if (each.owner == moment.process) mine += each.amount;
  }
  const Micros horizon = moment.now + ask.horizon.count();
  const auto others = static_cast<std::int64_t>(askers.size());
  Room room(entries, ask, std::max({moment.now, last_from, begins}));
  std::int64_t free = 0;
  while (free < ask.want * others && room.take(ask.each, horizon)) free += ask.each;
  const std::int64_t part = (open + free + others - 1) / others - mine;
  return std::min(ask.want, std::max(part, mine == 0 ? ask.each : 0));
}

void TicketLog::give(const WindowAsk& ask, const StoreMoment& moment, std::int64_t most, WindowGrant& grant) {
  const Micros horizon = moment.now + ask.horizon.count();
  std::vector<Entry> given;
  Room room(entries, ask, std::max({moment.now, last_from, begins}));
  std::int64_t sum = 0;
  Micros next = 0;
  while (sum < most) {
    const std::int64_t amount = std::min(ask.each, most - sum);
    if (!room.take(amount, horizon)) {
      next = room.next();
      if (next == 0 && !given.empty()) next = given.front().until + ask.window.count();
      break;
    }
    sum += amount;
    last_from = room.at();
    const Micros until = room.at() + ask.lapse.count();
    given.push_back({.id = ++last_id, .until = until, .amount = amount, .owner = std::string(moment.process)});
    grant.tickets.push_back({.id = last_id, .from = StoreTime(room.at()), .until = StoreTime(until), .amount = amount});
  }
  if (sum < ask.want) grant.next = StoreTime(std::max(next, moment.now + ask.horizon.count() / 4));
  if (claimant == moment.process && ask.held + sum >= ask.least) claimant.clear();
  entries.insert(entries.end(), given.begin(), given.end());
}

WindowGrant TicketLog::exchange(const WindowAsk& ask, const StoreMoment& moment) {
  const auto by_end = [](const Entry& a, const Entry& b) { return a.until < b.until; };
  if (epoch != moment.epoch) {
    *this = {};
    epoch = moment.epoch;
    if (moment.unknown_before != 0) {
      begins = moment.unknown_before + kNoticeLoss + (ask.window + ask.lapse + ask.horizon).count();
    }
  }
  WindowGrant grant;
  settle(ask, moment);
  if (ask.want > 0) askers[std::string(moment.process)] = moment.now;
  std::erase_if(askers, [&](const auto& each) { return each.second + kForgetAsker <= moment.now; });
  const bool claimed = claimed_by_another(ask, moment);
  renew(ask.renew, ask, moment, grant);
  if (!claimed) renew(ask.save, ask, moment, grant);
  std::sort(entries.begin(), entries.end(), by_end);
  if (ask.want > 0) {
    give(ask, moment, claimed ? 0 : share(ask, moment), grant);
    std::sort(entries.begin(), entries.end(), by_end);
  }
  return grant;
}

Micros TicketLog::ends(Micros window) const noexcept {
  const Micros last = entries.empty() ? last_from : std::max(last_from, entries.back().until);
  return std::max(last, begins) + window;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
