#include "pool/lane.hpp"

#include <algorithm>
#include <cmath>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// A peak of latency is forgotten with this time constant.
constexpr double kForgetNs = 10e9;

Tournament::Score score_of(const Credential& c, Order which) noexcept {
  const double flying = static_cast<double>(c.in_flight) + 1;
  switch (which) {
    case Order::turn:
      return {c.turn, c.picked};
    case Order::first:
      return {static_cast<double>(c.place), 0};
    case Order::busy:
      return {flying / c.weight, c.picked};
    case Order::latency: {
      // Whoever is not known yet is tried first, by one call at a time.
      if (c.latency <= 0) return {c.in_flight == 0 ? -1e18 : 1e18 + flying, c.picked};
      // All forget at the same pace, so what they are compared by does not change while nothing happens.
      const double age = static_cast<double>(c.latency_at.time_since_epoch().count()) / kForgetNs;
      return {std::log(c.latency * flying / c.weight) + age, c.picked};
    }
  }
  return {};
}

}  // namespace

bool Lane::lists(std::string_view model) const noexcept {
  return std::binary_search(models.begin(), models.end(), model);
}

void Lane::set_ready(Credential& c, bool now_ready) {
  if (is_ready(c) == now_ready) return;
  if (now_ready) {
    c.ready_place = static_cast<std::uint32_t>(ready.size());
    ready.push_back(&c);
  } else {
    Credential* last = ready.back();
    ready[c.ready_place] = last;
    last->ready_place = c.ready_place;
    ready.pop_back();
    c.ready_place = kNotReady;
  }
  refresh(c);
}

Tournament& Lane::make(Order which) {
  std::unique_ptr<Tournament>& slot = orders[static_cast<std::size_t>(which)];
  slot = std::make_unique<Tournament>(members.size());
  for (const Credential* c : ready) slot->set(c->leaf, score_of(*c, which));
  return *slot;
}

Lottery& Lane::lottery() {
  if (!lots) {
    lots = std::make_unique<Lottery>(members.size());
    for (const Credential* c : ready) lots->set(c->leaf, c->weight);
  }
  return *lots;
}

const Affinity& Lane::affinity() {
  if (!homes) homes = std::make_unique<Affinity>(members);
  return *homes;
}

void Lane::refresh(const Credential& c) noexcept {
  for (std::size_t i = 0; i < kOrders; ++i) {
    if (orders[i]) refresh(c, static_cast<Order>(i));
  }
  if (lots) lots->set(c.leaf, is_ready(c) ? c.weight : 0);
}

void Lane::refresh(const Credential& c, Order which) noexcept {
  Tournament& tournament = *orders[static_cast<std::size_t>(which)];
  tournament.set(c.leaf, is_ready(c) ? score_of(c, which) : Tournament::Score{});
}

void Lane::hide(const Credential& c, Order which) noexcept {
  orders[static_cast<std::size_t>(which)]->set(c.leaf, Tournament::Score{});
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
