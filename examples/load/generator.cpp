#include "generator.hpp"

#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using keywheel::ChatEvent;
using keywheel::ChatRequest;
using keywheel::ChatResponse;
using keywheel::Result;
using keywheel::Router;
using Clock = Tally::Clock;
using std::chrono::nanoseconds;

constexpr nanoseconds kProgressEvery = std::chrono::milliseconds(200);

class Generator {
 public:
  Generator(Router& router, const Options& options, Tally& tally)
      : router_(router), options_(options), tally_(tally), began_(Clock::now()) {
    request_.model = options.model;
    request_.messages.push_back(keywheel::user(options.prompt));
    request_.deadline = options.deadline;
  }

  void run() {
    if (options_.threads > 0) {
      run_threads();
    } else if (options_.rate > 0) {
      run_paced();
    } else {
      run_chained();
    }
    report(tally_.wait_for(options_.requests, nanoseconds{0}));
    if (progress_) std::fputc('\n', stderr);
  }

 private:
  /// Every call that ends starts the next one, on the loop's thread: nobody in between.
  void run_chained() {
    const std::uint64_t first = std::min(options_.concurrency, options_.requests);
    chained_ = true;
    for (std::uint64_t i = 0; i < first; ++i) start_next();
    wait_for(options_.requests);
  }

  /// This thread starts each call at its time, or when a place is free, whichever is later.
  void run_paced() {
    for (std::uint64_t i = 0; i < options_.requests; ++i) {
      sleep_until(time_of(i));
      if (i >= options_.concurrency) wait_for(i + 1 - options_.concurrency);
      start_next();
    }
    wait_for(options_.requests);
  }

  void run_threads() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < options_.threads; ++i) threads.emplace_back([this] { block(); });
    wait_for(options_.requests);
    for (std::thread& thread : threads) thread.join();
  }

  void block() {
    for (std::uint64_t i = next_++; i < options_.requests; i = next_++) {
      if (options_.rate > 0) std::this_thread::sleep_until(time_of(i));
      std::optional<Clock::time_point> first;
      const Clock::time_point began = Clock::now();
      const Result<ChatResponse> reply = options_.stream ? router_.chat(request_,
                                                                        [&](const ChatEvent&) {
                                                                          if (!first) first = Clock::now();
                                                                        })
                                                         : router_.chat(request_);
      tally_.add(reply, began, first);
    }
  }

  void start_next() {
    if (next_++ >= options_.requests) return;
    const Clock::time_point began = Clock::now();
    if (!options_.stream) {
      router_.start(request_, [this, began](const Result<ChatResponse>& reply) { ended(reply, began, std::nullopt); });
      return;
    }
    auto first = std::make_shared<std::optional<Clock::time_point>>();
    router_.start(
        request_,
        [first](const ChatEvent&) {
          if (!*first) *first = Clock::now();
        },
        [this, began, first](const Result<ChatResponse>& reply) { ended(reply, began, *first); });
  }

  void ended(const Result<ChatResponse>& reply, Clock::time_point began, std::optional<Clock::time_point> first) {
    // The next one first: once the last has been counted, this object may be gone.
    if (chained_) start_next();
    tally_.add(reply, began, first);
  }

  [[nodiscard]] Clock::time_point time_of(std::uint64_t call) const {
    const std::chrono::duration<double> after(static_cast<double>(call) / options_.rate);
    return began_ + std::chrono::duration_cast<Clock::duration>(after);
  }

  void sleep_until(Clock::time_point when) {
    for (Clock::time_point now = Clock::now(); now < when; now = Clock::now()) {
      if (progress_) report(tally_.wait_for(options_.requests, nanoseconds{0}));
      std::this_thread::sleep_for(progress_ ? std::min<nanoseconds>(when - now, kProgressEvery) : when - now);
    }
  }

  void wait_for(std::uint64_t count) {
    for (;;) {
      const std::uint64_t ended = tally_.wait_for(count, kProgressEvery);
      if (ended >= count) return;
      report(ended);
    }
  }

  void report(std::uint64_t ended) const {
    if (!progress_) return;
    const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    std::fprintf(stderr, "\r%llu of %llu calls in %.1f s", static_cast<unsigned long long>(ended),
                 static_cast<unsigned long long>(options_.requests), seconds);
  }

  Router& router_;
  const Options& options_;
  Tally& tally_;
  Clock::time_point began_;
  ChatRequest request_{};
  std::atomic<std::uint64_t> next_{0};
  bool chained_ = false;
  bool progress_ = ::isatty(STDERR_FILENO) == 1;
};

}  // namespace

void generate(Router& router, const Options& options, Tally& tally) { Generator(router, options, tally).run(); }
