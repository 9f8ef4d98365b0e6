#pragma once

#include <cstdint>
#include <memory>

#include "http/resolver.hpp"
#include "router/runtime.hpp"

/// The real Runtime: HTTP over libcurl, timers, and the threads that drive them.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

struct LoopOptions {
  std::shared_ptr<Resolver> resolver{};  ///< shared by the loops of one Router; empty: one of this loop's own
  std::uint64_t seed = 0;                ///< for random(); 0: from the system
};

/// One loop over libcurl.
///
/// Whoever waits drives: a thread in wait() runs the loop itself where nobody else does, so that a lone caller pays for
/// no change of threads. What nobody waits for is driven by one thread of the loop's own, started when it is first
/// needed. Where there is nothing to do, nobody drives.
///
/// After fork() the child's calls do nothing: post() is false, wait() returns at once, destruction frees nothing.
class Loop final : public Runtime {
 public:
  /// Throws std::system_error when the system has no descriptor to spare.
  [[nodiscard]] static std::shared_ptr<Loop> create(LoopOptions options);
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs what has been posted, then nothing more: listeners and timers are called no more, post() is false, wait()
  /// returns though its gate be closed. Joins the loop's thread; called on the loop, it returns at once, and the loop
  /// ends after the callback.
  void stop();

  [[nodiscard]] TimePoint now() const override;
  [[nodiscard]] WallTime wall_time() const override;
  [[nodiscard]] std::uint64_t random() override;
  /// False also where the loop's thread was needed and the system gave none.
  bool post(Task task) override;
  [[nodiscard]] TimerId at(TimePoint when, Task task) override;
  void cancel(TimerId timer) override;
  [[nodiscard]] std::unique_ptr<Exchange> exchange(HttpRequest request, const ExchangeOptions& options,
                                                   ExchangeListener& listener) override;
  void wait(Gate& gate) override;
  bool post_and_wait(Task task, Gate& gate) override;
  void open(Gate& gate) override;
  [[nodiscard]] bool on_loop() const noexcept override;

  /// Whether the loop's own thread has been started.
  [[nodiscard]] bool has_thread() const;

 private:
  class State;
  explicit Loop(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
