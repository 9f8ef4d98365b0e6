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

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How each (service, model) does: a circuit breaker, a rest after "the provider is full", and what choosing among
/// services needs (in flight, latency). A state machine over the time it is handed; calls may come from any thread.
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

  /// An attempt begins. False: the last half-open place has gone to somebody else.
  [[nodiscard]] bool begin(std::string_view service, std::string_view model, TimePoint now);

  enum class End : std::uint8_t {
    good,     ///< the service answered (also with an error that is not its own)
    failed,   ///< a failure of the service, the first of its call
    neutral,  ///< says nothing: cancelled, or the same call's second failure here
  };
  /// True: the breaker opened by it; false: it closed.
  std::optional<bool> end(std::string_view service, std::string_view model, End how,
                          std::optional<std::chrono::nanoseconds> latency, TimePoint now);

  /// The last call failed there.
  [[nodiscard]] bool failing(std::string_view service, std::string_view model) const;

  /// The provider is full: no new attempt until then. An empty model rests the whole service.
  void rest(std::string_view service, std::string_view model, TimePoint until);

  [[nodiscard]] int in_flight(std::string_view service) const;
  [[nodiscard]] std::uint64_t started(std::string_view service) const;
  [[nodiscard]] std::chrono::nanoseconds latency(std::string_view service) const;

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
    std::optional<TimePoint> open_until{};
    TimePoint rest_until{};
  };
  struct Load {
    int in_flight = 0;
    std::uint64_t started = 0;
    std::chrono::nanoseconds latency{0};
  };

  [[nodiscard]] Verdict judge(const Entry& entry, TimePoint now) const;

  mutable std::mutex mutex_;
  CircuitBreakerConfig config_;
  std::map<Key, Entry, Less> entries_{};
  std::map<std::string, Load, std::less<>> loads_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
