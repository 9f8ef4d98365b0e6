#include <utility>

#include "pool/pool_state.hpp"
#include "router/call.hpp"
#include "router/core.hpp"

/// The calls that wait: how they enter the line and leave it, and who tells them.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

LineAnswer RouterCore::enter_line(const Waiter& waiter, const std::shared_ptr<CallState>& call) {
  LineAnswer answer;
  {
    const std::lock_guard lock(line_mutex_);
    // Counted before it looks: room that comes in another thread right after it looked in vain must find it waiting.
    waiting_count_.store(waiting_.size() + 1, std::memory_order_relaxed);
    answer = line_.enter(waiter, now());
    if (const auto* queued = std::get_if<Queued>(&answer)) waiting_.emplace(queued->ticket, call);
    waiting_count_.store(waiting_.size(), std::memory_order_relaxed);
    if (std::holds_alternative<Queued>(answer)) {
      if (const auto when = line_.next_time()) schedule_dispatch(*when);
    }
  }
  PoolAccess::state(*pool_).publish();
  return answer;
}

std::optional<Grant> RouterCore::lend_now(std::vector<Demand> demands) {
  std::optional<Grant> grant;
  {
    const std::lock_guard lock(line_mutex_);
    std::erase_if(demands, [this](const Demand& demand) { return line_.anyone_waits(demand.service); });
    if (demands.empty()) return grant;
    LineAnswer answer = line_.enter({.demands = std::move(demands), .max_wait = std::chrono::milliseconds(0)}, now());
    if (auto* granted = std::get_if<Grant>(&answer)) grant = std::move(*granted);
  }
  PoolAccess::state(*pool_).publish();
  return grant;
}

void RouterCore::leave_line(std::uint64_t ticket) {
  const std::lock_guard lock(line_mutex_);
  line_.leave(ticket);
  waiting_.erase(ticket);
  waiting_count_.store(waiting_.size(), std::memory_order_relaxed);
}

void RouterCore::dispatch() {
  if (waiting_count_.load(std::memory_order_relaxed) == 0) return;
  struct Told {
    std::shared_ptr<CallState> call{};
    std::variant<Grant, Unavailable> answer;
  };
  // A lease that nobody takes any more comes back to the pool, which calls here again: never with the lock held.
  std::vector<std::shared_ptr<Told>> told;
  {
    const std::lock_guard lock(line_mutex_);
    for (LineGrant& grant : line_.poll(now())) {
      auto one = std::make_shared<Told>(Told{.answer = std::move(grant.answer)});
      if (const auto it = waiting_.find(grant.ticket); it != waiting_.end()) {
        one->call = it->second.lock();
        waiting_.erase(it);
      }
      told.push_back(std::move(one));
    }
    waiting_count_.store(waiting_.size(), std::memory_order_relaxed);
    if (const auto when = line_.next_time()) schedule_dispatch(*when);
  }
  PoolAccess::state(*pool_).publish();
  for (std::shared_ptr<Told>& one : told) {
    if (!one->call) continue;
    Runtime& runtime = one->call->runtime();
    runtime.post([one = std::move(one)] {
      if (auto* granted = std::get_if<Grant>(&one->answer)) {
        one->call->granted(std::move(*granted));
      } else {
        one->call->refused(std::move(std::get<Unavailable>(one->answer)));
      }
    });
  }
}

// With the line's lock held.
void RouterCore::schedule_dispatch(TimePoint when) {
  if (dispatch_at_ && *dispatch_at_ <= when) return;
  dispatch_at_ = when;
  Runtime& runtime = *loops_.front().handle.runtime;
  runtime.post([weak = weak_from_this(), &runtime, when] {
    (void)runtime.at(when, [weak, when] {
      const auto self = weak.lock();
      if (!self) return;
      {
        // Each that was put off for an earlier one would have a next one, and their number only grow.
        const std::lock_guard lock(self->line_mutex_);
        if (self->dispatch_at_ != when) return;
        self->dispatch_at_.reset();
      }
      self->dispatch();
    });
  });
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
