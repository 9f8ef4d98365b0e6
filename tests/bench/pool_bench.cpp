// What lending a credential costs: acquire and report, by one thread.
//
//   pool_bench [--rounds N] [--json FILE]

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <keywheel/credential_pool.hpp>

#include <fmt/format.h>

#include "bench/measure.hpp"

namespace {

using namespace keywheel;
using namespace keywheel::bench;

Figure measure(std::size_t keys, double target, int rounds) {
  constexpr int kLeases = 200'000;
  ServiceConfig service{.provider = "openai", .id = "bench", .models = {"bench"}};
  for (std::size_t i = 0; i < keys; ++i) {
    const std::string id = fmt::format("bench#{}", i + 1);
    service.credentials.push_back({.api_key = Secret("sk-bench-key-" + id), .id = id});
  }
  const auto pool = CredentialPool::create({service}, {}, "", 1);
  Figure figure{.name = fmt::format("acquire and report, {} keys: CPU", keys),
                .unit = "ns",
                .bound = Figure::Bound::value,
                .target = target};
  TimePoint now{std::chrono::hours(1)};
  const Demand demand{.service = "bench", .model = "bench", .prompt_tokens = 100, .completion_tokens = 100};
  const Usage usage{.prompt_tokens = 90, .completion_tokens = 50};
  for (int round = 0; round <= rounds; ++round) {
    const double begun = cpu_now();
    for (int i = 0; i < kLeases; ++i) {
      now += std::chrono::microseconds(100);
      auto answer = pool->acquire(demand, now);
      auto* lease = std::get_if<Lease>(&answer);
      if (lease == nullptr) std::abort();
      pool->report(std::move(*lease), Outcome::success(usage, std::chrono::milliseconds(1)), now);
    }
    if (round > 0) figure.ours.push_back((cpu_now() - begun) * 1e9 / kLeases);
  }
  return figure;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string wanted = argument(argc, argv, "--rounds");
  const int rounds = wanted.empty() ? 9 : std::max(1, std::atoi(wanted.c_str()));
  Report table(argument(argc, argv, "--json"));
  table.add(measure(10, 200, rounds));
  table.add(measure(1000, 400, rounds));
  return 0;
}
