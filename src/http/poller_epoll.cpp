#if defined(__linux__)

#include <array>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

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
  /// A socket as epoll knows it.
  struct Known {
    epoll_event event{};   ///< no events: not registered
    bool told = false;     ///< opened() was told of it, closing() not yet
    bool resting = false;  ///< registered, though forgotten
  };

  /// Null: no memory, or `grow` is false and it was never heard of.
  [[nodiscard]] Known* find(int fd, bool grow = false) noexcept {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= sockets.size() && grow) {
      try {
        sockets.resize(index + 1);
      } catch (const std::bad_alloc&) {
        return nullptr;
      }
    }
    return index < sockets.size() ? &sockets[index] : nullptr;
  }
  void remove(int fd) noexcept {
    epoll_event unused{};
    (void)::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &unused);
    if (Known* known = find(fd)) *known = {.told = known->told};
  }

  std::vector<Known> sockets{};  ///< by descriptor
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
  State::Known* socket = state_->find(fd, true);
  if (socket == nullptr) return ENOMEM;
  const bool rested = std::exchange(socket->resting, false);
  if (rested && socket->event.events == wanted.events && socket->event.data.u64 == wanted.data.u64) return 0;
  const int first = known || rested ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  const int other = known || rested ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(state_->epoll, first, fd, &wanted) != 0 &&
      ((errno != ENOENT && errno != EEXIST) || ::epoll_ctl(state_->epoll, other, fd, &wanted) != 0)) {
    return errno;
  }
  socket->event = wanted;
  return 0;
}

void Poller::forget(int fd) noexcept {
  State::Known* socket = state_->find(fd);
  if (socket != nullptr && socket->told && socket->event.events != 0) {
    socket->resting = true;
  } else {
    state_->remove(fd);
  }
}

void Poller::opened(int fd) noexcept {
  if (State::Known* socket = state_->find(fd, true)) *socket = {.told = true};
}

void Poller::closing(int fd) noexcept {
  State::Known* socket = state_->find(fd);
  if (socket == nullptr) return;
  // A fork's child may hold the socket open, and then closing it here would not end the watch.
  if (socket->event.events != 0) state_->remove(fd);
  *socket = {};
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
    const int fd = static_cast<int>(event.data.u64 & 0xffffffffU);
    if (const State::Known* socket = state_->find(fd); socket != nullptr && socket->resting) {
      state_->remove(fd);  // a peer that closes a kept connection: whoever takes it next will notice
      continue;
    }
    events.push_back({.fd = fd,
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
