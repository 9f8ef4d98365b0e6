#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "sim/chart.hpp"
#include "sim/report.hpp"
#include "sim/run.hpp"
#include "sim/scenario.hpp"

/// Runs the simulation's scenarios, prints a table, and says how to see a failure again.

namespace {

using namespace keywheel::sim;

constexpr const char* kUsage =
    R"(keywheel-sim [options]: the whole Router under virtual time, against providers that hide their limits

  --scenario NAME   only this one (may be given again); without it, all
  --list            print their names
  --seeds N         so many seeds of each (default 1)
  --seed S          the first of them (default 1)
  --for TIME        go on with further seeds for so long: 90s, 10m, 2h
  --hours H         virtual hours instead of the scenario's own
  --size X          1: the full pool and load; 0.1: a tenth of both
  --jobs N          seeds at once (default 1)
  --chart FILE      an SVG of the last run

Exit status: 0 all promises held, 1 one did not, 2 the command line is wrong.
)";

struct Options {
  std::vector<std::string> scenarios{};
  std::uint64_t seeds = 1;
  std::uint64_t seed = 1;
  double seconds = 0;
  std::optional<double> hours{};
  double size = 1;
  unsigned jobs = 1;
  std::string chart{};
};

double number(std::string_view option, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0) || value > 1e12) {
    throw std::invalid_argument(fmt::format("{} wants a number above 0, not \"{}\"", option, text));
  }
  return value;
}

double duration(std::string_view option, std::string_view text) {
  if (text.empty()) throw std::invalid_argument(fmt::format("{} wants a time such as 10m", option));
  const char unit = text.back();
  const double times = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
  if (times == 0) throw std::invalid_argument(fmt::format("{} wants a time such as 10m, not \"{}\"", option, text));
  text.remove_suffix(1);
  return times * number(option, text);
}

/// Nothing: what was asked for is done.
std::optional<Options> parse(const std::vector<std::string_view>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view option = arguments[i];
    if (option == "--help") {
      std::cout << kUsage;
      return std::nullopt;
    }
    if (option == "--list") {
      for (const std::string_view name : scenario_names()) {
        std::cout << fmt::format("{:<14} {}\n", name, make_scenario(name).about);
      }
      return std::nullopt;
    }
    if (i + 1 == arguments.size())
      throw std::invalid_argument(fmt::format("{}: unknown, or its value is missing", option));
    const std::string_view value = arguments[++i];
    if (option == "--scenario") {
      (void)make_scenario(value);
      options.scenarios.emplace_back(value);
    } else if (option == "--seeds") {
      options.seeds = static_cast<std::uint64_t>(number(option, value));
    } else if (option == "--seed") {
      options.seed = static_cast<std::uint64_t>(number(option, value));
    } else if (option == "--for") {
      options.seconds = duration(option, value);
    } else if (option == "--hours") {
      options.hours = number(option, value);
    } else if (option == "--size") {
      options.size = number(option, value);
    } else if (option == "--jobs") {
      options.jobs = static_cast<unsigned>(std::min(number(option, value), 256.0));
    } else if (option == "--chart") {
      options.chart = value;
    } else {
      throw std::invalid_argument(fmt::format("{}: unknown option", option));
    }
  }
  if (options.scenarios.empty()) options.scenarios.assign(scenario_names().begin(), scenario_names().end());
  return options;
}

std::string replay_of(const Options& options, const Scenario& scenario, std::uint64_t seed) {
  std::string command = fmt::format("keywheel-sim --scenario {} --seed {}", scenario.name, seed);
  if (options.hours) command += fmt::format(" --hours {}", *options.hours);
  if (options.size != 1) command += fmt::format(" --size {}", options.size);
  return command;
}

/// True where every promise held.
bool run_all(const Options& options) {
  std::cout << table_head() << std::flush;
  const auto began = std::chrono::steady_clock::now();
  const auto time_left = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() < options.seconds;
  };
  std::mutex mutex;
  std::atomic<std::uint64_t> next{0};
  std::string complaints;
  std::string picture;
  const std::uint64_t wanted = options.seeds * options.scenarios.size();
  const auto work = [&] {
    for (std::uint64_t turn = next++; options.seconds > 0 ? time_left() : turn < wanted; turn = next++) {
      const Scenario scenario =
          make_scenario(options.scenarios[turn % options.scenarios.size()], options.size, options.hours);
      const std::uint64_t seed = options.seed + turn / options.scenarios.size();
      const Outcome outcome = run(scenario, seed);
      const std::lock_guard lock(mutex);
      std::cout << table_line(scenario, outcome) << std::flush;
      complaints += complaint(scenario, outcome, replay_of(options, scenario, seed));
      if (!options.chart.empty()) picture = chart(scenario, outcome);
    }
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < options.jobs; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  std::cout << complaints;
  if (!options.chart.empty()) {
    std::ofstream file(options.chart);
    file << picture;
    if (!file.flush()) throw std::runtime_error("cannot write " + options.chart);
  }
  return complaints.empty();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::optional<Options> options = parse({argv + 1, argv + argc});
    if (!options) return 0;
    return run_all(*options) ? 0 : 1;
  } catch (const std::invalid_argument& error) {
    std::cerr << "keywheel-sim: " << error.what() << "\n" << kUsage;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "keywheel-sim: " << error.what() << '\n';
    return 1;
  }
}
