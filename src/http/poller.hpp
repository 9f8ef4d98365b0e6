#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <keywheel/version.hpp>

/// Waits for sockets, for a time, or for a call of wake(). One implementation a system, chosen when compiled:
/// poller_epoll.cpp, poller_kqueue.cpp, poller_poll.cpp.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

class Poller {
 public:
  struct Event {
    int fd = -1;
    std::uint32_t tag = 0;  ///< as given to watch()
    bool readable = false;  ///< or closed, or failed: reading says which
    bool writable = false;
  };

  /// Throws std::system_error when the system has no descriptor to spare.
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// Watches a socket, or changes what is watched of it. `known`: it is watched already. 0, or why not (errno).
  [[nodiscard]] int watch(int fd, std::uint32_t tag, bool read, bool write, bool known) noexcept;
  void forget(int fd) noexcept;
  /// Of a socket that is told of when it opens and when it is about to be closed, forget() may leave the system's watch
  /// in place, so that it costs nothing to watch it again, as is done with a kept connection.
  void opened(int fd) noexcept;
  void closing(int fd) noexcept;

  /// Puts what happened into `events`. Empty `timeout`: as long as it takes.
  void wait(std::vector<Event>& events, std::optional<std::chrono::nanoseconds> timeout);

  /// Ends the wait() under way, or the next one. Any thread.
  void wake() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// For calls that count milliseconds: rounded up, so that a timer is due when the wait for it ends; -1 is for ever.
[[nodiscard]] int poll_milliseconds(std::optional<std::chrono::nanoseconds> timeout) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
