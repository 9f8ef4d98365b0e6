#include "pool/sliding_log.hpp"

#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void SlidingLog::resize(Nanos length, std::int64_t limit) noexcept {
  length_ = length;
  grain_ = limit > kExact ? length / kExact : Nanos(0);
  leaves_ = count_ == 0 ? kNever : later(ring_[head_].at, length_);
}

void SlidingLog::drop(TimePoint now) noexcept {
  while (count_ != 0 && now - ring_[head_].at >= length_) {
    sum_ -= ring_[head_].amount;
    head_ = (head_ + 1) & (ring_.size() - 1);
    --count_;
  }
  leaves_ = count_ == 0 ? kNever : later(ring_[head_].at, length_);
}

void SlidingLog::add(TimePoint at, std::int64_t amount) {
  if (amount == 0) return;
  expire(at);
  if (count_ != 0) {
    Entry& last = entry(count_ - 1);
    if (at == last.at || at - run_ < grain_) {
      last.at = at;
      last.amount += amount;
      sum_ += amount;
      return;
    }
  }
  if (count_ == ring_.size()) grow();
  ++count_;
  entry(count_ - 1) = {at, amount};
  if (count_ == 1) leaves_ = later(at, length_);
  sum_ += amount;
  run_ = at;
}

void SlidingLog::adjust(TimePoint at, std::int64_t delta, TimePoint now) noexcept {
  expire(now);
  if (delta == 0 || count_ == 0 || now - at >= length_ || at > entry(count_ - 1).at) return;
  // An entry holds what was added after its predecessor's date and not after its own.
  std::size_t high = count_ - 1;
  std::size_t low = count_ > 1 && entry(count_ - 2).at < at ? high : 0;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (entry(middle).at < at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  entry(low).amount += delta;
  sum_ += delta;
}

std::int64_t SlidingLog::sum_after(TimePoint at) const noexcept {
  std::int64_t sum = 0;
  for (std::size_t i = count_; i-- > 0 && entry(i).at > at;) sum += entry(i).amount;
  return sum;
}

TimePoint SlidingLog::freed(std::int64_t amount) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    const Entry& e = entry(i);
    amount -= e.amount;
    if (amount <= 0) return later(e.at, length_);
  }
  return kNever;
}

void SlidingLog::grow() {
  std::vector<Entry> wider(ring_.empty() ? 4 : ring_.size() * 2);
  for (std::size_t i = 0; i < count_; ++i) wider[i] = entry(i);
  ring_ = std::move(wider);
  head_ = 0;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
