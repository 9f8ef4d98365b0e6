#include "bench/measure.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace keywheel::bench {
namespace {

std::string summary(const std::vector<double>& values) {
  if (values.empty()) return "";
  const double median = percentile(values, 0.5);
  const int digits = median < 10 ? 2 : median < 1000 ? 1 : 0;
  return fmt::format("{:.{}f} ({:.{}f}-{:.{}f})", median, digits, percentile(values, 0.1), digits,
                     percentile(values, 0.9), digits);
}

std::string json_numbers(const std::vector<double>& values) {
  if (values.empty()) return "null";
  return fmt::format(R"({{"median":{:.4f},"p10":{:.4f},"p90":{:.4f}}})", percentile(values, 0.5),
                     percentile(values, 0.1), percentile(values, 0.9));
}

}  // namespace

double cpu_now() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double wall_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1) + 0.5)];
}

double resident_kib() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  file >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1024;
}

std::vector<double> in_child(const std::function<std::vector<double>()>& work, unsigned seconds) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(seconds);
    int status = 0;
    try {
      const std::vector<double> numbers = work();
      const auto bytes = static_cast<ssize_t>(numbers.size() * sizeof(double));
      status = ::write(ends[1], numbers.data(), static_cast<std::size_t>(bytes)) == bytes ? 0 : 1;
    } catch (const std::exception& fault) {
      fmt::print(stderr, "{}\n", fault.what());
      status = 1;
    }
    std::fflush(nullptr);
    ::_exit(status);
  }
  ::close(ends[1]);
  std::vector<double> numbers;
  for (double number = 0; ::read(ends[0], &number, sizeof(number)) == sizeof(number);) numbers.push_back(number);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return numbers;
  if (WIFSIGNALED(status)) fmt::print(stderr, "a measurement ended by signal {}\n", WTERMSIG(status));
  return {};
}

void Report::add(const Figure& figure) {
  if (!begun_) {
    fmt::print("{:<46} {:>10} {:>24} {:>24} {:>7} {:>10}\n", "median (p10-p90)", "unit", "bare libcurl", "keywheel",
               "ratio", "target");
    begun_ = true;
  }
  if (figure.ours.empty()) {
    fmt::print("{:<46} not measured\n", figure.name);
    return;
  }
  const double ours = percentile(figure.ours, 0.5);
  const double ratio = figure.floor.empty() ? 0 : ours / percentile(figure.floor, 0.5);
  const bool met = figure.bound == Figure::Bound::at_least ? ours >= figure.target
                   : figure.bound == Figure::Bound::ratio  ? ratio <= figure.target
                                                           : ours <= figure.target;
  const std::string target =
      figure.bound == Figure::Bound::none ? "" : fmt::format("{:g} {}", figure.target, met ? "met" : "missed");
  fmt::print("{:<46} {:>10} {:>24} {:>24} {:>7} {:>10}\n", figure.name, figure.unit, summary(figure.floor),
             summary(figure.ours), figure.floor.empty() ? "" : fmt::format("{:.2f}", ratio), target);
  std::fflush(stdout);
  if (json_file_.empty()) return;
  std::ofstream(json_file_, std::ios::app)
      << fmt::format(R"({{"figure":"{}","unit":"{}","floor":{},"keywheel":{},"ratio":{},"target":{}}})"
                     "\n",
                     figure.name, figure.unit, json_numbers(figure.floor), json_numbers(figure.ours),
                     figure.floor.empty() ? "null" : fmt::format("{:.4f}", ratio),
                     figure.bound == Figure::Bound::none ? "null" : fmt::format("{:g}", figure.target));
}

std::string argument(int argc, char** argv, std::string_view name) {
  for (int i = 1; i + 1 < argc; ++i)
    if (argv[i] == name) return argv[i + 1];
  return {};
}

}  // namespace keywheel::bench
