#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <keywheel/observer.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Tells an Observer what happens, until it throws. To be called with no lock held. Any thread.
class Notifier {
 public:
  explicit Notifier(std::shared_ptr<Observer> observer) : observer_(std::move(observer)) {}

  template <class Event>
  void tell(void (Observer::*what)(const Event&), const Event& event) noexcept {
    if (silenced_.load(std::memory_order_relaxed)) return;
    try {
      ((*observer_).*what)(event);
    } catch (...) {
      silence();
    }
  }

  /// What the Observer threw, as a warning.
  [[nodiscard]] std::optional<std::string> fault() const;

 private:
  /// Inside a handler.
  void silence() noexcept;

  const std::shared_ptr<Observer> observer_;
  std::atomic<bool> silenced_{false};
  mutable std::mutex mutex_{};
  std::optional<std::string> fault_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
