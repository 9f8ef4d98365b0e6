#if defined(__linux__)

#include <array>
#include <cerrno>
#include <system_error>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http/poller.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {
constexpr std::uint64_t kWakeKey = ~std::uint64_t{0};

std::uint64_t key_of(int fd, std::uint32_t tag) noexcept {
  return (std::uint64_t{tag} << 32U) | static_cast<std::uint32_t>(fd);
}
}  // namespace

struct Poller::State {
  int epoll = -1;
  int event = -1;
  std::array<epoll_event, 256> ready{};

  ~State() {
    if (event >= 0) ::close(event);
    if (epoll >= 0) ::close(epoll);
  }
};

Poller::Poller() : state_(std::make_unique<State>()) {
  state_->epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (state_->epoll < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  state_->event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (state_->event < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.u64 = kWakeKey;
  if (::epoll_ctl(state_->epoll, EPOLL_CTL_ADD, state_->event, &wanted) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

Poller::~Poller() = default;

int Poller::watch(int fd, std::uint32_t tag, bool read, bool write, bool known) noexcept {
  epoll_event wanted{};
  wanted.events = (read ? EPOLLIN : 0U) | (write ? EPOLLOUT : 0U);
  wanted.data.u64 = key_of(fd, tag);
  const int first = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(state_->epoll, first, fd, &wanted) == 0) return 0;
  const int other = known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if ((errno == ENOENT || errno == EEXIST) && ::epoll_ctl(state_->epoll, other, fd, &wanted) == 0) return 0;
  return errno;
}

void Poller::forget(int fd) noexcept {
  epoll_event unused{};
  (void)::epoll_ctl(state_->epoll, EPOLL_CTL_DEL, fd, &unused);
}

void Poller::wait(std::vector<Event>& events, std::optional<std::chrono::nanoseconds> timeout) {
  events.clear();
  const int count = ::epoll_wait(state_->epoll, state_->ready.data(), static_cast<int>(state_->ready.size()),
                                 poll_milliseconds(timeout));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = state_->ready[static_cast<std::size_t>(i)];
    if (event.data.u64 == kWakeKey) {
      std::uint64_t counted = 0;
      (void)!::read(state_->event, &counted, sizeof counted);
      continue;
    }
    events.push_back({.fd = static_cast<int>(event.data.u64 & 0xffffffffU),
                      .tag = static_cast<std::uint32_t>(event.data.u64 >> 32U),
                      .readable = (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0,
                      .writable = (event.events & EPOLLOUT) != 0});
  }
}

void Poller::wake() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(state_->event, &one, sizeof one);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE

#endif
