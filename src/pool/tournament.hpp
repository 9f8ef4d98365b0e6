#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Knows which of n leaves has the lowest score; a changed score costs log n. Ties go to the lower `tie`, then to the
/// lower leaf.
class Tournament {
 public:
  struct Score {
    double score = std::numeric_limits<double>::infinity();
    double tie = 0;

    friend bool operator<(const Score& a, const Score& b) noexcept {
      return a.score < b.score || (a.score == b.score && a.tie < b.tie);
    }
  };
  static constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();

  explicit Tournament(std::size_t leaves) : scores_(std::bit_ceil(leaves < 2 ? std::size_t{2} : leaves)) {
    winners_.resize(scores_.size());
    const std::size_t half = scores_.size() / 2;
    for (std::size_t i = scores_.size() - 1; i >= 1; --i) {
      winners_[i] = static_cast<std::uint32_t>(i >= half ? 2 * (i - half) : winners_[2 * i]);
    }
  }

  void set(std::uint32_t leaf, Score score) noexcept {
    scores_[leaf] = score;
    std::size_t i = scores_.size() / 2 + leaf / 2;
    std::uint32_t best = leaf;
    std::uint32_t other = leaf ^ 1U;  // who comes up from the other side
    while (true) {
      const Score its = scores_[other];
      const bool level = its.score == score.score && its.tie == score.tie;
      if (level ? other < best : its < score) {
        best = other;
        score = its;
      }
      if (winners_[i] == best && best != leaf) return;
      winners_[i] = best;
      if (i == 1) return;
      other = winners_[i ^ 1U];
      i /= 2;
    }
  }

  [[nodiscard]] const Score& score(std::uint32_t leaf) const noexcept { return scores_[leaf]; }

  /// The best leaf; kNobody where all are at infinity.
  [[nodiscard]] std::uint32_t best() const noexcept {
    const std::uint32_t leaf = winners_[1];
    return scores_[leaf].score == std::numeric_limits<double>::infinity() ? kNobody : leaf;
  }

 private:
  std::vector<Score> scores_;
  std::vector<std::uint32_t> winners_{};  ///< [1] is the root, [i] the best of [2i] and [2i+1], or of two leaves
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
