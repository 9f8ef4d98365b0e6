// What a call costs, each time beside bare libcurl on the same bytes in the same run.
//
//   call_bench [--rounds N] [--json FILE] [--only CASE] [--side bare|keywheel]
//
// The server is a process of its own, so that CPU time is the client's alone. Rounds are interleaved; medians are
// quoted, and the spread from the 10th to the 90th percentile.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <keywheel/keywheel.hpp>

#include <fmt/format.h>

#include "bench/bare_curl.hpp"
#include "bench/measure.hpp"
#include "bench/same_bytes.hpp"
#include "bench/servers.hpp"
#include "support/loopback_server.hpp"

namespace {

using namespace keywheel;
using namespace keywheel::bench;

/// Microseconds a call. `wall` is the median of the calls where they were timed one by one.
struct Cost {
  double wall = 0;
  double cpu = 0;
};

Cost measure(std::size_t calls, const std::function<void()>& work) {
  const double cpu = cpu_now();
  const double wall = wall_now();
  work();
  const double n = static_cast<double>(calls);
  return {(wall_now() - wall) * 1e6 / n, (cpu_now() - cpu) * 1e6 / n};
}

Cost measure_each(std::size_t calls, const std::function<void()>& call) {
  std::vector<double> each;
  Cost cost = measure(calls, [&] {
    for (std::size_t i = 0; i < calls; ++i) {
      const double begun = wall_now();
      call();
      each.push_back(wall_now() - begun);
    }
  });
  cost.wall = percentile(each, 0.5) * 1e6;
  return cost;
}

/// One way to call, and the figures that it gives; a target of 0 is none.
struct Case {
  std::string name;
  std::string unit;
  std::string wall_name;
  double cpu_target;
  double wall_target;
  std::function<Cost()> bare;
  std::function<Cost()> ours;
};

void must(const Result<ChatResponse>& reply) {
  if (reply) return;
  fmt::print(stderr, "call failed: {}\n", reply.error().message);
  std::exit(1);
}

/// N calls by start(), so many in flight.
void run_started(Router& router, const ChatRequest& request, bool stream, std::size_t calls, std::size_t in_flight) {
  std::atomic<std::size_t> started{0};
  std::size_t ended = 0;
  std::mutex mutex;
  std::condition_variable all;
  std::function<void()> next = [&] {
    if (started.fetch_add(1) >= calls) return;
    const auto done = [&](Result<ChatResponse> reply) {
      must(reply);
      next();
      const std::lock_guard lock(mutex);
      if (++ended == calls) all.notify_one();
    };
    if (stream) {
      router.start(
          request, [](const ChatEvent&) {}, done);
    } else {
      router.start(request, done);
    }
  };
  for (std::size_t i = 0; i < in_flight; ++i) next();
  std::unique_lock lock(mutex);
  all.wait(lock, [&] { return ended == calls; });
}

constexpr std::size_t kThreads = 16;

void run_threads(std::size_t calls, const std::function<void(std::size_t)>& work) {
  std::vector<std::thread> all;
  for (std::size_t t = 0; t < kThreads; ++t)
    all.emplace_back([&, t] {
      for (std::size_t i = t; i < calls; i += kThreads) work(t);
    });
  for (std::thread& thread : all) thread.join();
}

/// `warm`: the first round is not counted; connections are opened in it, caches fill.
void report(Report& to, const Case& c, int rounds, bool warm, const std::string& side) {
  Figure cpu{.name = c.name + ": CPU", .unit = "us/" + c.unit, .target = c.cpu_target};
  Figure wall{.name = c.name + ": " + c.wall_name, .unit = "us/" + c.unit, .target = c.wall_target};
  for (Figure* figure : {&cpu, &wall}) figure->bound = figure->target > 0 ? Figure::Bound::ratio : Figure::Bound::none;
  for (int round = warm ? 0 : 1; round <= rounds; ++round) {
    const Cost bare = side == "keywheel" ? Cost{} : c.bare();
    const Cost ours = side == "bare" ? Cost{} : c.ours();
    if (round == 0) continue;
    cpu.floor.push_back(bare.cpu);
    cpu.ours.push_back(ours.cpu);
    wall.floor.push_back(bare.wall);
    wall.ours.push_back(ours.wall);
  }
  to.add(cpu);
  if (!c.wall_name.empty()) to.add(wall);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string wanted = argument(argc, argv, "--rounds");
  const std::string only = argument(argc, argv, "--only");
  const int rounds = wanted.empty() ? 9 : std::max(1, std::atoi(wanted.c_str()));
  keywheel::testing::raise_file_limit();
  const ServerProcess server;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  if (argument(argc, argv, "--side").empty()) check_same_bytes();
  const BareRequest unary{.url = server.url() + "/v1/chat/completions", .body = std::string(kUnary)};
  const BareRequest stream{.url = unary.url, .body = std::string(kStream), .stream = true};

  RouterConfig config{.services = {{.provider = "openai",
                                    .base_url = server.url() + "/v1",
                                    .models = {"bench"},
                                    .credentials = {{.api_key = "sk-bench-key-1"}, {.api_key = "sk-bench-key-2"}}}}};
  Router router(config);
  const ChatRequest request{.model = "bench", .messages = {user("Say something about a fox.")}};
  BareCall one(unary);
  std::vector<std::unique_ptr<BareCall>> hopping;
  for (std::size_t t = 0; t < kThreads; ++t) hopping.push_back(std::make_unique<BareCall>(unary));
  BareHop hop;

  std::vector<Case> cases;
  cases.push_back({"unary, one at a time", "call", "p50", 0, 1.3,
                   [&] {
                     return measure_each(1000, [&] {
                       one.prepare();
                       curl_easy_perform(one.handle());
                     });
                   },
                   [&] { return measure_each(1000, [&] { must(router.chat(request)); }); }});
  BareLoop few;
  cases.push_back({"unary, 64 in flight", "call", "wall", 1.25, 1.25,
                   [&] { return measure(5000, [&] { few.run(unary, 5000, 64); }); },
                   [&] { return measure(5000, [&] { run_started(router, request, false, 5000, 64); }); }});
  cases.push_back(
      {"unary, 16 blocking threads", "call", "wall", 1.3, 0,
       [&] { return measure(3200, [&] { run_threads(3200, [&](std::size_t t) { hop.perform(*hopping[t]); }); }); },
       [&] { return measure(3200, [&] { run_threads(3200, [&](std::size_t) { must(router.chat(request)); }); }); }});
  BareLoop many;
  for (const std::size_t streams : {std::size_t{10}, std::size_t{1000}}) {
    const std::size_t calls = std::max<std::size_t>(streams, 500);
    cases.push_back(
        {fmt::format("streams, {} at once", streams), "event", "", 1.25, 0,
         [&, calls, streams] { return measure(calls * kEvents, [&] { many.run(stream, calls, streams); }); },
         [&, calls, streams] {
           return measure(calls * kEvents, [&] { run_started(router, request, true, calls, streams); });
         }});
  }
  // As models write: each event comes alone, and costs a wakeup and a read.
  RouterConfig slowly = config;
  slowly.services.front().base_url = server.url() + "/paced/v1";
  Router paced(slowly);
  const BareRequest paced_stream{
      .url = server.url() + "/paced/v1/chat/completions", .body = std::string(kStream), .stream = true};
  constexpr std::size_t kPacedStreams = 1000;
  BareLoop slow;  // its handles keep their request
  cases.push_back({fmt::format("streams, {} at once, an event each 20 ms", kPacedStreams), "event", "", 1.25, 0,
                   [&] {
                     return measure(kPacedStreams * kPacedEvents,
                                    [&] { slow.run(paced_stream, kPacedStreams, kPacedStreams); });
                   },
                   [&] {
                     return measure(kPacedStreams * kPacedEvents,
                                    [&] { run_started(paced, request, true, kPacedStreams, kPacedStreams); });
                   }});
  // Connections of both sides together would be more than a process may have: each side begins and ends with none.
  constexpr std::size_t kMost = 10'000;
  cases.push_back({"streams, 10000 at once", "event", "", 1.25, 0,
                   [&] { return measure(kMost * kEvents, [&] { BareLoop().run(stream, kMost, kMost); }); },
                   [&] {
                     return measure(kMost * kEvents, [&] {
                       Router own(config);
                       run_started(own, request, true, kMost, kMost);
                     });
                   }});
  Report table(argument(argc, argv, "--json"));
  for (const Case& c : cases) {
    const bool large = c.name.find("10000") != std::string::npos;  // begins and ends without connections each time
    if (c.name.find(only) != std::string::npos)
      report(table, c, large ? std::min(rounds, 2) : rounds, !large, argument(argc, argv, "--side"));
  }
  return 0;
}
