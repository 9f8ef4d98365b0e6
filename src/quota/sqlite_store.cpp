#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/quota.hpp>

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include "quota/record_text.hpp"
#include "quota/shared_records.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

constexpr int kBusyMs = 2000;
/// What is over for so long is of no use to a process that starts.
constexpr milliseconds kForgetMarks = std::chrono::hours(24 * 7);

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS keywheel_state(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keywheel_processes(name TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keywheel_records(kind TEXT, name TEXT, data TEXT NOT NULL, ends INTEGER NOT NULL,
                                            PRIMARY KEY(kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keywheel_marks(name TEXT PRIMARY KEY, rank INTEGER NOT NULL, until INTEGER NOT NULL,
                                          body TEXT NOT NULL, number INTEGER NOT NULL) WITHOUT ROWID;
)";

/// The same for all processes of the host, and never set. Counts what the host slept, where that can be had.
Micros host_clock() noexcept {
#ifdef CLOCK_BOOTTIME
  constexpr clockid_t kClock = CLOCK_BOOTTIME;
#else
  constexpr clockid_t kClock = CLOCK_MONOTONIC;
#endif
  std::timespec time{};
  ::clock_gettime(kClock, &time);
  return static_cast<Micros>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

milliseconds wall_clock() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

/// Differs after the host has started anew, when host_clock() begins again.
std::string boot_name() {
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen("/proc/sys/kernel/random/boot_id", "re"));
  char text[64] = {};
  if (file && std::fgets(text, sizeof text, file.get()) != nullptr) return text;
  // Elsewhere than on Linux: when it started, to the minute, which setting the clock makes another start of.
  return fmt::format("{}", (wall_clock().count() - host_clock() / 1000) / 60'000);
}

/// An error inside a transaction, which ends it.
struct SqliteError {
  std::string message;
};

/// A statement, prepared once.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) {
    if (sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr) != SQLITE_OK) throw SqliteError{sqlite3_errmsg(db)};
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  Statement& bind(int at, std::int64_t value) {
    sqlite3_bind_int64(statement_, at, value);
    return *this;
  }
  Statement& bind(int at, std::string_view value) {
    sqlite3_bind_text(statement_, at, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    return *this;
  }
  /// True: there is a row.
  bool step() {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) throw SqliteError{sqlite3_errmsg(db_)};
    return false;
  }
  void run() {
    step();
    reset();
  }
  void reset() { sqlite3_reset(statement_); }
  [[nodiscard]] std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes != nullptr ? std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
                            : std::string();
  }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

/// One open file. Belongs to the process that opened it: SQLite's connections do not survive a fork.
class Connection {
 public:
  explicit Connection(const std::string& path) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    sqlite3* db = nullptr;
    const int result = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
    db_.reset(db);
    if (result != SQLITE_OK) throw SqliteError{db != nullptr ? sqlite3_errmsg(db) : "out of memory"};
    sqlite3_busy_timeout(db, kBusyMs);
    run("PRAGMA journal_mode=WAL");
    run(kSchema);
  }

  void run(const char* sql) {
    if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      throw SqliteError{sqlite3_errmsg(db_.get())};
  }
  [[nodiscard]] sqlite3* db() const noexcept { return db_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_{};
};

/// What is done with a connection, its statements prepared.
class Session {
 public:
  explicit Session(const std::string& path) : connection_(path), process_(::getpid()) {}

  [[nodiscard]] int process() const noexcept { return process_; }

  QuotaReply exchange(const QuotaRequest& request) {
    // A slice that was granted must not be granted again after a power cut. Tickets need not outlive one.
    const bool durable = !request.totals.empty();
    connection_.run(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    connection_.run("BEGIN IMMEDIATE");
    try {
      QuotaReply reply = answer(request);
      connection_.run("COMMIT");
      return reply;
    } catch (...) {
      sqlite3_exec(connection_.db(), "ROLLBACK", nullptr, nullptr, nullptr);
      throw;
    }
  }

 private:
  QuotaReply answer(const QuotaRequest& request) {
    const Micros now = host_clock();
    const Micros lease = std::chrono::microseconds(request.lease).count();
    const Epoch epoch = epoch_of(request, now);
    QuotaReply reply{.epoch = epoch.id, .now = StoreTime(now), .processes = live(request, now, now + lease)};
    reply.seen_marks = std::stoull("0" + state("marks"));
    if (epoch.id != request.epoch) return reply;

    const StoreMoment moment{
        .now = now, .epoch = epoch.id, .unknown_before = epoch.unknown_before, .process = request.process};
    constexpr Micros kSecond = 1'000'000;
    for (const WindowAsk& ask : request.windows) {
      TicketLog log;
      load("window", ask.name, log);
      reply.windows.push_back(log.exchange(ask, moment));
      save("window", ask.name, write_record(log), log.ends(ask.window.count()) + kSecond);
    }
    for (const TotalAsk& ask : request.totals) {
      TotalRecord total;
      load("total", ask.name, total);
      reply.totals.push_back(total.exchange(ask, moment));
      // By the wall clock, since it outlives the host's.
      const std::int64_t ends = ask.keep.count() == 0 ? INT64_MAX : (wall_clock() + ask.keep).count();
      save("total", ask.name, write_record(total), ends);
    }
    for (const PermitAsk& ask : request.permits) {
      PermitRecord permits;
      load("permits", ask.name, permits);
      reply.permits.push_back(permits.exchange(ask, lease, moment));
      save("permits", ask.name, write_record(permits), now + lease);
    }
    mark(request, reply);
    return reply;
  }

  Epoch epoch_of(const QuotaRequest& request, Micros now) {
    Epoch epoch{.id = state("epoch"), .unknown_before = 0};
    epoch.unknown_before = std::stoll("0" + state("unknown_before"));
    const std::string boot = boot_name();
    const bool rebooted = !epoch.id.empty() && state("boot") != boot;
    if (rebooted) epoch.id.clear();
    const std::string fresh = fmt::format("{}.{}", std::stoull("0" + state("epochs")) + 1, wall_clock().count());
    if (!epoch.check(request, now, fresh)) return epoch;
    // Before the host's clock began, nobody can say how long ago, others may have sent.
    if (rebooted) epoch.unknown_before = 1;
    set_state("epoch", epoch.id);
    set_state("epochs", std::to_string(std::stoull("0" + state("epochs")) + 1));
    set_state("unknown_before", std::to_string(epoch.unknown_before));
    set_state("boot", boot);
    if (rebooted) connection_.run("DELETE FROM keywheel_processes; DELETE FROM keywheel_records WHERE kind='permits'");
    connection_.run("DELETE FROM keywheel_records WHERE kind='window'");
    return epoch;
  }

  std::int64_t live(const QuotaRequest& request, Micros now, Micros until) {
    forget_process_.bind(1, now).bind(2, request.process).run();
    set_process_.bind(1, request.process).bind(2, until).run();
    count_processes_.step();
    const std::int64_t count = count_processes_.number(0);
    count_processes_.reset();
    if (request.leaving) forget_process_.bind(1, now).bind(2, request.process).run();
    if (++rounds_ % kRoundsToTidy == 0) {
      forget_records_.bind(1, now).bind(2, wall_clock().count()).run();
      forget_marks_.bind(1, (wall_clock() - kForgetMarks).count()).run();
    }
    return count;
  }

  void mark(const QuotaRequest& request, QuotaReply& reply) {
    const milliseconds wall = wall_clock();
    std::uint64_t number = reply.seen_marks;
    for (const QuotaMark& mark : request.marks) {
      get_mark_.bind(1, mark.name);
      bool known = get_mark_.step();
      QuotaMark current;
      if (known) {
        current.rank = static_cast<int>(get_mark_.number(0));
        current.until = milliseconds(get_mark_.number(1));
      }
      get_mark_.reset();
      if (known && !outranks(mark, current, wall)) continue;
      const milliseconds until = mark.rank == 0 ? wall : mark.until;
      set_mark_.bind(1, mark.name).bind(2, mark.rank).bind(3, until.count()).bind(4, mark.body);
      set_mark_.bind(5, static_cast<std::int64_t>(++number)).run();
    }
    if (number != reply.seen_marks) set_state("marks", std::to_string(number));
    reply.seen_marks = number;
    if (request.seen_marks >= number) return;
    new_marks_.bind(1, static_cast<std::int64_t>(request.seen_marks));
    while (new_marks_.step()) {
      reply.marks.push_back({.name = new_marks_.text(0),
                             .rank = static_cast<int>(new_marks_.number(1)),
                             .until = milliseconds(new_marks_.number(2)),
                             .body = new_marks_.text(3)});
    }
    new_marks_.reset();
  }

  [[nodiscard]] std::string state(std::string_view name) {
    get_state_.bind(1, name);
    std::string value = get_state_.step() ? get_state_.text(0) : std::string();
    get_state_.reset();
    return value;
  }
  void set_state(std::string_view name, std::string_view value) { set_state_.bind(1, name).bind(2, value).run(); }

  template <class Record>
  void load(std::string_view kind, const std::string& name, Record& record) {
    get_record_.bind(1, kind).bind(2, name);
    if (get_record_.step()) read_record(get_record_.text(0), record);
    get_record_.reset();
  }
  void save(std::string_view kind, const std::string& name, const std::string& text, std::int64_t ends) {
    set_record_.bind(1, kind).bind(2, name).bind(3, text).bind(4, ends).run();
  }

  static constexpr int kRoundsToTidy = 256;

  Connection connection_;
  int process_;
  int rounds_ = 0;
  Statement get_state_{connection_.db(), "SELECT value FROM keywheel_state WHERE name=?1"};
  Statement set_state_{connection_.db(), "INSERT OR REPLACE INTO keywheel_state VALUES(?1,?2)"};
  Statement forget_process_{connection_.db(), "DELETE FROM keywheel_processes WHERE until<=?1 OR name=?2"};
  Statement set_process_{connection_.db(), "INSERT OR REPLACE INTO keywheel_processes VALUES(?1,?2)"};
  Statement count_processes_{connection_.db(), "SELECT count(*) FROM keywheel_processes"};
  Statement get_record_{connection_.db(), "SELECT data FROM keywheel_records WHERE kind=?1 AND name=?2"};
  Statement set_record_{connection_.db(), "INSERT OR REPLACE INTO keywheel_records VALUES(?1,?2,?3,?4)"};
  Statement forget_records_{connection_.db(),
                            "DELETE FROM keywheel_records WHERE ends<=CASE kind WHEN 'total' THEN ?2 ELSE ?1 END"};
  Statement get_mark_{connection_.db(), "SELECT rank,until FROM keywheel_marks WHERE name=?1"};
  Statement set_mark_{connection_.db(), "INSERT OR REPLACE INTO keywheel_marks VALUES(?1,?2,?3,?4,?5)"};
  Statement new_marks_{connection_.db(),
                       "SELECT name,rank,until,body FROM keywheel_marks WHERE number>?1 ORDER BY number"};
  Statement forget_marks_{connection_.db(), "DELETE FROM keywheel_marks WHERE until<?1"};
};

class SqliteStore final : public QuotaStore {
 public:
  explicit SqliteStore(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] std::string name() const override { return "SQLite at " + path_; }

  [[nodiscard]] Result<QuotaReply> exchange(const QuotaRequest& request) override {
    const std::lock_guard lock(mutex_);
    try {
      if (!session_ || session_->process() != ::getpid()) {
        (void)session_.release();  // after a fork it is the parent's; closing it here would drop the parent's locks
        session_ = std::make_unique<Session>(path_);
      }
      return session_->exchange(request);
    } catch (const SqliteError& error) {
      if (session_ && session_->process() == ::getpid()) session_.reset();
      return Error{.kind = ErrorKind::connection, .message = fmt::format("{}: {}", name(), error.message)};
    }
  }

 private:
  std::string path_;
  std::mutex mutex_{};
  std::unique_ptr<Session> session_{};
};

}  // namespace
}  // namespace detail

Result<std::shared_ptr<QuotaStore>> sqlite_store(const std::string& path) {
  if (path.empty()) return Error{.kind = ErrorKind::config, .message = "sqlite_store needs the path of a file"};
  return std::shared_ptr<QuotaStore>(std::make_shared<detail::SqliteStore>(path));
}

KEYWHEEL_END_NAMESPACE
