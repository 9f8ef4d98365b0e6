#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// What all benchmarks measure with, and how they tell it.

namespace keywheel::bench {

[[nodiscard]] double cpu_now();   ///< seconds of processor time of this process
[[nodiscard]] double wall_now();  ///< seconds

[[nodiscard]] double percentile(std::vector<double> values, double p);

/// Memory of this process that is resident, in KiB.
[[nodiscard]] double resident_kib();

/// Runs `work` in a child process, so that what it leaves behind (memory, connections, threads) ends with it, and
/// returns its numbers. Nothing: it failed, or took longer than `seconds`.
[[nodiscard]] std::vector<double> in_child(const std::function<std::vector<double>()>& work, unsigned seconds = 240);

/// One figure: its measurements, one a round, beside those of the floor in the same rounds.
struct Figure {
  /// What `target` bounds: keywheel / floor from above, keywheel's own value from above, or from below.
  enum class Bound { none, ratio, value, at_least };

  std::string name{};
  std::string unit{};
  std::vector<double> floor{};  ///< empty: there is none
  std::vector<double> ours{};
  Bound bound = Bound::none;
  double target = 0;
};

/// Prints figures as lines of a table, and appends each to a file as a line of JSON.
class Report {
 public:
  explicit Report(std::string json_file) : json_file_(std::move(json_file)) {}
  void add(const Figure& figure);

 private:
  std::string json_file_;
  bool begun_ = false;
};

/// The value of `--name VALUE` among the arguments; empty: it is not there.
[[nodiscard]] std::string argument(int argc, char** argv, std::string_view name);

}  // namespace keywheel::bench
