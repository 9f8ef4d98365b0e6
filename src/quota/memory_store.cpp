#include <mutex>

#include <keywheel/quota.hpp>

#include "quota/memory_records.hpp"

KEYWHEEL_BEGIN_NAMESPACE

QuotaStore::~QuotaStore() = default;

namespace {

class MemoryStore final : public QuotaStore {
 public:
  [[nodiscard]] std::string name() const override { return "in memory"; }

  [[nodiscard]] Result<QuotaReply> exchange(const QuotaRequest& request) override {
    using namespace std::chrono;
    const std::lock_guard lock(mutex_);
    return records_.exchange(request, floor<microseconds>(steady_clock::now().time_since_epoch()).count(),
                             floor<milliseconds>(system_clock::now().time_since_epoch()));
  }

 private:
  std::mutex mutex_{};
  detail::MemoryRecords records_{};
};

}  // namespace

std::shared_ptr<QuotaStore> memory_store() { return std::make_shared<MemoryStore>(); }

KEYWHEEL_END_NAMESPACE
