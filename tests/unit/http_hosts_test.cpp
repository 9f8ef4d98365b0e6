#include <deque>

#include <catch2/catch_test_macros.hpp>

#include "http/hosts.hpp"

using namespace keywheel::detail;  // NOLINT(google-build-using-namespace)

namespace {

/// Plays libcurl: puts exchanges on connections as it does, and tells the Host.
struct Fixture {
  explicit Fixture(Host::Protocol protocol, int streams_allowed = Host::kStreams)
      : host(protocol), allowed(streams_allowed) {}

  Visit& enter() {
    visits.emplace_back();
    host.enter(visits.back());
    return visits.back();
  }

  /// Lets go who may and gives each a place: on an open connection with room, or on one of its own.
  int go() {
    int gone = 0;
    while (Visit* visit = host.next()) {
      ++gone;
      board(*visit);
    }
    return gone;
  }

  void board(Visit& visit) {
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (!shares || streams[i] >= allowed) continue;
      ++streams[i];
      host.boarded(visit, static_cast<std::uint16_t>(1000 + i));
      return;
    }
    host.opened(visit, static_cast<int>(streams.size()));
    streams.push_back(1);
    const int begun = host.boarded(visit, static_cast<std::uint16_t>(1000 + streams.size() - 1));
    if (begun >= 0) host.heard(begun);
  }

  Host host;
  int allowed;
  bool shares = true;
  std::vector<int> streams{};
  std::deque<Visit> visits{};
};

}  // namespace

TEST_CASE("an HTTP/1.1 host holds nobody back", "[http][hosts]") {
  Fixture f(Host::Protocol::http1);
  f.shares = false;
  for (int i = 0; i < 50; ++i) f.enter();
  CHECK(f.go() == 50);
  CHECK(f.host.connections() == 50);
}

TEST_CASE("a fresh connection is asked for exactly when none is idle", "[http][hosts]") {
  Host host(Host::Protocol::http1);
  Visit a;
  Visit b;
  host.enter(a);
  CHECK(host.next() == &a);
  CHECK(host.must_open());
  host.opened(a, 7);
  host.boarded(a, 1);
  host.leave(a);
  host.enter(b);
  CHECK(host.next() == &b);
  CHECK_FALSE(host.must_open());
  host.closed(7);
  CHECK(host.must_open());
}

TEST_CASE("to a host not known yet one goes ahead and the others wait for it", "[http][hosts]") {
  Host host(Host::Protocol::unknown);
  std::deque<Visit> visits(5);
  for (Visit& visit : visits) host.enter(visit);
  CHECK(host.next() == &visits[0]);
  CHECK(host.next() == nullptr);
  host.opened(visits[0], 7);
  CHECK(host.next() == nullptr);

  SECTION("where the second shares its connection, it is HTTP/2") {
    host.boarded(visits[0], 1000);
    CHECK(host.next() == &visits[1]);
    CHECK(host.next() == nullptr);
    host.boarded(visits[1], 1000);
    CHECK(host.protocol() == Host::Protocol::http2);
    host.heard(7);
    CHECK(host.next() == &visits[2]);
    CHECK(host.next() == &visits[3]);
    CHECK(host.next() == &visits[4]);
    CHECK(host.connections() == 1);
  }
  SECTION("where the second needs another one, it is HTTP/1.1") {
    host.boarded(visits[0], 1000);
    CHECK(host.next() == &visits[1]);
    host.opened(visits[1], 8);
    CHECK(host.protocol() == Host::Protocol::http1);
    CHECK(host.next() == &visits[2]);
    CHECK(host.next() == &visits[3]);
  }
  SECTION("where the answer comes first, it says so") {
    host.boarded(visits[0], 1000);
    host.spoke(true);
    CHECK(host.protocol() == Host::Protocol::http2);
    host.heard(7);
    CHECK(host.next() == &visits[1]);
    CHECK(host.next() == &visits[2]);
  }
  SECTION("where the first fails, the next one goes ahead") {
    host.closed(7);
    host.leave(visits[0]);
    CHECK(host.next() == &visits[1]);
    CHECK(host.next() == nullptr);
  }
  SECTION("where the first is cancelled when its connection is made, nothing is concluded from a new connection") {
    host.boarded(visits[0], 1000);
    host.leave(visits[0]);
    host.closed(7);
    CHECK(host.next() == &visits[1]);
    host.opened(visits[1], 8);
    CHECK(host.protocol() == Host::Protocol::unknown);
    CHECK(host.next() == nullptr);
  }
}

TEST_CASE("a thousand exchanges with an HTTP/2 host use ten connections", "[http][hosts]") {
  Fixture f(Host::Protocol::unknown);
  for (int i = 0; i < 1000; ++i) f.enter();
  CHECK(f.go() == 1000);
  CHECK(f.host.protocol() == Host::Protocol::http2);
  CHECK(f.streams.size() == 10);
}

TEST_CASE("a host that allows fewer streams than thought costs no more connections than it must, and a few",
          "[http][hosts]") {
  Fixture f(Host::Protocol::unknown, 10);
  for (int i = 0; i < 1000; ++i) f.enter();
  CHECK(f.go() == 1000);
  CHECK(f.streams.size() <= 104);
}

TEST_CASE("only one connection at a time is opened to an HTTP/2 host that is full", "[http][hosts]") {
  Host host(Host::Protocol::unknown);
  std::deque<Visit> visits(300);
  for (Visit& visit : visits) host.enter(visit);
  Visit* first = host.next();
  host.opened(*first, 1);
  host.heard(host.boarded(*first, 1000));
  host.spoke(true);
  for (int i = 1; i < Host::kStreams; ++i) host.boarded(*host.next(), 1000);
  Visit* opener = host.next();
  REQUIRE(opener != nullptr);
  CHECK(host.next() == nullptr);
  host.opened(*opener, 2);
  CHECK(host.next() == nullptr);

  SECTION("a place that falls free meanwhile is taken") {
    host.leave(*first);
    Visit* next = host.next();
    REQUIRE(next != nullptr);
    host.boarded(*next, 1000);
    CHECK(host.next() == nullptr);
  }
  SECTION("when the opener fails the next one opens") {
    host.closed(2);
    host.leave(*opener);
    CHECK(host.next() != nullptr);
    CHECK(host.next() == nullptr);
  }
  SECTION("when it is open the others follow") {
    CHECK(host.boarded(*opener, 1001) == 2);
    host.heard(2);
    CHECK(host.next() != nullptr);
    CHECK(host.next() != nullptr);
  }
}

TEST_CASE("a new HTTP/2 connection carries one until its peer has said how many it allows", "[http][hosts]") {
  Host host(Host::Protocol::unknown);
  std::deque<Visit> visits(5);
  for (Visit& visit : visits) host.enter(visit);
  Visit* first = host.next();
  host.opened(*first, 1);
  CHECK(host.boarded(*first, 1000) == 1);
  host.boarded(*host.next(), 1000);
  CHECK(host.protocol() == Host::Protocol::http2);
  CHECK(host.next() == nullptr);
  SECTION("then more may board") {
    host.heard(1);
    CHECK(host.next() != nullptr);
  }
  SECTION("or it is gone, and another one is opened") {
    host.closed(1);
    CHECK(host.next() != nullptr);
    CHECK(host.next() == nullptr);
  }
}

TEST_CASE("whoever waits in line can leave it", "[http][hosts]") {
  Host host(Host::Protocol::unknown);
  std::deque<Visit> visits(4);
  for (Visit& visit : visits) host.enter(visit);
  (void)host.next();
  host.leave(visits[2]);
  host.leave(visits[2]);
  CHECK(host.waiting() == 2);
  host.leave(visits[0]);
  CHECK(host.next() == &visits[1]);
  host.leave(visits[1]);
  CHECK(host.next() == &visits[3]);
}

TEST_CASE("a connection that closes takes its places with it", "[http][hosts]") {
  Host host(Host::Protocol::unknown);
  std::deque<Visit> visits(6);
  for (Visit& visit : visits) host.enter(visit);
  Visit* first = host.next();
  host.opened(*first, 1);
  host.heard(host.boarded(*first, 1000));
  host.spoke(true);
  Visit* second = host.next();
  host.boarded(*second, 1000);
  CHECK(first->connection == second->connection);
  host.closed(1);
  host.leave(*first);
  host.leave(*second);
  Visit* opener = host.next();
  REQUIRE(opener != nullptr);
  CHECK(host.next() == nullptr);
  host.opened(*opener, 2);
  host.boarded(*opener, 1000);  // the same local port again
  CHECK(opener->connection != first->connection);
}

TEST_CASE("of two sockets opened for one exchange the one that stays is its connection", "[http][hosts]") {
  Host host(Host::Protocol::unknown);
  Visit visit;
  host.enter(visit);
  (void)host.next();
  host.opened(visit, 1);
  host.opened(visit, 2);
  CHECK(host.connections() == 2);
  host.closed(2);
  host.heard(host.boarded(visit, 1000));
  host.spoke(true);
  Visit other;
  host.enter(other);
  CHECK(host.next() == &other);
  host.closed(1);
  host.leave(visit);
  CHECK(host.connections() == 0);
}
