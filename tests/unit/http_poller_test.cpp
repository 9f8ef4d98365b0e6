#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "http/poller.hpp"

using keywheel::detail::Poller;

namespace {

struct Pair {
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) == 0); }
  ~Pair() {
    for (const int fd : fds)
      if (fd >= 0) ::close(fd);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  void say() const { REQUIRE(::write(fds[1], "x", 1) == 1); }
  [[nodiscard]] int ours() const { return fds[0]; }
  std::array<int, 2> fds{-1, -1};
};

std::vector<Poller::Event> look(Poller& poller) {
  std::vector<Poller::Event> events;
  poller.wait(events, std::chrono::nanoseconds(0));
  return events;
}

}  // namespace

TEST_CASE("a socket that was forgotten says nothing, until it is watched again", "[http][poller]") {
  Poller poller;
  const Pair pair;
  const bool told = GENERATE(false, true);
  if (told) poller.opened(pair.ours());
  REQUIRE(poller.watch(pair.ours(), 7, true, false, false) == 0);
  CHECK(look(poller).empty());
  poller.forget(pair.ours());
  pair.say();
  CHECK(look(poller).empty());
  CHECK(look(poller).empty());
  REQUIRE(poller.watch(pair.ours(), 7, true, false, false) == 0);
  const auto events = look(poller);
  REQUIRE(events.size() == 1);
  CHECK(events[0].fd == pair.ours());
  CHECK(events[0].tag == 7);
  CHECK(events[0].readable);
  CHECK_FALSE(events[0].writable);
}

TEST_CASE("a socket is watched again for what is asked then", "[http][poller]") {
  Poller poller;
  const Pair pair;
  poller.opened(pair.ours());
  REQUIRE(poller.watch(pair.ours(), 1, true, false, false) == 0);
  poller.forget(pair.ours());
  REQUIRE(poller.watch(pair.ours(), 2, true, true, false) == 0);
  const auto events = look(poller);
  REQUIRE(events.size() == 1);
  CHECK(events[0].tag == 2);
  CHECK(events[0].writable);
  CHECK_FALSE(events[0].readable);
}

TEST_CASE("a socket with the number of a closed one is watched all the same", "[http][poller]") {
  Poller poller;
  Pair first;
  const int number = first.ours();
  poller.opened(number);
  REQUIRE(poller.watch(number, 1, true, false, false) == 0);
  poller.forget(number);
  const bool told = GENERATE(false, true);
  if (told) poller.closing(number);
  ::close(std::exchange(first.fds[0], -1));

  const Pair second;
  REQUIRE(second.ours() == number);
  poller.opened(number);
  REQUIRE(poller.watch(number, 1, true, false, false) == 0);
  second.say();
  CHECK(look(poller).size() == 1);
}

TEST_CASE("a closed socket says nothing though a copy of it is open", "[http][poller]") {
  Poller poller;
  Pair pair;
  poller.opened(pair.ours());
  REQUIRE(poller.watch(pair.ours(), 1, true, false, false) == 0);
  poller.forget(pair.ours());
  const int copy = ::dup(pair.ours());
  poller.closing(pair.ours());
  ::close(std::exchange(pair.fds[0], copy));
  pair.say();
  CHECK(look(poller).empty());
}
