#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/config.hpp>

#include "pool/slow_start.hpp"
#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How each (service, model) does: a circuit breaker, a rest after "the provider is full", and what choosing among
/// services needs (in flight, latency). A state machine over the time it is handed; calls may come from any thread.
///
/// Traffic comes back by slow start when a breaker closes, and after a rest whose stated end lies hours ahead.
class ServiceHealth {
  struct Entry;
  using Key = std::pair<std::string, std::string>;
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      const int order = std::string_view(a.first).compare(std::string_view(b.first));
      return order != 0 ? order < 0 : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  using Entries = std::map<Key, Entry, Less>;

 public:
  /// `patience`: how long a call waits at most for a service that rests.
  explicit ServiceHealth(CircuitBreakerConfig config, Nanos patience = std::chrono::seconds(8))
      : config_(config), patience_(patience) {}

  void configure(CircuitBreakerConfig config, Nanos patience);
  [[nodiscard]] Nanos patience() const;

  struct Verdict {
    bool allowed = true;
    TimePoint at{};                          ///< not allowed: when it may be
    bool by_event = false;                   ///< the end of another attempt may make place earlier
    std::string_view reason{};               ///< not allowed: why, to follow "service x "
    ErrorKind kind = ErrorKind::overloaded;  ///< not allowed: what to tell a caller who cannot wait
    /// The reason, and for how long.
    [[nodiscard]] std::string words(TimePoint now) const;
  };
  /// May a call go there now? Takes nothing.
  [[nodiscard]] Verdict ask(std::string_view service, std::string_view model, TimePoint now) const;

  enum class End : std::uint8_t {
    good,     ///< the service answered (also with an error that is not its own)
    failed,   ///< a failure of the service, the first of its call
    neutral,  ///< says nothing: cancelled, the provider is full, or the same call's second failure here
  };

  /// The place of an attempt at a service. Whoever lets go of it ends it as neutral. Must not outlive the health.
  class Visit {
   public:
    Visit() noexcept = default;
    Visit(Visit&& other) noexcept
        : health_(std::exchange(other.health_, nullptr)), entry_(other.entry_), trial_(other.trial_) {}
    Visit& operator=(Visit&& other) noexcept {
      std::swap(health_, other.health_);
      std::swap(entry_, other.entry_);
      std::swap(trial_, other.trial_);
      return *this;
    }
    ~Visit() {
      if (health_ != nullptr) (void)health_->end(*entry_, End::neutral, std::nullopt, TimePoint{});
    }
    /// It finds out whether an open breaker may close.
    [[nodiscard]] bool trial() const noexcept { return trial_; }
    /// True: the breaker opened by it; false: it closed.
    std::optional<bool> end(End how, std::optional<Nanos> latency, TimePoint now) {
      return std::exchange(health_, nullptr)->end(*entry_, how, latency, now);
    }

   private:
    friend class ServiceHealth;
    Visit(ServiceHealth& health, Entries::value_type& entry, bool trial) noexcept
        : health_(&health), entry_(&entry), trial_(trial) {}
    ServiceHealth* health_ = nullptr;
    Entries::value_type* entry_ = nullptr;
    bool trial_ = false;
  };
  /// An attempt begins, which ask() has just allowed.
  [[nodiscard]] Visit begin(std::string_view service, std::string_view model);

  /// Grows with all that may let somebody through earlier than ask() has told.
  [[nodiscard]] std::uint64_t changes(std::string_view service) const;
  /// Is called after such a change, with no lock held. Set once, before use.
  void on_change(std::function<void()> listener) { listener_ = std::move(listener); }

  /// The last call failed there.
  [[nodiscard]] bool failing(std::string_view service, std::string_view model) const;

  /// How long a rest lasts: as the provider stated, else `first`, and twice as long each time in a row, up to `most`.
  struct RestLength {
    std::optional<std::chrono::milliseconds> stated{};
    Nanos first{0};
    Nanos most{0};
    ErrorKind why = ErrorKind::overloaded;
  };
  /// The provider is full, or will not have us: no new attempt for so long. An empty model rests the whole service.
  /// Until when.
  TimePoint rest(std::string_view service, std::string_view model, const RestLength& length, TimePoint now);

  [[nodiscard]] int in_flight(std::string_view service) const;
  /// What an answer of this service is likely to take, were one more asked of it: the moving average follows peaks at
  /// once and forgets them slowly. Below 0: not known.
  [[nodiscard]] double expected_latency(std::string_view service, TimePoint now) const;

  /// How one stands that has failed or rested at some time.
  struct Status {
    std::string service{};
    std::string model{};
    bool open = false;
    int failures = 0;  ///< in a row
    Nanos probe_in{0};
  };
  [[nodiscard]] std::vector<Status> status(TimePoint now) const;

 private:
  struct Entry {
    int failures = 0;
    int probes = 0;
    int in_flight = 0;
    int rests = 0;          ///< in a row
    bool troubled = false;  ///< failed or rested at some time
    std::optional<TimePoint> open_until{};
    TimePoint rest_until{};
    ErrorKind rest_why = ErrorKind::overloaded;
    SlowStart ramp{};
    [[nodiscard]] bool counts_places() const noexcept { return open_until || ramp.places() != 0; }
  };
  struct Load {
    int in_flight = 0;
    double latency = 0;  ///< nanoseconds; 0: not known
    TimePoint latency_at{};
    std::uint64_t changes = 0;
  };

  [[nodiscard]] Verdict judge(const Entry& entry, std::string_view service, TimePoint now) const;
  [[nodiscard]] Nanos next_place(std::string_view service) const;
  std::optional<bool> end(Entries::value_type& which, End how, std::optional<Nanos> latency, TimePoint now);
  [[nodiscard]] std::optional<bool> judge_by(Entry& entry, End how, TimePoint now) const;

  std::function<void()> listener_{};
  mutable std::mutex mutex_;
  CircuitBreakerConfig config_;
  Nanos patience_;
  Entries entries_{};
  std::map<std::string, Load, std::less<>> loads_{};
  std::atomic<bool> changed_{false};  ///< since it was made: most never are, and are asked often
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
