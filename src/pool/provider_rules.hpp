#pragma once

#include <chrono>
#include <string_view>

#include <keywheel/config.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Whose the limits are that a provider states.
enum class LimitOwner : std::uint8_t { key, project, account };

/// How a provider judges its limits, and how what it states of them is to be read.
struct ProviderRules {
  std::string_view provider{};
  std::string_view host{};  ///< the rules are of this host alone; empty: of any
  ChargingRule charging{};
  std::int64_t absent_ceiling = 0;        ///< tokens charged ahead where a request states no max_tokens; 0: not known
  std::chrono::seconds request_burst{0};  ///< requests a minute are judged over this, in proportion; 0: over a minute
  std::chrono::seconds token_burst{0};    ///< likewise tokens
  LimitOwner owner = LimitOwner::account;
  bool by_model = true;                    ///< each model (or limit group) has its own
  std::chrono::minutes request_window{1};  ///< of a limit on requests whose window is not stated
  std::chrono::minutes token_window{1};    ///< likewise on tokens
  bool refills = false;                    ///< token buckets: they fill all the time, and `reset` is when they are full
};

/// The rules of a service's provider; those of most others where nothing is known of it, or where its address is
/// somebody else's who speaks the same API.
[[nodiscard]] const ProviderRules& rules_of(const ServiceConfig& service) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
