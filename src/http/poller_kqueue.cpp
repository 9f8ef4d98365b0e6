#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/event.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

#include "http/poller.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {
constexpr std::uintptr_t kWakeIdent = 1;

void* as_udata(std::uint32_t tag) noexcept { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(tag)); }

int apply(int queue, int fd, decltype(kevent::filter) filter, bool on, std::uint32_t tag) noexcept {
  struct kevent change {};
  EV_SET(&change, static_cast<std::uintptr_t>(fd), filter, on ? EV_ADD : EV_DELETE, 0, 0, as_udata(tag));
  if (::kevent(queue, &change, 1, nullptr, 0, nullptr) == 0) return 0;
  return !on && errno == ENOENT ? 0 : errno;
}
}  // namespace

struct Poller::State {
  int queue = -1;
  std::array<struct kevent, 256> ready{};

  ~State() {
    if (queue >= 0) ::close(queue);
  }
};

Poller::Poller() : state_(std::make_unique<State>()) {
  state_->queue = ::kqueue();
  if (state_->queue < 0) throw std::system_error(errno, std::generic_category(), "kqueue");
  (void)::fcntl(state_->queue, F_SETFD, FD_CLOEXEC);
  struct kevent change {};
  EV_SET(&change, kWakeIdent, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, nullptr);
  if (::kevent(state_->queue, &change, 1, nullptr, 0, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "kevent");
}

Poller::~Poller() = default;

int Poller::watch(int fd, std::uint32_t tag, bool read, bool write, bool) noexcept {
  const int failed = apply(state_->queue, fd, EVFILT_READ, read, tag);
  return failed != 0 ? failed : apply(state_->queue, fd, EVFILT_WRITE, write, tag);
}

void Poller::forget(int fd) noexcept {
  (void)apply(state_->queue, fd, EVFILT_READ, false, 0);
  (void)apply(state_->queue, fd, EVFILT_WRITE, false, 0);
}

void Poller::opened(int) noexcept {}  // what is forgotten is forgotten at once

void Poller::closing(int) noexcept {}

void Poller::wait(std::vector<Event>& events, std::optional<std::chrono::nanoseconds> timeout) {
  events.clear();
  timespec span{};
  if (timeout) {
    const int milliseconds = poll_milliseconds(timeout);
    span.tv_sec = milliseconds / 1000;
    span.tv_nsec = static_cast<long>(milliseconds % 1000) * 1'000'000L;
  }
  const int count = ::kevent(state_->queue, nullptr, 0, state_->ready.data(), static_cast<int>(state_->ready.size()),
                             timeout ? &span : nullptr);
  for (int i = 0; i < count; ++i) {
    const struct kevent& event = state_->ready[static_cast<std::size_t>(i)];
    if (event.filter == EVFILT_USER) continue;
    events.push_back({.fd = static_cast<int>(event.ident),
                      .tag = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(event.udata)),
                      .readable = event.filter == EVFILT_READ || (event.flags & EV_EOF) != 0,
                      .writable = event.filter == EVFILT_WRITE});
  }
}

void Poller::wake() noexcept {
  struct kevent change {};
  EV_SET(&change, kWakeIdent, EVFILT_USER, 0, NOTE_TRIGGER, 0, nullptr);
  (void)::kevent(state_->queue, &change, 1, nullptr, 0, nullptr);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE

#endif
