#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <keywheel/config.hpp>
#include <keywheel/credential_pool.hpp>
#include <keywheel/quota.hpp>

#include "pool/pool_sharing.hpp"
#include "quota/clock_offset.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// One Router's conversation with a QuotaStore: what to say and to ask, and what the answers mean for the pool.
///
/// Pure: it is handed the time, and whoever drives it (SharedQuota, tests) carries requests and replies. One request is
/// under way at a time. It holds the pool's mutex while it works.
class QuotaSession {
 public:
  struct Options {
    std::string process{};  ///< differs from every other's
    std::string store{};    ///< the store's name, for messages
    StoreLoss on_loss = StoreLoss::share;
  };

  QuotaSession(std::shared_ptr<CredentialPool> pool, Options options);
  QuotaSession(const QuotaSession&) = delete;
  QuotaSession& operator=(const QuotaSession&) = delete;
  ~QuotaSession();

  /// Called, with the pool's mutex held, when due() may have come nearer.
  void on_news(std::function<void()> listener);
  /// When the next request should go out, as things stand.
  [[nodiscard]] TimePoint due(TimePoint now);
  /// `waiting` calls are in line. `leaving`: it is the last one.
  [[nodiscard]] QuotaRequest request(std::size_t waiting, bool leaving, TimePoint now);
  /// True where room may have come, or calls must fail.
  bool accept(const QuotaReply& reply, TimePoint sent, TimePoint received);
  bool failed(const Error& error, TimePoint now);

  [[nodiscard]] bool linked() const noexcept { return linked_; }

 private:
  struct AskedWindow {
    PoolSharing::Window window{};
    std::int64_t wanted = 0;
    std::vector<TicketUse> uses{};
  };
  struct AskedTotal {
    PoolSharing::Window window{};
    std::int64_t period = 0;
    std::int64_t wanted = 0;
  };

  void ask_windows(QuotaRequest& request, std::size_t waiting, TimePoint now);
  void ask_totals(QuotaRequest& request, std::size_t waiting, TimePoint now);
  void ask_permits(QuotaRequest& request, std::size_t waiting, TimePoint now);
  bool take_windows(const QuotaReply& reply, TimePoint now);
  bool take_totals(const QuotaReply& reply, TimePoint now);
  bool take_permits(const QuotaReply& reply, TimePoint sent, TimePoint now);
  void drop_tickets();
  void stand_alone(TimePoint now);

  std::shared_ptr<CredentialPool> pool_;
  PoolState* state_;
  PoolSharing* sharing_;
  Options options_;
  ClockOffset clock_{};
  std::string epoch_{};
  std::uint64_t seen_marks_ = 0;
  std::int64_t processes_ = 1;
  bool linked_ = false;
  bool reached_ = false;    ///< once, at least
  bool announce_ = false;   ///< the store may not know what we hold
  bool announced_ = false;  ///< the request under way says it
  bool jumped_ = false;
  TimePoint next_{};  ///< the next request, whether there is anything to say or not
  TimePoint quiet_until_{};
  std::size_t turn_ = 0;  ///< where the hungry are looked through from
  std::vector<AskedWindow> windows_{};
  std::vector<AskedTotal> totals_{};
  std::vector<PoolSharing::Permits> permits_{};
  std::vector<QuotaMark> marks_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
