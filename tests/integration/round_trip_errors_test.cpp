#include <array>
#include <chrono>
#include <sstream>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "integration/provider_cases.hpp"
#include "support/dialects.hpp"

/// Every class of error, in each vendor's own words, through the whole Router.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

struct Expectation {
  Fault::Kind fault;
  ErrorKind kind;
  CredentialState state;  ///< of the only key, afterwards
};
constexpr std::array kExpected = {
    Expectation{Fault::Kind::rate_limited, ErrorKind::rate_limited, CredentialState::cooling_down},
    Expectation{Fault::Kind::quota_exhausted, ErrorKind::quota_exhausted, CredentialState::exhausted},
    Expectation{Fault::Kind::invalid_key, ErrorKind::authentication, CredentialState::disabled},
    Expectation{Fault::Kind::forbidden, ErrorKind::permission, CredentialState::active},
    Expectation{Fault::Kind::unknown_model, ErrorKind::not_found, CredentialState::active},
    Expectation{Fault::Kind::overloaded, ErrorKind::overloaded, CredentialState::active},
    Expectation{Fault::Kind::server_error, ErrorKind::server_error, CredentialState::active},
    Expectation{Fault::Kind::bad_request, ErrorKind::invalid_request, CredentialState::active},
    Expectation{Fault::Kind::context_length, ErrorKind::context_length, CredentialState::active},
    Expectation{Fault::Kind::content_filter, ErrorKind::content_filter, CredentialState::active},
};

ProviderCase any_provider() { return GENERATE(from_range(provider_cases())); }

/// Everything that the call and the Router's statistics tell.
std::string all_words(const Error& error, const Router& router) {
  std::ostringstream words;
  words << error;
  for (const Attempt& attempt : error.attempts) words << attempt.message << attempt.reason << attempt.failure;
  for (const CredentialStatus& status : router.stats().credentials) words << status << status.reason;
  return words.str();
}

}  // namespace

TEST_CASE("every provider's errors are told apart, in the words of its vendor", "[trip]") {
  const ProviderCase provider = any_provider();
  const bool stream = GENERATE(false, true);
  const auto words = make_dialect(provider.provider, provider.dialect());
  for (const Expectation& expected : kExpected) {
    if (!words->has_words_for(expected.fault)) continue;
    CAPTURE(provider, stream, to_string(expected.kind));
    RoundTrip trip(provider);
    Fault fault{.kind = expected.fault};
    if (expected.fault == Fault::Kind::rate_limited) fault.retry_after = 7s;
    trip.loopback.script(trip.key(1), {.refuse = fault});

    const Result<ChatResponse> reply =
        trip.chat({.model = provider.model, .messages = {user("one two three")}, .max_attempts = 1}, stream);
    REQUIRE_FALSE(reply);
    const Error& error = reply.error();
    CAPTURE(error.message, error.code);
    CHECK(to_string(error.kind) == to_string(expected.kind));
    CHECK_FALSE(error.message.empty());
    CHECK(error.provider == provider.provider);
    CHECK(error.credential == "main#1");
    CHECK(error.attempts.size() == 1);
    CHECK(trip.log(1).requests >= 1);
    CHECK(all_words(error, *trip.router).find(trip.key(1)) == std::string::npos);

    const RouterStats stats = trip.router->stats();
    REQUIRE(stats.credentials.size() == 1);
    CHECK(stats.credentials[0].state == expected.state);
    // A 200 has no Retry-After to read.
    if (expected.fault == Fault::Kind::rate_limited && error.status.value_or(200) != 200) {
      REQUIRE(error.retry_after);
      CHECK(*error.retry_after > 5s);
      CHECK(*error.retry_after <= 7s);
    }
  }
}

TEST_CASE("every provider's dead key is passed over for the next one", "[trip]") {
  RoundTrip trip(any_provider(), 2);
  const bool stream = GENERATE(false, true);
  CAPTURE(trip.provider, stream);
  trip.loopback.script(trip.key(1), KeyScript::revoked());
  const ChatRequest request{.model = trip.provider.model, .messages = {user("one two three")}};
  for (const std::size_t attempts : {2U, 1U}) {
    const Result<ChatResponse> reply = trip.chat(request, stream);
    INFO((reply ? std::string() : reply.error().message));
    REQUIRE(reply);
    CHECK(reply->text() == "You said: one two three");
    CHECK(reply->credential == "main#2");
    CHECK(reply->attempts.size() == attempts);
    if (attempts == 2) CHECK(reply->attempts[0].error == ErrorKind::authentication);
  }
  CHECK(trip.log(1).requests == 1);
}
