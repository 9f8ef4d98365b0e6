#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include <keywheel/credential_pool.hpp>

namespace keywheel::sim {

using Nanos = std::chrono::nanoseconds;

enum class WindowKind : std::uint8_t {
  sliding,  ///< so many in any window of the length
  fixed,    ///< windows that follow one another
  bucket,   ///< a token bucket that is full again after the length
};

/// A limit as the provider holds it, which the Router does not know.
struct Truth {
  Measure measure = Measure::requests;
  WindowKind kind = WindowKind::sliding;
  std::int64_t limit = 0;
  std::chrono::seconds window{60};
};

/// Such a limit at work.
class TrueLimit {
 public:
  TrueLimit(const Truth& truth, Nanos phase) noexcept : truth_(truth), phase_(phase), level_(truth.limit) {}

  [[nodiscard]] const Truth& truth() const noexcept { return truth_; }
  [[nodiscard]] bool admits(std::int64_t amount, TimePoint now) { return amount <= remaining(now); }
  /// Takes it, whether or not there is room.
  void charge(std::int64_t amount, TimePoint now);
  /// Below 0 where more was charged than there was room for.
  [[nodiscard]] std::int64_t remaining(TimePoint now);
  /// Until all of it is free again.
  [[nodiscard]] Nanos until_full(TimePoint now);
  /// Until `amount` has room.
  [[nodiscard]] Nanos until_room(std::int64_t amount, TimePoint now);

 private:
  struct Spent {
    TimePoint at;
    std::int64_t amount;
  };
  void turn(TimePoint now);
  [[nodiscard]] Nanos window() const noexcept { return truth_.window; }
  [[nodiscard]] Nanos into_window(TimePoint now) const noexcept { return (now.time_since_epoch() + phase_) % window(); }

  Truth truth_;
  Nanos phase_;
  TimePoint turned_{};
  std::int64_t level_;         // bucket, fixed: what is left
  std::int64_t fraction_ = 0;  // bucket: of the next one, in parts of the window
  std::deque<Spent> spent_{};  // sliding
  std::int64_t sum_ = 0;       // of it
};

}  // namespace keywheel::sim
