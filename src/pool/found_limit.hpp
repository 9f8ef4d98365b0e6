#pragma once

#include <algorithm>
#include <cstdint>

#include "pool/sliding_log.hpp"
#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A limit that a provider does not state, or states wrongly, as its refusals show it: what it did serve of a window in
/// which it refused; where even one is too much for a key among many, one in twice the window, and so on. It is raised
/// by a twentieth while all goes well, at longer and longer intervals where it is met again.
class FoundLimit {
 public:
  /// What is counted is counted since `begun`.
  explicit FoundLimit(TimePoint begun) noexcept : begun_(begun) {}

  /// 0: none was found.
  [[nodiscard]] std::int64_t value() const noexcept { return value_; }

  /// So many windows are one to this limit.
  [[nodiscard]] int stretch() const noexcept { return stretch_; }

  /// `amount` was refused although the limit stated has room. `own` is what we sent within the window, and this of it.
  /// `crowd`: other keys are there, which may share the limit.
  void refused(std::int64_t amount, std::int64_t own, bool crowd, Nanos window, TimePoint now) {
    refused_.resize(window * stretch_, own);
    refused_.add(now, amount);
    doubts_ += 1;
    // Others may have been quicker, once or twice; and a window that was not seen whole tells too little.
    if (value_ == 0 && (doubts_ < kSure || now - begun_ < window)) return;
    // Who served next to nothing has shown no limit.
    if (value_ == 0 && own - refused_.sum() < (crowd ? amount : 2 * amount)) return;
    const std::int64_t served = std::max<std::int64_t>(own - refused_.sum(), 1);
    if (value_ == 1 && crowd) stretch_ = std::min(stretch_ * 2, kMostStretch);
    value_ = value_ == 0 ? served : std::min(value_, served);
    if (!met_) pause_ = std::clamp<Nanos>(pause_ * 2, window * stretch_, kLongestPause);
    met_ = true;
    changed_ = now;
  }

  /// An attempt went well. True where that raised the limit.
  bool served(std::int64_t stated, Nanos window, TimePoint now) noexcept {
    doubts_ = std::max(doubts_ - kComfort, 0.0);
    if (value_ == 0 || now - changed_ < pause_) return false;
    if (!met_) pause_ = std::max(pause_ / 2, window);
    met_ = false;
    changed_ = now;
    if (stretch_ > 1) {
      stretch_ /= 2;
      return true;
    }
    value_ += std::max<std::int64_t>(value_ / 20, 1);
    if (value_ >= stated) value_ = 0;
    return true;
  }

 private:
  static constexpr double kSure = 3;
  static constexpr double kComfort = 0.1;
  static constexpr Nanos kLongestPause = std::chrono::hours(1);
  static constexpr int kMostStretch = 16;

  TimePoint begun_{};
  std::int64_t value_ = 0;
  int stretch_ = 1;
  double doubts_ = 0;
  bool met_ = false;  ///< since it was raised last
  Nanos pause_{0};
  TimePoint changed_{};
  SlidingLog refused_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
