#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <keywheel/keywheel.hpp>

#include "sim/record.hpp"

namespace keywheel::sim {

/// Watches that no window of a length, wherever it starts, holds more than a limit.
class WindowWatch {
 public:
  WindowWatch(std::int64_t limit, Nanos window) noexcept : limit_(limit), window_(window) {}
  /// What the window that ends here holds. Times do not go back.
  [[nodiscard]] std::int64_t add(TimePoint at, std::int64_t amount);
  [[nodiscard]] std::int64_t limit() const noexcept { return limit_; }
  [[nodiscard]] Nanos window() const noexcept { return window_; }

 private:
  std::int64_t limit_;
  Nanos window_;
  std::int64_t sum_ = 0;
  std::deque<std::pair<TimePoint, std::int64_t>> held_{};
};

/// Counts what happens between the Router, its callers and its providers, and says where a promise was broken. It
/// knows the config and the wire, and nothing of how the pool does it.
class Audit {
 public:
  explicit Audit(const World& world, WallTime wall_start, TimePoint start);

  // The wire.
  void lent(Label label, TimePoint now);
  void sent(Label label, TimePoint now);
  void arrived(Label label, TimePoint now);
  void closed(Label label, TimePoint now);
  /// The provider refused it; the Router hears of it at `heard`.
  void refused(Label label, int status, std::optional<Nanos> retry_after, TimePoint heard);
  void billed(Label label, double cost, TimePoint now);

  // The callers.
  void started(std::uint32_t call);
  void gave_up(std::uint32_t call) { calls_[call].given_up = true; }
  void ended(std::uint32_t call, const Result<ChatResponse>& reply, TimePoint now);

  /// What an Observer was told.
  void changed(std::string_view credential, CredentialState state, std::string_view reason, TimePoint now);

  // Now and then, and at the end when all is quiet.
  void look(const RouterStats& stats, TimePoint now);
  void finish(const RouterStats& stats, TimePoint now);

  [[nodiscard]] const std::vector<std::string>& violations() const noexcept { return violations_; }
  [[nodiscard]] std::uint64_t violations_in_all() const noexcept { return violated_; }
  /// Differs where anything went another way.
  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }

 private:
  /// Somebody was told to wait from here until there.
  struct Patience {
    TimePoint from{};
    TimePoint until{};
    Label whose{};
  };
  /// What the config limits together, as it says: a key, or an account.
  struct Domain {
    std::string name{};
    std::vector<WindowWatch> by_sending{};
    std::vector<WindowWatch> by_arrival{};
    std::int64_t day = -1;
    std::int64_t today = 0;  ///< requests
    std::int64_t per_day = 0;
    int concurrency = 0;
    int in_flight = 0;
    std::vector<Patience> patience{};
    TimePoint blamed_until{};  ///< it may well rest so long
    double spent = 0;
    double budget = 0;
  };
  struct KeyCount {
    std::uint64_t sent = 0;
    std::uint64_t refused_429 = 0;
    std::uint64_t refused_401 = 0;
  };
  struct CallCount {
    bool given_up = false;
    std::uint8_t ends = 0;
    std::uint16_t attempts = 0;
  };

  void violation(TimePoint now, std::string what);
  [[nodiscard]] Domain& domain_of(std::uint32_t key) { return domains_[domain_of_key_[key]]; }
  /// The same for calls that differ in nothing but when they came.
  [[nodiscard]] static std::uint64_t peers_of(const CallSpec& call) noexcept;
  [[nodiscard]] double hours(TimePoint now) const;
  void note(std::uint64_t what) noexcept { digest_ = (digest_ ^ what) * 0x100000001B3U; }

  const World& world_;
  WallTime wall_start_;
  TimePoint start_;
  std::vector<std::uint32_t> domain_of_key_{};
  std::vector<Domain> domains_{};
  std::vector<KeyCount> keys_{};
  std::vector<CallCount> calls_{};
  std::unordered_map<std::uint64_t, std::uint32_t>
      last_lent_{};                              ///< of its peers, the last to come that was lent a key
  std::vector<TimePoint> alone_blamed_until_{};  ///< of a service's keys whose accounts nobody named
  std::vector<std::string> violations_{};
  std::uint64_t violated_ = 0;
  std::uint64_t digest_ = 0xCBF29CE484222325U;
};

}  // namespace keywheel::sim
