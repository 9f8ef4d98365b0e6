#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <keywheel/error.hpp>
#include <keywheel/export.hpp>
#include <keywheel/version.hpp>

/// Where several Routers, processes or hosts keep what they spend of the same limits.
///
/// A Router with a store (RouterConfig::quota_store) sends nothing that the store has not granted. It asks ahead, on a
/// thread of its own, for much at once: of a limit over a sliding window for *tickets*, each a time from which a
/// request may be sent and until which it must be; of a limit over a day, a month or for good for a *slice*; of a limit
/// on attempts in flight for *permits* that must be renewed. So a call waits for the store only where it is the first
/// after a pause, and a process that is killed wastes what it had asked ahead and no more.
///
/// A request that comes to its socket when its ticket (slice, permit) has lapsed is not written: its call asks for
/// another. What no check can cover is the moment in which libcurl then writes it; only a process that is stopped right
/// there, for longer than the limit's guard, may send late.

KEYWHEEL_BEGIN_NAMESPACE

/// A point in the store's own time, from wherever that counts.
using StoreTime = std::chrono::microseconds;

/// A place in a window. The store's log of all tickets holds every window of the length to its limit, wherever it
/// starts and whenever each is used between its two times.
struct QuotaTicket {
  std::uint64_t id = 0;     ///< within its window, since the store's epoch began
  StoreTime from{};         ///< no earlier
  StoreTime until{};        ///< no later; then it has lapsed
  std::int64_t amount = 1;  ///< requests or tokens
};

/// What became of a ticket. Saying it again changes nothing.
struct QuotaUse {
  std::uint64_t id = 0;     ///< 0: sent without a ticket, while the store could not be reached
  StoreTime at{};           ///< latest time at which it may have been sent
  std::int64_t amount = 0;  ///< in all; 0: it was not used, and its place is free
};

/// One limit over a sliding window.
struct WindowAsk {
  std::string name{};  ///< holds no key: a fingerprint of what authenticates
  std::int64_t limit = 0;
  std::chrono::microseconds window{};   ///< guard included
  std::chrono::microseconds lapse{};    ///< a ticket may be used for so long
  std::chrono::microseconds horizon{};  ///< no ticket begins later than this from now; with `lapse` below `window`
  std::int64_t each = 1;                ///< most on one ticket
  std::int64_t want = 0;
  std::int64_t least = 0;  ///< what is wanted is of use only from this amount on, what is in hand included
  std::int64_t held = 0;   ///< in hand, unused
  std::vector<QuotaUse> used{};
  std::vector<std::uint64_t> renew{};  ///< tickets that would lapse while their request is under way to the socket
  std::vector<std::uint64_t> save{};   ///< unused ones to keep for `least`; not while another process saves up
};
struct WindowGrant {
  std::vector<QuotaTicket> tickets{};
  std::vector<QuotaTicket> renewed{};  ///< `id` and `until`
  StoreTime next{};                    ///< 0: all that was wanted was granted; else when there may be more
};

/// One limit over a day, a month or for good. A period that turns has another name.
struct TotalAsk {
  std::string name{};
  std::int64_t limit = 0;
  std::int64_t holding = 0;  ///< what this process was granted of it in all, or used, whichever is more
  std::int64_t known = 0;    ///< the sum of all processes as it was told last, where the store may have lost it since
  std::int64_t want = 0;     ///< more, if there is
  bool final = false;        ///< `holding` is what was used; the rest goes back
  std::chrono::seconds keep{};  ///< may be forgotten after this long without being asked for; 0: never
};
struct TotalGrant {
  std::int64_t holding = 0;  ///< of this process, in all
  std::int64_t total = 0;    ///< of all processes
};

/// One limit on attempts in flight.
struct PermitAsk {
  std::string name{};
  std::int64_t limit = 0;
  std::int64_t used = 0;  ///< in flight now
  std::int64_t want = 0;  ///< in all; what is held beyond it goes back
};
struct PermitGrant {
  std::int64_t held = 0;  ///< until QuotaRequest::lease has passed
};

/// A rest, an exhaustion, a disabling: who may not be used, and until when. A higher `rank` wins over a lower one, a
/// later end over an earlier one of the same rank; `rank` 0 ends it and wins over all.
struct QuotaMark {
  std::string name{};
  int rank = 0;
  std::chrono::milliseconds until{};  ///< of the wall clock, since 1970
  std::string body{};                 ///< the Router's own
};

/// All that one process says and asks at one time.
struct QuotaRequest {
  std::string process{};              ///< differs from every other's
  std::string epoch{};                ///< as the last reply said; empty: none yet
  bool clock_jumped = false;          ///< the store's clock went on by more than time did
  std::chrono::milliseconds lease{};  ///< without another request for so long, the process is taken for dead
  bool leaving = false;               ///< the last request
  std::uint64_t seen_marks = 0;       ///< as the last reply of this epoch said
  std::vector<WindowAsk> windows{};
  std::vector<TotalAsk> totals{};
  std::vector<PermitAsk> permits{};
  std::vector<QuotaMark> marks{};
};
/// Answers in the order of what was asked.
struct QuotaReply {
  /// Changes whenever the log of tickets may be incomplete: the store started anew, or its clock jumped. Where it is
  /// not the request's, nothing was granted, and tickets of the former epoch are void. A log of the new one grants its
  /// first ticket only when all that may have been sent before has left its window.
  std::string epoch{};
  StoreTime now{};             ///< while the request was dealt with
  std::int64_t processes = 1;  ///< alive, this one included
  std::vector<WindowGrant> windows{};
  std::vector<TotalGrant> totals{};
  std::vector<PermitGrant> permits{};
  std::vector<QuotaMark> marks{};  ///< set by anybody since `seen_marks`
  std::uint64_t seen_marks = 0;
};

/// Keeps it all. exchange() is atomic: as if one process came after the other.
///
/// Threads: exchange() is called from any number of threads, one for each Router that uses the store, and may block; no
/// call of a user's ever runs on these. Errors: a store that cannot be reached gives ErrorKind::connection with a
/// message that names it and holds no password; what RouterConfig::on_store_loss says then holds. The Router tries
/// again by itself. Durability: totals and marks should outlive the store's own restart. The log of tickets need not,
/// if the epoch changes with it.
class KEYWHEEL_EXPORT QuotaStore {
 public:
  QuotaStore() = default;
  QuotaStore(const QuotaStore&) = delete;
  QuotaStore& operator=(const QuotaStore&) = delete;
  virtual ~QuotaStore();

  /// For messages: "SQLite at /var/lib/app/quota.db", "Redis at cache.internal:6379".
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual Result<QuotaReply> exchange(const QuotaRequest& request) = 0;
};

/// In memory: for several Routers of one process. Ends with the last of them.
[[nodiscard]] KEYWHEEL_EXPORT std::shared_ptr<QuotaStore> memory_store();

/// A file that several processes of one host share; not a file of a network file system. Created if it is not there.
/// Survives kill -9 of any of them; a slice granted survives a power cut. ErrorKind::config where keywheel was built
/// without KEYWHEEL_WITH_SQLITE.
[[nodiscard]] KEYWHEEL_EXPORT Result<std::shared_ptr<QuotaStore>> sqlite_store(const std::string& path);

/// Redis (5 or newer) or Valkey: redis://user:password@host:port/db, rediss:// for TLS; all but the host may be left
/// out. Does not connect yet. Its totals are as durable as Redis is told to be (appendonly); what it loses by a
/// restart, the processes that are alive announce again. ErrorKind::config for a URL that is none, and where keywheel
/// was built without KEYWHEEL_WITH_REDIS.
[[nodiscard]] KEYWHEEL_EXPORT Result<std::shared_ptr<QuotaStore>> redis_store(const std::string& url);

KEYWHEEL_END_NAMESPACE
