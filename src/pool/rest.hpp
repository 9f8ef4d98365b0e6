#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <keywheel/config.hpp>
#include <keywheel/failure.hpp>

#include "pool/ledger.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Why and until when one level (a key, a project, an account), or one model at it, is lent no more.
///
/// Rests lengthen and never shorten. Each remembers whether the provider stated it or we guessed, and guesses are
/// capped. Rests that may well end earlier, or whose end is a guess, are probed: one attempt at a time finds out.
class Rest {
 public:
  enum class Kind : std::uint8_t { none, cooling, aside, exhausted, dead, switched_off };

  /// What an outcome says about it.
  struct News {
    Kind kind = Kind::cooling;
    std::string_view words{};  ///< the provider's
    int status = 0;
    Nanos stated{0};          ///< 0: not stated
    TimePoint turn{};         ///< exhausted: when the provider's day turns
    std::uint64_t lease = 0;  ///< number of the attempt that says so
    std::uint64_t next = 0;   ///< number that the next lease will have
  };

  /// What other processes need to know of it.
  struct Saved {
    Kind kind = Kind::none;
    bool stated = false;
    bool by_probe = false;
    bool probed = false;
    int strikes = 0;
    int status = 0;
    TimePoint until{};
    std::string words{};
  };
  [[nodiscard]] Saved save() const;
  /// Becomes what another process found. Leases from `next` on are lent knowing it.
  void adopt(const Saved& saved, std::uint64_t next, TimePoint now);

  [[nodiscard]] bool none() const noexcept { return kind_ == Kind::none; }
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool stated() const noexcept { return stated_; }
  [[nodiscard]] bool probing() const noexcept { return probe_ != 0; }
  /// It keeps all or all but a probe from starting.
  [[nodiscard]] bool standing(TimePoint now) const noexcept { return kind_ != Kind::none && !over(now); }
  [[nodiscard]] TimePoint until() const noexcept { return until_; }
  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] const std::string& words() const noexcept { return words_; }

  /// What keeps an attempt from starting at `now`; nothing, too, where it may start as the probe.
  [[nodiscard]] Block check(TimePoint now) const noexcept;
  /// An attempt that starts now is the probe.
  [[nodiscard]] bool on_trial(TimePoint now) const noexcept {
    return kind_ != Kind::none && probed_ && probe_ == 0 && now >= probe_at_ && !over(now);
  }
  /// An attempt that check() let pass starts. It may turn out to be the probe.
  void start(std::uint64_t lease, TimePoint now) noexcept;

  void fail(const News& news, const RetryPolicy& policy, TimePoint now);
  /// An attempt succeeded. Ends the rest, unless the attempt was lent before it began. True where it did.
  bool succeed(std::uint64_t lease) noexcept;
  /// The attempt ended and says nothing about this. True where it was the probe; the next may come after `pause`.
  bool release(std::uint64_t lease, Nanos pause, TimePoint now) noexcept;
  void switch_off(std::string_view words);
  void clear() noexcept { *this = {}; }
  /// Undoes a finding of `dead` that was wrong.
  void revive() noexcept;

 private:
  [[nodiscard]] bool over(TimePoint now) const noexcept { return now >= until_ && !by_probe_; }

  Kind kind_ = Kind::none;
  bool stated_ = false;
  bool by_probe_ = false;  ///< at `until_`, too, it comes back by a probe only
  bool probed_ = false;    ///< probes may pass from `probe_at_` on
  int strikes_ = 0;        ///< in a row
  int status_ = 0;
  std::uint64_t since_ = 0;  ///< leases of lower numbers were lent before this rest began
  TimePoint until_{};
  TimePoint probe_at_{};
  std::uint64_t probe_ = 0;  ///< lease of the probe under way
  std::string words_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
