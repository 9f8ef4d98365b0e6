#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <keywheel/export.hpp>
#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE

/// What went wrong, in the caller's terms.
enum class ErrorKind : std::uint8_t {
  invalid_request,  ///< the provider (or keywheel) rejects this request whatever the key
  authentication,   ///< the credential is not valid
  permission,       ///< the credential, its region or its address may not do this
  not_found,        ///< no such model, service or credential
  rate_limited,     ///< a limit of at most an hour; `retry_after` says when
  quota_exhausted,  ///< a day's, month's or balance's quota is used up
  context_length,   ///< the input is longer than the model takes
  content_filter,   ///< the provider's content rules stopped it
  overloaded,       ///< the provider is full; nobody's limit
  server_error,     ///< the provider failed
  timeout,          ///< a timeout or the deadline passed
  connection,       ///< no connection, or it broke
  protocol,         ///< the answer was not what the provider's API promises
  cancelled,        ///< the caller cancelled, or the Router was destroyed
  config,           ///< the configuration is wrong
  unsupported,      ///< this provider cannot express what the request asks
};

/// "rate_limited", … as the JSON output and the statistics spell it.
[[nodiscard]] KEYWHEEL_EXPORT std::string_view to_string(ErrorKind kind) noexcept;

/// A credential, or a whole service, that could have made an attempt and did not.
struct PassedOver {
  std::string credential{};  ///< its id; empty: no credential of the service
  std::string why{};
  std::string service{};  ///< its id
};

/// One upstream request of a call, and how it fared.
struct Attempt {
  std::string service{};             ///< id of the service
  std::string credential{};          ///< id of the credential, never the key
  std::string provider{};            ///< "openai", …
  std::string model{};               ///< the model name sent upstream
  std::optional<int> status{};       ///< HTTP status; nothing when there was no answer
  std::optional<ErrorKind> error{};  ///< nothing: it succeeded
  std::string failure{};             ///< the class of the failure as the outcome table has it ("rate", "auth", …)
  std::string message{};             ///< the provider's words, or ours
  std::string reason{};              ///< why this credential, and why the others were passed over
  std::vector<PassedOver>
      passed_over{};                    ///< the others one by one, the first few of them, and services before this one
  bool hedge = false;                   ///< made beside another one that was slow
  bool resumed = false;                 ///< went on where a broken stream had ended
  std::chrono::microseconds started{};  ///< since the call began
  std::chrono::microseconds elapsed{};  ///< how long it took
};

/// Why a call failed. A value: copy it, print it (`<<`), read its parts.
struct Error {
  ErrorKind kind = ErrorKind::server_error;
  std::string message{};                                   ///< for a person: what, where, and what to do
  std::optional<int> status{};                             ///< HTTP status of the deciding attempt
  std::string code{};                                      ///< the provider's own code, as it spells it
  std::string provider{};                                  ///< of the deciding attempt; empty before the first
  std::string service{};                                   ///< id of the service
  std::string credential{};                                ///< id of the credential, never the key
  std::string request_id{};                                ///< the provider's id of the request, for its support
  std::optional<std::chrono::milliseconds> retry_after{};  ///< when it may work again, as far as is known
  std::string partial_text{};                              ///< what a broken stream had delivered
  std::vector<Attempt> attempts{};                         ///< every upstream request of the call, in order
};

/// "rate_limited (429): <message> [service openai-1, credential openai-1#2, 3 attempts]"
KEYWHEEL_EXPORT std::ostream& operator<<(std::ostream& out, const Error& error);

/// What the throwing forms throw. Holds the same Error.
class KEYWHEEL_EXPORT Exception : public std::exception {
 public:
  explicit Exception(Error error);
  Exception(const Exception&) noexcept;
  Exception& operator=(const Exception&) noexcept;
  ~Exception() override;

  [[nodiscard]] const char* what() const noexcept override;
  [[nodiscard]] const Error& error() const noexcept;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

/// A value or an Error, shaped like std::expected<T, Error>. `value()` throws Exception for those who prefer that.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; undefined when there is none.
  [[nodiscard]] T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  [[nodiscard]] T* operator->() noexcept { return std::get_if<0>(&state_); }
  [[nodiscard]] const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  /// The value, or an Exception with the error.
  [[nodiscard]] T& value() & { return check(), **this; }
  [[nodiscard]] const T& value() const& { return check(), **this; }
  [[nodiscard]] T&& value() && { return check(), std::move(**this); }

  template <class U>
  [[nodiscard]] T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  [[nodiscard]] T value_or(U&& other) && {
    return has_value() ? std::move(**this) : static_cast<T>(std::forward<U>(other));
  }

  /// The error; undefined when there is a value.
  [[nodiscard]] Error& error() & noexcept { return *std::get_if<1>(&state_); }
  [[nodiscard]] const Error& error() const& noexcept { return *std::get_if<1>(&state_); }
  [[nodiscard]] Error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

  /// `f(value)`, which returns a Result; or this error.
  template <class F>
  auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (!has_value()) return std::move(*this).error();
    return std::forward<F>(f)(std::move(**this));
  }

  /// A Result of `f(value)`; or this error.
  template <class F>
  auto transform(F&& f) && -> Result<std::invoke_result_t<F, T&&>> {
    if (!has_value()) return std::move(*this).error();
    return std::forward<F>(f)(std::move(**this));
  }

 private:
  void check() const {
    if (!has_value()) throw Exception(error());
  }
  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) throw Exception(*error_);
  }
  [[nodiscard]] Error& error() & noexcept { return *error_; }
  [[nodiscard]] const Error& error() const& noexcept { return *error_; }
  [[nodiscard]] Error&& error() && noexcept { return std::move(*error_); }

 private:
  std::optional<Error> error_{};
};

KEYWHEEL_END_NAMESPACE
