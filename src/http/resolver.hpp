#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <keywheel/credential_pool.hpp>

#include "http/process.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What one lookup brought.
struct Lookup {
  std::vector<std::string> addresses{};  ///< in order of preference, IPv6 without brackets
  std::string error{};                   ///< where there are none: why
  bool exhausted = false;                ///< the lookup failed for want of descriptors, threads or memory
};

/// getaddrinfo. Blocks.
[[nodiscard]] Lookup system_lookup(const std::string& host);

/// Turns names into addresses beside the loops, on few threads of its own: a lookup that hangs holds up nobody else.
///
/// May be called from any thread. Threads end when there is nothing to look up. Destroying it joins them, but for
/// those inside a lookup: these are let go, hold nothing of anybody's and end with the lookup.
class Resolver {
 public:
  struct Options {
    std::function<Lookup(const std::string&)> lookup = system_lookup;
    std::function<TimePoint()> now = [] { return TimePoint(std::chrono::steady_clock::now()); };
    int threads = 4;
    std::chrono::seconds fresh{60};            ///< after that an answer is served while a new lookup runs
    std::chrono::milliseconds failure{1'000};  ///< how long a failure is believed
  };

  struct Answer {
    std::string addresses{};    ///< "addr,[addr],addr" as CURLOPT_RESOLVE takes them; empty: `error` says why
    std::uint64_t version = 0;  ///< changes when the addresses do; no two answers of one Resolver share it
    std::string error{};
    bool exhausted = false;
  };
  using Done = std::function<void(const Answer&)>;

  [[nodiscard]] static std::shared_ptr<Resolver> create(Options options);
  [[nodiscard]] static std::shared_ptr<Resolver> create() { return create(Options{}); }
  explicit Resolver(Options options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// What is known of `host`, or nothing: then `done` is called on a thread of the Resolver when the lookup ends,
  /// unless the Resolver is destroyed first. `done` must not block and must not hold the Resolver.
  [[nodiscard]] std::optional<Answer> find(const std::string& host, Done done);

  /// The addresses led nowhere: the next find() looks them up again, as if they had aged.
  void suspect(const std::string& host);

 private:
  struct State;
  static void run(const std::shared_ptr<State>& state, std::size_t worker);

  std::shared_ptr<State> state_;
  ProcessMark process_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
