#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <keywheel/credential_pool.hpp>

namespace keywheel::testing {

/// A provider of chat completions on 127.0.0.1 that notes when each request arrived, by the clock of the kernel's
/// network, so that a test's own delays in reading do not count.
class ArrivalServer {
 public:
  ArrivalServer();
  ArrivalServer(const ArrivalServer&) = delete;
  ArrivalServer& operator=(const ArrivalServer&) = delete;
  ~ArrivalServer();

  [[nodiscard]] std::string url() const;  ///< "http://127.0.0.1:PORT/v1"
  [[nodiscard]] std::vector<TimePoint> arrivals() const;
  [[nodiscard]] std::uint64_t count() const;
  /// False: a minute has passed without.
  [[nodiscard]] bool wait_for(std::uint64_t count) const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace keywheel::testing
