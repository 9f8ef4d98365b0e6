#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
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
  int in_flight = 0;
  std::int64_t requests_last_minute = 0;
  std::int64_t tokens_last_minute = 0;
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
  std::string_view session{};
  std::string_view region{};
  std::optional<Rotation> rotation{};
  const std::vector<std::string>* exclude = nullptr;  ///< ids of credentials this call has tried already
};

/// How a lent credential fared.
struct Outcome {
  std::optional<Failure> failure{};  ///< nothing: it succeeded
  Usage usage{};
  std::chrono::nanoseconds latency{0};  ///< to the first event
  bool sent = true;                     ///< at least one byte of the request was written

  [[nodiscard]] static Outcome success(Usage usage = {}, std::chrono::nanoseconds latency = {}) {
    return {.usage = usage, .latency = latency};
  }
  [[nodiscard]] KEYWHEEL_EXPORT static Outcome cancelled(bool sent = true);
};

class CredentialPool;

/// A credential lent to one attempt. Ends exactly once: by report(), or, where that never comes, as cancelled.
class KEYWHEEL_EXPORT Lease {
 public:
  Lease() noexcept = default;
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease();

  explicit operator bool() const noexcept { return pool_ != nullptr; }
  [[nodiscard]] const CredentialConfig& credential() const noexcept { return *credential_; }
  [[nodiscard]] const std::string& id() const noexcept { return credential_->id; }
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }  ///< why this one

 private:
  friend class CredentialPool;
  std::shared_ptr<CredentialPool> pool_{};
  std::shared_ptr<const CredentialConfig> credential_{};
  std::string reason_{};
  std::uint64_t number_ = 0;
};

/// Why there is no credential now.
struct Unavailable {
  std::optional<TimePoint> at{};  ///< the earliest time at which one may have room; nothing: none will by itself
  ErrorKind kind =
      ErrorKind::rate_limited;  ///< what to tell the caller: rate_limited, quota_exhausted, authentication, …
  std::string reason{};         ///< each credential and why it was passed over
};

/// Lends credentials and remembers how they fared.
///
/// A state machine over the time it is handed: it reads no clock, starts no thread, does no I/O. Calls may come from
/// any thread. What an outcome does to a credential is one table, in src/router/retry_table.hpp.
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

  /// A credential with room for `demand` now, reserved in every limit that concerns it; or when to try again.
  /// Does not queue: see WaitingLine in src/pool for the order among those who wait.
  [[nodiscard]] std::variant<Lease, Unavailable> acquire(const Demand& demand, TimePoint now);

  /// The lease's request is being written to a connected socket: its place in the windows counts from here.
  void sent(const Lease& lease, TimePoint now);

  /// How it fared. Ends the lease.
  void report(Lease lease, const Outcome& outcome, TimePoint now);

  /// New services and credentials; what is known of a credential whose id stays is kept.
  void reload(const std::vector<ServiceConfig>& services, const RetryPolicy& retry, std::string region, TimePoint now);

  [[nodiscard]] std::vector<CredentialStatus> status(TimePoint now) const;
  [[nodiscard]] std::optional<CredentialStatus> status(std::string_view id, TimePoint now) const;

  /// Ends a rest, an exhaustion or a disabling. False: there is no such credential.
  bool clear(std::string_view id, TimePoint now);
  /// Lends it no more until clear().
  bool disable(std::string_view id, std::string reason, TimePoint now);

  /// Called (with no lock held) whenever room may have come: a report, a clear, a reload. Set once, before use.
  void on_change(std::function<void()> listener);

 private:
  struct State;
  CredentialPool();
  friend class Lease;
  std::unique_ptr<State> state_;
};

KEYWHEEL_END_NAMESPACE
