#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <keywheel/failure.hpp>

/// What follows from each class of outcome: for the credential, for the service, and for the call. The one place in
/// which that is decided; the pool and the router read it and decide nothing of their own.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What happens to the credential, at the level that the failure's Scope names and no higher.
enum class CredentialEffect : std::uint8_t {
  none,
  rest,       ///< until the stated time, else backing off exponentially
  exhaust,    ///< until the window turns or the stated time, with hourly single probes
  disable,    ///< one probe after a long rest
  set_aside,  ///< with this model only
};

/// What happens to the service, which the router keeps account of.
enum class ServiceEffect : std::uint8_t {
  none,
  count,       ///< the breaker of (service, model) counts one failure, once a call
  rest_model,  ///< (service, model) rests: for the stated time, else the backoff
  rest_host,   ///< the service's host rests: no key of it would fare better from here
};

/// What the call does next.
enum class NextStep : std::uint8_t {
  stop,
  same_key,      ///< the same credential, after what `repair` says
  next_key,      ///< another credential of the service, else another service
  next_account,  ///< a credential of another account, else another service
  next_service,  ///< another service, else the same one after a backoff
};

/// What must be put right before the same credential is tried again.
enum class Repair : std::uint8_t { none, token, clock };

/// Which fallback models (FallbackConfig) the call goes on to when the step finds nothing more.
enum class FallbackCase : std::uint8_t { none, any, context_length, content_filter };

struct Consequence {
  FailureClass failure;
  CredentialEffect credential;
  ServiceEffect service;
  NextStep next;
  /// How many failures of this class one call may meet before the step is no longer taken: then the next service, and
  /// where there is none, stop. 0: as many as there is somebody new to ask; kTriesOfPolicy:
  /// RetryPolicy::max_attempts_per_service.
  int tries;
  bool per_service;   ///< `tries` counts anew in each service
  bool backoff;       ///< pause, with jitter, before the same service is tried again
  bool maybe_billed;  ///< the request may have been served: RetryPolicy::retry_after_send decides
  Repair repair;
  FallbackCase fallback;
};

inline constexpr int kTriesOfPolicy = -1;

inline constexpr std::size_t kFailureClasses = static_cast<std::size_t>(FailureClass::cancelled) + 1;

// clang-format off
inline constexpr std::array<Consequence, kFailureClasses> kConsequences = {{
    // class                         credential                   service                    next                    tries  per svc  backoff  billed  repair         fallback
    {FailureClass::rate,            CredentialEffect::rest,      ServiceEffect::none,       NextStep::next_key,      3,     true,    false,   false,  Repair::none,  FallbackCase::any},
    {FailureClass::quota,           CredentialEffect::exhaust,   ServiceEffect::none,       NextStep::next_account,  0,     false,   false,   false,  Repair::none,  FallbackCase::any},
    {FailureClass::capacity,        CredentialEffect::none,      ServiceEffect::rest_model, NextStep::next_service,  0,     false,   true,    false,  Repair::none,  FallbackCase::any},
    {FailureClass::auth,            CredentialEffect::disable,   ServiceEffect::none,       NextStep::next_key,      0,     false,   false,   false,  Repair::none,  FallbackCase::any},
    {FailureClass::token,           CredentialEffect::none,      ServiceEffect::none,       NextStep::same_key,      1,     false,   false,   false,  Repair::token, FallbackCase::any},
    {FailureClass::clock,           CredentialEffect::none,      ServiceEffect::none,       NextStep::same_key,      1,     false,   false,   false,  Repair::clock, FallbackCase::any},
    {FailureClass::permission,      CredentialEffect::set_aside, ServiceEffect::none,       NextStep::next_key,      0,     false,   false,   false,  Repair::none,  FallbackCase::any},
    {FailureClass::model,           CredentialEffect::set_aside, ServiceEffect::none,       NextStep::next_key,      0,     false,   false,   false,  Repair::none,  FallbackCase::any},
    {FailureClass::place,           CredentialEffect::none,      ServiceEffect::rest_host,  NextStep::next_service,  0,     false,   false,   false,  Repair::none,  FallbackCase::any},
    {FailureClass::server,          CredentialEffect::none,      ServiceEffect::count,      NextStep::next_key,      kTriesOfPolicy,     true,    true,    false,  Repair::none,  FallbackCase::any},
    {FailureClass::connection,      CredentialEffect::none,      ServiceEffect::count,      NextStep::next_key,      kTriesOfPolicy,     true,    true,    false,  Repair::none,  FallbackCase::any},
    {FailureClass::connect_timeout, CredentialEffect::none,      ServiceEffect::count,      NextStep::next_key,      kTriesOfPolicy,     true,    true,    false,  Repair::none,  FallbackCase::any},
    {FailureClass::timeout,         CredentialEffect::none,      ServiceEffect::count,      NextStep::next_key,      1,     false,   true,    true,   Repair::none,  FallbackCase::any},
    {FailureClass::request,         CredentialEffect::none,      ServiceEffect::none,       NextStep::stop,          0,     false,   false,   false,  Repair::none,  FallbackCase::none},
    {FailureClass::context,         CredentialEffect::none,      ServiceEffect::none,       NextStep::stop,          0,     false,   false,   false,  Repair::none,  FallbackCase::context_length},
    {FailureClass::filter,          CredentialEffect::none,      ServiceEffect::none,       NextStep::stop,          0,     false,   false,   false,  Repair::none,  FallbackCase::content_filter},
    {FailureClass::too_big,         CredentialEffect::none,      ServiceEffect::none,       NextStep::next_key,      0,     false,   false,   false,  Repair::none,  FallbackCase::any},
    {FailureClass::output,          CredentialEffect::none,      ServiceEffect::none,       NextStep::same_key,      1,     false,   false,   false,  Repair::none,  FallbackCase::none},
    {FailureClass::unknown,         CredentialEffect::none,      ServiceEffect::none,       NextStep::next_account,  1,     false,   false,   false,  Repair::none,  FallbackCase::none},
    {FailureClass::unsupported,     CredentialEffect::none,      ServiceEffect::none,       NextStep::next_service,  0,     false,   false,   false,  Repair::none,  FallbackCase::any},
    {FailureClass::config,          CredentialEffect::none,      ServiceEffect::none,       NextStep::next_service,  0,     false,   false,   false,  Repair::none,  FallbackCase::any},
    {FailureClass::cancelled,       CredentialEffect::none,      ServiceEffect::none,       NextStep::stop,          0,     false,   false,   false,  Repair::none,  FallbackCase::none},
}};
// clang-format on

/// The row of a class.
[[nodiscard]] constexpr const Consequence& consequence(FailureClass failure) noexcept {
  return kConsequences[static_cast<std::size_t>(failure)];
}

/// The service rests: it is full or will not have us, or what a key would rest for concerns no key. A listing has no
/// model that could rest.
[[nodiscard]] constexpr bool rests_service(const Consequence& then, Scope scope, std::string_view model) noexcept {
  if (then.service == ServiceEffect::rest_model || then.service == ServiceEffect::rest_host) return true;
  if (then.credential == CredentialEffect::none) return false;
  return scope == Scope::service || scope == Scope::host || (scope == Scope::service_model && !model.empty());
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
