#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/config.hpp>
#include <keywheel/credential_pool.hpp>
#include <keywheel/router.hpp>

#include "pool/slow_start.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How each (service, model) does: a circuit breaker, a rest after "the provider is full", and what choosing among
/// services needs (in flight, latency). A state machine over the time it is handed; calls may come from any thread.
///
/// Traffic comes back by slow start when a breaker closes, and after a rest whose stated end lies hours ahead.
class ServiceHealth {
 public:
  explicit ServiceHealth(CircuitBreakerConfig config) : config_(config) {}

  void configure(CircuitBreakerConfig config);

  struct Verdict {
    bool allowed = true;
    std::optional<TimePoint> at{};  ///< not allowed: when it may be
  };
  /// May a call go there now? Takes nothing.
  [[nodiscard]] Verdict ask(std::string_view service, std::string_view model, TimePoint now) const;

  /// An attempt begins. False: the last place has gone to somebody else.
  [[nodiscard]] bool begin(std::string_view service, std::string_view model, TimePoint now);

  enum class End : std::uint8_t {
    good,     ///< the service answered (also with an error that is not its own)
    failed,   ///< a failure of the service, the first of its call
    neutral,  ///< says nothing: cancelled, the provider is full, or the same call's second failure here
  };
  /// True: the breaker opened by it; false: it closed.
  std::optional<bool> end(std::string_view service, std::string_view model, End how,
                          std::optional<std::chrono::nanoseconds> latency, TimePoint now);

  /// The last call failed there.
  [[nodiscard]] bool failing(std::string_view service, std::string_view model) const;

  /// How long a rest lasts: as the provider stated, else `first`, and twice as long each time in a row, up to `most`.
  struct RestLength {
    std::optional<std::chrono::milliseconds> stated{};
    std::chrono::nanoseconds first{0};
    std::chrono::nanoseconds most{0};
  };
  /// The provider is full, or will not have us: no new attempt for so long. An empty model rests the whole service.
  void rest(std::string_view service, std::string_view model, const RestLength& length, TimePoint now);

  [[nodiscard]] int in_flight(std::string_view service) const;
  /// What an answer of this service is likely to take, were one more asked of it: the moving average follows peaks at
  /// once and forgets them slowly. Below 0: not known.
  [[nodiscard]] double expected_latency(std::string_view service, TimePoint now) const;

  [[nodiscard]] std::vector<BreakerStatus> status(TimePoint now) const;

 private:
  using Key = std::pair<std::string, std::string>;
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      const int order = std::string_view(a.first).compare(std::string_view(b.first));
      return order != 0 ? order < 0 : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  struct Entry {
    int failures = 0;
    int probes = 0;
    int in_flight = 0;
    int rests = 0;          ///< in a row
    bool troubled = false;  ///< failed or rested at some time
    std::optional<TimePoint> open_until{};
    TimePoint rest_until{};
    SlowStart ramp{};
  };
  struct Load {
    int in_flight = 0;
    double latency = 0;  ///< nanoseconds; 0: not known
    TimePoint latency_at{};
  };

  [[nodiscard]] Verdict judge(const Entry& entry, std::string_view service, TimePoint now) const;
  [[nodiscard]] std::chrono::nanoseconds next_place(std::string_view service) const;

  mutable std::mutex mutex_;
  CircuitBreakerConfig config_;
  std::map<Key, Entry, Less> entries_{};
  std::map<std::string, Load, std::less<>> loads_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
