#pragma once

#include <cstdint>

#include "pool/burn_rate.hpp"
#include "pool/calendar.hpp"
#include "pool/found_limit.hpp"
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
/// stays where it is. What they use between statements is foreseen at their pace so far, and a little beyond it.
///
/// Where a provider refuses again and again what it says there is room for, what it did serve is the limit.
///
/// Whatever is foreseen of a time without news, room comes then or later, never earlier.
class Learned {
 public:
  struct Statement {
    std::uint64_t lease = 0;        ///< of the request that it answers
    TimePoint sent{};               ///< when that was sent
    TimePoint at{};                 ///< when it came
    std::int64_t used = 0;          ///< what the provider had counted
    std::int64_t own = 0;           ///< what we had sent by then, within our window
    std::int64_t own_in_fixed = 0;  ///< what we had sent since a fixed window with this reset began
    std::int64_t own_since = 0;     ///< what we had sent since the request that was answered before
    std::int64_t overtaken = 0;     ///< what we had sent so shortly before that it may have come after it
    double unit = 1;                ///< what a request counts, on average
    Nanos jitter{0};                ///< requests sent within this may come in another order
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

  Learned(bool refills, TimePoint begun) noexcept : found_(begun), bucket_(refills ? kSureBits : 0) {}

  /// Answers to requests sent earlier than the one heard last say nothing new.
  [[nodiscard]] bool is_news(std::uint64_t lease, TimePoint sent) const noexcept {
    return lease_ == 0 || sent > sent_ || (sent == sent_ && lease > lease_);
  }
  [[nodiscard]] TimePoint sent() const noexcept { return sent_; }
  void take(const Statement& statement) noexcept;
  /// The answer to a request that was sent shortly before the one heard last, with `flying` of ours not answered yet:
  /// the provider may have counted it later.
  void take_late(std::int64_t used, std::int64_t flying, TimePoint now) noexcept;

  /// What to add to our own count at `now`. Less than nothing in a day's bucket that has refilled what we spent today.
  [[nodiscard]] std::int64_t external(TimePoint now, const Own& own) const noexcept;
  /// A bucket fills all the time: our own count goes down with it.
  [[nodiscard]] bool refills() const noexcept { return bucket_ >= kSureBits; }
  /// When no more than `most` of a bucket will be used, with `after` of ours that no answer told of yet; kNever: not
  /// by itself.
  [[nodiscard]] TimePoint refilled(std::int64_t most, std::int64_t after, TimePoint now) const noexcept;
  /// When a window that does not refill forgets others' part; kNever where there is none.
  [[nodiscard]] TimePoint forgets(TimePoint now) const noexcept;

  /// Nothing was heard for so long that it is not believed any more.
  [[nodiscard]] bool stale(TimePoint now) const noexcept { return now >= expires_; }
  [[nodiscard]] TimePoint expires() const noexcept { return expires_; }

  /// Long windows are not left to one header: single attempts find out whether it still holds, sooner at first.
  [[nodiscard]] TimePoint probe_at() const noexcept { return probe_at_; }
  void probe(std::uint64_t lease, TimePoint now) noexcept;
  /// A probe went well while nothing should have been left: a `remaining` that says so is not believed any more.
  /// True where an attempt that went well makes room.
  bool served(std::uint64_t lease, std::int64_t limit, Nanos window, TimePoint now) noexcept;
  /// The provider did refuse: it is.
  void refused() noexcept { doubted_ = false; }
  /// It refused `amount` of `own` in the window, whatever it states, if anything.
  void refused_all_the_same(std::int64_t amount, std::int64_t own, bool crowd, Nanos window, TimePoint now);
  /// By the last statement, there was no room for `amount`.
  [[nodiscard]] bool used_up(std::int64_t amount) const noexcept {
    return last_.limit > 0 && last_.has_remaining && last_.limit - last_.used < amount;
  }
  [[nodiscard]] std::int64_t found() const noexcept { return found_.value(); }
  [[nodiscard]] int stretch() const noexcept { return found_.stretch(); }

 private:
  static constexpr double kSureBits = 6;
  [[nodiscard]] bool fixed() const noexcept { return fixed_ && !refills(); }
  void weigh(const Statement& statement) noexcept;
  void watch_others(const Statement& statement) noexcept;
  /// From then on, nothing is foreseen of others.
  [[nodiscard]] TimePoint foreseen_until() const noexcept { return later(last_.at, last_.window * 2); }
  /// What others may have used since, beyond what is expected of them.
  [[nodiscard]] std::int64_t margin(TimePoint now) const noexcept;
  /// Of a bucket, as last stated, what is used still.
  [[nodiscard]] double held_at_least(TimePoint now) const noexcept;
  [[nodiscard]] double in_bucket(TimePoint now) const noexcept;
  [[nodiscard]] std::int64_t in_fixed(TimePoint now) const noexcept;

  Statement last_{};
  std::int64_t others_ = 0;  ///< at the last statement
  BurnRate burn_{};
  FoundLimit found_;
  double held_ = 0;  ///< of a bucket, used at held_at_
  TimePoint held_at_{};
  std::int64_t overtaken_ = 0;
  double refill_ = 0;  ///< a nanosecond
  std::uint64_t lease_ = 0;
  TimePoint sent_{};
  TimePoint full_{};
  TimePoint end_{};  ///< stated last, and since when
  TimePoint end_since_{};
  TimePoint expires_{};
  TimePoint probe_at_ = kNever;
  Nanos probe_pause_{0};
  std::uint64_t probe_ = 0;
  double bucket_ = 0;   ///< how unlikely it is, in bits, that the resets fit a bucket by chance
  bool fixed_ = false;  ///< the reset stayed where it was
  bool doubted_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
