#include <algorithm>
#include <memory>
#include <utility>

#include "pool/choice.hpp"
#include "pool/random.hpp"

/// A search in which one after the other has no room: to ask each of a thousand keys costs more than a call may. Who
/// was asked the like before is believed, until its time or until something changes there.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

Setbacks::Wish wish_of(const Asking& asking, const Demand& demand) noexcept {
  return {.model = stable_hash(asking.model.model) ^ mix(stable_hash(asking.model.group)),
          .prompt = asking.charge.prompt,
          .completion = asking.charge.completion,
          .cost = micros_of(demand.cost)};
}

/// Everything that may have made room on its path.
std::uint64_t changes_of(const Credential& c, std::uint64_t builds) noexcept {
  std::uint64_t sum = builds << 40U;
  for (const Level* level = c.key; level != nullptr; level = level->parent) sum += level->changes;
  return sum;
}

/// What is kept for one of those who wait is not kept from those before it.
bool is_kept(const Credential& c) noexcept {
  for (const Level* level = c.key; level != nullptr; level = level->parent) {
    if (level->kept_for != 0) return true;
  }
  return false;
}

}  // namespace

void PoolState::remember(const Choice& choice, Credential& c, const Block& block) {
  // Others have a say in what is shared; and what ends with an event has no time.
  if (sharing || block.needs_event || block.at == kNever || block.why == Block::Why::too_big || is_kept(c)) return;
  Setbacks::Wish wish = *choice.wish;
  // One request is as much as another.
  if (block.why != Block::Why::tokens && block.why != Block::Why::spent) wish = {.model = wish.model};
  if (!c.setbacks) c.setbacks = std::make_unique<Setbacks>();
  c.setbacks->note(wish, changes_of(c, builds_), block.at, choice.now);
}

/// The best of `ranked_` that has room.
Credential* PoolState::best_with_room(Choice& choice) {
  const Setbacks::Wish wish = wish_of(choice.asking, choice.demand);
  choice.wish = &wish;
  believed_.clear();
  std::erase_if(ranked_, [&](const Ranked& each) {
    Credential& c = *each.second;
    if (!(each.first < Tournament::Score{})) return true;
    if (!c.setbacks) return false;
    const std::optional<TimePoint> until = c.setbacks->recall(wish, changes_of(c, builds_), choice.now);
    if (until) believed_.emplace_back(*until, &c);
    return until.has_value();
  });
  std::sort(ranked_.begin(), ranked_.end(), [](const Ranked& a, const Ranked& b) { return a.first < b.first; });
  Credential* found = nullptr;
  for (const auto& [score, c] : ranked_) {
    if (fits(choice, *c)) {
      found = c;
      break;
    }
    ++choice.passed;
  }
  choice.passed += static_cast<std::uint32_t>(believed_.size());
  if (found == nullptr) found = earliest_believed(choice);
  choice.wish = nullptr;
  return found;
}

/// Who will have room first is to be told, so that whoever may be that is asked in spite of all. Less may have been
/// used than was foreseen: who has room already is returned.
Credential* PoolState::earliest_believed(Choice& choice) {
  const auto later_first = [](const auto& a, const auto& b) { return a.first > b.first; };
  std::make_heap(believed_.begin(), believed_.end(), later_first);
  while (!believed_.empty() && (choice.refusal.first == nullptr || believed_.front().first < choice.refusal.at)) {
    std::pop_heap(believed_.begin(), believed_.end(), later_first);
    Credential* c = believed_.back().second;
    believed_.pop_back();
    if (fits(choice, *c)) return c;
  }
  return nullptr;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
