#pragma once

#include <map>
#include <string>

#include <keywheel/quota.hpp>

#include "quota/shared_records.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// All that a store keeps, in memory, over a time that it is handed.
class MemoryRecords {
 public:
  [[nodiscard]] QuotaReply exchange(const QuotaRequest& request, Micros now, std::chrono::milliseconds wall);

 private:
  struct Marked {
    QuotaMark mark{};
    std::uint64_t number = 0;
  };

  Epoch epoch_{};
  std::uint64_t epochs_ = 0;
  std::map<std::string, Micros> processes_{};
  std::map<std::string, TicketLog> logs_{};
  std::map<std::string, TotalRecord> totals_{};
  std::map<std::string, PermitRecord> permits_{};
  std::map<std::string, Marked> marks_{};
  std::uint64_t last_mark_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
