#pragma once

#include <chrono>
#include <cstdint>
#include <string>

/// The command line of keywheel-load.
struct Options {
  std::string config{};
  std::string model{};
  std::string prompt{};
  std::uint64_t requests = 0;
  std::uint64_t concurrency = 0;
  double rate = 0;       ///< calls a second; 0: as fast as they go
  unsigned threads = 0;  ///< 0: asynchronously
  std::chrono::milliseconds deadline{0};
  bool stream = false;
  bool json = false;
  bool help = false;
};

inline constexpr const char* kUsage =
    "usage: keywheel-load --config FILE --model NAME --requests N --concurrency C [--stream] [--rate PER_SECOND]\n"
    "                     [--deadline SECONDS] [--prompt TEXT] [--threads T] [--json]\n"
    "C calls are in flight at once, asynchronously; with --threads, T threads make blocking calls instead.\n";

/// Throws UsageError.
[[nodiscard]] Options read_options(int argc, char** argv);
