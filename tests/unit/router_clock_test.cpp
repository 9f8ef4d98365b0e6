#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "router/core.hpp"
#include "support/sim_runtime.hpp"

/// A service that refuses what is signed for another time than its own tells that time in `Date`.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::minutes kTolerance{5};
// Good for an hour from the provider's now, which is one ahead of ours.
constexpr const char* kFetched = R"({"Result":{"ApiKey":"fetched","ExpiredTime":1750007200}})";

std::string http_date(WallTime time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string header(const HttpRequest& request, std::string_view name) {
  return std::string(HttpHead{.headers = request.headers}.find(name));
}

/// A Router with one key, before a provider whose clock is `ahead` of ours.
struct ClockedProvider {
  ClockedProvider(std::string provider, CredentialConfig credential, std::string refusal, std::string answer)
      : refusal_(std::move(refusal)), answer_(std::move(answer)), name_(std::move(provider)) {
    RouterConfig config;
    config.services.push_back(
        {.provider = name_, .id = "main", .models = {"ep-m"}, .credentials = {std::move(credential)}});
    config.services.back().options["region"] = "us-east-1";
    auto core = detail::RouterCore::create(std::move(config),
                                           {{.runtime = runtime,
                                             .stop =
                                                 [r = runtime] {
                                                   r->run_until_idle();
                                                   r->end();
                                                 }}},
                                           1);
    router = std::make_unique<Router>(detail::RouterAccess::make(std::move(core).value()));
  }

  [[nodiscard]] Result<ChatResponse> chat() { return router->chat({.model = "ep-m", .messages = {user("hello")}}); }

  std::chrono::seconds ahead{0};
  bool dated = true;
  int refusal_status = 200;
  std::vector<std::string> signed_for{};
  SimScript network{[this](const HttpRequest& request, TimePoint) { return reply(request); }};
  std::shared_ptr<SimRuntime> runtime = std::make_shared<SimRuntime>(network);
  std::unique_ptr<Router> router{};

 private:
  [[nodiscard]] bool in_time(const HttpRequest& request, WallTime theirs) {
    if (name_ == "hunyuan") {
      signed_for.push_back(header(request, "X-TC-Timestamp"));
      const WallTime then{std::chrono::seconds(std::strtoll(signed_for.back().c_str(), nullptr, 10))};
      return std::chrono::abs(theirs - then) <= kTolerance;
    }
    const std::string date = header(request, name_ == "huoshan" ? "X-Date" : "X-Amz-Date");
    if (date.empty()) return true;  // a call with the key that was fetched
    signed_for.push_back(date);
    // Compared by the hour, which is how far the clocks of this test are apart.
    return signed_for.back().starts_with(
        fmt::format("{:%Y%m%dT%H}", fmt::gmtime(std::chrono::system_clock::to_time_t(theirs))));
  }

  [[nodiscard]] SimAnswer reply(const HttpRequest& request) {
    const WallTime theirs = runtime->wall_time() + ahead;
    const bool good = in_time(request, theirs);
    SimAnswer answer;
    answer.head = HttpHead{.status = good ? 200 : refusal_status, .headers = {{"Content-Type", "application/json"}}};
    if (dated) answer.head->headers.push_back({"Date", http_date(theirs)});
    const bool fetches = request.url.find("GetApiKey") != std::string::npos;
    answer.body.push_back({.bytes = !good ? refusal_ : fetches ? kFetched : answer_});
    return answer;
  }

  std::string refusal_;
  std::string answer_;
  std::string name_;
};

ClockedProvider hunyuan() {
  return {
      "hunyuan",
      {.fields = {{"secret_id", Secret("id")}, {"secret_key", Secret("key")}}},
      R"({"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"Signature expired"},"RequestId":"r"}})",
      R"({"Response":{"Id":"1","Choices":[{"FinishReason":"stop","Message":{"Role":"assistant","Content":"hi"}}],)"
      R"("RequestId":"r"}})"};
}

}  // namespace

TEST_CASE("a clock that is off is put right by the answer's date, once", "[router][clock]") {
  ClockedProvider provider = hunyuan();
  provider.ahead = GENERATE(3600s, -7200s, 86400s * 400);
  const auto reply = provider.chat();
  REQUIRE(reply);
  REQUIRE(reply->attempts.size() == 2);
  CHECK(reply->attempts[0].failure == "clock");
  CHECK(reply->attempts[0].credential == reply->attempts[1].credential);
  CHECK(provider.router->stats().credentials.at(0).state == CredentialState::active);

  provider.runtime->run_for(2h);
  CHECK(provider.chat()->attempts.size() == 1);

  SECTION("and is learnt anew when it is set right") {
    provider.ahead = 0s;
    CHECK(provider.chat()->attempts.size() == 2);
    CHECK(provider.chat()->attempts.size() == 1);
  }
}

TEST_CASE("an AWS signature is dated with the service's time", "[router][clock]") {
  ClockedProvider provider(
      "bedrock", {.fields = {{"access_key", Secret("AKID")}, {"secret_key", Secret("key")}}},
      R"({"message":"Signature expired: 20250615T150640Z is now earlier than 20250615T160140Z"})",
      R"({"output":{"message":{"role":"assistant","content":[{"text":"hi"}]}},"stopReason":"end_turn"})");
  provider.refusal_status = 403;
  provider.ahead = 1h;
  REQUIRE(provider.chat());
  CHECK(provider.signed_for == std::vector<std::string>{"20250615T150640Z", "20250615T160640Z"});
}

TEST_CASE("a token is asked for with the service's time, too, and lasts by it", "[router][clock]") {
  ClockedProvider provider(
      "huoshan", {.fields = {{"access_key", Secret("AK")}, {"secret_key", Secret("key")}}},
      R"({"ResponseMetadata":{"Error":{"CodeN":100006,"Code":"InvalidTimestamp","Message":"The signature is expired."}}})",
      R"({"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]})");
  provider.refusal_status = 400;
  provider.ahead = 1h;
  const auto reply = provider.chat();
  REQUIRE(reply);
  CHECK(reply->attempts.size() == 2);
  CHECK(provider.signed_for == std::vector<std::string>{"20250615T150640Z", "20250615T160640Z"});
  CHECK(provider.router->stats().credentials.at(0).state == CredentialState::active);
  CHECK(provider.chat());
  CHECK(provider.signed_for.size() == 2);
}

TEST_CASE("a service that names no date gets our time, twice", "[router][clock]") {
  ClockedProvider provider = hunyuan();
  provider.ahead = 1h;
  provider.dated = false;
  const auto reply = provider.chat();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().attempts.size() == 2);
  CHECK(provider.signed_for[0] == provider.signed_for[1]);
}

TEST_CASE("offsets are kept by service, and only dates change them", "[router][clock]") {
  detail::ClockOffsets clocks;
  const WallTime ours{1'750'000'000'250ms};
  CHECK(clocks.of("a") == 0ms);
  clocks.learn("a", "", ours);
  clocks.learn("a", "yesterday", ours);
  CHECK(clocks.of("a") == 0ms);
  clocks.learn("a", "Sun, 15 Jun 2025 16:06:40 GMT", ours);
  CHECK(clocks.of("a") == 1h - 250ms);
  clocks.learn("a", "noon", ours);
  CHECK(clocks.of("a") == 1h - 250ms);
  CHECK(clocks.of("b") == 0ms);
}
