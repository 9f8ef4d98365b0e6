#pragma once

#include <cstdint>
#include <queue>
#include <unordered_map>
#include <vector>

#include <keywheel/keywheel.hpp>

#include "sim/audit.hpp"
#include "sim/dice.hpp"
#include "sim/record.hpp"
#include "sim/tally.hpp"
#include "support/sim_runtime.hpp"

namespace keywheel::sim {

/// Those who call: at random times, on behalf of several tenants, some of whom change their mind.
class Callers {
 public:
  Callers(World& world, Audit& audit, Tally& tally, testing::SimRuntime& runtime, Router& router);
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;

  /// Lets time pass until `when`, with all the calls that fall in it.
  void call_until(TimePoint when);

 private:
  struct Cancel {
    TimePoint at{};
    std::uint32_t call = 0;
    bool operator>(const Cancel& other) const noexcept { return at != other.at ? at > other.at : call > other.call; }
  };

  [[nodiscard]] double rate(TimePoint now);
  void schedule_next(TimePoint now);
  void start(TimePoint now);
  void ended(std::uint32_t call, const Result<ChatResponse>& reply);

  World& world_;
  Audit& audit_;
  Tally& tally_;
  testing::SimRuntime& runtime_;
  Router& router_;
  Dice arrivals_;
  Dice mind_;
  TimePoint next_{};
  TimePoint shape_turns_{};  ///< bursty: when the burst, or the lull, ends
  bool burst_ = false;
  std::priority_queue<Cancel, std::vector<Cancel>, std::greater<>> cancels_{};
  std::unordered_map<std::uint32_t, Call> running_{};  ///< those that will be cancelled
};

}  // namespace keywheel::sim
