#include "pool/choice.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

/// Who of those that are ready is lent: by an order kept for it, by headroom, or by session.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kScan = 32;   ///< up to so many ready, all are compared
constexpr std::size_t kSample = 6;  ///< else so many of them
constexpr int kHomes = 8;           ///< so many are a session's own, one after the other
constexpr int kTiers = 4;           ///< of region and weight
constexpr int kTries = 8;           ///< so many in a row have no room: scarcity

Order order_of(Rotation rotation) noexcept {
  switch (rotation) {
    case Rotation::first:
      return Order::first;
    case Rotation::least_busy:
      return Order::busy;
    case Rotation::lowest_latency:
      return Order::latency;
    case Rotation::round_robin:
    case Rotation::random:
    case Rotation::hash:
    case Rotation::least_used:
    case Rotation::lowest_cost:
      break;
  }
  return Order::turn;
}

}  // namespace

Credential* PoolState::choose(Choice& choice, const std::vector<Lane*>& lanes, Order order) {
  for (int tried = 0; tried < kTries; ++tried) {
    Credential* best = nullptr;
    Tournament::Score score;
    for (Lane* lane : lanes) {
      const Tournament& tournament = lane->order(order);
      const std::uint32_t leaf = tournament.best();
      if (leaf == Tournament::kNobody) continue;
      if (best == nullptr || tournament.score(leaf) < score) {
        best = lane->members[leaf];
        score = tournament.score(leaf);
      }
    }
    if (best == nullptr || fits(choice, *best)) return best;
    pass_over(*best, order);
  }
  ranked_.clear();
  for (Lane* lane : lanes) {
    const Tournament& tournament = lane->order(order);
    for (Credential* c : lane->ready) ranked_.emplace_back(tournament.score(c->leaf), c);
  }
  return best_with_room(choice);
}

/// By lot among those that are ready.
Credential* PoolState::draw(Choice& choice, const std::vector<Lane*>& lanes) {
  for (int tried = 0; tried < kTries; ++tried) {
    double total = 0;
    for (Lane* lane : lanes) total += lane->lottery().total();
    if (total <= 0) return nullptr;
    double at = random_.uniform() * total;
    Lane* drawn = nullptr;
    for (Lane* lane : lanes) {
      const double its = lane->lottery().total();
      if (its <= 0) continue;
      drawn = lane;
      if (at < its) break;
      at -= its;
    }
    Credential& c = *drawn->members[drawn->lottery().draw(at)];
    if (fits(choice, c)) return &c;
    if (!Lane::is_ready(c)) continue;
    drawn->lottery().set(c.leaf, 0);
    hidden_.push_back(&c);
  }
  ranked_.clear();
  for (Lane* lane : lanes) {
    for (Credential* c : lane->ready) {
      // The least of such dates is each one's as often as its weight says.
      const double weight = lane->lottery().weight(c->leaf);
      if (weight > 0) ranked_.emplace_back(Tournament::Score{.score = -std::log(random_.uniform()) / weight}, c);
    }
  }
  return best_with_room(choice);
}

Credential* PoolState::furthest_from_quota(const std::vector<Credential*>& of, const Asking& asking) {
  Credential* best = nullptr;
  double most = 0;
  double fewest = 0;
  // Most have what is above their keys in common.
  Level* above = nullptr;
  double left_above = 1;
  for (Credential* c : of) {
    if (c->key->parent != above) {
      above = c->key->parent;
      left_above = headroom(above, asking);
    }
    const double room = std::min(headroom_at(*c->key, asking), left_above);
    // Of equals, the one with the fewest in flight; then the one that has waited longest.
    if (best != nullptr && room < most) continue;
    const double busy = c->in_flight / c->weight;
    const bool equal = best != nullptr && room <= most;
    if (equal && std::tie(busy, c->picked) >= std::tie(fewest, best->picked)) continue;
    best = c;
    most = room;
    fewest = busy;
  }
  return best;
}

Credential* PoolState::choose_sampled(Choice& choice, const std::vector<Lane*>& lanes) {
  std::size_t ready = 0;
  for (const Lane* lane : lanes) ready += lane->ready.size();
  sample_.clear();
  if (ready <= kScan) {
    for (const Lane* lane : lanes) sample_.insert(sample_.end(), lane->ready.begin(), lane->ready.end());
  } else {
    for (std::size_t i = 0; i < kSample; ++i) {
      std::uint64_t at = random_.below(ready);
      for (const Lane* lane : lanes) {
        if (at < lane->ready.size()) {
          sample_.push_back(lane->ready[at]);
          break;
        }
        at -= lane->ready.size();
      }
    }
  }
  Credential* best = furthest_from_quota(sample_, choice.asking);
  if (best != nullptr && !fits(choice, *best)) {
    std::erase_if(sample_, [&](Credential* c) { return !Lane::is_ready(*c) || !fits(choice, *c); });
    best = furthest_from_quota(sample_, choice.asking);
  }
  if (best != nullptr || ready <= kScan) return best;
  return choose(choice, lanes, Order::turn);
}

/// Nobody chooses it again in this search.
void PoolState::pass_over(Credential& c, Order order) {
  if (!Lane::is_ready(c)) return;
  (void)c.lane->order(order);
  c.lane->hide(c, order);
  hidden_.push_back(&c);
}

Credential* PoolState::own_of(const std::vector<Lane*>& lanes, std::uint64_t session) {
  if (lanes.size() == 1) return lanes.front()->affinity().own(session);
  Lane* nearest = nullptr;
  double least = 0;
  for (Lane* lane : lanes) {
    const std::uint64_t place = lane->affinity().place();
    const double distance = -std::log(unit(mix(session ^ place))) / lane->affinity().weight();
    if (nearest != nullptr && distance >= least) continue;
    nearest = lane;
    least = distance;
  }
  return nearest->affinity().own(session);
}

/// The session's own; while that has no room, the next one that would be, so that it stays with that meanwhile.
Credential* PoolState::choose_sticky(Choice& choice, const std::vector<Lane*>& lanes) {
  std::uint64_t session = stable_hash(choice.demand.session);
  for (int i = 0; i < kHomes; ++i) {
    Credential& c = *own_of(lanes, session);
    session = mix(session);
    if (Lane::is_ready(c)) {
      if (fits(choice, c)) return &c;
      pass_over(c, Order::turn);
    }
    if (i == 0 && waits_for(choice, c)) return nullptr;
  }
  return choose(choice, lanes, Order::turn);
}

/// Whether the session's own credential, which has no room now, is worth the wait: then `refusal` says until when.
bool PoolState::waits_for(Choice& choice, Credential& own) {
  if (choice.now >= choice.own_until || is_excluded(own)) return false;
  const Block block = obstacle(own, choice.asking);
  if (!block || block.why == Block::Why::too_big) return false;
  const bool frees = block.why == Block::Why::concurrency;
  if (!frees && (block.needs_event || block.at > choice.own_until)) return false;
  Refusal& refusal = choice.refusal;
  refusal.too_big = false;
  refusal.for_own = true;
  refusal.by_event = frees;
  refusal.at = frees ? choice.own_until : block.at;
  refusal.first = &own;
  refusal.block = block;
  return true;
}

/// How far the furthest from its quota is, of those that are ready.
double PoolState::headroom(const Demand& demand, TimePoint now) {
  Service* service = find_service(demand.service);
  constexpr double kNone = -1e9;
  if (service == nullptr) return kNone;
  wake_due(*service, now);
  const Asking asking = asking_of(demand, *service, now, 0);
  double most = kNone;
  for (const auto& lane : service->lanes) {
    if (!lane->serves(demand.model)) continue;
    const std::size_t step = std::max<std::size_t>(lane->ready.size() / kSample, 1);
    for (std::size_t i = 0; i < lane->ready.size(); i += step) {
      most = std::max(most, headroom(lane->ready[i]->key, asking));
    }
  }
  return std::min(most, headroom(&service->level, asking));
}

double PoolState::headroom_at(Level& level, const Asking& asking) {
  double room = level.ledger.headroom(asking.charge, level.in_flight, asking.now, *level.calendar);
  for (const auto& each : level.scoped) {
    if (!asking.model.is(each->name)) continue;
    room = std::min(room, each->ledger.headroom(asking.charge, each->in_flight, asking.now, *level.calendar));
  }
  return room;
}

/// At the tightest of the levels from this one up.
double PoolState::headroom(Level* from, const Asking& asking) {
  double room = 1;
  for (Level* level = from; level != nullptr; level = level->parent) room = std::min(room, headroom_at(*level, asking));
  return room;
}

/// Preferred region before others; those without weight last.
void PoolState::find_lanes(const Service& service, std::string_view model, std::string_view region, int tier) {
  lanes_.clear();
  for (const auto& lane : service.lanes) {
    const int its = (lane->weighted ? 0 : 2) + (region.empty() || lane->region == region ? 0 : 1);
    if (its == tier && lane->serves(model)) lanes_.push_back(lane.get());
  }
}

Credential* PoolState::choose_in(Choice& choice, Rotation rotation, std::string_view region) {
  for (int tier = 0; tier < kTiers; ++tier) {
    find_lanes(choice.service, choice.demand.model, region, tier);
    if (lanes_.empty()) continue;
    Credential* found = nullptr;
    if (rotation == Rotation::random) {
      found = draw(choice, lanes_);
    } else if (rotation == Rotation::least_used) {
      found = choose_sampled(choice, lanes_);
    } else if (rotation == Rotation::hash && !choice.demand.session.empty()) {
      found = choose_sticky(choice, lanes_);
    } else {
      found = choose(choice, lanes_, order_of(rotation));
    }
    if (found != nullptr || choice.refusal.for_own) return found;
  }
  return nullptr;
}

const Credential* PoolState::own_to_wait_for(const Demand& demand) {
  const Service* service = find_service(demand.service);
  if (service == nullptr || service->affinity_wait == Nanos(0) || demand.session.empty()) return nullptr;
  if (demand.rotation.value_or(service->rotation) != Rotation::hash) return nullptr;
  for (int tier = 0; tier < kTiers; ++tier) {
    find_lanes(*service, demand.model, demand.region.empty() ? std::string_view(region_) : demand.region, tier);
    if (!lanes_.empty()) return own_of(lanes_, stable_hash(demand.session));
  }
  return nullptr;
}

const Credential* PoolState::next_to_lend(const Demand& demand, TimePoint now, Refusal& refusal) {
  Service* service = find_service(demand.service);
  if (service == nullptr || service->members.empty()) return nullptr;
  Choice choice(*this, demand, *service, now, 0, refusal);
  wake_due(*service, now);
  if (!service->asleep_for.empty()) wake_for_other_model(*service, demand.model);
  choice.asking.only_model = !service->mixed;
  exclude(demand);
  Block whole;
  check(service->level, choice.asking, whole, nullptr);
  if (whole) {
    refusal.consider(*service->members.front(), whole);
    return nullptr;
  }
  const Order order = order_of(demand.rotation.value_or(service->rotation));
  const std::string_view region = demand.region.empty() ? std::string_view(region_) : demand.region;
  const Credential* best = nullptr;
  std::pair<int, Tournament::Score> rank;
  for (const auto& lane : service->lanes) {
    if (!lane->serves(demand.model)) continue;
    const int tier = (lane->weighted ? 0 : 2) + (region.empty() || lane->region == region ? 0 : 1);
    const Tournament& tournament = lane->order(order);
    for (Credential* c : lane->ready) {
      const std::pair its(tier, tournament.score(c->leaf));
      if (best != nullptr && !(its < rank)) continue;
      const Block block = obstacle(*c, choice.asking);
      if (block) {
        refusal.consider(*c, block);
      } else {
        best = c;
        rank = its;
      }
    }
  }
  if (best == nullptr) best = look_at_sleepers(choice);
  return best;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
