#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pool/affinity.hpp"
#include "pool/lottery.hpp"
#include "pool/topology.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Orders in which the best of those that are ready can be kept at log n a change.
enum class Order : std::uint8_t { turn, first, busy, latency };
inline constexpr std::size_t kOrders = 4;

/// See topology.hpp. Ready are those that may have room; whoever turns out to have none sleeps until its time, or is
/// hidden for the length of one choice where only this demand does not fit.
struct Lane {
  std::string region{};
  std::vector<std::string> models{};  ///< names as sent upstream, sorted; empty: all
  bool weighted = true;               ///< false: only when no other is left

  std::vector<Credential*> members{};  ///< by leaf
  std::vector<Credential*> ready{};    ///< in no order
  std::array<std::unique_ptr<Tournament>, kOrders> orders{};
  std::unique_ptr<Lottery> lots{};
  std::unique_ptr<Affinity> homes{};

  [[nodiscard]] bool serves(std::string_view model) const noexcept { return models.empty() || lists(model); }

  [[nodiscard]] static bool is_ready(const Credential& c) noexcept { return c.ready_place != kNotReady; }
  static constexpr std::uint32_t kNotReady = 0xffffffffU;
  void set_ready(Credential& c, bool ready);

  /// The order's tournament, made when first asked for.
  [[nodiscard]] Tournament& order(Order which) {
    std::unique_ptr<Tournament>& slot = orders[static_cast<std::size_t>(which)];
    return slot ? *slot : make(which);
  }
  [[nodiscard]] bool has(Order which) const noexcept { return orders[static_cast<std::size_t>(which)] != nullptr; }
  /// Of those that are ready, by their weights; made when first asked for.
  [[nodiscard]] Lottery& lottery();
  /// Whose own sessions are; made when first asked for.
  [[nodiscard]] const Affinity& affinity();
  /// The scores of `c` changed.
  void refresh(const Credential& c) noexcept;
  void refresh(const Credential& c, Order which) noexcept;
  void hide(const Credential& c, Order which) noexcept;

 private:
  [[nodiscard]] bool lists(std::string_view model) const noexcept;
  [[nodiscard]] Tournament& make(Order which);
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
