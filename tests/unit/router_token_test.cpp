#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "router/core.hpp"
#include "support/sim_runtime.hpp"

/// A provider whose keys buy tokens (Baidu's), through the whole Router: one fetch a key however many wait, kept, and
/// renewed before the token ends.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kLifetime = 3600s;

class Baidu {
 public:
  explicit Baidu(std::vector<std::string> keys) {
    RouterConfig config;
    config.services.push_back({.provider = "qianfan", .id = "main", .models = {"ERNIE-Speed-8K"}, .api = "v1"});
    config.services.back().rotation = Rotation::first;
    for (std::string& key : keys) {
      config.services.back().credentials.push_back(
          {.api_key = Secret(std::move(key)), .fields = {{"secret_key", Secret("baidu-secret")}}});
    }
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

  [[nodiscard]] static ChatRequest request() { return {.model = "ERNIE-Speed-8K", .messages = {user("hello")}}; }
  [[nodiscard]] Result<ChatResponse> chat() { return router->chat(request()); }

  /// So many calls at once; what became of each.
  [[nodiscard]] std::vector<Result<ChatResponse>> chat_at_once(int count) {
    std::vector<Result<ChatResponse>> replies;
    std::vector<Call> calls;
    for (int i = 0; i < count; ++i) {
      calls.push_back(
          router->start(request(), [&replies](Result<ChatResponse> reply) { replies.push_back(std::move(reply)); }));
    }
    runtime->run_for(10s);
    return replies;
  }

  std::map<std::string, int> fetches{};  ///< by key
  std::string dead_key{};                ///< buys nothing
  bool broken = false;                   ///< nobody buys anything
  std::chrono::nanoseconds slow{0};      ///< so long takes a fetch
  std::vector<std::string> shown{};      ///< tokens, in the order of the calls
  std::string dead_token{};              ///< is refused

  SimScript network{[this](const HttpRequest& request, TimePoint) { return reply(request); }};
  std::shared_ptr<SimRuntime> runtime = std::make_shared<SimRuntime>(network);
  std::unique_ptr<Router> router{};

 private:
  static std::string between(std::string_view text, std::string_view lead) {
    const std::size_t at = text.find(lead);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = text.substr(at + lead.size());
    return std::string(rest.substr(0, rest.find('&')));
  }

  [[nodiscard]] SimAnswer reply(const HttpRequest& request) {
    const bool fetch = request.url.find("/oauth/2.0/token") != std::string::npos;
    return fetch ? sell(between(request.body, "client_id=")) : talk(between(request.secret_query, "access_token="));
  }

  static SimAnswer answer(int status, std::string body) {
    SimAnswer made;
    made.head = HttpHead{.status = status, .headers = {{"Content-Type", "application/json"}}};
    made.body.push_back({.bytes = std::move(body)});
    return made;
  }

  [[nodiscard]] SimAnswer sell(const std::string& key) {
    const int number = ++fetches[key];
    if (broken) return answer(500, R"({"error":"internal"})");
    if (key == dead_key) {
      return answer(401, R"({"error":"invalid_client","error_description":"unknown client id"})");
    }
    SimAnswer sold =
        answer(200, fmt::format(R"({{"access_token":"{}-token-{}","expires_in":{}}})", key, number, kLifetime.count()));
    sold.head_delay = slow;
    return sold;
  }

  [[nodiscard]] SimAnswer talk(const std::string& token) {
    shown.push_back(token);
    if (token == dead_token) {
      return answer(200, R"({"error_code":110,"error_msg":"Access token invalid or no longer valid"})");
    }
    return answer(200, R"({"id":"1","result":"hi","is_end":true,"usage":{"prompt_tokens":1,"completion_tokens":1}})");
  }
};

}  // namespace

TEST_CASE("calls at once wait for one token", "[router][token]") {
  Baidu baidu({"one"});
  const auto replies = baidu.chat_at_once(20);
  REQUIRE(replies.size() == 20);
  for (const auto& reply : replies) CHECK(reply);
  CHECK(baidu.fetches["one"] == 1);
  CHECK(baidu.shown == std::vector<std::string>(20, "one-token-1"));
}

TEST_CASE("a token is kept until shortly before its end, and renewed by one of those who need it", "[router][token]") {
  Baidu baidu({"one"});
  REQUIRE(baidu.chat());
  baidu.runtime->run_for(kLifetime - 6min);
  REQUIRE(baidu.chat());
  CHECK(baidu.fetches["one"] == 1);
  baidu.runtime->run_for(2min);
  const auto replies = baidu.chat_at_once(5);
  REQUIRE(replies.size() == 5);
  for (const auto& reply : replies) CHECK(reply);
  CHECK(baidu.fetches["one"] == 2);
  CHECK(baidu.shown.back() == "one-token-2");
}

TEST_CASE("each key has a token of its own", "[router][token]") {
  Baidu baidu({"one", "two"});
  REQUIRE(baidu.chat());
  REQUIRE(baidu.router->disable_credential("main#1"));
  REQUIRE(baidu.chat());
  CHECK(baidu.shown == std::vector<std::string>{"one-token-1", "two-token-1"});
  CHECK(baidu.fetches == std::map<std::string, int>{{"one", 1}, {"two", 1}});
}

TEST_CASE("a token that is refused is fetched anew, once, and its key is well", "[router][token]") {
  Baidu baidu({"one", "two"});
  REQUIRE(baidu.chat());
  baidu.dead_token = "one-token-1";
  const auto reply = baidu.chat();
  REQUIRE(reply);
  CHECK(reply->credential == "main#1");
  REQUIRE(reply->attempts.size() == 2);
  CHECK(reply->attempts[0].failure == "token");
  CHECK(baidu.shown == std::vector<std::string>{"one-token-1", "one-token-1", "one-token-2"});
  CHECK(baidu.router->stats().credentials[0].state == CredentialState::active);

  // Calls that were under way with the old one do not drop the new one.
  baidu.dead_token = "one-token-2";
  const auto replies = baidu.chat_at_once(5);
  REQUIRE(replies.size() == 5);
  for (const auto& each : replies) CHECK(each);
  CHECK(baidu.fetches["one"] == 3);
}

TEST_CASE("a key that buys no token is passed over by all who wait for it", "[router][token]") {
  Baidu baidu({"one", "two"});
  baidu.dead_key = "one";
  const auto replies = baidu.chat_at_once(5);
  REQUIRE(replies.size() == 5);
  for (const auto& reply : replies) {
    INFO((reply ? std::string() : reply.error().message));
    REQUIRE(reply);
    CHECK(reply->credential == "main#2");
  }
  CHECK(baidu.fetches["two"] == 1);
  CHECK(baidu.fetches["one"] == 1);
  CHECK(baidu.router->stats().credentials[0].state == CredentialState::disabled);
}

TEST_CASE("a fetch that fails is one failure of the service, however many wait for it", "[router][token]") {
  Baidu baidu({"one"});
  baidu.broken = true;
  const auto replies = baidu.chat_at_once(5);
  REQUIRE(replies.size() == 5);
  for (const auto& reply : replies) {
    REQUIRE_FALSE(reply);
    CHECK(reply.error().kind == ErrorKind::server_error);
    CHECK(reply.error().message.find("fetching a token: ") != std::string::npos);
  }
  // Once for all of them, and once for each after a pause of its own.
  CHECK(baidu.fetches["one"] == 6);
  baidu.broken = false;
  CHECK(baidu.chat());
}

TEST_CASE("when the call that fetches is given up, another one fetches", "[router][token]") {
  Baidu baidu({"one"});
  std::vector<Result<ChatResponse>> replies;
  const auto keep = [&replies](Result<ChatResponse> reply) { replies.push_back(std::move(reply)); };
  baidu.slow = 1s;
  Call first = baidu.router->start(Baidu::request(), keep);
  Call second = baidu.router->start(Baidu::request(), keep);
  baidu.runtime->run_for(500ms);
  CHECK(baidu.fetches["one"] == 1);
  first.cancel();
  baidu.runtime->run_for(10s);
  REQUIRE(replies.size() == 2);
  CHECK(replies[0].error().kind == ErrorKind::cancelled);
  CHECK(replies[1]);
  CHECK(baidu.fetches["one"] == 2);
}
