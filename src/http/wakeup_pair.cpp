#include "http/wakeup_pair.hpp"

#include <array>
#include <cstddef>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {

/// The lowest free descriptor, just now.
int lowest_free() noexcept {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd >= 0) ::close(fd);
  return fd;
}

/// Bytes that wait in a socket or pipe, to be read here or by the other end.
int waiting_bytes(int fd) noexcept {
  int to_read = 0;
  int unread = 0;
  if (::ioctl(fd, FIONREAD, &to_read) != 0) to_read = 0;
  if (::ioctl(fd, TIOCOUTQ, &unread) != 0) unread = 0;
  return to_read + unread;
}

/// A pipe's end or a Unix socket, inherited by programs.
bool may_be_of_the_pair(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFD);
  struct stat about {};
  if (flags < 0 || (flags & FD_CLOEXEC) != 0 || ::fstat(fd, &about) != 0) return false;
  if (S_ISFIFO(about.st_mode)) return true;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  return S_ISSOCK(about.st_mode) && ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
         address.ss_family == AF_UNIX;
}

}  // namespace

CURLM* make_multi() noexcept {
  const int first = lowest_free();
  CURLM* multi = curl_multi_init();
  if (multi == nullptr || first < 0) return multi;

  // Other threads open descriptors too. Those of the pair are empty, and not empty any more after a wakeup.
  constexpr std::size_t kLooked = 16;
  std::array<int, kLooked> candidates{};
  std::size_t count = 0;
  for (int fd = first; fd < first + 64 && count < kLooked; ++fd)
    if (may_be_of_the_pair(fd) && waiting_bytes(fd) == 0) candidates[count++] = fd;
  if (count == 0) return multi;
  curl_multi_wakeup(multi);
  for (std::size_t i = 0; i < count; ++i)
    if (waiting_bytes(candidates[i]) > 0) (void)::fcntl(candidates[i], F_SETFD, FD_CLOEXEC);
  return multi;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
