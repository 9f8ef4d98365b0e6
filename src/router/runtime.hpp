#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <keywheel/config.hpp>
#include <keywheel/credential_pool.hpp>
#include <keywheel/transport.hpp>

/// The one way in which time, randomness and the network reach the router. The real one is a loop over libcurl
/// (http/loop.hpp); tests run the whole Router on a virtual clock and a scripted network
/// (tests/support/sim_runtime.hpp).

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How an exchange ended.
struct ExchangeEnd {
  enum class Kind : std::uint8_t {
    complete,     ///< the whole answer came
    unreachable,  ///< no connection: name, TCP, TLS, proxy; not one byte of the request was written
    lost,         ///< the connection broke after the request was (or may have been) written
    refused,      ///< keywheel would not: plain http with a key, a malformed URL, a redirect
    too_large,    ///< headers or body over the bounds
    exhausted,    ///< this process is out of file descriptors or memory
  };
  Kind kind = Kind::complete;
  std::string message{};        ///< for a person; holds no key
  std::string observation{};    ///< same text for all exchanges that one lost connection took down, empty otherwise
  bool resend_stopped = false;  ///< the request was about to be sent a second time, unasked, and was not
};

/// Takes what happens to one exchange. Called on the loop, never from inside Runtime::exchange().
class ExchangeListener {
 public:
  virtual ~ExchangeListener() = default;
  /// The request is about to be written to a connected socket, and not one byte of it is where the exchange is
  /// destroyed in here. At most once.
  virtual void on_sent() = 0;
  virtual void on_head(HttpHead head) = 0;
  virtual void on_body(std::string_view bytes) = 0;
  /// Last, exactly once, unless the exchange was cancelled.
  virtual void on_end(ExchangeEnd end) = 0;
};

/// One HTTP request under way. Destroying it cancels: no listener call comes after. May be destroyed in a listener
/// call.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void pause() = 0;  ///< take no more from the socket (some bytes may still come)
  virtual void resume() = 0;
};

/// What an exchange needs to know beside the request. The pointed-to configs outlive it.
struct ExchangeOptions {
  bool stream = false;          ///< no compression, small buffers
  bool allow_insecure = false;  ///< plain http to hosts other than loopback, though the request carries a key
  const ProxyConfig* proxy = nullptr;
  const TlsConfig* tls = nullptr;
  const Bounds* bounds = nullptr;
  std::string_view user_agent{};
};

using Task = std::function<void()>;

/// Names a timer of one Runtime; 0 is none.
using TimerId = std::uint64_t;

/// What a thread waits on: opened once, from any thread.
class Gate {
 public:
  [[nodiscard]] bool open() const noexcept { return open_.load(std::memory_order_acquire); }
  /// Closes it for another wait. Only by the waiting thread, when nobody else will open it meanwhile.
  void reset() noexcept { open_.store(false, std::memory_order_relaxed); }

 private:
  friend class GateAccess;
  std::atomic<bool> open_{false};
};

/// For implementations of Runtime.
class GateAccess {
 public:
  static void set(Gate& gate) noexcept { gate.open_.store(true, std::memory_order_release); }
};

/// One loop. Everything of one call happens on one loop, one thing after the other; which thread runs the loop may
/// change.
class Runtime {
 public:
  virtual ~Runtime() = default;

  [[nodiscard]] virtual TimePoint now() const = 0;       ///< any thread
  [[nodiscard]] virtual WallTime wall_time() const = 0;  ///< any thread
  [[nodiscard]] virtual std::uint64_t random() = 0;      ///< on the loop

  /// Runs `task` on the loop, later. Any thread. Tasks posted by one thread run in that order. False: the loop has
  /// ended, and `task` was destroyed unrun.
  virtual bool post(Task task) = 0;

  /// Runs `task` on the loop at `when` or soon after. On the loop.
  [[nodiscard]] virtual TimerId at(TimePoint when, Task task) = 0;
  virtual void cancel(TimerId timer) = 0;

  /// Sends a request. On the loop. The listener outlives the exchange.
  [[nodiscard]] virtual std::unique_ptr<Exchange> exchange(HttpRequest request, const ExchangeOptions& options,
                                                           ExchangeListener& listener) = 0;

  /// Waits until the gate is open: runs the loop on this thread where nobody else does. Not on the loop.
  virtual void wait(Gate& gate) = 0;
  /// post() and then wait(), by a thread that will wait for what it posts: no other thread need be started or woken
  /// for the task, this one runs it. False: as post(), and it has not waited.
  virtual bool post_and_wait(Task task, Gate& gate) {
    if (!post(std::move(task))) return false;
    wait(gate);
    return true;
  }
  /// Opens a gate and wakes whoever waits on it. Any thread.
  virtual void open(Gate& gate) = 0;

  /// This thread is running the loop just now.
  [[nodiscard]] virtual bool on_loop() const noexcept = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
