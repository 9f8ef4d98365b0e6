#include "sim/true_limit.hpp"

#include <algorithm>

namespace keywheel::sim {
namespace {

__extension__ using Wide = __int128;

}  // namespace

void TrueLimit::turn(TimePoint now) {
  switch (truth_.kind) {
    case WindowKind::sliding:
      while (!spent_.empty() && now - spent_.front().at >= window()) {
        sum_ -= spent_.front().amount;
        spent_.pop_front();
      }
      break;
    case WindowKind::fixed:
      if (now - turned_ >= window() || into_window(now) < into_window(turned_)) level_ = truth_.limit;
      break;
    case WindowKind::bucket: {
      // Whole tokens, and what is left of the next one, so that nothing is lost to rounding.
      const Nanos passed = std::min<Nanos>(now - turned_, window());
      const Wide parts = static_cast<Wide>(passed.count()) * truth_.limit + fraction_;
      level_ = std::min(truth_.limit, level_ + static_cast<std::int64_t>(parts / window().count()));
      fraction_ = static_cast<std::int64_t>(parts % window().count());
      break;
    }
  }
  turned_ = std::max(turned_, now);
}

void TrueLimit::charge(std::int64_t amount, TimePoint now) {
  turn(now);
  if (truth_.kind == WindowKind::sliding) {
    spent_.push_back({now, amount});
    sum_ += amount;
  } else {
    level_ -= amount;
  }
}

std::int64_t TrueLimit::remaining(TimePoint now) {
  turn(now);
  return truth_.kind == WindowKind::sliding ? truth_.limit - sum_ : level_;
}

Nanos TrueLimit::until_full(TimePoint now) { return until_room(truth_.limit, now); }

Nanos TrueLimit::until_room(std::int64_t amount, TimePoint now) {
  std::int64_t lacking = amount - remaining(now);
  if (lacking <= 0) return Nanos(0);
  switch (truth_.kind) {
    case WindowKind::sliding:
      for (const Spent& each : spent_) {
        lacking -= each.amount;
        if (lacking <= 0) return each.at + window() - now;
      }
      return window();
    case WindowKind::fixed:
      return window() - into_window(now);
    case WindowKind::bucket: {
      const Wide parts = static_cast<Wide>(lacking) * window().count() - fraction_;
      return Nanos(static_cast<std::int64_t>((parts + truth_.limit - 1) / truth_.limit));
    }
  }
  return window();
}

}  // namespace keywheel::sim
