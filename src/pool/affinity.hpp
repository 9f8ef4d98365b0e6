#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

struct Credential;

/// Which of many credentials is a session's own: the same one each time, by weight, whoever else may be asleep.
///
/// Rendezvous hashing (Thaler and Ravishankar 1998), so that a credential that comes or goes moves only the sessions
/// that it gains or loses. Where there are more than a bucket holds, halves of the space of their hashes are chosen by
/// their weights first, down to a bucket: what is looked at grows with the logarithm, and what moves, by as little.
class Affinity {
 public:
  explicit Affinity(const std::vector<Credential*>& members);

  /// Not for nobody: there is at least one member.
  [[nodiscard]] Credential* own(std::uint64_t session) const noexcept;
  [[nodiscard]] double weight() const noexcept { return up_to_.back(); }
  /// Names the whole, among others. The same as long as its first member is.
  [[nodiscard]] std::uint64_t place() const noexcept { return hashes_.front(); }

 private:
  /// Two halves of a part of the space, or, where `split` is 0, the bucket that the part is.
  struct Part {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t split = 0;  ///< the part that is the lower half; the one after it is the upper
    std::uint64_t lot = 0;
    double lower = 0;  ///< weight of the lower half
    double all = 0;
  };

  void divide(std::size_t part, std::uint64_t bit, std::vector<std::uint64_t>& bits);
  [[nodiscard]] Credential* nearest(std::size_t begin, std::size_t end, std::uint64_t session) const noexcept;

  std::vector<Credential*> by_hash_{};
  std::vector<std::uint64_t> hashes_{};  ///< of the same
  std::vector<double> up_to_{};          ///< [i]: the weights of the first i
  std::vector<Part> parts_{};            ///< [0]: the whole
  bool even_ = true;                     ///< all weigh the same
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
