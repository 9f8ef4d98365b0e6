// What a call costs, each time beside bare libcurl on the same bytes in the same run.
//
//   call_bench [--rounds N] [--json FILE]
//
// The server is a process of its own, so that CPU time is the client's alone. Rounds are interleaved; medians are
// quoted, and the spread from the 10th to the 90th percentile.

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <keywheel/keywheel.hpp>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bare_curl.hpp"
#include "support/loopback_server.hpp"

namespace {

using namespace keywheel;
using namespace keywheel::bench;
using namespace keywheel::testing;

constexpr std::string_view kAnswer =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,"message":)"
    R"({"role":"assistant","content":"The quick brown fox jumps over the lazy dog, and the dog does not mind it in the least."},)"
    R"("logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":20,"total_tokens":29}})";
constexpr std::string_view kUnary =
    R"({"model":"bench","messages":[{"role":"user","content":"Say something about a fox."}]})";
constexpr std::string_view kStream =
    R"({"model":"bench","messages":[{"role":"user","content":"Say something about a fox."}],"stream":true})";
constexpr int kEvents = 200;

std::string stream_body() {
  std::string body;
  for (int i = 0; i < kEvents; ++i) {
    body += fmt::format(
        R"(data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"bench",)"
        R"("choices":[{{"index":0,"delta":{{"content":" word{}"}},"logprobs":null,"finish_reason":null}}]}})",
        i);
    body += "\n\n";
  }
  return body + R"(data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})" +
         "\n\ndata: [DONE]\n\n";
}

/// The server, in a child process that ends with this one.
class ServerProcess {
 public:
  ServerProcess() {
    int ends[2] = {};
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      const std::string stream = stream_body();
      LoopbackServer server(
          [&stream](const ReceivedRequest& request) {
            if (request.body.find("\"stream\":true") == std::string::npos)
              return Reply::json(200, std::string(kAnswer));
            Reply reply = Reply::of(200, "text/event-stream", stream);
            reply.framing = Reply::Framing::chunked;
            return reply;
          },
          {.max_records = 0, .record_bodies = false});
      const std::string url = server.url() + "\n";
      if (::write(ends[1], url.data(), url.size()) < 0) ::_exit(1);
      ::pause();
      ::_exit(0);
    }
    char buffer[128] = {};
    const auto size = ::read(ends[0], buffer, sizeof(buffer));
    url_.assign(buffer, size > 0 ? static_cast<std::size_t>(size) - 1 : 0);
  }
  ~ServerProcess() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  pid_t child_ = 0;
  std::string url_{};
};

double cpu_now() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double wall_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Microseconds a call.
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

double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1) + 0.5)];
}

struct Case {
  std::string name;
  std::string unit;
  std::function<Cost()> bare;
  std::function<Cost()> ours;
};

void must(const Result<ChatResponse>& reply) {
  if (!reply) {
    fmt::print(stderr, "call failed: {}\n", reply.error().message);
    std::exit(1);
  }
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

}  // namespace

int main(int argc, char** argv) {
  int rounds = 9;
  std::string json_file;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--rounds") rounds = std::max(1, std::atoi(argv[i + 1]));
    if (std::string_view(argv[i]) == "--json") json_file = argv[i + 1];
  }
  raise_file_limit();
  const ServerProcess server;
  const std::string url = server.url() + "/v1/chat/completions";
  curl_global_init(CURL_GLOBAL_DEFAULT);

  RouterConfig config{.services = {{.provider = "openai",
                                    .base_url = server.url() + "/v1",
                                    .models = {"bench"},
                                    .credentials = {{.api_key = "sk-bench-key-1"}, {.api_key = "sk-bench-key-2"}}}}};
  Router router(config);
  const ChatRequest request{.model = "bench", .messages = {user("Say something about a fox.")}};
  BareCall one(url, std::string(kUnary));
  BareHop hop;
  const auto threads = [](std::size_t calls, const std::function<void(std::size_t)>& work) {
    std::vector<std::thread> all;
    for (std::size_t t = 0; t < 16; ++t)
      all.emplace_back([&, t] {
        for (std::size_t i = t; i < calls; i += 16) work(t);
      });
    for (std::thread& thread : all) thread.join();
  };
  std::vector<std::unique_ptr<BareCall>> hopping;
  for (int t = 0; t < 16; ++t) hopping.push_back(std::make_unique<BareCall>(url, std::string(kUnary)));

  std::vector<Case> cases;
  cases.push_back({"unary, one at a time", "call",
                   [&] {
                     return measure(1000, [&] {
                       for (int i = 0; i < 1000; ++i) {
                         one.prepare();
                         curl_easy_perform(one.handle());
                       }
                     });
                   },
                   [&] {
                     return measure(1000, [&] {
                       for (int i = 0; i < 1000; ++i) must(router.chat(request));
                     });
                   }});
  cases.push_back({"unary, 64 in flight", "call",
                   [&] { return measure(5000, [&] { run_bare_multi(url, std::string(kUnary), 5000, 64); }); },
                   [&] { return measure(5000, [&] { run_started(router, request, false, 5000, 64); }); }});
  cases.push_back(
      {"unary, 16 blocking threads", "call",
       [&] { return measure(3200, [&] { threads(3200, [&](std::size_t t) { hop.perform(*hopping[t]); }); }); },
       [&] { return measure(3200, [&] { threads(3200, [&](std::size_t) { must(router.chat(request)); }); }); }});
  for (const std::size_t streams : {std::size_t{10}, std::size_t{1000}}) {
    const std::size_t calls = std::max<std::size_t>(streams, 500);
    cases.push_back({fmt::format("streams, {} at once", streams), "event",
                     [&, calls, streams] {
                       return measure(calls * kEvents,
                                      [&] { run_bare_multi(url, std::string(kStream), calls, streams); });
                     },
                     [&, calls, streams] {
                       return measure(calls * kEvents, [&] { run_started(router, request, true, calls, streams); });
                     }});
  }

  std::string json = "[";
  fmt::print("{:<28} {:>6} {:>22} {:>22} {:>10} {:>10}\n", "case", "per", "bare cpu us (p10-p90)", "keywheel cpu us",
             "cpu ratio", "wall ratio");
  for (const Case& c : cases) {
    std::vector<double> bare_cpu, bare_wall, our_cpu, our_wall;
    for (int round = 0; round <= rounds; ++round) {
      const Cost bare = c.bare();
      const Cost ours = c.ours();
      if (round == 0) continue;  // connections are opened, caches fill
      bare_cpu.push_back(bare.cpu);
      bare_wall.push_back(bare.wall);
      our_cpu.push_back(ours.cpu);
      our_wall.push_back(ours.wall);
    }
    const double cpu = percentile(our_cpu, 0.5) / percentile(bare_cpu, 0.5);
    const double wall = percentile(our_wall, 0.5) / percentile(bare_wall, 0.5);
    const auto spread = [](const std::vector<double>& v) {
      return fmt::format("{:.2f} ({:.2f}-{:.2f})", percentile(v, 0.5), percentile(v, 0.1), percentile(v, 0.9));
    };
    fmt::print("{:<28} {:>6} {:>22} {:>22} {:>10.2f} {:>10.2f}\n", c.name, c.unit, spread(bare_cpu), spread(our_cpu),
               cpu, wall);
    std::fflush(stdout);
    json += fmt::format(
        "{}{{\"case\":\"{}\",\"bare_cpu_us\":{:.3f},\"keywheel_cpu_us\":{:.3f},\"cpu_ratio\":{:.3f},\"wall_ratio\":{:."
        "3f}}}",
        json.size() > 1 ? "," : "", c.name, percentile(bare_cpu, 0.5), percentile(our_cpu, 0.5), cpu, wall);
  }
  if (!json_file.empty()) std::ofstream(json_file) << json << "]\n";
  return 0;
}
