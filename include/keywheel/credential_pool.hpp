#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <keywheel/config.hpp>
#include <keywheel/failure.hpp>

KEYWHEEL_BEGIN_NAMESPACE

/// The pool's time: monotonic, handed in by whoever asks. Where it starts is the caller's affair.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

enum class CredentialState : std::uint8_t {
  active,
  cooling_down,  ///< rests until a time that was stated or guessed
  exhausted,     ///< its quota is used up until the window turns
  disabled,      ///< dead, or switched off by hand
  probing,       ///< one attempt finds out whether it works again
};

[[nodiscard]] KEYWHEEL_EXPORT std::string_view to_string(CredentialState state) noexcept;

/// How one limit stands.
struct LimitStatus {
  std::string name{};      ///< "rpm", "tpd", …
  std::string level{};     ///< whose it is: "key", "project", "account", "service"
  std::string group{};     ///< limit group or model that it holds for alone; empty: all
  std::int64_t limit = 0;  ///< of max_cost: millionths of the currency
  std::int64_t used = 0;   ///< of it, now; what is in flight included
  bool learned = false;    ///< from what the provider said; not configured
};

/// What one credential did and how it stands. A snapshot.
struct CredentialStatus {
  std::string id{};
  std::string service{};
  CredentialState state = CredentialState::active;
  std::string reason{};        ///< why it is not active: the provider's words
  std::uint64_t requests = 0;  ///< attempts that were sent
  std::uint64_t successes = 0;
  std::map<ErrorKind, std::uint64_t> failures{};
  std::uint64_t cancelled = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t reasoning_tokens = 0;
  std::int64_t estimated_tokens = 0;  ///< of the above: counted by keywheel where the provider's count never came
  double cost = 0;                    ///< where prices are given
  int in_flight = 0;
  std::int64_t requests_last_minute = 0;
  std::int64_t tokens_last_minute = 0;
  std::int64_t requests_today = 0;  ///< in the provider's time zone, as are the next three
  std::int64_t tokens_today = 0;
  std::int64_t requests_this_month = 0;
  std::int64_t tokens_this_month = 0;
  std::vector<LimitStatus> limits{};          ///< every limit on its path, configured or learned
  std::chrono::milliseconds available_in{0};  ///< until it could take a call; 0: now; max(): not by itself
};

/// One line: id, state, counts.
KEYWHEEL_EXPORT std::ostream& operator<<(std::ostream& out, const CredentialStatus& status);

/// What an attempt asks of the pool.
struct Demand {
  std::string_view service{};          ///< id of the service
  std::string_view model{};            ///< as it is sent upstream
  std::int64_t prompt_tokens = 0;      ///< estimate
  std::int64_t completion_tokens = 0;  ///< ceiling or estimate
  double cost = 0;                     ///< ceiling or estimate, where prices are given
  std::string_view session{};
  std::string_view region{};  ///< preferred; empty: the pool's
  std::optional<Rotation> rotation{};
  const std::vector<std::string>* exclude = nullptr;  ///< ids of credentials this call has tried already
};

/// How a lent credential fared.
struct Outcome {
  std::optional<Failure> failure{};  ///< nothing: it succeeded
  Usage usage{};
  std::chrono::nanoseconds latency{0};  ///< to the first event; 0: not known
  bool sent = true;                     ///< at least one byte of the request was written
  double cost = 0;                      ///< where prices are given
  StatedQuota stated{};                 ///< what the answer's headers said

  [[nodiscard]] static Outcome success(const Usage& usage = {}, std::chrono::nanoseconds latency = {}) {
    Outcome outcome;
    outcome.usage = usage;
    outcome.latency = latency;
    return outcome;
  }
  [[nodiscard]] KEYWHEEL_EXPORT static Outcome cancelled(bool sent = true);
};

/// What the pool made of an outcome.
struct Verdict {
  /// The class to act on; nothing for a success. It is the outcome's own, save where several outcomes together say
  /// more: `auth` from three accounts of one service within ten seconds is `config`, and disables nobody.
  std::optional<FailureClass> failure{};
};

class CredentialPool;
namespace detail {
class PoolState;
class PoolAccess;

/// What a lease remembers of its choice, small enough to be kept always; Lease::reason() makes words of it.
struct ChoiceNote {
  struct Skipped {
    std::uint32_t credential = 0;  ///< serial number within the pool
    std::uint8_t why = 0;
    bool stated = false;
    std::int16_t status = 0;
    std::int64_t for_ms = 0;  ///< negative: not by itself
  };
  Rotation rotation = Rotation::round_robin;
  std::uint8_t listed = 0;
  std::uint32_t skipped = 0;  ///< in all
  std::array<Skipped, 3> list{};
};
}  // namespace detail

/// A credential lent to one attempt. Ends exactly once: by report(), or, where that never comes, as cancelled.
class KEYWHEEL_EXPORT Lease {
 public:
  Lease() noexcept;
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease();

  explicit operator bool() const noexcept { return pool_ != nullptr; }
  /// As it was configured when it was lent, whatever a reload does meanwhile. Lives as long as the lease.
  [[nodiscard]] const CredentialConfig& credential() const noexcept { return *credential_; }
  [[nodiscard]] const std::string& id() const noexcept { return credential_->id; }
  /// Why this one and, in short, why not others. Made when asked for.
  [[nodiscard]] std::string reason() const;
  /// The first few that could not be lent when this one was. Costs nothing where there were none.
  [[nodiscard]] std::vector<PassedOver> passed_over() const;

 private:
  friend class CredentialPool;
  friend class detail::PoolState;
  void drop() noexcept;

  std::shared_ptr<CredentialPool> pool_{};
  const CredentialConfig* credential_ = nullptr;
  std::uint64_t number_ = 0;
  std::uint32_t slot_ = 0;
  detail::ChoiceNote note_{};
};

/// Why there is no credential now.
struct Unavailable {
  /// The earliest time at which one may have room, as the ledger stands; nothing: none will by itself (though a report
  /// or a clear may bring it).
  std::optional<TimePoint> at{};
  ErrorKind kind =
      ErrorKind::rate_limited;  ///< what to tell the caller: rate_limited, quota_exhausted, authentication, …
  std::string reason{};         ///< each credential and why it was passed over; bounded
  bool too_big = false;         ///< larger than any credential's token limit can ever hold: waiting will not help
};

/// Lends credentials and remembers how they fared.
///
/// A state machine over the time it is handed: it reads no clock, starts no thread, does no I/O. Calls may come from
/// any thread; a time earlier than one already handed in counts as that one. What an outcome does to a credential is
/// one table, in src/router/retry_table.hpp.
class KEYWHEEL_EXPORT CredentialPool : public std::enable_shared_from_this<CredentialPool> {
 public:
  /// Services with their credentials; ids must be set and unique (Router and load_config see to it).
  /// `seed` makes the random choices repeatable.
  [[nodiscard]] static std::shared_ptr<CredentialPool> create(const std::vector<ServiceConfig>& services,
                                                              const RetryPolicy& retry, std::string region,
                                                              std::uint64_t seed);
  ~CredentialPool();
  CredentialPool(const CredentialPool&) = delete;
  CredentialPool& operator=(const CredentialPool&) = delete;

  /// Says what a wall clock shows at `now`, so that days turn when the provider's do. Without it, the pool's time 0 is
  /// taken for 1970-01-01 00:00 UTC. May be called again when the wall clock is set.
  void align(TimePoint now, std::chrono::sys_time<std::chrono::milliseconds> wall);

  /// A credential with room for `demand` now, reserved in every limit that concerns it; or when to try again.
  /// Does not queue: see WaitingLine in src/pool for the order among those who wait.
  [[nodiscard]] std::variant<Lease, Unavailable> acquire(const Demand& demand, TimePoint now);

  /// The lease's request is being written to a connected socket: its place in the windows counts from here.
  void sent(const Lease& lease, TimePoint now);

  /// How it fared. Ends the lease.
  Verdict report(Lease lease, const Outcome& outcome, TimePoint now);

  /// New services and credentials; what is known of a credential whose id stays is kept.
  void reload(const std::vector<ServiceConfig>& services, const RetryPolicy& retry, std::string region, TimePoint now);

  [[nodiscard]] std::vector<CredentialStatus> status(TimePoint now) const;
  [[nodiscard]] std::optional<CredentialStatus> status(std::string_view id, TimePoint now) const;

  /// Ends a rest, an exhaustion or a disabling, of the credential and of all it shares. False: there is none of this
  /// id.
  bool clear(std::string_view id, TimePoint now);
  /// Lends it no more until clear().
  bool disable(std::string_view id, std::string reason, TimePoint now);

  /// Called (with no lock held) whenever room may have come: a report, a clear, a reload. Set once, before use.
  void on_change(std::function<void()> listener);

 private:
  CredentialPool();
  friend class Lease;
  friend class detail::PoolAccess;
  std::unique_ptr<detail::PoolState> state_;
};

KEYWHEEL_END_NAMESPACE
