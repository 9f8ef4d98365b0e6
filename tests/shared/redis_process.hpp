#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/process.hpp"

namespace keywheel::testing {

/// A redis-server of the test's own, on a free port of 127.0.0.1, with nothing on disk.
class RedisProcess {
 public:
  /// "" where it is not installed.
  [[nodiscard]] static std::string program();

  explicit RedisProcess(std::vector<std::string> options = {});

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  void kill();
  /// Until it accepts connections.
  void start();

 private:
  std::vector<std::string> options_;
  std::uint16_t port_ = 0;
  std::optional<Process> process_{};
};

}  // namespace keywheel::testing
