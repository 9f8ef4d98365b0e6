// What lending a credential costs: acquire and report, by every rotation, with and without limits, with few keys and
// many, by one thread and by several on the same pool.
//
//   pool_bench [--rounds N] [--json FILE] [--only TEXT]
//
// `--only` measures what has the text in its name: for a profiler.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <keywheel/credential_pool.hpp>

#include <fmt/format.h>

#include "bench/measure.hpp"

namespace {

using namespace keywheel;
using namespace keywheel::bench;

struct Case {
  std::size_t keys = 10;
  Rotation rotation = Rotation::round_robin;
  std::string_view name = "round_robin";
  bool limits = false;
  bool account = false;  ///< all keys are one account's, and so are the limits
  int threads = 1;
  double target = 0;  ///< nanoseconds; 0: none
};

constexpr std::size_t kSessions = 1024;

std::shared_ptr<CredentialPool> pool_of(const Case& each) {
  ServiceConfig service{.provider = "openai", .id = "bench", .models = {"bench"}};
  service.rotation = each.rotation;
  for (std::size_t i = 0; i < each.keys; ++i) {
    const std::string id = fmt::format("bench#{}", i + 1);
    service.credentials.push_back({.api_key = Secret("sk-bench-key-" + id), .id = id});
    // Never met, so that what is measured is the counting.
    if (each.limits)
      service.credentials.back().limits = {.rpm = 10'000'000, .tpm = 10'000'000'000, .concurrency = 1000};
    if (each.account) service.credentials.back().account = "bench";
  }
  return CredentialPool::create({service}, {}, "", 1);
}

void lend(CredentialPool& pool, int leases, const std::vector<std::string>& sessions, TimePoint now) {
  Demand demand{.service = "bench", .model = "bench", .prompt_tokens = 100, .completion_tokens = 100};
  const Usage usage{.prompt_tokens = 90, .completion_tokens = 50};
  for (int i = 0; i < leases; ++i) {
    now += std::chrono::microseconds(100);
    demand.session = sessions[static_cast<std::size_t>(i) % sessions.size()];
    auto answer = pool.acquire(demand, now);
    auto* lease = std::get_if<Lease>(&answer);
    if (lease == nullptr) std::abort();
    pool.report(std::move(*lease), Outcome::success(usage, std::chrono::milliseconds(1)), now);
  }
}

std::string name_of(const Case& each) {
  return fmt::format("acquire and report, {} keys, {}{}{}: CPU", each.keys, each.name,
                     each.account  ? ", limits of one account"
                     : each.limits ? ", limits"
                                   : "",
                     each.threads > 1 ? fmt::format(", {} threads", each.threads) : "");
}

Figure measure(const Case& each, int rounds) {
  const int leases = each.keys > 10'000 ? 20'000 : 100'000;
  const auto pool = pool_of(each);
  std::vector<std::string> sessions;
  for (std::size_t i = 0; i < kSessions; ++i) sessions.push_back(fmt::format("user-{}", i));
  Figure figure{.name = name_of(each),
                .unit = "ns",
                .bound = each.target > 0 ? Figure::Bound::value : Figure::Bound::none,
                .target = each.target};
  TimePoint now{std::chrono::hours(1)};
  for (int round = 0; round <= rounds; ++round) {
    const double begun = cpu_now();
    std::vector<std::thread> others;
    for (int i = 1; i < each.threads; ++i) others.emplace_back([&] { lend(*pool, leases, sessions, now); });
    lend(*pool, leases, sessions, now);
    for (std::thread& other : others) other.join();
    if (round > 0) figure.ours.push_back((cpu_now() - begun) * 1e9 / leases / each.threads);
    now += leases * std::chrono::microseconds(100);
  }
  return figure;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string wanted = argument(argc, argv, "--rounds");
  const int rounds = wanted.empty() ? 5 : std::max(1, std::atoi(wanted.c_str()));
  const std::string only = argument(argc, argv, "--only");
  Report table(argument(argc, argv, "--json"));
  const auto add = [&](const Case& each) {
    if (name_of(each).find(only) != std::string::npos) table.add(measure(each, rounds));
  };
  constexpr std::pair<Rotation, std::string_view> kRotations[] = {{Rotation::round_robin, "round_robin"},
                                                                  {Rotation::first, "first"},
                                                                  {Rotation::random, "random"},
                                                                  {Rotation::hash, "hash"},
                                                                  {Rotation::least_busy, "least_busy"},
                                                                  {Rotation::least_used, "least_used"},
                                                                  {Rotation::lowest_latency, "lowest_latency"}};
  for (const std::size_t keys : {10U, 1'000U, 100'000U}) {
    const double target = keys == 10 ? 200 : keys == 1'000 ? 400 : 0;
    for (const auto& [rotation, name] : kRotations) {
      for (const bool limits : {false, true})
        add({.keys = keys, .rotation = rotation, .name = name, .limits = limits, .target = target});
    }
    add({.keys = keys, .limits = true, .account = true, .target = target});
    for (const int threads : {2, 8}) {
      for (const bool limits : {false, true}) add({.keys = keys, .limits = limits, .threads = threads});
    }
  }
  return 0;
}
