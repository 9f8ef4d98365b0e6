#pragma once

#include <keywheel/router.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Takes what a call gives its caller. The public forms (blocking, callback, future, coroutine, range) are sinks.
/// Called on the call's loop.
class CallSink {
 public:
  virtual ~CallSink() = default;
  /// The call's events are wanted as they come.
  [[nodiscard]] virtual bool wants_events() const noexcept { return false; }
  virtual Flow on_event(const ChatEvent&) { return Flow::proceed; }
  /// Last, exactly once.
  virtual void on_done(Result<ChatResponse> reply) = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
