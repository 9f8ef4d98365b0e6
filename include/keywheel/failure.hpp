#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/error.hpp>
#include <keywheel/stated_quota.hpp>

/// Whose fault a failed attempt was. A provider says it (Transport::classify, Decoder), the pool and the router act on
/// it.

KEYWHEEL_BEGIN_NAMESPACE

/// What a failure means. What follows from each is one table, in src/router/retry_table.hpp.
enum class FailureClass : std::uint8_t {
  rate,             ///< the credential's own limit, over a window of at most an hour
  quota,            ///< a day's, month's or balance's quota is used up
  capacity,         ///< the provider is full, nobody's limit
  auth,             ///< the credential is dead
  token,            ///< the token fetched for the credential is stale
  clock,            ///< our clock is off
  permission,       ///< this credential may not use this model or feature
  model,            ///< the model is unknown, gone, or not served here
  place,            ///< our region, address or an edge is the obstacle
  server,           ///< the provider failed, or answered with a broken body or stream
  connection,       ///< no connection, or it broke
  connect_timeout,  ///< no connection in time
  timeout,          ///< no answer in time after the request was sent
  request,          ///< the request is wrong whatever the key
  context,          ///< the input is too long for the model
  filter,           ///< the provider's content rules
  too_big,          ///< larger than this credential's limit can ever hold
  output,           ///< the model wrote something invalid
  unknown,          ///< a 4xx that nothing is known of
  unsupported,      ///< the request cannot be said in this provider's API
  config,           ///< the service's configuration is wrong
  cancelled,        ///< the caller's doing
};

[[nodiscard]] KEYWHEEL_EXPORT std::string_view to_string(FailureClass failure) noexcept;

/// How far a failure reaches: the level at which a rest or an exhaustion applies, and no higher.
enum class Scope : std::uint8_t {
  call,           ///< only this call
  key,            ///< the credential
  key_model,      ///< the credential with this model
  project,        ///< credentials of the same project
  project_model,  ///< credentials of the same project, with this model or its limit group
  account,        ///< credentials of the same account (organisation)
  account_model,  ///< credentials of the same account, with this model or its limit group
  service_model,  ///< the service with this model
  service,        ///< the service
  host,           ///< our side: address, clock
};

[[nodiscard]] KEYWHEEL_EXPORT std::string_view to_string(Scope scope) noexcept;

/// A provider's verdict on an attempt.
struct Failure {
  FailureClass failure = FailureClass::unknown;
  Scope scope = Scope::call;
  std::optional<ErrorKind> kind{};                         ///< where the class's usual kind does not say it well
  std::string message{};                                   ///< the provider's words
  std::string code{};                                      ///< the provider's code, as it spells it
  std::optional<int> status{};                             ///< HTTP status; nothing when there was no answer
  std::optional<std::chrono::milliseconds> retry_after{};  ///< as stated by the provider, there or on its pages
  std::optional<bool> should_retry{};                      ///< `x-should-retry`, which overrides the class
  std::string request_id{};
  std::vector<StatedLimit> limits{};  ///< which limit was met, where the answer's body says

  /// The kind that the caller is shown.
  [[nodiscard]] KEYWHEEL_EXPORT ErrorKind error_kind() const noexcept;
};

KEYWHEEL_END_NAMESPACE
