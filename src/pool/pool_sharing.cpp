#include "pool/pool_sharing.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "auth/digest.hpp"
#include "pool/pool_state.hpp"
#include "wipe.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Stands for "not by itself" on the wall clock: the end of the year 9999.
constexpr std::chrono::milliseconds kNeverOnTheWall{253'402'300'799'000};

/// The same for everybody who uses the same key in the same place, and of no use to anybody who has not got it.
std::string fingerprint(const Level& level) {
  constexpr std::size_t kDigits = 32;
  std::vector<std::string_view> parts = {"keywheel quota 1", level.label};
  if (level.identity) {
    const CredentialConfig& key = *level.identity;
    parts.push_back(key.api_key.reveal());
    for (const auto& [name, value] : key.fields) {
      parts.push_back(name);
      parts.push_back(value.reveal());
    }
    if (key.api_key.empty() && key.fields.empty()) parts.push_back(key.id);
  }
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size() + 24;
  std::string text;
  text.reserve(size);  // so that no copy of a key is left behind in a smaller one
  for (const std::string_view part : parts) {
    text += std::to_string(part.size());
    text += ':';
    text += part;
  }
  std::string digits = sha256_hex(text).substr(0, kDigits);
  wipe(text);
  switch (level.kind) {
    case Level::Kind::key:
      return "key:" + digits;
    case Level::Kind::project:
      return "project:" + digits;
    case Level::Kind::account:
      return "account:" + digits;
    case Level::Kind::peers:
      return "peers:" + digits;
    case Level::Kind::service:
      return "service:" + digits;
  }
  return digits;
}

const char* name_of(Counted counts) noexcept {
  switch (counts) {
    case Counted::requests:
      return "requests";
    case Counted::tokens:
      return "tokens";
    case Counted::input:
      return "input";
    case Counted::output:
      return "output";
    case Counted::all_tokens:
      return "all_tokens";
    case Counted::cost:
      return "cost";
  }
  return "";
}

std::string name_of(const std::string& level, const Gauge& gauge) {
  std::string name = fmt::format("{}/{}{}", level, gauge.total ? "max_" : "", name_of(gauge.counts));
  switch (gauge.span) {
    case Span::sliding:
      return name + fmt::format("/{}ms", gauge.window.count() / 1'000'000);
    case Span::day:
      return name + "/day";
    case Span::month:
      return name + "/month";
    case Span::life:
      return name + "/life";
  }
  return name;
}

constexpr std::string_view kGroup = "/group/";
constexpr std::string_view kModel = "/model/";
constexpr std::size_t kMostModelRests = 256;

/// Of a model's or a limit group's rest, after its level's.
std::string name_of(const ModelRest& rest) { return std::string(rest.group ? kGroup : kModel) + rest.name; }

std::string body_of(const Rest::Saved& rest) {
  return fmt::format("{:d}{:d}{:d} {} {} {}", rest.stated, rest.by_probe, rest.probed, rest.strikes, rest.status,
                     rest.words);
}

/// Another version of this library, or somebody's hand, may have written it: what is not understood is left out.
void read_body(std::string_view text, Rest::Saved& rest) {
  const auto flag = [&](std::size_t at) { return text.size() > at && text[at] == '1'; };
  rest.stated = flag(0);
  rest.by_probe = flag(1);
  rest.probed = flag(2);
  text.remove_prefix(std::min<std::size_t>(text.size(), 4));
  for (int* number : {&rest.strikes, &rest.status}) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
    if (error != std::errc()) return;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);
  }
  rest.words = text;
}

}  // namespace

void PoolSharing::attach(Ledger& ledger, const std::string& name, Level& level, const int& in_flight) {
  for (Gauge& gauge : ledger.gauges()) {
    // What is learned of a limit is learned of what others spend of it too.
    if (gauge.learned) continue;
    if (!gauge.shared) gauge.shared = std::make_shared<SharedGauge>();
    SharedGauge& shared = *gauge.shared;
    shared.bell = bell_;
    shared.name = name_of(name, gauge);
    shared.limit = gauge.limit;
    shared.total = gauge.span != Span::sliding;
    shared.endless = gauge.span == Span::life;
    if (!shared.total) shared.tickets.configure(gauge.window + gauge.guard, gauge.counts != Counted::requests);
    gauges_.push_back({.level = &level, .gauge = gauge.shared});
  }
  std::shared_ptr<SharedPermits>& permits = ledger.permits();
  if (!ledger.has_concurrency()) {
    permits.reset();
    return;
  }
  if (!permits) permits = std::make_shared<SharedPermits>();
  permits->bell = bell_;
  permits->name = name + "/concurrency";
  permits->limit = ledger.concurrency();
  permits_.push_back({.level = &level, .in_flight = &in_flight, .permits = permits});
}

void PoolSharing::attach(PoolState& pool) {
  gauges_.clear();
  permits_.clear();
  levels_.clear();
  built_ = true;
  bell_->ring();
  const auto add = [&](Level& level) {
    if (level.members.empty() && level.kind != Level::Kind::service) return;
    const std::string name = fingerprint(level);
    levels_.emplace(name, &level);
    attach(level.ledger, name, level, level.in_flight);
    for (const auto& each : level.scoped) attach(each->ledger, name + "/" + each->name, level, each->in_flight);
  };
  for (const auto& [hash, key] : pool.keys_) add(*key);
  for (const auto& [name, shared] : pool.levels_) add(*shared);
  for (const auto& [id, service] : pool.services_) {
    if (service->level.label.empty()) service->level.label = "service\n" + id;
    add(service->level);
  }
}

void PoolSharing::wake(PoolState& pool, Level& level) {
  if (level.kind != Level::Kind::service) return pool.wake_members(level);
  for (const auto& [id, service] : pool.services_) {
    if (&service->level == &level) ++service->changes;
  }
}

bool PoolSharing::open_up(PoolState& pool) {
  if (opened_ && objection_.empty()) return false;
  opened_ = true;
  objection_.clear();
  for (const auto& [id, service] : pool.services_) ++service->changes;
  return true;
}

void PoolSharing::refuse(PoolState& pool, std::string why) {
  objection_ = std::move(why);
  for (const auto& [id, service] : pool.services_) ++service->changes;
}

bool PoolSharing::open(Credential& first, Refusal& refusal) const noexcept {
  if (opened_ && objection_.empty()) return true;
  Block block{.why = Block::Why::store};
  block.needs_event = objection_.empty();
  block.at = block.needs_event ? TimePoint{} : kNever;
  refusal.consider(first, block);
  return false;
}

std::vector<QuotaMark> PoolSharing::news(PoolState& pool, bool anew) {
  std::vector<QuotaMark> marks;
  if (anew) told_.clear();
  if (!rests_changed_ && !anew) return marks;
  rests_changed_ = false;
  std::map<std::string, Told> standing;
  const auto look = [&](const std::string& name, const Rest& rest) {
    if (rest.none()) return;
    const Told now{.kind = rest.kind(), .until = rest.until()};
    standing.emplace(name, now);
    const auto before = told_.find(name);
    if (before != told_.end() && before->second == now) return;
    const auto wall =
        now.until == kNever
            ? kNeverOnTheWall
            : std::chrono::ceil<std::chrono::milliseconds>(now.until.time_since_epoch() + pool.wall_at_zero_);
    marks.push_back({.name = name,
                     .rank = static_cast<int>(now.kind),
                     .until = std::min(wall, kNeverOnTheWall),
                     .body = body_of(rest.save())});
  };
  for (const auto& [name, level] : levels_) {
    look(name, level->rest);
    for (const ModelRest& each : level->model_rests) look(name + name_of(each), each.rest);
  }
  for (const auto& [name, before] : told_) {
    if (before.kind == Rest::Kind::none || standing.find(name) != standing.end()) continue;
    marks.push_back({.name = name, .rank = 0, .until = {}, .body = {}});
  }
  told_ = std::move(standing);
  return marks;
}

void PoolSharing::unheard(const std::vector<QuotaMark>& marks) {
  for (const QuotaMark& mark : marks) {
    // As if the store knew of something else, so that it is told again.
    told_[mark.name] = {.kind = Rest::Kind::cooling, .until = TimePoint::min()};
    rests_changed_ = true;
  }
}

bool PoolSharing::learn(PoolState& pool, const std::vector<QuotaMark>& marks, TimePoint now) {
  bool changed = false;
  for (const QuotaMark& mark : marks) {
    const auto slash = mark.name.find('/');
    const auto found = levels_.find(mark.name.substr(0, slash));
    if (found == levels_.end() || mark.rank < 0 || mark.rank > static_cast<int>(Rest::Kind::switched_off)) continue;
    Level& level = *found->second;
    Rest::Saved saved{.kind = static_cast<Rest::Kind>(mark.rank)};
    saved.until = mark.until >= kNeverOnTheWall ? kNever : TimePoint(Nanos(mark.until) - pool.wall_at_zero_);
    read_body(mark.body, saved);
    const Told told{.kind = saved.kind, .until = saved.until};
    if (const auto before = told_.find(mark.name); before != told_.end() && before->second.kind == told.kind) {
      // Our own, as it comes back, to the millisecond.
      const Nanos apart =
          before->second.until > told.until ? before->second.until - told.until : told.until - before->second.until;
      if (apart <= std::chrono::milliseconds(1)) continue;
    }
    if (slash == std::string::npos) {
      level.rest.adopt(saved, pool.next_number_, now);
      if (!level.members.empty()) pool.note(*level.members.front(), level, level.rest, {}, now);
    } else {
      const auto same = [&](const ModelRest& each) { return name_of(each) == mark.name.substr(slash); };
      auto place = std::find_if(level.model_rests.begin(), level.model_rests.end(), same);
      if (place == level.model_rests.end()) {
        const std::string_view rest = std::string_view(mark.name).substr(slash);
        const bool group = rest.starts_with(kGroup);
        if ((!group && !rest.starts_with(kModel)) || level.model_rests.size() >= kMostModelRests) continue;
        level.model_rests.push_back({.name = std::string(rest.substr(kGroup.size())), .group = group, .rest = {}});
        place = level.model_rests.end() - 1;
      }
      place->rest.adopt(saved, pool.next_number_, now);
      if (!level.members.empty()) pool.note(*level.members.front(), level, place->rest, place->name, now);
      std::erase_if(level.model_rests, [](const ModelRest& each) { return each.rest.none(); });
    }
    if (saved.kind == Rest::Kind::none) {
      told_.erase(mark.name);
    } else {
      told_[mark.name] = told;
    }
    wake(pool, level);
    pool.rest_members(level, now);
    changed = true;
  }
  return changed;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
