#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/error_body.hpp"
#include "wire/json.hpp"

/// What all providers' dialects share: saying what cannot be said, and classing what went wrong.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Gathers what keeps a request from being encoded. The first fault is the one that is reported.
class RequestCheck {
 public:
  RequestCheck(std::string_view provider, const Target& target) : provider_(provider), target_(target) {}

  /// The request sets `field`, which the dialect cannot express: an error, or, where the request says so, a warning.
  /// `why` ends the sentence "groq cannot express logit_bias" ("…: only 0 and 1 are taken").
  void unsupported(std::string_view field, std::string_view why = {});
  /// `field` is left out in any case, since nothing the user needs is lost with it: a warning.
  void left_out(std::string_view field, std::string_view why);
  /// The request is wrong whatever the provider: `message` begins with the field's name.
  void invalid(std::string_view message);
  /// The service or credential lacks something: `message` says which field and what was expected.
  void misconfigured(std::string_view message);
  /// Takes a JsonWriter's fault, if it has one.
  void written(const std::string& writer_fault);

  [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
  /// The fault. Only when !ok().
  [[nodiscard]] Error error() const { return *error_; }

 private:
  void fail(ErrorKind kind, std::string message);

  std::string_view provider_;
  const Target& target_;
  std::optional<Error> error_{};
};

/// One fact about a provider's errors. A rule fits when every field that is set fits.
struct ErrorRule {
  int status = 0;             ///< HTTP status; 0: any
  std::string_view code{};    ///< the body's code or type, whole, in any case; empty: any
  std::string_view phrase{};  ///< part of the message (or of what a gateway quotes), in any case; empty: any
  FailureClass failure = FailureClass::unknown;
  Scope scope = Scope::call;
  std::optional<ErrorKind> kind{};  ///< where the class's usual kind does not say it well
  std::chrono::minutes rest{0};     ///< how long it lasts, by the vendor's pages or a guess; 0: nobody knows
};

/// The facts that hold at every provider that speaks plain HTTP errors: pages of edges, plain words for a dead key, …
[[nodiscard]] std::span<const ErrorRule> common_error_rules() noexcept;

/// The verdict on an answer that is not 2xx. Order: the rules with a code (own before common); then those with a phrase
/// only, of which `quota` yields to a stated wait of at most an hour; then the status, as far as it says anything.
[[nodiscard]] Failure classify_answer(const HttpHead& head, std::string_view body, WallTime now,
                                      std::span<const ErrorRule> own);
/// The same where the dialect has read the body itself, since its code stands elsewhere (in a header).
[[nodiscard]] Failure classify_answer(const HttpHead& head, const ErrorBody& error, WallTime now,
                                      std::span<const ErrorRule> own);

/// The same for an error inside a 200 or in a stream, where `status` is nothing, or what the body claims it to be.
[[nodiscard]] Failure classify_error(const ErrorBody& error, std::optional<int> status,
                                     std::optional<std::chrono::milliseconds> stated, std::span<const ErrorRule> own);

/// The same of an answer that is parsed, and claims no status and no wait of its own.
[[nodiscard]] Failure classify_error(JsonValue answer, std::span<const ErrorRule> own);

/// A failure of ours to make sense of a body: class `server`, kind `protocol`.
[[nodiscard]] Failure broken_answer(std::string message);

/// Parses the body of an answer into `doc`; a broken answer where it is not JSON.
[[nodiscard]] std::optional<Failure> parse_answer(JsonDoc& doc, std::string_view body, const JsonLimits& limits = {});

/// The provider's id of an HTTP answer, from whichever header it uses; empty: none.
[[nodiscard]] std::string_view request_id(const HttpHead& head) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
