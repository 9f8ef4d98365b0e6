#pragma once

#include <csignal>
#include <thread>
#include <utility>

#include <keywheel/version.hpp>

#include <unistd.h>

/// What a guest in someone else's process owes to its host.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Remembers the process that it was made in. In a fork's child the threads are gone, locks may be held by nobody, and
/// the sockets are the parent's: nothing may be touched.
class ProcessMark {
 public:
  [[nodiscard]] bool forked() const noexcept { return ::getpid() != pid_; }

 private:
  pid_t pid_ = ::getpid();
};

/// Starts a thread that no signal is delivered to: handlers of the host run on the host's threads.
/// Throws std::system_error when the system gives no thread.
template <class F>
[[nodiscard]] std::thread start_thread(F&& run) {
  struct Masked {
    sigset_t before{};
    Masked() noexcept {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~Masked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
  };
  const Masked masked;
  return std::thread(std::forward<F>(run));
}

/// Keeps this library loaded until the process ends: a thread that could not be joined still runs its code.
void pin_library() noexcept;

/// Takes the calling thread's own handle, which it cannot join itself. The process joins it before it ends, so that the
/// thread does not run on among destroyed statics.
void join_at_exit(std::thread own);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
