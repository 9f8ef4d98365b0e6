#include "observe/notifier.hpp"

#include <exception>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void Notifier::silence() noexcept {
  silenced_.store(true, std::memory_order_relaxed);
  std::string thrown;
  try {
    throw;
  } catch (const std::exception& exception) {
    thrown = exception.what();
  } catch (...) {
    thrown = "something that is no std::exception";
  }
  const std::lock_guard lock(mutex_);
  fault_ = "the observer threw and is told no more until a reload: " + thrown;
}

std::optional<std::string> Notifier::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
