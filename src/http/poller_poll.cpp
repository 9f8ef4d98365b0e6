// For systems that have neither epoll nor kqueue. Costs a scan of all sockets a wake-up.
#if !defined(__linux__) && !defined(__APPLE__) && !defined(__FreeBSD__) && !defined(__NetBSD__) && \
    !defined(__OpenBSD__) && !defined(__DragonFly__)

#include <cerrno>
#include <system_error>
#include <unordered_map>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "http/poller.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

struct Poller::State {
  int pipe[2] = {-1, -1};
  std::vector<pollfd> sockets{};  // the first is the pipe's
  std::vector<std::uint32_t> tags{};
  std::unordered_map<int, std::size_t> places{};

  ~State() {
    for (const int fd : pipe)
      if (fd >= 0) ::close(fd);
  }
};

Poller::Poller() : state_(std::make_unique<State>()) {
  if (::pipe(state_->pipe) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  for (const int fd : state_->pipe) {
    (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)::fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  state_->sockets.push_back({state_->pipe[0], POLLIN, 0});
  state_->tags.push_back(0);
}

Poller::~Poller() = default;

int Poller::watch(int fd, std::uint32_t tag, bool read, bool write, bool) noexcept {
  const auto wanted = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
  const auto [place, fresh] = state_->places.try_emplace(fd, state_->sockets.size());
  if (fresh) {
    state_->sockets.push_back({fd, wanted, 0});
    state_->tags.push_back(tag);
  } else {
    state_->sockets[place->second].events = wanted;
    state_->tags[place->second] = tag;
  }
  return 0;
}

void Poller::forget(int fd) noexcept {
  const auto found = state_->places.find(fd);
  if (found == state_->places.end()) return;
  const std::size_t place = found->second;
  state_->places.erase(found);
  if (place + 1 != state_->sockets.size()) {
    state_->sockets[place] = state_->sockets.back();
    state_->tags[place] = state_->tags.back();
    state_->places[state_->sockets[place].fd] = place;
  }
  state_->sockets.pop_back();
  state_->tags.pop_back();
}

void Poller::opened(int) noexcept {}  // what is forgotten is forgotten at once

void Poller::closing(int) noexcept {}

void Poller::wait(std::vector<Event>& events, std::optional<std::chrono::nanoseconds> timeout) {
  events.clear();
  auto& sockets = state_->sockets;
  if (::poll(sockets.data(), static_cast<nfds_t>(sockets.size()), poll_milliseconds(timeout)) <= 0) return;
  if (sockets[0].revents != 0) {
    char drained[64];
    while (::read(state_->pipe[0], drained, sizeof drained) > 0) {
    }
  }
  for (std::size_t i = 1; i < sockets.size(); ++i) {
    const short happened = sockets[i].revents;
    if (happened == 0) continue;
    events.push_back({.fd = sockets[i].fd,
                      .tag = state_->tags[i],
                      .readable = (happened & (POLLIN | POLLHUP | POLLERR)) != 0,
                      .writable = (happened & POLLOUT) != 0});
  }
}

void Poller::wake() noexcept {
  const char one = 1;
  (void)!::write(state_->pipe[1], &one, 1);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE

#endif
