#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

class Host;

/// One exchange's way through a Host: waits in line, goes, boards a connection, leaves.
struct Visit {
  enum class Stage : std::uint8_t {
    none,
    waiting,   ///< in line
    boarding,  ///< let go, expected to find a place on a connection that there is
    opening,   ///< let go, opens a connection
    aboard,    ///< its request is being written
  };

  Host* host = nullptr;
  Stage stage = Stage::none;
  std::uint64_t connection = 0;         ///< aboard: which, of this host's
  std::vector<int> sockets{};           ///< opened for it and not closed since, until it is aboard
  std::list<Visit*>::iterator place{};  ///< waiting: where
};

/// Who may start when, for the exchanges to one origin by one way (proxy, trust).
///
/// libcurl opens a connection for every transfer that does not fit on those it has, all at once. An HTTP/1.1 origin
/// wants that; an HTTP/2 origin wants few connections with many streams. So exchanges wait here, first come first
/// served, until libcurl will have a place for them, or until one is sent ahead to open the next connection.
///
/// What the origin speaks shows without asking libcurl: while one exchange is under way a second is sent after it.
/// Where it boards the same connection, that is HTTP/2; where libcurl opens another one, HTTP/1.1.
///
/// A state machine without I/O; one thread at a time.
class Host {
 public:
  enum class Protocol : std::uint8_t { unknown, http1, http2 };

  /// Streams that libcurl puts on one HTTP/2 connection at most, and before it knows better.
  static constexpr int kStreams = 100;

  explicit Host(Protocol protocol) : protocol_(protocol) {}

  /// Puts an exchange in line.
  void enter(Visit& visit);
  /// The next that may start, or null.
  [[nodiscard]] Visit* next();
  /// No idle connection is known, so libcurl need not look for one. Asked before libcurl is given the visit.
  [[nodiscard]] bool must_open() const noexcept { return protocol_ == Protocol::http1 && connections() < running_; }

  /// libcurl opened a socket for the visit.
  void opened(Visit& visit, int fd);
  /// A socket that was opened for one of this host's visits was closed.
  void closed(int fd);
  /// The request is being written to a connection, which its local port tells from others. Where that connection is
  /// new, and may be an HTTP/2 one: its socket, for which heard() is to be called; else -1.
  int boarded(Visit& visit, std::uint16_t local_port);
  /// The peer has sent something on a connection, first of all how many streams it allows (RFC 9113, 3.4). Before that
  /// libcurl would put more on it than that, and the peer would refuse them.
  void heard(int fd);
  /// The answer's status line tells what the origin speaks.
  void spoke(bool http2);
  /// The exchange ended or was cancelled, wherever it was.
  void leave(Visit& visit);

  [[nodiscard]] Protocol protocol() const noexcept { return protocol_; }
  [[nodiscard]] std::size_t connections() const noexcept { return sockets_.size(); }
  [[nodiscard]] std::size_t waiting() const noexcept { return line_.size(); }

 private:
  struct Connection {
    std::uint64_t number = 0;
    int fd = -1;
    std::uint16_t local_port = 0;
    int streams = 0;
    int most = 1;  ///< until it is heard of
    bool heard = false;
  };

  [[nodiscard]] bool may_start() const noexcept;
  [[nodiscard]] int room() const noexcept;
  void release_sockets(Visit& visit) noexcept;

  Protocol protocol_;
  std::list<Visit*> line_{};
  std::vector<Connection> connections_{};      ///< only until the origin is known to speak HTTP/1.1
  std::unordered_map<int, Visit*> sockets_{};  ///< open, or being opened: for whom, until that is aboard
  std::size_t running_ = 0;                    ///< visits let go that have not left
  int boarding_ = 0;
  int opening_ = 0;
  std::uint64_t numbers_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
