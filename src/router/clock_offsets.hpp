#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How far our clock is from each service's. Nothing is known until a service refuses a signature for its time: then
/// the `Date` of that answer says it. Any thread.
class ClockOffsets {
 public:
  /// `date` is the header as it came, `ours` what our clock said then. What is no date changes nothing.
  void learn(std::string_view service, std::string_view date, WallTime ours);

  /// What our clock lacks to be the service's; 0 while nothing is known.
  [[nodiscard]] std::chrono::milliseconds of(std::string_view service) const;

 private:
  std::atomic<bool> any_{false};  ///< so that nobody takes the lock while all clocks agree
  mutable std::mutex mutex_{};
  std::map<std::string, std::chrono::milliseconds, std::less<>> offsets_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
