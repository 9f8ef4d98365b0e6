#include "pool/affinity.hpp"

#include <algorithm>
#include <cmath>

#include "pool/random.hpp"
#include "pool/topology.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kBucket = 64;

}  // namespace

Affinity::Affinity(const std::vector<Credential*>& members) : by_hash_(members) {
  std::sort(by_hash_.begin(), by_hash_.end(),
            [](const Credential* a, const Credential* b) { return a->hash < b->hash; });
  hashes_.reserve(by_hash_.size());
  up_to_.reserve(by_hash_.size() + 1);
  up_to_.push_back(0);
  for (const Credential* c : by_hash_) {
    hashes_.push_back(c->hash);
    up_to_.push_back(up_to_.back() + c->weight);
    even_ = even_ && c->weight == by_hash_.front()->weight;
  }
}

Credential* Affinity::own(std::uint64_t session) const noexcept {
  std::size_t begin = 0;
  std::size_t end = by_hash_.size();
  // Hashes from `begin` to `end` agree in all bits above this one.
  for (std::uint64_t bit = std::uint64_t{1} << 63U; end - begin > kBucket && bit != 0; bit >>= 1U) {
    const auto first = hashes_.begin();
    const auto half =
        std::partition_point(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end),
                             [bit](std::uint64_t hash) { return (hash & bit) == 0; });
    const auto middle = static_cast<std::size_t>(half - first);
    if (middle == begin || middle == end) continue;
    const double left = up_to_[middle] - up_to_[begin];
    const double all = up_to_[end] - up_to_[begin];
    const std::uint64_t place = (hashes_[begin] & ~(2 * bit - 1)) | bit;
    (unit(mix(session ^ mix(place))) * all < left ? end : begin) = middle;
  }
  return nearest(begin, end, session);
}

Credential* Affinity::nearest(std::size_t begin, std::size_t end, std::uint64_t session) const noexcept {
  std::size_t best = begin;
  if (even_) {
    // The least of -log(u) is the greatest u.
    std::uint64_t greatest = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint64_t lot = mix(session ^ hashes_[i]);
      if (lot < greatest) continue;
      greatest = lot;
      best = i;
    }
    return by_hash_[best];
  }
  double least = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const double distance = -std::log(unit(mix(session ^ hashes_[i]))) / by_hash_[i]->weight;
    if (i != begin && distance >= least) continue;
    least = distance;
    best = i;
  }
  return by_hash_[best];
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
