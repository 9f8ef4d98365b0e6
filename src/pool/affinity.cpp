#include "pool/affinity.hpp"

#include <algorithm>
#include <cmath>

#include "pool/random.hpp"
#include "pool/topology.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kBucket = 32;

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
  parts_.push_back({.end = static_cast<std::uint32_t>(by_hash_.size())});
  std::vector<std::uint64_t> bits = {std::uint64_t{1} << 63U};
  for (std::size_t part = 0; part < parts_.size(); ++part) divide(part, bits[part], bits);
}

/// Hashes of a part agree in all bits above `bit`.
void Affinity::divide(std::size_t part, std::uint64_t bit, std::vector<std::uint64_t>& bits) {
  const std::size_t begin = parts_[part].begin;
  const std::size_t end = parts_[part].end;
  for (; end - begin > kBucket && bit != 0; bit >>= 1U) {
    const auto first = hashes_.begin();
    const auto half =
        std::partition_point(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end),
                             [bit](std::uint64_t hash) { return (hash & bit) == 0; });
    const auto middle = static_cast<std::size_t>(half - first);
    if (middle == begin || middle == end) continue;
    Part& whole = parts_[part];
    whole.split = static_cast<std::uint32_t>(parts_.size());
    whole.lot = mix((hashes_[begin] & ~(2 * bit - 1)) | bit);
    whole.lower = up_to_[middle] - up_to_[begin];
    whole.all = up_to_[end] - up_to_[begin];
    parts_.push_back({.begin = static_cast<std::uint32_t>(begin), .end = static_cast<std::uint32_t>(middle)});
    parts_.push_back({.begin = static_cast<std::uint32_t>(middle), .end = static_cast<std::uint32_t>(end)});
    bits.insert(bits.end(), 2, bit >> 1U);
    return;
  }
}

Credential* Affinity::own(std::uint64_t session) const noexcept {
  const Part* part = parts_.data();
  while (part->split != 0) {
    const bool lower = unit(mix(session ^ part->lot)) * part->all < part->lower;
    part = &parts_[part->split + (lower ? 0 : 1)];
  }
  return nearest(part->begin, part->end, session);
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
