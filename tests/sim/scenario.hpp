#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/config.hpp>

#include "sim/true_limit.hpp"

namespace keywheel::sim {

/// Whose spelling a service speaks.
enum class Vendor : std::uint8_t { openai, anthropic, groq };

/// What its headers say of the limits.
enum class Headers : std::uint8_t {
  none,
  right,
  late,     ///< what was so some answers ago
  partial,  ///< missing on streams and on refusals
  wrong,    ///< a tenth of the truth remains, they say
};

/// Keys that are alike. Those of one account share what is true of it.
struct KeyGroup {
  int keys = 1;
  int per_account = 1;
  bool declared = true;  ///< the config says which account a key is of
  Limits stated{};       ///< what the config says; nothing: the Router must find out
  std::vector<Truth> truth{};
  bool by_model = false;  ///< what is true holds for each model by itself
  int concurrency = 0;    ///< true limit of each account; 0: none
  double burn = 0;        ///< part of each limit that other clients use
  double dead = 0;        ///< part of the keys that are not valid
};

/// A time at which a service fails.
struct Outage {
  double from = 0;  ///< hours
  double hours = 0;
  double part = 1;   ///< of the requests
  int status = 503;  ///< 0: no connection
};

struct ServiceSpec {
  std::string id{};
  Vendor vendor = Vendor::openai;
  Headers headers = Headers::none;
  std::vector<KeyGroup> groups{};
  Rotation rotation = Rotation::least_used;
  std::optional<ChargingRule> charging{};  ///< as the config has it; nothing: what is known of the vendor
  bool ahead = false;                      ///< max_tokens count when the request comes; else what is used, when it is
  bool counts_refused = false;             ///< a refused request counts, too
  bool names_organization = false;         ///< in a header of every answer
  bool states_retry = true;                ///< refusals come with Retry-After
  std::vector<Outage> outages{};
  std::optional<Price> price{};
  int priority = 0;
};

struct TenantSpec {
  std::string name{};
  double share = 1;  ///< as the config has it
  double part = 1;   ///< of the calls
};

/// What callers do.
struct Load {
  enum class Shape : std::uint8_t { poisson, bursty, diurnal };
  Shape shape = Shape::poisson;
  double per_hour = 0;
  std::vector<TenantSpec> tenants{};
  std::vector<std::string> models{"sim-model"};
  double cancels = 0;               ///< parts of the calls: cancelled after a while,
  double streams = 0;               ///< streamed,
  double stops = 0;                 ///< of the streams, stopped by the callback,
  double breaks = 0;                ///< of the streams, broken off by the provider,
  double deadlines = 0;             ///< with a deadline of a few seconds
  std::int64_t prompt_tokens = 12;  ///< median
  double prompt_spread = 0;         ///< of the logarithm
  std::int64_t max_tokens = 64;
  double used = 0.5;  ///< of max_tokens, on the average
};

struct Wire {
  Nanos connect{std::chrono::milliseconds(30)};   ///< at most, until the request is written
  Nanos uplink{std::chrono::milliseconds(40)};    ///< at most, from then until it arrives: the jitter of arrival
  Nanos latency{std::chrono::milliseconds(800)};  ///< median of an answer's
  double spread = 0.5;                            ///< of the logarithm
  double tail = 0.005;                            ///< part of the answers that take ten times as long
};

/// What a run must show. Parts, not percent.
struct Targets {
  std::optional<double> refused{};             ///< at most so many 429s a request sent
  std::optional<double> refused_per_answer{};  ///< fewer 429s than this an answer
  std::optional<double> used{};                ///< at least so much of what was allowed was used
  std::optional<double> fair{};                ///< each tenant was answered at least so much of its share
};

struct Scenario {
  std::string name{};
  std::string about{};
  double hours = 24;
  double starts_at = 12;  ///< hour of the day, UTC
  std::vector<ServiceSpec> services{};
  Load load{};
  Wire wire{};
  RetryPolicy retry{};
  CircuitBreakerConfig breaker{};
  Targets targets{};
};

/// Names of all, in the order in which they are run.
[[nodiscard]] const std::vector<std::string_view>& scenario_names();

/// `size` 1 is the full one; smaller: so much smaller a pool and so much less load, over the scenario's hours or those
/// given. Throws std::invalid_argument for a name that there is not.
[[nodiscard]] Scenario make_scenario(std::string_view name, double size = 1, std::optional<double> hours = {});

/// Requests (or, where only tokens are limited, tokens) that the true limits of a scenario allow, what others burn
/// taken off.
struct Allowed {
  double requests = 0;
  double tokens = 0;
};
[[nodiscard]] Allowed allowed(const Scenario& scenario);

}  // namespace keywheel::sim
