#pragma once

#include <cstdint>

#include "pool/calendar.hpp"
#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a provider stated of one limit, as it stands beside our own count.
///
/// A stated `remaining` is old when it comes: it lacks what was sent after the request that it answers. So it is not
/// taken for a count. What the provider had counted by then, less what we had sent by then, is somebody else's (or our
/// estimates' fault), and is held against the limit beside our own count until the stated reset. Whatever the
/// provider's window is like (sliding, fixed, a bucket that refills), our own count in a sliding window never exceeds
/// it; how others' part goes differs, and shows in the resets: a bucket's fits what is used of it, a fixed window's
/// stays where it is.
class Learned {
 public:
  struct Statement {
    std::uint64_t lease = 0;        ///< of the request that it answers
    TimePoint sent{};               ///< when that was sent
    TimePoint at{};                 ///< when it came
    std::int64_t used = 0;          ///< what the provider had counted
    std::int64_t own = 0;           ///< what we had sent by then, within our window
    std::int64_t own_in_fixed = 0;  ///< what we had sent since a fixed window with this reset began
    std::int64_t limit = 0;
    Nanos window{0};
    TimePoint turns{};          ///< when the window ends by itself, at the latest
    TimePoint full = kNever;    ///< as stated
    bool has_remaining = true;  ///< else only the limit was stated
    bool calendar = false;      ///< the window is a day or a month
    std::int64_t period = 0;    ///< its number
  };
  /// Our own count, now.
  struct Own {
    std::int64_t sent = 0;   ///< in our window
    std::int64_t after = 0;  ///< of it, after the request that was answered last
    std::int64_t period = 0;
  };

  explicit Learned(bool refills) noexcept : bucket_(refills ? kSure : 0) {}

  /// Answers to requests sent earlier than the one heard last say nothing new.
  [[nodiscard]] bool is_news(std::uint64_t lease, TimePoint sent) const noexcept {
    return lease_ == 0 || sent > sent_ || (sent == sent_ && lease > lease_);
  }
  [[nodiscard]] TimePoint sent() const noexcept { return sent_; }
  void take(const Statement& statement) noexcept;

  /// What to add to our own count at `now`. Less than nothing in a day's bucket that has refilled what we spent today.
  [[nodiscard]] std::int64_t external(TimePoint now, const Own& own) const noexcept;
  /// When that will be less by `amount`; kNever where it never will be.
  [[nodiscard]] TimePoint shrinks(std::int64_t amount, TimePoint now) const noexcept;
  /// A bucket fills all the time: our own count goes down with it.
  [[nodiscard]] bool refills() const noexcept { return bucket_ >= kSure; }

  /// Nothing was heard for so long that it is not believed any more.
  [[nodiscard]] bool stale(TimePoint now) const noexcept { return now >= expires_; }
  [[nodiscard]] TimePoint expires() const noexcept { return expires_; }

  /// Long windows are not left to one header: single attempts find out whether it still holds, sooner at first.
  [[nodiscard]] TimePoint probe_at() const noexcept { return probe_at_; }
  void probe(std::uint64_t lease, TimePoint now) noexcept;
  /// A probe went well while nothing should have been left: a `remaining` that says so is not believed any more.
  void served(std::uint64_t lease) noexcept;
  /// The provider did refuse: it is.
  void refused() noexcept { doubted_ = false; }

 private:
  static constexpr int kSure = 2;
  [[nodiscard]] bool fixed() const noexcept { return fixed_ >= kSure && !refills(); }
  void weigh(const Statement& statement) noexcept;
  /// What others may have burnt since.
  [[nodiscard]] std::int64_t margin(TimePoint now) const noexcept;
  [[nodiscard]] std::int64_t in_fixed(TimePoint now) const noexcept;

  Statement last_{};
  std::int64_t others_ = 0;  ///< at the last statement
  TimePoint burnt_at_ = TimePoint::min();
  double pace_ = 0;  ///< theirs in a fixed window, a nanosecond
  std::uint64_t lease_ = 0;
  TimePoint sent_{};
  TimePoint full_{};
  TimePoint end_{};  ///< stated last, and since when
  TimePoint end_since_{};
  TimePoint expires_{};
  TimePoint probe_at_ = kNever;
  Nanos probe_pause_{0};
  std::uint64_t probe_ = 0;
  int bucket_ = 0;  ///< statements in a row whose reset fits a bucket
  int fixed_ = 0;   ///< likewise a fixed window
  bool doubted_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
