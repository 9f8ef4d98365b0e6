#include "sim/audit.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace keywheel::sim {
namespace {

constexpr std::size_t kMostTold = 20;
constexpr Nanos kSlack = std::chrono::milliseconds(1);
/// A stated wait of more than this is probed.
constexpr Nanos kProbed = std::chrono::hours(1);

std::vector<WindowWatch> windows_of(const Limits& limits, Nanos jitter) {
  std::vector<WindowWatch> windows;
  const auto add = [&](std::int64_t limit, Nanos window) {
    const Nanos guard = std::min<Nanos>(limits.guard, window / 20);
    if (limit > 0 && jitter <= guard) windows.emplace_back(limit, window);
  };
  if (limits.qps >= 1) add(static_cast<std::int64_t>(std::floor(limits.qps + 1e-9)), std::chrono::seconds(1));
  if (limits.qps > 0 && limits.qps < 1) add(1, Nanos(static_cast<std::int64_t>(std::ceil(1e9 / limits.qps))));
  add(limits.rpm, std::chrono::minutes(1));
  return windows;
}

std::uint32_t key_of(std::string_view credential) {
  std::uint32_t key = 0;
  std::from_chars(credential.data() + 1, credential.data() + credential.size(), key);
  return key;
}

}  // namespace

std::int64_t WindowWatch::add(TimePoint at, std::int64_t amount) {
  while (!held_.empty() && at - held_.front().first >= window_) {
    sum_ -= held_.front().second;
    held_.pop_front();
  }
  held_.emplace_back(at, amount);
  return sum_ += amount;
}

Audit::Audit(const World& world, WallTime wall_start, TimePoint start)
    : world_(world), wall_start_(wall_start), start_(start), keys_(world.keys.size()) {
  constexpr std::uint32_t kNone = UINT32_MAX;
  std::vector<std::uint32_t> of_account(world.accounts.size(), kNone);
  for (std::uint32_t key = 0; key < world.keys.size(); ++key) {
    const KeyGroup& group = world.group(world.keys[key]);
    std::uint32_t& shared = of_account[world.keys[key].account];
    if (!group.declared || shared == kNone) {
      Domain domain;
      domain.name = group.declared ? fmt::format("account a{}", world.keys[key].account) : fmt::format("key k{}", key);
      domain.by_sending = windows_of(group.stated, Nanos(0));
      domain.by_arrival = windows_of(group.stated, world.scenario->wire.uplink);
      domain.per_day = group.stated.rpd;
      domain.concurrency = group.stated.concurrency;
      domain.budget = group.stated.max_cost;
      domains_.push_back(std::move(domain));
      if (group.declared) shared = static_cast<std::uint32_t>(domains_.size() - 1);
    }
    domain_of_key_.push_back(static_cast<std::uint32_t>(group.declared ? shared : domains_.size() - 1));
  }
  alone_blamed_until_.resize(world.scenario->services.size());
}

double Audit::hours(TimePoint now) const {
  return std::chrono::duration<double, std::ratio<3600>>(now - start_).count();
}

void Audit::violation(TimePoint now, std::string what) {
  ++violated_;
  if (violations_.size() < kMostTold) violations_.push_back(fmt::format("at {:.6f} h: {}", hours(now), what));
}

// ---- the wire

void Audit::lent(Label label, TimePoint now) {
  CallCount& call = calls_[label.call];
  const CallSpec& spec = world_.calls[label.call];
  if (call.ends != 0) violation(now, fmt::format("call {} goes on after its end", label.call));
  if (call.attempts++ == 0 && !spec.deadline) {
    std::uint32_t& last = last_lent_[peers_of(spec)];
    last = std::max(last, label.call);
  }
  const Domain& domain = domain_of(label.key);
  const bool by_model = world_.group(world_.keys[label.key]).by_model;
  for (const Patience& each : domain.patience) {
    if (now > each.from && now < each.until && (!by_model || world_.calls[each.whose.call].model == spec.model)) {
      violation(now, fmt::format("{} was told to wait until {:.6f} h and is used", domain.name, hours(each.until)));
    }
  }
}

void Audit::sent(Label label, TimePoint now) {
  ++keys_[label.key].sent;
  note(static_cast<std::uint64_t>(now.time_since_epoch().count()) ^ (std::uint64_t{label.key} << 40U) ^ label.call);
  Domain& domain = domain_of(label.key);
  for (WindowWatch& watch : domain.by_sending) {
    if (const std::int64_t held = watch.add(now, 1); held > watch.limit()) {
      violation(now, fmt::format("{}: {} sent within {} s, {} may be", domain.name, held,
                                 std::chrono::duration<double>(watch.window()).count(), watch.limit()));
    }
  }
  if (domain.per_day > 0) {
    const auto wall = wall_start_.time_since_epoch() + std::chrono::floor<std::chrono::milliseconds>(now - start_);
    const std::int64_t day = std::chrono::floor<std::chrono::days>(wall).count();
    if (day != domain.day) domain.today = 0;
    domain.day = day;
    if (++domain.today > domain.per_day) {
      violation(now, fmt::format("{}: {} sent in one day, {} may be", domain.name, domain.today, domain.per_day));
    }
  }
  if (++domain.in_flight > domain.concurrency && domain.concurrency > 0) {
    violation(now, fmt::format("{}: {} in flight, {} may be", domain.name, domain.in_flight, domain.concurrency));
  }
}

void Audit::arrived(Label label, TimePoint now) {
  Domain& domain = domain_of(label.key);
  for (WindowWatch& watch : domain.by_arrival) {
    if (const std::int64_t held = watch.add(now, 1); held > watch.limit()) {
      violation(now, fmt::format("{}: {} arrived within {} s, {} may", domain.name, held,
                                 std::chrono::duration<double>(watch.window()).count(), watch.limit()));
    }
  }
}

void Audit::closed(Label label, TimePoint now) {
  Domain& domain = domain_of(label.key);
  --domain.in_flight;
  // Whoever gave up before the answer came has not been told.
  std::erase_if(domain.patience, [&](const Patience& each) {
    return each.whose.key == label.key && each.whose.call == label.call && now < each.from;
  });
}

void Audit::refused(Label label, int status, std::optional<Nanos> retry_after, TimePoint heard) {
  const RetryPolicy& retry = world_.scenario->retry;
  KeyCount& key = keys_[label.key];
  Domain& domain = domain_of(label.key);
  if (status == 401) {
    ++key.refused_401;
    domain.blamed_until = TimePoint::max();
    return;
  }
  if (status != 429) return;
  ++key.refused_429;
  const TimePoint until = heard + std::max<Nanos>(retry_after.value_or(Nanos(0)), retry.max_cooldown) + kSlack;
  domain.blamed_until = std::max(domain.blamed_until, until);
  // Keys that nobody said are independent may be taken to share what three of them meet.
  if (!world_.group(world_.keys[label.key]).declared) {
    TimePoint& all = alone_blamed_until_[world_.keys[label.key].service];
    all = std::max(all, until);
  }
  std::erase_if(domain.patience, [&](const auto& each) { return each.until + kProbed < heard; });
  if (retry_after && *retry_after <= kProbed) {
    domain.patience.push_back({.from = heard, .until = heard + *retry_after, .whose = label});
  }
}

void Audit::billed(Label label, double cost, TimePoint now) {
  Domain& domain = domain_of(label.key);
  domain.spent += cost;
  if (domain.budget > 0 && domain.spent > domain.budget * (1 + 1e-9)) {
    violation(now, fmt::format("{}: {:.6f} spent, {:.6f} may be", domain.name, domain.spent, domain.budget));
  }
}

// ---- the callers

std::uint64_t Audit::peers_of(const CallSpec& call) noexcept {
  return (std::uint64_t{call.tenant} << 56U) ^ (std::uint64_t{call.model} << 48U) ^
         (static_cast<std::uint64_t>(call.prompt) << 20U) ^ static_cast<std::uint64_t>(call.max_tokens);
}

void Audit::started(std::uint32_t call) { calls_.resize(std::max<std::size_t>(calls_.size(), call + 1U)); }

void Audit::ended(std::uint32_t number, const Result<ChatResponse>& reply, TimePoint now) {
  CallCount& call = calls_[number];
  const CallSpec& spec = world_.calls[number];
  note((std::uint64_t{number} << 8U) ^ (reply ? 0U : 1U + static_cast<std::uint64_t>(reply.error().kind)));
  if (call.ends++ != 0) violation(now, fmt::format("call {} ended {} times", number, call.ends));
  if (spec.deadline && now > *spec.deadline + kSlack) {
    violation(now, fmt::format("call {} ended {:.3f} s after its deadline", number,
                               std::chrono::duration<double>(now - *spec.deadline).count()));
  }
  if (!reply && reply.error().kind == ErrorKind::cancelled && !call.given_up) {
    violation(now, fmt::format("call {} was cancelled by nobody: {}", number, reply.error().message));
  }
  // Whoever waited in vain saw no later one of its like go before it.
  const bool refused =
      !reply && (reply.error().kind == ErrorKind::rate_limited || reply.error().kind == ErrorKind::overloaded);
  const bool starved = refused && call.attempts == 0 && !spec.deadline && now > spec.started;
  if (starved) {
    if (const auto last = last_lent_.find(peers_of(spec)); last != last_lent_.end() && last->second > number) {
      violation(now, fmt::format("call {} waited {:.3f} s in vain while call {} went", number,
                                 std::chrono::duration<double>(now - spec.started).count(), last->second));
    }
  }
}

// ---- what the Router says of itself

void Audit::changed(std::string_view credential, CredentialState state, std::string_view reason, TimePoint now) {
  if (state == CredentialState::active) return;
  const std::uint32_t key = key_of(credential);
  TimePoint blamed_until = domain_of(key).blamed_until;
  if (!world_.group(world_.keys[key]).declared) {
    blamed_until = std::max(blamed_until, alone_blamed_until_[world_.keys[key].service]);
  }
  if (now > blamed_until) {
    violation(now, fmt::format("{} is {} though no answer gave cause ({})", credential, to_string(state), reason));
  }
}

void Audit::look(const RouterStats& stats, TimePoint now) {
  for (const CredentialStatus& status : stats.credentials) {
    changed(status.id, status.state, status.reason, now);
    if (status.in_flight < 0) violation(now, fmt::format("{}: {} in flight", status.id, status.in_flight));
  }
}

void Audit::finish(const RouterStats& stats, TimePoint now) {
  look(stats, now);
  std::uint64_t given_up = 0;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    if (calls_[i].ends == 0) violation(now, fmt::format("call {} never ended", i));
    given_up += calls_[i].given_up ? 1 : 0;
  }
  if (stats.in_flight != 0 || stats.waiting != 0) {
    violation(now, fmt::format("{} calls in flight and {} waiting at the end", stats.in_flight, stats.waiting));
  }
  std::uint64_t cancelled = 0;
  for (const CredentialStatus& status : stats.credentials) {
    const std::uint32_t number = key_of(status.id);
    const KeyCount& key = keys_[number];
    const auto failures = [&](ErrorKind kind) {
      const auto it = status.failures.find(kind);
      return it == status.failures.end() ? 0U : it->second;
    };
    cancelled += status.cancelled;
    if (status.in_flight != 0) {
      violation(now, fmt::format("{}: {} leases are out at the end", status.id, status.in_flight));
    }
    if (status.requests != key.sent) {
      violation(now, fmt::format("{}: {} requests counted, {} sent", status.id, status.requests, key.sent));
    }
    if (failures(ErrorKind::rate_limited) > key.refused_429 || failures(ErrorKind::authentication) > key.refused_401) {
      violation(now, fmt::format("{}: more refusals counted than the provider gave", status.id));
    }
    const double most_tries = 4 + hours(now);
    if (world_.keys[number].dead && static_cast<double>(key.refused_401) > most_tries) {
      violation(now, fmt::format("{}: a dead key was tried {} times", status.id, key.refused_401));
    }
    for (const LimitStatus& limit : status.limits) {
      const bool lasting = limit.name == "rpd" || limit.name == "tpd" || limit.name.starts_with("max_");
      if (!lasting && limit.used != 0) {
        violation(now, fmt::format("{}: {} of {} {} are used when all is quiet", status.id, limit.used, limit.limit,
                                   limit.name));
      }
    }
  }
  if (cancelled > given_up) {
    violation(now, fmt::format("{} attempts counted as cancelled, {} calls were given up", cancelled, given_up));
  }
}

}  // namespace keywheel::sim
