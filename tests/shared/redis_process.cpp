#include "shared/redis_process.hpp"

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace keywheel::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool good = ::bind(fd, generic, size) == 0 && ::getsockname(fd, generic, &size) == 0;
  ::close(fd);
  if (!good) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool good = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return good;
}

}  // namespace

std::string RedisProcess::program() {
  for (const char* path : {"/usr/bin/redis-server", "/usr/local/bin/redis-server", "/usr/bin/valkey-server"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

RedisProcess::RedisProcess(std::vector<std::string> options) : options_(std::move(options)), port_(free_port()) {
  start();
}

void RedisProcess::kill() {
  process_->signal(SIGKILL);
  (void)process_->wait();
  process_.reset();
}

void RedisProcess::start() {
  std::vector<std::string> arguments{program(), "--port", std::to_string(port_), "--bind", "127.0.0.1",
                                     "--save",  "",       "--appendonly",        "no"};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  process_.emplace(std::move(arguments));
  using namespace std::chrono;
  for (const auto end = steady_clock::now() + minutes(1); !listens(port_);) {
    if (steady_clock::now() > end) throw std::runtime_error("redis-server does not start");
    std::this_thread::sleep_for(milliseconds(2));
  }
}

}  // namespace keywheel::testing
