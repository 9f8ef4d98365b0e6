#pragma once

#include <cstdint>
#include <memory>

#include "pool/calendar.hpp"
#include "pool/charge.hpp"
#include "pool/learned.hpp"
#include "pool/shared_gauge.hpp"
#include "pool/sliding_log.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What is stated from here on is no limit.
inline constexpr std::int64_t kUnlimited = std::int64_t{1} << 40U;

/// Over what a gauge counts it.
enum class Span : std::uint8_t {
  sliding,  ///< any window of the length, wherever it starts
  day,      ///< a day of the provider's time zone
  month,    ///< a month of the provider's time zone
  life,
};

/// A day or month: its number, and when it ends.
struct CalendarPeriod {
  std::int64_t number = 0;
  TimePoint ends = kNever;
};
[[nodiscard]] CalendarPeriod period_of(Span span, TimePoint at, Calendar& calendar) noexcept;

/// One limit and what is counted against it.
struct Gauge {
  Counted counts = Counted::requests;
  Span span = Span::sliding;
  bool total = false;  ///< of max_requests, max_tokens, max_cost
  bool soft = false;   ///< what is larger than the limit passes where nothing else is counted: no request is too big
  std::int64_t limit = 0;
  double one = 0;             ///< as a share of the limit
  std::int64_t pending = 0;   ///< lent, not yet sent
  std::int64_t external = 0;  ///< counted by others: what the provider says beyond our own
  std::unique_ptr<Learned> learned{};
  std::shared_ptr<SharedGauge> shared{};  ///< where other processes spend of it too
  SlidingLog log{};                       ///< sliding; of a learned one in any case, for its last minutes
  Nanos window{0};                        ///< sliding, learned: as stated, without guard
  Nanos guard{0};                         ///< held this much longer
  std::uint64_t since = 0;                ///< leases of lower numbers are not counted here
  std::int64_t used = 0;                  ///< day, month, life: sent
  std::int64_t carried = 0;               ///< day, month: of `used`, so late that it may arrive in the next
  std::int64_t period = 0;                ///< number of the day or month

  /// The same limit in another set of them.
  [[nodiscard]] bool same_as(const Gauge& other) const noexcept {
    return counts == other.counts && span == other.span && window == other.window && total == other.total &&
           (learned != nullptr) == (other.learned != nullptr);
  }

  /// Brings it to `now`.
  void turn(TimePoint now, Calendar& calendar) noexcept {
    if (span == Span::sliding) log.expire(now);
    if (span != Span::sliding || learned) turn_page(now, calendar);
  }
  [[nodiscard]] std::int64_t own() const noexcept { return span == Span::sliding ? log.sum() : used; }
  [[nodiscard]] std::int64_t spent() const noexcept {
    const std::int64_t sent = own() + external;
    return pending + (sent > 0 ? sent : 0);
  }
  [[nodiscard]] std::int64_t room() const noexcept { return limit - spent(); }
  /// As far as is known: what was stated, or what refusals showed to be less.
  [[nodiscard]] std::int64_t known_limit() const noexcept {
    return learned && learned->found() != 0 ? std::min(limit, learned->found()) : limit;
  }
  /// The share of it that is left with `amount` more; of a day's when the day ends (projection.hpp).
  [[nodiscard]] double left(std::int64_t amount, TimePoint now, Calendar& calendar) noexcept {
    if (span != Span::sliding || learned || !log.holds_at(now)) [[unlikely]]
      return foreseen(amount, now, calendar);
    return static_cast<double>(room() - amount) * one;
  }
  /// What must be free for so much to start.
  [[nodiscard]] std::int64_t needed(std::int64_t amount) const noexcept {
    return soft && amount > limit ? limit : amount;
  }

  /// It has a new limit or window. Keeps as much of what was sent as these look back on.
  void measure() noexcept {
    one = 1 / static_cast<double>(limit);
    if (span == Span::sliding) log.resize(window * (learned ? learned->stretch() : 1) + guard, limit);
  }
  void send(std::int64_t amount, TimePoint at, Calendar& calendar) {
    if (span != Span::sliding || learned) return enter(amount, at, calendar);
    log.add(at, amount);
  }
  void adjust(std::int64_t delta, TimePoint sent, TimePoint now, Calendar& calendar) noexcept {
    if (span != Span::sliding) return correct(delta, sent, now, calendar);
    log.adjust(sent, delta, now);
  }
  /// When `amount` will have room, which it has not now.
  [[nodiscard]] TimePoint room_at(std::int64_t amount, TimePoint now, Calendar& calendar) const noexcept;
  /// "rpm", "tpd", …; static text.
  [[nodiscard]] const char* name() const noexcept;

 private:
  [[nodiscard]] double foreseen(std::int64_t amount, TimePoint now, Calendar& calendar) noexcept;
  void turn_page(TimePoint now, Calendar& calendar) noexcept;
  void enter(std::int64_t amount, TimePoint at, Calendar& calendar);
  void correct(std::int64_t delta, TimePoint sent, TimePoint now, Calendar& calendar) noexcept;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
