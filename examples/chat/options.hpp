#pragma once

#include <chrono>
#include <optional>
#include <string>

/// The command line of keywheel-chat.
struct Options {
  std::optional<std::string> config{};
  std::string model{};
  std::optional<std::string> request{};  ///< file, or "-"
  std::string session{};
  std::string region{};
  std::string prompt{};
  long long repeat = 1;
  std::chrono::milliseconds deadline{0};
  bool stream = false;
  bool json = false;
  bool stats = false;
  bool help = false;
};

inline constexpr const char* kUsage =
    "usage: keywheel-chat [--config FILE] [--model NAME] [--stream] [--json] [--request FILE|-]\n"
    "                     [--session S] [--region R] [--repeat N] [--deadline SECONDS] [--stats] [PROMPT...]\n";

/// Throws UsageError.
[[nodiscard]] Options read_options(int argc, char** argv);
