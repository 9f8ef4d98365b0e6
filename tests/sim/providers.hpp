#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sim/audit.hpp"
#include "sim/dice.hpp"
#include "sim/record.hpp"
#include "sim/spelling.hpp"
#include "sim/tally.hpp"
#include "support/sim_runtime.hpp"

namespace keywheel::sim {

/// All providers of a scenario, behind one network. They hold their limits to what is true, whatever the config says.
class Providers : public testing::SimNetwork {
 public:
  Providers(const World& world, Audit& audit, Tally& tally, TimePoint start, WallTime wall_start);

  [[nodiscard]] testing::SimTravel travel(const HttpRequest& request, TimePoint now) override;
  void sent(const HttpRequest& request, TimePoint now) override;
  [[nodiscard]] testing::SimAnswer answer(const HttpRequest& request, TimePoint arrival) override;
  void closed(const HttpRequest& request, TimePoint now) override;

 private:
  /// Other clients of an account's limit.
  struct Others {
    Dice dice{0};
    double every = 0;  ///< seconds between two of their requests, on the average; 0: there are none
    std::int64_t amount = 1;
    TimePoint next{};
  };
  struct State {
    std::vector<TrueLimit> limits{};
    std::vector<Others> others{};
    std::deque<std::vector<Standing>> said{};  ///< what the last answers said, for headers that are late
    int in_flight = 0;
  };
  /// A request that was sent, until its end.
  struct Running {
    enum class Phase : std::uint8_t { travelling, abandoned, refused, answered };
    Phase phase = Phase::travelling;
    TimePoint arrived{};
    TimePoint ends{};
  };

  [[nodiscard]] const Outage* outage(std::uint32_t service, TimePoint now) const;
  [[nodiscard]] State& state_of(Label label);
  void let_others_in(State& state, TimePoint now);
  [[nodiscard]] std::optional<Nanos> obstacle(State& state, const ServiceSpec& service, const KeyGroup& group,
                                              const CallSpec& call, TimePoint now, bool& day);
  [[nodiscard]] std::vector<HttpHeader> headers(Label label, State& state, bool refused, TimePoint now);
  [[nodiscard]] testing::SimAnswer refuse(Label label, Refusal why, int status, std::optional<Nanos> room,
                                          TimePoint now);
  /// It has arrived. False: nobody waits for its answer any more.
  bool arrive(Label label, Running::Phase then, TimePoint now, Nanos takes = Nanos(0));
  [[nodiscard]] WallTime wall(TimePoint now) const {
    return wall_start_ + std::chrono::floor<std::chrono::milliseconds>(now - start_);
  }

  const World& world_;
  Audit& audit_;
  Tally& tally_;
  TimePoint start_;
  WallTime wall_start_;
  Dice dice_;
  std::vector<State> states_{};  ///< of each account's models; the first stands for all where they share
  std::unordered_map<std::uint64_t, Running> running_{};
};

}  // namespace keywheel::sim
