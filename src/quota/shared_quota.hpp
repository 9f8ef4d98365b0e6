#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "quota/quota_session.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Carries a QuotaSession's requests to the store and the replies back, on a thread of its own, so that no loop and no
/// caller ever waits for the store's I/O.
class SharedQuota {
 public:
  struct Surroundings {
    std::function<TimePoint()> now{};
    std::function<std::size_t()> waiting{};    ///< calls in line
    std::function<void()> changed{};           ///< room may have come; called on the thread, with no lock held
    std::function<void(const Error*)> link{};  ///< the store was reached (nothing), or cannot be; called likewise
  };

  SharedQuota(std::shared_ptr<CredentialPool> pool, std::shared_ptr<QuotaStore> store, StoreLoss on_loss,
              Surroundings surroundings);
  SharedQuota(const SharedQuota&) = delete;
  SharedQuota& operator=(const SharedQuota&) = delete;
  ~SharedQuota();

  /// Gives back what is left and ends the thread. Calls have ended by then.
  void stop();

  [[nodiscard]] const std::shared_ptr<QuotaStore>& store() const noexcept { return store_; }

 private:
  void run();
  void round(bool leaving);
  [[nodiscard]] Result<QuotaReply> exchange(const QuotaRequest& request);
  void tell_link(const Error* error);

  std::shared_ptr<QuotaStore> store_;
  Surroundings surroundings_;
  QuotaSession session_;
  std::optional<bool> told_{};  ///< whether the store was reached, as was told last
  std::mutex mutex_{};
  std::condition_variable wake_{};
  bool nudged_ = false;
  bool stopping_ = false;
  std::thread thread_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
