#include "http/loop.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

#include "http/engine.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {

/// A caller that leaves one exchange behind is most likely reading a stream and back at once for its next event: so
/// long the loop's thread leaves it to that caller.
constexpr std::chrono::microseconds kGrace{1000};

TimePoint clock_now() { return TimePoint(std::chrono::steady_clock::now()); }

}  // namespace

/// Who drives. Everything is guarded by the mutex but the engine and the random numbers, which are the driver's.
class Loop::State : public std::enable_shared_from_this<State> {
 public:
  explicit State(std::uint64_t seed) : random_state(seed) {}

  [[nodiscard]] bool post(Task& task);
  [[nodiscard]] bool post_and_wait(Task& task, Gate& gate);
  void wait(Gate& gate);
  void open(Gate& gate);
  void stop();

  [[nodiscard]] bool on_loop() const noexcept {
    return driver_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  [[nodiscard]] bool has_thread() {
    const std::lock_guard lock(mutex_);
    return background_.joinable();
  }

  const ProcessMark process{};
  std::shared_ptr<Engine> engine{};
  std::uint64_t random_state;

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Waiter {
    std::condition_variable signal{};
    bool leads = false;  ///< chosen to drive
  };

  void wait(Lock& lock, Gate& gate);
  void drive(Lock& lock, const Gate* gate);
  bool hand_over();
  [[nodiscard]] bool call_thread(TimePoint when);
  void interrupt(Lock& lock);
  void run_background();
  [[nodiscard]] bool has_work() const { return !tasks_.empty() || engine->in_flight() > 0 || engine->ready(); }

  std::mutex mutex_{};
  std::vector<Task> tasks_{};
  std::vector<Task> batch_{};  ///< the driver's
  std::unordered_multimap<const Gate*, Waiter*> waiters_{};
  bool stopped_ = false;
  bool driven_ = false;   ///< somebody drives, or has been chosen to
  bool polling_ = false;  ///< the driver sleeps, or is about to
  std::atomic<std::thread::id> driver_{};
  std::condition_variable undriven_{};  ///< for stop()

  std::thread background_{};
  std::condition_variable called_{};
  TimePoint take_over_ = TimePoint::max();     ///< when the loop's thread shall drive, unless somebody else does
  TimePoint asleep_until_ = TimePoint::min();  ///< the loop's thread
};

bool Loop::State::post(Task& task) {
  Lock lock(mutex_);
  if (stopped_) return false;
  tasks_.push_back(std::move(task));
  if (driven_) {
    interrupt(lock);
    return true;
  }
  if (hand_over()) return true;
  tasks_.pop_back();
  return false;
}

bool Loop::State::post_and_wait(Task& task, Gate& gate) {
  Lock lock(mutex_);
  if (stopped_) return false;
  tasks_.push_back(std::move(task));
  if (driven_) {
    interrupt(lock);
    lock.lock();
  }
  wait(lock, gate);
  return true;
}

/// Wakes a driver that sleeps. Unlocks.
void Loop::State::interrupt(Lock& lock) {
  const bool asleep = std::exchange(polling_, false);
  lock.unlock();
  if (asleep) engine->wake();
}

void Loop::State::wait(Gate& gate) {
  Lock lock(mutex_);
  wait(lock, gate);
}

void Loop::State::wait(Lock& lock, Gate& gate) {
  while (!gate.open() && !stopped_) {
    if (driven_) {
      Waiter self;
      const auto place = waiters_.emplace(&gate, &self);
      self.signal.wait(lock, [&] { return self.leads || gate.open() || stopped_; });
      waiters_.erase(place);
      if (!self.leads) continue;
    }
    driven_ = true;
    drive(lock, &gate);
    hand_over();
  }
}

void Loop::State::open(Gate& gate) {
  Lock lock(mutex_);
  // Nothing of the gate is touched after this but its address: its owner may be gone as soon as it looks.
  GateAccess::set(gate);
  const auto [first, last] = waiters_.equal_range(&gate);
  for (auto waiter = first; waiter != last; ++waiter) waiter->second->signal.notify_one();
  if (first == last && driven_ && !on_loop()) interrupt(lock);
}

/// Runs the loop until the gate is open (a caller), or until there is nothing but timers (the loop's thread).
void Loop::State::drive(Lock& lock, const Gate* gate) {
  driver_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  take_over_ = TimePoint::max();
  for (;;) {
    const bool last = stopped_;
    batch_.swap(tasks_);
    lock.unlock();
    for (Task& task : batch_) {
      task();
      task = nullptr;
    }
    batch_.clear();
    if (!last) engine->turn();
    lock.lock();
    if (last) break;
    if (stopped_) continue;
    if (gate != nullptr ? gate->open() : !has_work()) break;
    polling_ = tasks_.empty();
    const bool block = polling_;
    lock.unlock();
    engine->poll(block);
    lock.lock();
    polling_ = false;
  }
  driver_.store({}, std::memory_order_relaxed);
}

/// Nobody drives: finds who will, where there is something to drive for. False: the loop's thread should, and the
/// system gives none. Then the next to wait drives.
bool Loop::State::hand_over() {
  driven_ = false;
  if (stopped_) {
    for (const auto& [gate, waiter] : waiters_) waiter->signal.notify_one();
    undriven_.notify_all();
    return true;
  }
  const bool work = has_work();
  const std::optional<TimePoint> timer = engine->timers().next();
  if (!work && !timer) return true;
  if (!waiters_.empty()) {
    Waiter& chosen = *waiters_.begin()->second;
    chosen.leads = true;
    driven_ = true;
    chosen.signal.notify_one();
    return true;
  }
  TimePoint when = timer.value_or(TimePoint::max());
  if (work) {
    const bool reader = tasks_.empty() && !engine->ready() && engine->in_flight() == 1;
    when = std::min(when, reader ? clock_now() + kGrace : TimePoint::min());
  }
  return call_thread(when);
}

bool Loop::State::call_thread(TimePoint when) {
  take_over_ = when;
  if (!background_.joinable()) {
    try {
      background_ = start_thread([self = shared_from_this()] { self->run_background(); });
    } catch (const std::system_error&) {
      return false;
    }
  } else if (when < asleep_until_) {
    called_.notify_one();
  }
  return true;
}

void Loop::State::run_background() {
  Lock lock(mutex_);
  while (!stopped_) {
    if (!driven_ && (!tasks_.empty() || take_over_ <= clock_now())) {
      driven_ = true;
      drive(lock, nullptr);
      hand_over();
      continue;
    }
    asleep_until_ = driven_ ? TimePoint::max() : take_over_;
    if (asleep_until_ == TimePoint::max()) {
      called_.wait(lock);
    } else {
      called_.wait_until(lock, asleep_until_);
    }
    asleep_until_ = TimePoint::min();
  }
}

void Loop::State::stop() {
  Lock lock(mutex_);
  if (stopped_) return;
  stopped_ = true;
  const bool inside = on_loop();
  if (!inside) {
    if (driven_) {
      if (std::exchange(polling_, false)) engine->wake();
      for (const auto& [gate, waiter] : waiters_) waiter->signal.notify_one();
      undriven_.wait(lock, [&] { return !driven_; });
    }
    driven_ = true;  // what was posted and not run, is run here
    drive(lock, nullptr);
    hand_over();
  }
  called_.notify_all();
  std::thread background = std::move(background_);
  lock.unlock();
  if (!background.joinable()) return;
  if (background.get_id() == std::this_thread::get_id()) {
    join_at_exit(std::move(background));
  } else {
    background.join();
  }
}

std::shared_ptr<Loop> Loop::create(LoopOptions options) {
  if (options.seed == 0) {
    std::random_device device;
    options.seed = (std::uint64_t{device()} << 32U) | device();
  }
  if (!options.resolver) options.resolver = Resolver::create();
  const auto release = [process = ProcessMark()](const State* state) {
    if (!process.forked()) delete state;
  };
  const std::shared_ptr<State> state(new State(options.seed), release);
  state->engine = Engine::create(std::move(options.resolver), [weak = std::weak_ptr<State>(state)](Task task) {
    const std::shared_ptr<State> reached = weak.lock();
    return reached && reached->post(task);
  });
  return std::shared_ptr<Loop>(new Loop(state));
}

Loop::~Loop() { stop(); }

void Loop::stop() {
  const std::shared_ptr<State> state = state_;
  if (!state->process.forked()) state->stop();
}

TimePoint Loop::now() const { return clock_now(); }

WallTime Loop::wall_time() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::uint64_t Loop::random() {
  // splitmix64: https://prng.di.unimi.it/splitmix64.c
  std::uint64_t z = (state_->random_state += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

bool Loop::post(Task task) { return !state_->process.forked() && state_->post(task); }

TimerId Loop::at(TimePoint when, Task task) { return state_->engine->timers().add(when, std::move(task)); }

void Loop::cancel(TimerId timer) { state_->engine->timers().cancel(timer); }

std::unique_ptr<Exchange> Loop::exchange(HttpRequest request, const ExchangeOptions& options,
                                         ExchangeListener& listener) {
  return state_->engine->exchange(std::move(request), options, listener);
}

void Loop::wait(Gate& gate) {
  const std::shared_ptr<State> state = state_;  // a callback may destroy the Loop
  if (!state->process.forked()) state->wait(gate);
}

bool Loop::post_and_wait(Task task, Gate& gate) {
  const std::shared_ptr<State> state = state_;
  return !state->process.forked() && state->post_and_wait(task, gate);
}

void Loop::open(Gate& gate) {
  const std::shared_ptr<State> state = state_;
  if (!state->process.forked()) state->open(gate);
}

bool Loop::on_loop() const noexcept { return state_->on_loop(); }

bool Loop::has_thread() const { return state_->has_thread(); }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
