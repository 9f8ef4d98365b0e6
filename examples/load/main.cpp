// keywheel-load: many calls with one Router, and what they came to.

#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include <keywheel/keywheel.hpp>

#include <sys/resource.h>

#include "arguments.hpp"
#include "generator.hpp"
#include "json_out.hpp"
#include "options.hpp"
#include "stats_out.hpp"
#include "tally.hpp"

namespace {

constexpr int kCallFailed = 1;
constexpr int kBadUsage = 2;

rusage usage_now() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage;
}

/// User and system time of the whole process.
double cpu_seconds(const rusage& usage) {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Report {
  Tally::Counts counts{};
  double elapsed_s = 0;
  double cpu_s = 0;
  long max_rss_kib = 0;  ///< Linux counts it in KiB
  keywheel::RouterStats stats{};

  [[nodiscard]] double calls_per_s() const { return static_cast<double>(counts.ended()) / elapsed_s; }
};

void write_percentiles(JsonOut& out, std::vector<double> times) {
  const std::optional<Percentiles> p = percentiles(std::move(times));
  const auto value = [&](double Percentiles::*which) { return p ? std::optional(*p.*which) : std::nullopt; };
  out.object([&] {
    out.member("p50", value(&Percentiles::p50));
    out.member("p90", value(&Percentiles::p90));
    out.member("p99", value(&Percentiles::p99));
    out.member("max", value(&Percentiles::max));
  });
}

std::string to_json(const Report& report, const Options& options) {
  const Tally::Counts& counts = report.counts;
  JsonOut out;
  out.object([&] {
    out.member("requests", counts.ended());
    out.member("succeeded", counts.succeeded);
    out.member("failed", counts.failed);
    out.member("errors", [&] {
      out.object([&] {
        for (const auto& [kind, count] : counts.errors) out.member(keywheel::to_string(kind), count);
      });
    });
    out.member("attempts", report.stats.attempts);
    out.member("elapsed_s", report.elapsed_s);
    out.member("calls_per_s", report.calls_per_s());
    out.member("cpu_s", report.cpu_s);
    out.member("latency_ms", [&] { write_percentiles(out, counts.latency_ms); });
    if (options.stream) out.member("ttft_ms", [&] { write_percentiles(out, counts.ttft_ms); });
    out.member("max_rss_kib", report.max_rss_kib);
    out.member("stats", [&] { write_stats(out, report.stats); });
  });
  return out.text();
}

void print_percentiles(const char* name, std::vector<double> times) {
  const std::optional<Percentiles> p = percentiles(std::move(times));
  if (p) std::printf("%-8s p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, max %.2f ms\n", name, p->p50, p->p90, p->p99, p->max);
}

void print(const Report& report) {
  const Tally::Counts& counts = report.counts;
  std::printf("calls    %llu succeeded, %llu failed, %llu upstream requests\n",
              static_cast<unsigned long long>(counts.succeeded), static_cast<unsigned long long>(counts.failed),
              static_cast<unsigned long long>(report.stats.attempts));
  for (const auto& [kind, count] : counts.errors) {
    std::printf("         %s %llu\n", std::string(keywheel::to_string(kind)).c_str(),
                static_cast<unsigned long long>(count));
  }
  std::printf("time     %.2f s, %.1f calls a second, %.2f s of CPU, %ld KiB at most\n", report.elapsed_s,
              report.calls_per_s(), report.cpu_s, report.max_rss_kib);
  print_percentiles("latency", counts.latency_ms);
  print_percentiles("first", counts.ttft_ms);
  std::fflush(stdout);
  for (const keywheel::CredentialStatus& key : report.stats.credentials) std::cout << key << '\n';
}

int run(const Options& options) {
  // Before the Router, whose loop may still be adding to it when the last call is known to have ended.
  Tally tally(options.requests);
  keywheel::Result<keywheel::Router> router = keywheel::load_config(options.config).and_then(&keywheel::Router::create);
  if (!router) throw UsageError(router.error().message);
  for (const std::string& warning : router->warnings()) std::cerr << "warning: " << warning << '\n';

  const rusage before = usage_now();
  const auto began = Tally::Clock::now();
  generate(*router, options, tally);
  const std::chrono::duration<double> elapsed = Tally::Clock::now() - began;
  const rusage after = usage_now();
  const Report report{.counts = tally.counts(),
                      .elapsed_s = elapsed.count(),
                      .cpu_s = cpu_seconds(after) - cpu_seconds(before),
                      .max_rss_kib = after.ru_maxrss,
                      .stats = router->stats()};
  if (options.json) {
    std::cout << to_json(report, options) << std::endl;
  } else {
    print(report);
  }
  return report.counts.failed > 0 ? kCallFailed : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = read_options(argc, argv);
    if (options.help) {
      std::cout << kUsage;
      return 0;
    }
    return run(options);
  } catch (const UsageError& error) {
    std::cerr << "keywheel-load: " << error.what() << '\n';
    return kBadUsage;
  } catch (const std::exception& error) {
    std::cerr << "keywheel-load: " << error.what() << '\n';
    return kCallFailed;
  }
}
