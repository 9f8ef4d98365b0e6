#include <algorithm>

#include "router/call.hpp"

/// What a call does while it waits in the line: services that were left out of its demands since they rest or recover
/// are looked at again. It keeps its place in the line.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::chrono::seconds kLookAgain{1};
constexpr std::chrono::milliseconds kLeastPause{1};
/// More than have place at a service that serves again: who finds none waits on.
constexpr std::size_t kWoken = 8;

}  // namespace

/// Those of `allowed` that others wait for who came before.
std::vector<std::size_t> CallState::defer(std::vector<std::size_t>& allowed, bool called) const {
  std::vector<std::size_t> deferred;
  if (called || core_->turned_away().empty()) return deferred;
  const auto rest =
      std::stable_partition(allowed.begin(), allowed.end(), [this](std::size_t stop) { return !others_first(stop); });
  deferred.assign(rest, allowed.end());
  allowed.erase(rest, allowed.end());
  return deferred;
}

void CallState::begin_wait(std::uint64_t ticket) {
  const bool goes_on = std::exchange(ticket_, ticket) == ticket;
  if (!waiting_since_) waiting_since_ = runtime_.now();
  seniority_ = ticket;
  register_elsewhere();
  if (!left_out_.empty()) look_again_at(look_again_);
  if (goes_on) return;
  tell(&Observer::on_wait_begun, WaitBegun{.call = number_, .tenant = options_.tenant});
}

bool CallState::others_first(std::size_t stop) const {
  return core_->turned_away().anyone_before(service(stop).config.id, model(stop), seniority_);
}

void CallState::register_elsewhere() {
  for (const std::size_t stop : left_out_) {
    core_->turned_away().add(service(stop).config.id, model(stop), seniority_, weak_from_this());
  }
}

/// No service is left to wait for in the line. Until one is, those who came first are called first.
void CallState::wait_outside(std::vector<std::size_t> left_out, TimePoint until) {
  const TimePoint now = runtime_.now();
  left_out_ = std::move(left_out);
  if (seniority_ == 0) seniority_ = core_->number_wait();
  const bool first =
      std::none_of(left_out_.begin(), left_out_.end(), [this](std::size_t s) { return others_first(s); });
  register_elsewhere();
  if (!first) until = std::max(until, now + kLookAgain);
  if (deadline_) until = std::min(until, now + (*deadline_ - now) / 2);
  pause_timer_ = runtime_.at(std::max(until, now + kLeastPause), [this] {
    pause_timer_ = 0;
    stop_looking();
    next();
  });
}

void CallState::look_again_at(TimePoint when) {
  wait_timer_ = runtime_.at(std::max(when, runtime_.now() + kLookAgain), [this] {
    wait_timer_ = 0;
    const TimePoint now = runtime_.now();
    const bool turn = std::any_of(left_out_.begin(), left_out_.end(), [&](std::size_t stop) {
      return core_->health().ask(service(stop).config.id, model(stop), now).allowed && !others_first(stop);
    });
    if (turn) return look_again();
    look_again_at(now);
  });
}

void CallState::look_again() {
  if (finished_) return;
  const bool outside = ticket_ == 0 && pause_timer_ != 0 && !left_out_.empty();
  if (outside) {
    runtime_.cancel(std::exchange(pause_timer_, 0));
  } else if (ticket_ == 0 || !core_->leave_line(ticket_)) {
    return;
  }
  stop_looking();
  called_ = true;
  next();
}

void CallState::stop_looking() {
  if (wait_timer_ != 0) runtime_.cancel(std::exchange(wait_timer_, 0));
  if (!left_out_.empty()) core_->turned_away().remove(seniority_);
  left_out_.clear();
}

void CallState::waited(bool granted, std::string_view reason) {
  stop_looking();
  if (std::exchange(ticket_, 0) == 0 || !waiting_since_) return;
  tell(&Observer::on_wait_ended,
       WaitEnded{.call = number_,
                 .waited = std::chrono::duration_cast<std::chrono::microseconds>(runtime_.now() - *waiting_since_),
                 .granted = granted,
                 .reason = reason});
}

/// Who waits elsewhere hears that this service may take somebody.
void CallState::call_those_turned_away(std::size_t stop) {
  if (core_->turned_away().empty()) return;
  const std::string& id = service(stop).config.id;
  if (!core_->health().ask(id, model(stop), runtime_.now()).allowed) return;
  for (std::shared_ptr<CallState>& call : core_->turned_away().first(id, model(stop), kWoken)) {
    Runtime& runtime = call->runtime();
    runtime.post([call = std::move(call)] { call->look_again(); });
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
