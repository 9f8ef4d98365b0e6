#include "sim/callers.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace keywheel::sim {
namespace {

constexpr double kBurst = 4;       // times the mean rate
constexpr double kBurstTime = 60;  // seconds, on the average
constexpr double kLull = 0.4;      // of the mean rate
constexpr double kPi = 3.141592653589793;

}  // namespace

Callers::Callers(World& world, Audit& audit, Tally& tally, testing::SimRuntime& runtime, Router& router)
    : world_(world),
      audit_(audit),
      tally_(tally),
      runtime_(runtime),
      router_(router),
      arrivals_(Dice(world.seed).fork(3)),
      mind_(Dice(world.seed).fork(4)),
      shape_turns_(runtime.now()) {
  tally_.by_tenant.resize(std::max<std::size_t>(1, world.scenario->load.tenants.size()));
  schedule_next(runtime.now());
}

// Calls an hour, just now.
double Callers::rate(TimePoint now) {
  const Load& load = world_.scenario->load;
  switch (load.shape) {
    case Load::Shape::poisson:
      break;
    case Load::Shape::bursty: {
      // So much longer that the mean stays.
      constexpr double kLullTime = kBurstTime * (kBurst - 1) / (1 - kLull);
      while (now >= shape_turns_) {
        burst_ = !burst_;
        shape_turns_ += seconds_of(arrivals_.exponential(burst_ ? kBurstTime : kLullTime));
      }
      return load.per_hour * (burst_ ? kBurst : kLull);
    }
    case Load::Shape::diurnal: {
      const double hour =
          world_.scenario->starts_at + std::chrono::duration<double, std::ratio<3600>>(now - tally_.start).count();
      return load.per_hour * (1 - 0.8 * std::cos(hour / 24 * 2 * kPi));
    }
  }
  return load.per_hour;
}

void Callers::schedule_next(TimePoint now) { next_ = now + seconds_of(arrivals_.exponential(3600 / rate(now))); }

void Callers::call_until(TimePoint when) {
  while (true) {
    const TimePoint cancel = cancels_.empty() ? TimePoint::max() : cancels_.top().at;
    if (std::min(next_, cancel) > when) break;
    if (next_ <= cancel) {
      runtime_.run_until(next_);
      start(next_);
      schedule_next(next_);
      continue;
    }
    const std::uint32_t number = cancels_.top().call;
    cancels_.pop();
    runtime_.run_until(cancel);
    if (const auto running = running_.find(number); running != running_.end()) {
      audit_.gave_up(number);
      running->second.cancel();
      running_.erase(running);
    }
  }
  runtime_.run_until(when);
}

void Callers::start(TimePoint now) {
  const Load& load = world_.scenario->load;
  const auto number = static_cast<std::uint32_t>(world_.calls.size());
  Dice dice = mind_.fork(number);
  CallSpec call{.started = now};
  double part = dice.unit();
  while (call.tenant + 1 < load.tenants.size() && part >= load.tenants[call.tenant].part) {
    part -= load.tenants[call.tenant++].part;
  }
  call.model = static_cast<std::uint32_t>(dice.between(0, static_cast<std::int64_t>(load.models.size()) - 1));
  call.prompt = load.prompt_tokens;
  if (load.prompt_spread > 0) {
    const double drawn = dice.lognormal(static_cast<double>(load.prompt_tokens), load.prompt_spread);
    call.prompt = std::clamp<std::int64_t>(static_cast<std::int64_t>(drawn), 4, load.prompt_tokens * 20);
  }
  call.max_tokens = load.max_tokens;
  const double used = std::clamp(load.used * (0.5 + dice.unit()), 0.0, 1.0);
  call.completion = std::max<std::int64_t>(1, static_cast<std::int64_t>(used * static_cast<double>(load.max_tokens)));
  call.stream = dice.chance(load.streams);
  call.breaks = call.stream && dice.chance(load.breaks);
  if (call.stream && dice.chance(load.stops)) call.stop_at = static_cast<std::int32_t>(dice.between(1, 4));
  ChatRequest request{.model = load.models[call.model],
                      .messages = {user(prompt_text(number, call.prompt))},
                      .max_tokens = call.max_tokens};
  if (dice.chance(load.deadlines)) {
    request.deadline = std::chrono::milliseconds(dice.between(500, 15'000));
    call.deadline = now + request.deadline;
  }
  if (!load.tenants.empty()) request.tenant = load.tenants[call.tenant].name;
  const bool will_cancel = dice.chance(load.cancels);
  if (will_cancel) cancels_.push({now + seconds_of(dice.exponential(2)), number});

  world_.calls.push_back(call);
  audit_.started(number);
  ++tally_.offered;
  ++tally_.at(now).offered;
  const auto on_done = [this, number](const Result<ChatResponse>& reply) { ended(number, reply); };
  Call handle = !call.stream ? router_.start(std::move(request), on_done)
                             : router_.start(
                                   std::move(request),
                                   [this, number, left = call.stop_at](const ChatEvent&) mutable {
                                     if (left < 0 || --left > 0) return Flow::proceed;
                                     audit_.gave_up(number);
                                     return Flow::stop;
                                   },
                                   on_done);
  if (will_cancel) running_.emplace(number, std::move(handle));
}

void Callers::ended(std::uint32_t call, const Result<ChatResponse>& reply) {
  const TimePoint now = runtime_.now();
  running_.erase(call);
  audit_.ended(call, reply, now);
  if (reply) {
    ++tally_.answered;
    ++tally_.by_tenant[world_.calls[call].tenant];
    return;
  }
  const ErrorKind kind = reply.error().kind;
  if (kind == ErrorKind::cancelled) ++tally_.given_up;
  ++tally_.failed[static_cast<std::size_t>(kind) % tally_.failed.size()];
  if (kind == ErrorKind::rate_limited) ++tally_.at(now).turned_away;
}

}  // namespace keywheel::sim
