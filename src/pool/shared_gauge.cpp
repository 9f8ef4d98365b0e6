#include "pool/shared_gauge.hpp"

#include <algorithm>

#include "pool/ledger.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// A slice is this part of its limit, so that a process that is killed wastes no more;
constexpr std::int64_t kSlices = 128;
/// but not less than this, so that small limits do not ask for each call. The first is so small, and each is twice the
/// one before: who uses little has little to lose.
constexpr std::int64_t kSmallestSlice = 4;
/// What is used up may come back, when a process leaves and returns what it did not use.
constexpr Nanos kAskAgain = std::chrono::seconds(5);
constexpr Nanos kPermitPause = std::chrono::milliseconds(50);

}  // namespace

void SharedGauge::look(const Gauge& gauge) noexcept {
  limit = gauge.limit;
  if (!total) return;
  if (gauge.period != period_) {
    period_ = gauge.period;
    granted_ = 0;
    known_ = 0;
    lacking_ = 0;
    most_ = kSmallestSlice;
    quiet_until_ = {};
  }
  used_ = gauge.spent();
}

std::int64_t SharedGauge::room(const Gauge& gauge, TimePoint now) noexcept {
  now_ = now;
  look(gauge);
  if (total) return granted_ - used_;
  return alone_ && now >= alone_from_ ? part_ - gauge.spent() : tickets.room(now);
}

void SharedGauge::wait(const Gauge& gauge, std::int64_t amount, TimePoint now, Calendar& calendar, Block& block) {
  const std::int64_t left = room(gauge, now);
  TimePoint at = kNever;
  bool event = false;
  if (total) {
    lacking_ = std::max(lacking_, amount);
    hungry_ = true;
    if (known_ + amount - left > limit) {
      at = period_of(gauge.span, now, calendar).ends;
    } else {
      event = true;
    }
  } else if (!alone_) {
    tickets.lack(amount, now);
    at = tickets.ready(amount, now);
    event = at == kNever;
  } else if (now < alone_from_) {
    at = alone_from_;
  } else if (amount <= part_) {
    at = gauge.log.freed(amount - left);
    if (at == kNever) at = later(now, gauge.log.length());
  }
  if (hungry_ || !total) bell->ring();
  block.at = event ? now : at;
  block.needs_event = event;
  // A request needs one place, whatever its size. Where no token is left, the smallest request waits as well.
  if (gauge.counts == Counted::requests ||
      ((gauge.counts == Counted::tokens || gauge.counts == Counted::all_tokens) && left <= 0)) {
    block.everyone = event ? kNever : at;
  }
}

void SharedGauge::reserve(const Gauge& gauge, std::int64_t amount) {
  look(gauge);
  if (total) {
    lacking_ = 0;
    // Half of the one before is used: who asked at once for twice as much would soon have a whole one in hand.
    if (granted_ - used_ <= slice_size() / 4) hungry_ = true;
  } else {
    tickets.reserve(amount, now_);
  }
  if (hungry(now_)) bell->ring();
}

bool SharedGauge::holds(const Gauge& gauge, std::int64_t amount, TimePoint at) noexcept {
  look(gauge);
  // A slice does not lapse; but when the day turns, that of the day before is of no use.
  if (total) return granted_ != 0;
  return alone_ && at >= alone_from_ ? gauge.spent() <= part_ : tickets.holds(amount, at);
}

void SharedGauge::send(const Gauge& gauge, std::int64_t amount, TimePoint at) {
  look(gauge);
  if (total) return;
  if (!tickets.touched()) bell->ring();
  tickets.send(amount, at);
}

void SharedGauge::give_back(const Gauge& gauge, std::int64_t amount) noexcept {
  look(gauge);
  if (!total) tickets.give_back(amount);
}

void SharedGauge::settle(const Gauge& gauge, std::int64_t delta, TimePoint sent, TimePoint now) {
  look(gauge);
  if (total) return;
  tickets.settle(sent, delta, now);
  bell->ring();
}

bool SharedGauge::hungry(TimePoint now) const noexcept {
  return total ? hungry_ && now >= quiet_until_ : tickets.hungry(now);
}

TimePoint SharedGauge::due(TimePoint now) const noexcept {
  return total ? (hungry_ ? quiet_until_ : kNever) : tickets.due(now);
}

std::int64_t SharedGauge::slice_size() const noexcept {
  const std::int64_t rest = std::max<std::int64_t>(limit - known_, 0);
  const std::int64_t size = std::min(std::max(limit / kSlices, kSmallestSlice), std::max(most_, kSmallestSlice));
  return std::max<std::int64_t>(std::min(size, rest / (4 * processes)), 1);
}

std::int64_t SharedGauge::slice(std::int64_t waiting) noexcept {
  if (!hungry_) return 0;
  const std::int64_t left = std::max<std::int64_t>(granted_ - used_, 0);
  const std::int64_t size = slice_size();
  // What calls wait for is used at once, and so not at risk; of requests, as many as wait.
  const std::int64_t needed = lacking_ == 1 ? std::min(std::max<std::int64_t>(waiting, 1), size) : lacking_;
  hungry_ = left < std::max(size, needed);
  return hungry_ ? std::max(size, needed) - left : 0;
}

bool SharedGauge::grant(std::int64_t period, std::int64_t holding, std::int64_t sum, std::int64_t wanted,
                        TimePoint now) noexcept {
  if (period != period_) return false;
  const bool more = holding > granted_;
  granted_ = std::max(granted_, holding);
  known_ = sum;
  if (more) most_ = std::min(2 * most_, std::max(limit / kSlices, kSmallestSlice));
  if (wanted == 0) return more;
  hungry_ = !more && lacking_ > 0;
  lacking_ = 0;
  quiet_until_ = more ? TimePoint{} : later(now, sum >= limit ? kAskAgain : kPermitPause);
  return more;
}

void SharedGauge::keep_to(std::int64_t part, TimePoint from) noexcept {
  alone_ = true;
  part_ = part;
  alone_from_ = from;
}

int SharedPermits::ask(int of, int running, TimePoint now) {
  limit = of;
  int most = now < until ? held : 0;
  if (alone) most = now >= alone_from ? part : std::min(most, part);
  if (running >= most && most < of) {
    lacking = true;
    bell->ring();
  }
  return most;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
