#include <memory>
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "integration/provider_cases.hpp"
#include "support/dialects.hpp"

/// Streams that come in crumbs, or do not come to their end, from every provider.

using namespace keywheel;
using namespace keywheel::testing;

namespace {

ChatRequest request_for(const ProviderCase& provider) {
  return {.model = provider.model, .messages = {user("Grüße an alle")}};
}

/// Answers as the vendor does, but with the first half of the pieces only, in an HTTP body that is whole.
KeyScript half_answers(const ProviderCase& provider) {
  return {.reply = [dialect = std::shared_ptr<Dialect>(make_dialect(provider.provider, provider.dialect()))](
                       const ReceivedRequest&, const Ask& ask) -> std::optional<Reply> {
    if (ask.kind != Ask::Kind::chat || !ask.stream) return std::nullopt;
    Reply reply = dialect->answer(ask, compose_answer(ask, 1), std::nullopt);
    reply.body.resize(reply.body.size() / 2);
    return reply;
  }};
}

}  // namespace

TEST_CASE("every provider's stream may come a byte at a time", "[trip]") {
  RoundTrip trip(GENERATE(from_range(provider_cases())));
  CAPTURE(trip.provider);
  trip.loopback.script(trip.key(1), {.split = 1});
  const Result<ChatResponse> reply = trip.chat(request_for(trip.provider), true);
  INFO((reply ? std::string() : reply.error().message));
  REQUIRE(reply);
  CHECK(reply->text() == "You said: Grüße an alle");
  CHECK(trip.pushed == reply->text());
  CHECK(reply->finish_reason() == FinishReason::stop);
}

TEST_CASE("no provider's stream without its end passes for a whole one", "[trip]") {
  const ProviderCase provider = GENERATE(from_range(provider_cases()));
  if (provider.ends_silently) return;
  RoundTrip trip(provider);
  CAPTURE(trip.provider);
  trip.loopback.script(trip.key(1), half_answers(trip.provider));
  const Result<ChatResponse> reply = trip.chat(request_for(trip.provider), true);
  REQUIRE_FALSE(reply);
  CAPTURE(reply.error().message);
  CHECK((reply.error().kind == ErrorKind::protocol || reply.error().kind == ErrorKind::server_error));
  CHECK_FALSE(reply.error().partial_text.empty());
  CHECK(reply.error().partial_text == trip.pushed);
  CHECK(std::string("You said: Grüße an alle").starts_with(trip.pushed));
  CHECK(trip.router->stats().credentials[0].state == CredentialState::active);
}
