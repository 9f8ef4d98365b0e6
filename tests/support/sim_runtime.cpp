#include "support/sim_runtime.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace keywheel::testing {
namespace {

constexpr std::uint64_t kMaxStepsAtOneTime = 50'000'000;

/// Sets a flag while it lives.
class Raised {
 public:
  explicit Raised(bool& flag) noexcept : flag_(flag) { flag_ = true; }
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;
  ~Raised() { flag_ = false; }

 private:
  bool& flag_;
};

detail::TimerId timer_id(std::uint32_t slot, std::uint32_t generation) noexcept {
  return (static_cast<detail::TimerId>(generation) << 32U) | (slot + 1U);
}

}  // namespace

SimTravel SimNetwork::travel(const HttpRequest&, TimePoint) { return {}; }
void SimNetwork::sent(const HttpRequest&, TimePoint) {}
void SimNetwork::closed(const HttpRequest&, TimePoint) {}

/// What the caller holds of a Transfer.
class SimExchange : public detail::Exchange {
 public:
  SimExchange(SimRuntime& runtime, std::uint32_t slot, std::uint32_t generation) noexcept
      : runtime_(runtime), slot_(slot), generation_(generation) {}
  SimExchange(const SimExchange&) = delete;
  SimExchange& operator=(const SimExchange&) = delete;
  ~SimExchange() override {
    if (runtime_.is(slot_, generation_)) runtime_.abandon(slot_);
  }

  void pause() override {
    if (runtime_.is(slot_, generation_)) runtime_.slots_[slot_].transfer->paused = true;
  }

  void resume() override {
    if (!runtime_.is(slot_, generation_)) return;
    SimRuntime::Transfer& transfer = *runtime_.slots_[slot_].transfer;
    transfer.paused = false;
    if (std::exchange(transfer.due, false)) runtime_.schedule(slot_, runtime_.now_);
  }

 private:
  SimRuntime& runtime_;
  std::uint32_t slot_;
  std::uint32_t generation_;
};

SimRuntime::SimRuntime(SimNetwork& network, Options options)
    : network_(network), options_(options), now_(options.start), random_state_(options.seed) {}

SimRuntime::~SimRuntime() = default;

WallTime SimRuntime::wall_time() const {
  return options_.wall_start + std::chrono::floor<std::chrono::milliseconds>(now_ - options_.start);
}

std::uint64_t SimRuntime::random() {
  require_loop("random()");
  // SplitMix64: small, and the same everywhere.
  std::uint64_t z = (random_state_ += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

bool SimRuntime::post(detail::Task task) {
  if (ended_) return false;
  posted_.push_back({now_, order_++, std::move(task)});
  return true;
}

detail::TimerId SimRuntime::at(TimePoint when, detail::Task task) {
  require_loop("at()");
  const std::uint32_t slot = take_slot();
  slots_[slot].task = std::move(task);
  ++timers_;
  schedule(slot, std::max(when, now_));
  return timer_id(slot, slots_[slot].generation);
}

void SimRuntime::cancel(detail::TimerId timer) {
  if (timer == 0) return;
  const auto slot = static_cast<std::uint32_t>(timer & UINT32_MAX) - 1U;
  if (is(slot, static_cast<std::uint32_t>(timer >> 32U))) free_slot(slot);
}

std::unique_ptr<detail::Exchange> SimRuntime::exchange(HttpRequest request, const detail::ExchangeOptions&,
                                                       detail::ExchangeListener& listener) {
  require_loop("exchange()");
  ++requests_;
  ++exchanges_;
  const std::uint32_t slot = take_slot();
  std::unique_ptr<Transfer> transfer;
  if (spare_transfers_.empty()) {
    transfer = std::make_unique<Transfer>();
  } else {
    transfer = std::move(spare_transfers_.back());
    spare_transfers_.pop_back();
    *transfer = Transfer{};
  }
  transfer->listener = &listener;
  transfer->request = std::move(request);
  transfer->travel = network_.travel(transfer->request, now_);
  const TimePoint when = now_ + transfer->travel.connect;
  slots_[slot].transfer = std::move(transfer);
  schedule(slot, when);
  return std::make_unique<SimExchange>(*this, slot, slots_[slot].generation);
}

void SimRuntime::wait(detail::Gate& gate) {
  if (on_loop_) throw std::logic_error("SimRuntime: a wait on the loop's own thread");
  while (!gate.open()) {
    check_horizon();
    if (!step()) {
      throw std::logic_error(fmt::format(
          "SimRuntime: deadlock. {:.3f} s after the start nothing is left to happen, and the gate is closed",
          std::chrono::duration<double>(now_ - options_.start).count()));
    }
  }
}

bool SimRuntime::step() {
  const bool any_posted = !posted_.empty();
  if (!any_posted && heap_.empty()) return false;
  ++steps_;
  const Raised raised(on_loop_);
  if (any_posted) {
    const Posted& front = posted_.front();
    if (heap_.empty() || Entry{front.when, front.order, 0} < heap_.front()) {
      const detail::Task task = std::move(posted_.front().task);
      posted_.pop_front();
      move_to(now_);
      task();
      return true;
    }
  }
  const Entry entry = heap_.front();
  move_to(entry.when);
  unschedule(entry.slot);
  if (slots_[entry.slot].transfer != nullptr) {
    run_transfer(entry.slot);
  } else {
    const detail::Task task = std::move(slots_[entry.slot].task);
    free_slot(entry.slot);
    task();
  }
  return true;
}

void SimRuntime::run_until(TimePoint when) {
  for (std::optional<TimePoint> next = next_time(); next && *next <= when; next = next_time()) step();
  now_ = std::max(now_, when);
}

void SimRuntime::run_until_idle() {
  do {
    check_horizon();
  } while (step());
}

std::optional<TimePoint> SimRuntime::next_time() const {
  if (!posted_.empty()) return now_;
  if (heap_.empty()) return std::nullopt;
  return heap_.front().when;
}

void SimRuntime::move_to(TimePoint when) {
  if (when != now_) steps_at_this_time_ = 0;
  now_ = when;
  if (++steps_at_this_time_ > kMaxStepsAtOneTime) throw std::logic_error("SimRuntime: time stands still");
}

void SimRuntime::check_horizon() const {
  if (now_ - options_.start > options_.horizon) throw std::logic_error("SimRuntime: the horizon is reached");
}

void SimRuntime::require_loop(const char* what) const {
  if (!on_loop_) throw std::logic_error(fmt::format("SimRuntime: {} was called off the loop", what));
}

void SimRuntime::abandon(std::uint32_t slot) {
  Transfer& transfer = *slots_[slot].transfer;
  if (transfer.phase == Phase::connect) return free_slot(slot);
  network_.closed(transfer.request, now_);
  if (transfer.phase != Phase::arrive) return free_slot(slot);
  transfer.listener = nullptr;
}

void SimRuntime::run_transfer(std::uint32_t slot) {
  Transfer& transfer = *slots_[slot].transfer;
  if (transfer.listener == nullptr) {
    (void)network_.answer(transfer.request, now_);
    return free_slot(slot);
  }
  if (transfer.paused && transfer.phase >= Phase::head) {
    transfer.due = true;
    return;
  }
  deliver(slot, transfer);
}

void SimRuntime::deliver(std::uint32_t slot, Transfer& transfer) {
  // What comes next is scheduled before the listener is told (save where it may prevent it), since it may destroy the
  // exchange or pause it.
  const auto then = [&](Phase phase, std::chrono::nanoseconds delay) {
    transfer.phase = phase;
    schedule(slot, now_ + delay);
  };
  const auto then_body_or_end = [&] {
    if (transfer.next_piece < transfer.answer.body.size()) {
      then(Phase::body, transfer.answer.body[transfer.next_piece].delay);
    } else if (transfer.answer.ends) {
      then(Phase::end, transfer.answer.end_delay);
    }
  };
  detail::ExchangeListener& listener = *transfer.listener;
  switch (transfer.phase) {
    case Phase::connect: {
      if (transfer.travel.failed) {
        detail::ExchangeEnd end = std::move(*transfer.travel.failed);
        free_slot(slot);
        return listener.on_end(std::move(end));
      }
      const std::uint32_t generation = slots_[slot].generation;
      listener.on_sent();
      if (!is(slot, generation)) return;  // taken back, and not one byte was written
      then(Phase::arrive, transfer.travel.uplink);
      return network_.sent(transfer.request, now_);
    }
    case Phase::arrive:
      transfer.answer = network_.answer(transfer.request, now_);
      if (transfer.answer.head || transfer.answer.ends) {
        then(transfer.answer.head ? Phase::head : Phase::end, transfer.answer.head_delay);
      }
      return;
    case Phase::head: {
      HttpHead head = std::move(*transfer.answer.head);
      then_body_or_end();
      return listener.on_head(std::move(head));
    }
    case Phase::body: {
      const std::string bytes = std::move(transfer.answer.body[transfer.next_piece++].bytes);
      then_body_or_end();
      return listener.on_body(bytes);
    }
    case Phase::end: {
      detail::ExchangeEnd end = std::move(transfer.answer.end);
      network_.closed(transfer.request, now_);
      free_slot(slot);
      return listener.on_end(std::move(end));
    }
  }
}

bool SimRuntime::is(std::uint32_t slot, std::uint32_t generation) const noexcept {
  return slot < slots_.size() && slots_[slot].used && slots_[slot].generation == generation;
}

std::uint32_t SimRuntime::take_slot() {
  if (free_.empty()) {
    slots_.emplace_back();
    free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  slots_[slot].used = true;
  return slot;
}

void SimRuntime::free_slot(std::uint32_t slot) {
  unschedule(slot);
  Slot& freed = slots_[slot];
  freed.used = false;
  ++freed.generation;
  if (freed.transfer != nullptr) {
    --exchanges_;
    spare_transfers_.push_back(std::move(freed.transfer));
    free_.push_back(slot);
    return;
  }
  --timers_;
  // Destroyed last: what it holds may cancel other timers, or make new ones.
  const detail::Task task = std::move(freed.task);
  freed.task = nullptr;
  free_.push_back(slot);
}

void SimRuntime::schedule(std::uint32_t slot, TimePoint when) {
  heap_.push_back({when, order_++, slot});
  slots_[slot].heap_index = static_cast<std::uint32_t>(heap_.size() - 1);
  sift_up(heap_.size() - 1);
}

void SimRuntime::unschedule(std::uint32_t slot) {
  const std::uint32_t index = std::exchange(slots_[slot].heap_index, kNowhere);
  if (index == kNowhere) return;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  place(index, last);
  sift_up(index);
  sift_down(slots_[last.slot].heap_index);
}

void SimRuntime::place(std::size_t index, Entry entry) {
  heap_[index] = entry;
  slots_[entry.slot].heap_index = static_cast<std::uint32_t>(index);
}

void SimRuntime::sift_up(std::size_t index) {
  const Entry entry = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!(entry < heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, entry);
}

void SimRuntime::sift_down(std::size_t index) {
  const Entry entry = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1] < heap_[child]) ++child;
    if (!(heap_[child] < entry)) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, entry);
}

}  // namespace keywheel::testing
