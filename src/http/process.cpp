#include "http/process.hpp"

#include <mutex>
#include <utility>

#include <dlfcn.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void pin_library() noexcept {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&pin_library), &info) == 0 || info.dli_fname == nullptr) return;
  (void)::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

void join_at_exit(std::thread own) {
  // Each joins the one before it, so that only the last is held, however many Routers end in their own callbacks.
  struct Joined {
    std::thread thread{};
    ~Joined() {
      if (thread.joinable()) thread.join();
    }
  };
  struct Last {
    std::mutex mutex{};
    std::thread thread{};
    ProcessMark process{};
    ~Last() {
      if (process.forked()) {
        new std::thread(std::move(thread));  // left alone: the thread is the parent's
      } else if (thread.get_id() == std::this_thread::get_id()) {
        thread.detach();  // it is the one that calls exit()
      } else if (thread.joinable()) {
        thread.join();
      }
    }
  };
  static Last last;
  thread_local Joined before;
  pin_library();
  const std::lock_guard lock(last.mutex);
  before.thread = std::exchange(last.thread, std::move(own));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
