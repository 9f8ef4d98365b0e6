#include <algorithm>
#include <utility>

#include "pool/pool_state.hpp"

/// Keys that turn out to be of one owner: the provider's answers name the organisation or project that was charged.
/// What the config says of whose keys are stays true beside that; a reload begins anew.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kLongestName = 200;
constexpr std::size_t kMostOwners = 100'000;

/// Gives way to a level that is stated: nobody knew more, or what was stated before has changed.
bool gives_way(const Level* level) noexcept {
  return level != nullptr && (level->kind == Level::Kind::peers || level->stated);
}

/// The topmost level that the config makes of a key's owner; the key itself where it names none.
Level& configured_owner(Level& key) noexcept {
  Level* owner = &key;
  while (owner->parent != nullptr && !gives_way(owner->parent)) owner = owner->parent;
  return *owner;
}

/// What was learned there is the joint level's from now on.
void forget_learned(Level& level) noexcept {
  level.ledger.forget_learned();
  for (const auto& each : level.scoped) each->ledger.forget_learned();
}

}  // namespace

/// Puts `joint` between `owner` and what it belongs to so far, or in the place of that.
void PoolState::put_above(Level& owner, Level& joint) {
  Level* const before = owner.parent;
  const bool replaces = joint.kind == Level::Kind::account && gives_way(before);
  owner.parent = &joint;
  if (!replaces) joint.parent = before;
  joint.calendar = owner.calendar;
  joint.rules = owner.rules;
  joint.stated = true;
  joint.members.insert(joint.members.end(), owner.members.begin(), owner.members.end());
  for (Service* service : owner.services) joint.join(service);
  if (replaces) {
    std::erase_if(before->members, [&](const Credential* c) {
      return std::find(owner.members.begin(), owner.members.end(), c) != owner.members.end();
    });
    before->streak.forget(&owner);
  }
  for (LeaseRecord& record : records_) {
    if (record.number == 0) continue;
    const auto end = record.path.begin() + record.levels;
    auto above = std::find(record.path.begin(), end, &owner);
    if (above == end) continue;
    ++above;
    ++joint.in_flight;
    if (replaces && above != end && *above == before) {
      --before->in_flight;
      *above = &joint;
    } else {
      std::move_backward(above, end, end + 1);
      *above = &joint;
      ++record.levels;
    }
  }
  forget_learned(owner);
}

/// The level that `owner` now shares with others; nullptr where it was not joined just now.
Level* PoolState::join_at(Level::Kind kind, Level& owner, const std::string& name) {
  if (stated_owners_.size() >= kMostOwners) return nullptr;
  Level*& known = stated_owners_[name];
  if (known == nullptr) known = &owner;
  if (known == &owner || owner.parent == known) return nullptr;
  if (!known->stated) {
    if (kind == Level::Kind::project && known->parent != owner.parent) return nullptr;
    Level* joint = level(kind, "stated\n" + name);
    put_above(*known, *joint);
    known = joint;
  } else if (kind == Level::Kind::project && known->parent != owner.parent) {
    return nullptr;
  }
  put_above(owner, *known);
  wake_members(*known);
  return known;
}

void PoolState::join(LeaseRecord& record, const std::string& organization, const std::string& project) {
  Level& key = *record.path[0];
  if (organization == key.stated_organization && project == key.stated_project) return;
  if (organization.size() > kLongestName || project.size() > kLongestName || key.members.empty()) return;
  key.stated_organization = organization;
  key.stated_project = project;
  const std::string of = record.credential->service->provider + '\n' + organization;
  const auto join_below = [&](Level::Kind kind, Level& owner, const std::string& name, const std::string& stated) {
    if (const Level* joint = join_at(kind, owner, name)) note_joined(*record.credential, *joint, stated);
  };
  if (!organization.empty()) join_below(Level::Kind::account, configured_owner(key), of, organization);
  const bool in_project = key.parent != nullptr && key.parent->kind == Level::Kind::project;
  if (!project.empty() && !in_project) join_below(Level::Kind::project, key, of + '\n' + project, project);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
