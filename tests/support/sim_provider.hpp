#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "support/provider_engine.hpp"
#include "support/sim_runtime.hpp"

namespace keywheel::testing {

/// The scripted provider on the virtual network: what LoopbackProvider is on real sockets, with the same scripts. Every
/// host is this provider. Holds (Piece::hold) have no meaning here and throw.
class SimProvider : public SimNetwork {
 public:
  /// Decides how each request travels; empty: in no time.
  using Travel = std::function<SimTravel(const HttpRequest&, TimePoint)>;

  explicit SimProvider(Travel travel = {}) : travel_(std::move(travel)) {}

  [[nodiscard]] ProviderEngine& engine() noexcept { return engine_; }
  void script(std::string key, KeyScript script) { engine_.script(std::move(key), std::move(script)); }
  void script_others(KeyScript script) { engine_.script_others(std::move(script)); }
  [[nodiscard]] KeyLog log(std::string_view key) const { return engine_.log(key); }

  [[nodiscard]] SimTravel travel(const HttpRequest& request, TimePoint now) override;
  [[nodiscard]] SimAnswer answer(const HttpRequest& request, TimePoint arrival) override;

 private:
  Travel travel_;
  ProviderEngine engine_{};
  std::uint64_t number_ = 0;
};

}  // namespace keywheel::testing
