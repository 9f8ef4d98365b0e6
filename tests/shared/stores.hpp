#pragma once

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#include <keywheel/quota.hpp>

#include <catch2/catch_test_macros.hpp>

#include "shared/redis_process.hpp"

namespace keywheel::testing {

/// A folder that is gone when the test is.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "keywheel-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// One of the stores that processes share, and what it needs.
struct StoreUnderTest {
  explicit StoreUnderTest(std::string kind_of_store, bool trusted = true) : kind(std::move(kind_of_store)) {
    if (kind == "redis") {
      if (!redis_store("redis://127.0.0.1")) SKIP("built without Redis");
      if (RedisProcess::program().empty()) SKIP("there is no redis-server");
      redis = std::make_unique<RedisProcess>();
      where = redis->url();
      if (trusted) wait_for_trust();
    } else if (kind == "sqlite") {
      if (!sqlite_store("x")) SKIP("built without SQLite");
      folder = std::make_unique<TemporaryFolder>();
      where = folder->file("quota.db");
    }
  }
  /// A server that has just started may be one that was there before, and has forgotten what was sent.
  void wait_for_trust() const {
    const std::shared_ptr<QuotaStore> store = redis_store(where).value();
    QuotaRequest request{.process = "waits", .lease = std::chrono::milliseconds(1)};
    request.epoch = store->exchange(request).value().epoch;
    request.windows.push_back({.name = "waits", .limit = 1, .window = std::chrono::seconds(1)});
    request.windows[0].lapse = std::chrono::milliseconds(250);
    request.windows[0].horizon = std::chrono::milliseconds(500);
    request.windows[0].want = 1;
    while (true) {
      const QuotaReply reply = store->exchange(request).value();
      const std::vector<QuotaTicket>& tickets = reply.windows.at(0).tickets;
      std::this_thread::sleep_for(tickets.empty() ? StoreTime(20'000) : tickets[0].from - reply.now);
      if (!tickets.empty()) return;
    }
  }
  /// As each process opens it for itself.
  [[nodiscard]] std::shared_ptr<QuotaStore> open() {
    if (kind == "redis") return redis_store(where).value();
    if (kind == "sqlite") return sqlite_store(where).value();
    if (!memory) memory = memory_store();
    return memory;
  }

  std::string kind;
  std::string where{};
  std::unique_ptr<RedisProcess> redis{};
  std::unique_ptr<TemporaryFolder> folder{};
  std::shared_ptr<QuotaStore> memory{};
};

}  // namespace keywheel::testing
