#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/config.hpp>

#include "pool/ledger.hpp"
#include "pool/recent.hpp"
#include "pool/rest.hpp"
#include "pool/setbacks.hpp"
#include "pool/slow_start.hpp"
#include "pool/streak.hpp"
#include "pool/tournament.hpp"
#include "pool/wake_queue.hpp"

/// What the pool is made of: services, their credentials, and the levels at which limits and rests apply.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

struct Credential;
struct Service;

/// One model, or one limit group, at one level.
struct ModelRest {
  std::string name{};
  bool group = false;  ///< a limit group's
  Rest rest{};
};

struct Level;

/// What holds at a level for one limit group or model alone. Lives as long as its level.
struct Scoped {
  std::string name{};
  Level* level = nullptr;
  Ledger ledger{};
  int in_flight = 0;
};

/// The model that is asked for, as it is sent upstream, and the limit group that it belongs to; empty: none.
struct AskedModel {
  std::string_view model{};
  std::string_view group{};

  /// Under which its limits are known.
  [[nodiscard]] std::string_view limited() const noexcept { return group.empty() ? model : group; }
  [[nodiscard]] bool is(std::string_view name) const noexcept {
    return name == model || (name == group && !group.empty());
  }
  [[nodiscard]] bool is(const ModelRest& rest) const noexcept { return rest.name == (rest.group ? limited() : model); }
};

/// One level on the path of an attempt: a key, and what it shares with others.
struct Level {
  enum class Kind : std::uint8_t {
    key,
    project,
    account,
    peers,  ///< the keys of one provider of which nobody knows whose they are: rests only
    service,
  };
  Kind kind = Kind::key;

  // What each attempt looks at, close together.
  int in_flight = 0;
  Level* parent = nullptr;
  Calendar* calendar = nullptr;
  std::uint64_t kept_for = 0;  ///< waiting call that has the first claim; 0: nobody
  Growth growth{};             ///< the highest level that is known to have one owner
  Streaks streak{};            ///< peers: keys that met their limit since the last success among them
  std::vector<ModelRest> model_rests{};
  std::vector<std::unique_ptr<Scoped>> scoped{};
  Ledger ledger{};
  Rest rest{};

  std::shared_ptr<const CredentialConfig> identity{};  ///< key: what authenticates
  std::string label{};                                 ///< of what is shared; key: where it is at home
  const ProviderRules* rules = nullptr;
  std::vector<Credential*> members{};  ///< whose path leads through here
  std::vector<Service*> services{};    ///< theirs, and maybe some that were
  bool stated = false;                 ///< made because providers' answers named it
  std::string stated_organization{};   ///< key: whom its answers name
  std::string stated_project{};
  TimePoint kept_until{};
  std::uint64_t changes = 0;  ///< grows whenever something here is in nobody's way any more

  void join(Service* service) {
    if (std::find(services.begin(), services.end(), service) == services.end()) services.push_back(service);
  }
  [[nodiscard]] Level* top() noexcept {
    Level* level = this;
    while (level->parent != nullptr) level = level->parent;
    return level;
  }
  /// Nothing here can be in the way.
  [[nodiscard]] bool idle() const noexcept {
    return rest.none() && model_rests.empty() && ledger.empty() && scoped.empty() && kept_for == 0 && !growth.limited;
  }
  /// Nothing here can be in the way but what the ledger counts.
  [[nodiscard]] bool only_counts() const noexcept {
    return rest.none() && model_rests.empty() && scoped.empty() && kept_for == 0 && growth.ramp.places() == 0;
  }
  [[nodiscard]] Scoped* scoped_as(std::string_view name) const noexcept {
    for (const auto& each : scoped) {
      if (each->name == name) return each.get();
    }
    return nullptr;
  }
};

/// Adds how each limit of a level stands, those of single models included.
void add_limits(std::vector<LimitStatus>& to, Level& level, TimePoint now);

/// Members of a service among which a rotation chooses freely: same region, same models, all with weight or all
/// without.
struct Lane;

/// What was sent and used in one day or month.
struct PeriodCount {
  std::int64_t period = 0;
  std::int64_t requests = 0;
  std::int64_t tokens = 0;

  void add(std::int64_t current, std::int64_t more_requests, std::int64_t more_tokens) noexcept {
    if (current != period) *this = {.period = current};
    requests += more_requests;
    tokens += more_tokens;
  }
};

/// One configured credential.
struct Credential {
  std::uint32_t serial = 0;
  bool removed = false;
  bool fresh = false;  ///< has no turn yet
  bool spare = false;  ///< its key is configured twice in its lane, and the other one takes the turns

  // Its place in the rotation. What a choice compares stands close together.
  bool awaits_event = false;  ///< asleep until a report, whatever the time
  Level* key = nullptr;
  double weight = 1;
  double picked = 0;  ///< when it was chosen last, counted in choices: who waits longest breaks ties
  int in_flight = 0;
  std::uint32_t ready_place = 0xffffffffU;  ///< Lane::kNotReady
  std::uint32_t wake_place = WakeQueue<Credential>::kAwake;
  std::uint32_t leaf = 0;
  Lane* lane = nullptr;
  double turn = 0;  ///< round robin: its next turn, in the service's virtual time
  TimePoint wake{};
  Service* service = nullptr;
  std::uint32_t place = 0;  ///< in its service, as configured
  std::uint64_t hash = 0;   ///< of its id
  double latency = 0;       ///< nanoseconds, moving average that follows peaks at once; 0: not known
  TimePoint latency_at{};

  std::unique_ptr<Setbacks> setbacks{};

  std::shared_ptr<const CredentialConfig> config{};
  std::vector<std::shared_ptr<const CredentialConfig>> former{};  ///< that leases still look at

  // What it did.
  std::uint64_t requests = 0;
  std::uint64_t successes = 0;
  std::uint64_t cancelled = 0;
  std::array<std::uint64_t, 16> failures{};
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t reasoning_tokens = 0;
  std::int64_t estimated_tokens = 0;
  std::int64_t cost = 0;  ///< millionths
  Recent recent{};
  PeriodCount today{};
  PeriodCount this_month{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
