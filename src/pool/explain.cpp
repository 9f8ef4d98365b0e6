#include <algorithm>

#include <fmt/format.h>

#include "pool/pool_state.hpp"

KEYWHEEL_BEGIN_NAMESPACE

std::string_view to_string(CredentialState state) noexcept {
  switch (state) {
    case CredentialState::active:
      return "active";
    case CredentialState::cooling_down:
      return "cooling_down";
    case CredentialState::exhausted:
      return "exhausted";
    case CredentialState::disabled:
      return "disabled";
    case CredentialState::probing:
      return "probing";
  }
  return "active";
}

namespace detail {
namespace {

constexpr std::size_t kMostNamed = 8;

std::string_view name_of(Rotation rotation) noexcept {
  switch (rotation) {
    case Rotation::round_robin:
      return "round_robin";
    case Rotation::first:
      return "first";
    case Rotation::random:
      return "random";
    case Rotation::hash:
      return "hash";
    case Rotation::least_busy:
      return "least_busy";
    case Rotation::least_used:
      return "least_used";
    case Rotation::lowest_latency:
      return "lowest_latency";
    case Rotation::lowest_cost:
      return "lowest_cost";
  }
  return "";
}

std::string provenance(int status, bool stated) {
  const std::string_view source = stated ? "stated" : "guessed";
  return status != 0 ? fmt::format(" ({}, {})", status, source) : fmt::format(" ({})", source);
}

/// Until `left_ms`, which is negative where it does not end by itself.
std::string for_long(std::int64_t left_ms) { return left_ms < 0 ? "" : fmt::format(" for {} ms", left_ms); }

/// A limit's value; money as it is configured.
std::string value_of(const Block& block) {
  if (std::string_view(block.limit) != "max_cost") return fmt::format("{} {}", block.limit, block.value);
  return fmt::format("{} {:g}", block.limit, static_cast<double>(block.value) / 1e6);
}

std::string words_of(const Block& block, std::int64_t left_ms) {
  using Why = Block::Why;
  switch (block.why) {
    case Why::none:
      return "has room";
    case Why::cooling:
      return "cooling down" + for_long(left_ms) + provenance(block.status, block.stated);
    case Why::exhausted:
      return "quota exhausted" + for_long(left_ms) + provenance(block.status, block.stated);
    case Why::dead:
      return "disabled, the provider rejects it" + for_long(left_ms) + provenance(block.status, block.stated);
    case Why::switched_off:
      return "disabled by hand";
    case Why::aside:
      return "set aside for this model" + for_long(left_ms) + provenance(block.status, block.stated);
    case Why::requests:
    case Why::tokens:
      if (block.limit[0] == '\0') return "no room" + for_long(left_ms);
      return value_of(block) + " reached" + for_long(left_ms);
    case Why::concurrency:
      return value_of(block) + " reached";
    case Why::spent:
      return value_of(block) + " spent" + (block.at == kNever ? "" : for_long(left_ms));
    case Why::too_big:
      return "the request is larger than " + value_of(block);
    case Why::waited_for:
      return "kept for a call that waits longer";
    case Why::tried:
      return "tried already";
    case Why::store:
      return "the quota store has not answered yet";
  }
  return "";
}

std::int64_t left(const Block& block, TimePoint now) noexcept {
  if (block.at == kNever || block.needs_event) return -1;
  return std::chrono::ceil<std::chrono::milliseconds>(block.at - now).count();
}

/// What to tell the caller when no credential will have room soon.
class Tally {
 public:
  void add(const Block& block) noexcept {
    ++all_;
    switch (block.why) {
      case Block::Why::dead:
      case Block::Why::switched_off:
        ++dead_;
        break;
      case Block::Why::exhausted:
      case Block::Why::spent:
        ++exhausted_;
        break;
      case Block::Why::aside:
        ++aside_;
        break;
      case Block::Why::too_big:
        ++too_big_;
        break;
      default:
        break;
    }
  }
  [[nodiscard]] ErrorKind kind() const noexcept {
    if (all_ == 0) return ErrorKind::rate_limited;
    if (dead_ == all_) return ErrorKind::authentication;
    if (dead_ + exhausted_ == all_) return ErrorKind::quota_exhausted;
    if (dead_ + exhausted_ + aside_ == all_) return ErrorKind::permission;
    if (dead_ + exhausted_ + aside_ + too_big_ == all_) return ErrorKind::invalid_request;
    return ErrorKind::rate_limited;
  }

 private:
  std::size_t all_ = 0;
  std::size_t dead_ = 0;
  std::size_t exhausted_ = 0;
  std::size_t aside_ = 0;
  std::size_t too_big_ = 0;
};

}  // namespace

Unavailable PoolState::explain(const Demand& demand, Block::Why first, TimePoint now) {
  Unavailable answer;
  Service* const found = find_service(demand.service);
  if (found == nullptr || found->members.empty()) {
    answer.kind = ErrorKind::config;
    answer.reason = fmt::format("service {} has no enabled credential", demand.service);
    return answer;
  }
  if (sharing && !sharing->objection().empty()) {
    answer.kind = ErrorKind::connection;
    answer.reason = sharing->objection();
    return answer;
  }
  Service& service = *found;
  if (std::none_of(service.lanes.begin(), service.lanes.end(),
                   [&](const auto& lane) { return lane->serves(demand.model); })) {
    answer.kind = ErrorKind::not_found;
    answer.reason = fmt::format("no credential of service {} may use model {}", demand.service, demand.model);
    return answer;
  }
  exclude(demand);
  const Asking asking = asking_of(demand, service, now, 0);
  Block whole;
  check(service.level, asking, whole, nullptr);
  if (whole) {
    answer.reason = fmt::format("service {}: {}", service.id, words_of(whole, left(whole, now)));
    answer.too_big = whole.why == Block::Why::too_big;
    answer.kind = answer.too_big                   ? ErrorKind::invalid_request
                  : whole.why == Block::Why::spent ? ErrorKind::quota_exhausted
                                                   : ErrorKind::rate_limited;
    return answer;
  }
  const auto is_tried = [&](const Credential& c) {
    return std::find(excluded_.begin(), excluded_.end(), c.key) != excluded_.end();
  };
  Tally tally;
  std::size_t named = 0;
  bool untried_too_big = false;
  bool untried_other = false;
  // Where it is known to be a matter of time, nobody needs to be asked but those who are named.
  const bool limits_only = first == Block::Why::requests || first == Block::Why::tokens ||
                           first == Block::Why::concurrency || first == Block::Why::cooling;
  for (Credential* c : service.members) {
    if (limits_only && named == kMostNamed) break;
    if (c->lane == nullptr || !c->lane->serves(demand.model)) continue;
    Block block = obstacle(*c, asking);
    tally.add(block);
    if (is_tried(*c)) {
      block = {.why = Block::Why::tried};
    } else {
      (block.why == Block::Why::too_big ? untried_too_big : untried_other) = true;
    }
    if (named == kMostNamed) continue;
    if (named++ != 0) answer.reason += "; ";
    answer.reason += fmt::format("{}: {}", c->config->id, words_of(block, left(block, now)));
  }
  if (service.members.size() > named) {
    answer.reason += fmt::format("; and {} more", service.members.size() - named);
  }
  answer.too_big = untried_too_big && !untried_other;
  answer.kind = limits_only ? ErrorKind::rate_limited : tally.kind();
  if (answer.too_big) answer.kind = ErrorKind::invalid_request;
  return answer;
}

Nanos PoolState::timeout_of(const std::vector<Demand>& demands) const noexcept {
  Nanos longest{0};
  for (const Demand& demand : demands) {
    if (const Service* service = find_service(demand.service)) longest = std::max(longest, service->longest_wait);
  }
  return longest;
}

std::string PoolState::explain(const ChoiceNote& note) const {
  std::string text(name_of(note.rotation));
  for (std::size_t i = 0; i < note.listed; ++i) {
    const ChoiceNote::Skipped& each = note.list[i];
    Block block{.why = static_cast<Block::Why>(each.why)};
    block.status = each.status;
    block.stated = each.stated;
    const Credential* c = each.credential < by_serial_.size() ? by_serial_[each.credential] : nullptr;
    text += i == 0 ? "; skipped " : ", ";
    text += fmt::format("{}: {}", c != nullptr ? c->config->id : "a removed one", words_of(block, each.for_ms));
  }
  if (note.skipped > note.listed)
    text += fmt::format("{}{} more", note.listed == 0 ? "; skipped " : " and ", note.skipped - note.listed);
  return text;
}

std::vector<PassedOver> PoolState::passed_over(const Lease& lease) {
  const ChoiceNote& note = lease.note_;
  std::vector<PassedOver> all;
  const auto add = [&](const Credential& c, const Block& block, std::int64_t left_ms) {
    all.push_back({.credential = c.config->id, .why = words_of(block, left_ms), .service = c.service->id});
  };
  for (std::size_t i = 0; i < note.listed; ++i) {
    const ChoiceNote::Skipped& each = note.list[i];
    const Credential* c = each.credential < by_serial_.size() ? by_serial_[each.credential] : nullptr;
    if (c == nullptr) continue;
    Block block{.why = static_cast<Block::Why>(each.why)};
    block.status = each.status;
    block.stated = each.stated;
    add(*c, block, each.for_ms);
  }
  const LeaseRecord* record = record_of(lease.slot_, lease.number_);
  if (record == nullptr || note.skipped <= note.listed || note.skipped > kMostNamed) return all;
  // The note has no place for more. They are few, and stand as they did when this one was lent.
  const Asking asking{.model = model_of(*record), .charge = record->charge, .now = clock_};
  for (Credential* c : record->credential->service->members) {
    const bool listed = std::any_of(note.list.begin(), note.list.begin() + note.listed,
                                    [&](const ChoiceNote::Skipped& each) { return each.credential == c->serial; });
    if (listed || c == record->credential) continue;
    if (const Block block = obstacle(*c, asking)) add(*c, block, left(block, clock_));
  }
  return all;
}

std::string PoolState::words(const Block& block, TimePoint now) {
  if (!block) return "none of its credentials may use the model";
  return "none of its credentials has room; the first: " + words_of(block, left(block, now));
}

CredentialStatus PoolState::status(Credential& c, TimePoint now) {
  CredentialStatus status;
  status.id = c.config->id;
  status.service = c.service->id;
  status.requests = c.requests;
  status.successes = c.successes;
  status.cancelled = c.cancelled;
  for (std::size_t i = 0; i < c.failures.size(); ++i) {
    if (c.failures[i] != 0) status.failures[static_cast<ErrorKind>(i)] = c.failures[i];
  }
  status.prompt_tokens = c.prompt_tokens;
  status.completion_tokens = c.completion_tokens;
  status.cached_tokens = c.cached_tokens;
  status.reasoning_tokens = c.reasoning_tokens;
  status.estimated_tokens = c.estimated_tokens;
  status.in_flight = c.in_flight;
  status.cost = static_cast<double>(c.cost) / 1e6;
  const Calendar::Day& day = c.key->calendar->day(now);
  if (c.today.period == day.number) {
    status.requests_today = c.today.requests;
    status.tokens_today = c.today.tokens;
  }
  if (c.this_month.period == day.month) {
    status.requests_this_month = c.this_month.requests;
    status.tokens_this_month = c.this_month.tokens;
  }
  for (Level* level = c.key; level != nullptr; level = level->parent) add_limits(status.limits, *level, now);
  add_limits(status.limits, c.service->level, now);
  status.requests_last_minute = c.recent.requests(now);
  status.tokens_last_minute = c.recent.tokens(now);

  const Rest* worst = nullptr;
  bool probing = false;
  const auto consider = [&](const Rest& rest) {
    if (!rest.standing(now)) return false;
    probing = probing || rest.probing();
    if (worst == nullptr || rest.kind() > worst->kind()) worst = &rest;
    return true;
  };
  for (Level* level = c.key; level != nullptr; level = level->parent) consider(level->rest);
  // Most limits hold for one model. A key that rests with one is shown as resting, for it is of no use to its callers.
  std::string_view resting_model;
  if (worst == nullptr) {
    for (Level* level = c.key; level != nullptr; level = level->parent) {
      for (const ModelRest& each : level->model_rests) {
        if (each.rest.kind() != Rest::Kind::aside && consider(each.rest) && worst == &each.rest)
          resting_model = each.name;
      }
    }
  }
  if (worst != nullptr) {
    status.reason = resting_model.empty() ? worst->words() : fmt::format("{}: {}", resting_model, worst->words());
    switch (worst->kind()) {
      case Rest::Kind::none:
      case Rest::Kind::aside:
      case Rest::Kind::cooling:
        status.state = CredentialState::cooling_down;
        break;
      case Rest::Kind::exhausted:
        status.state = CredentialState::exhausted;
        break;
      case Rest::Kind::dead:
      case Rest::Kind::switched_off:
        status.state = CredentialState::disabled;
        break;
    }
    if (probing) status.state = CredentialState::probing;
  }

  const Asking smallest{.model = {.model = resting_model, .group = resting_model}, .now = now};
  Block block = obstacle(c, smallest);
  check(c.service->level, smallest, block, nullptr);
  if (!block) return status;
  if (block.at == kNever || block.needs_event) {
    status.available_in = std::chrono::milliseconds::max();
  } else {
    status.available_in = std::chrono::ceil<std::chrono::milliseconds>(block.at - now);
  }
  return status;
}

std::vector<CredentialStatus> PoolState::status(TimePoint now) {
  std::vector<CredentialStatus> all;
  all.reserve(credentials_.size());
  for (Service* service : order_) {
    for (Credential* c : service->members) all.push_back(status(*c, now));
  }
  return all;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
