#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// By how much the wall clock here is behind that of a service which has refused a signature for its time. Any thread.
class ClockOffsets {
 public:
  void learn(std::string_view service, std::chrono::nanoseconds behind) {
    const std::lock_guard lock(mutex_);
    offsets_[std::string(service)] = std::chrono::duration_cast<std::chrono::milliseconds>(behind);
  }
  [[nodiscard]] std::chrono::milliseconds of(std::string_view service) const {
    const std::lock_guard lock(mutex_);
    const auto it = offsets_.find(service);
    return it == offsets_.end() ? std::chrono::milliseconds(0) : it->second;
  }

 private:
  mutable std::mutex mutex_{};
  std::map<std::string, std::chrono::milliseconds, std::less<>> offsets_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
