#include <keywheel/keywheel.hpp>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "http/websocket.hpp"
#include "integration/http_websocket.hpp"

/// Spark over WebSocket, through the whole Router.

using http_test::Connection;
using http_test::Server;
using http_test::WebSocketPeer;
using namespace keywheel;

namespace {

struct Spark {
  explicit Spark(const Server& server) {
    ServiceConfig service{
        .provider = "xinghuo", .id = "spark", .base_url = http_test::ws_url(server, ""), .models = {"spark-lite"}};
    service.credentials.push_back(
        {.api_key = "spark-key", .fields = {{"appid", "app-1"}, {"api_secret", "spark-secret"}}});
    config.services.push_back(std::move(service));
    config.retry.max_attempts = 1;
  }

  [[nodiscard]] static ChatRequest request() { return {.model = "spark-lite", .messages = {user("hello")}}; }

  RouterConfig config{};
};

/// A frame of the answer; status 0 begins, 1 goes on, 2 ends.
std::string frame(int status, std::string_view content) {
  const std::string usage =
      status == 2 ? R"(,"usage":{"text":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}})" : "";
  return fmt::format(
      R"({{"header":{{"code":0,"message":"Success","sid":"sid-1","status":{0}}},"payload":{{"choices":{{"status":{0},"seq":0,)"
      R"("text":[{{"content":"{1}","role":"assistant","index":0}}]}}{2}}}}})",
      status, content, usage);
}

}  // namespace

TEST_CASE("Spark answers over a WebSocket, as a stream and whole", "[websocket][xinghuo]") {
  if (!detail::speaks_websocket()) SKIP(detail::no_websocket());
  std::mutex mutex;
  std::vector<http_test::Received> requests;
  std::vector<std::string> asked;
  Server server([&](Connection& connection, int) {
    WebSocketPeer peer(connection);
    if (!peer.accept()) return;
    const auto message = peer.read();
    if (!message) return;
    {
      const std::lock_guard lock(mutex);
      requests.push_back(peer.request());
      asked.push_back(message->payload);
    }
    peer.text(frame(0, "Good "));
    const std::string second = frame(1, "day");
    peer.send(testing::to_bytes({.payload = second.substr(0, 50), .final = false}) +
              testing::to_bytes({.opcode = testing::WebSocketOpcode::ping}) +
              testing::to_bytes({.opcode = testing::WebSocketOpcode::continuation, .payload = second.substr(50)}));
    peer.text(frame(2, "."));
    peer.close();
    while (peer.read()) continue;
  });
  const Spark spark(server);
  Router router(spark.config);

  const Result<ChatResponse> whole = router.chat(Spark::request());
  REQUIRE(whole);
  CHECK(whole->text() == "Good day.");
  CHECK(whole->usage.prompt_tokens == 3);
  CHECK(whole->usage.completion_tokens == 4);

  std::string streamed;
  ChatStream stream = router.stream(Spark::request());
  for (const ChatEvent& event : stream) streamed += event.text();
  CHECK(stream.result());
  CHECK(streamed == "Good day.");

  const std::lock_guard lock(mutex);
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].find(R"("app_id":"app-1")") != std::string::npos);
  CHECK(asked[0].find(R"("domain":"lite")") != std::string::npos);
  CHECK(asked[0].find(R"("content":"hello")") != std::string::npos);
  CHECK(requests[0].head.starts_with("GET /v1.1/chat?authorization="));
  CHECK(requests[0].head.find("spark-secret") == std::string::npos);
}

TEST_CASE("what goes wrong over Spark's WebSocket is told apart, and no key is shown", "[websocket][xinghuo]") {
  if (!detail::speaks_websocket()) SKIP(detail::no_websocket());
  const auto ended = [](const std::function<void(WebSocketPeer&)>& talk) {
    Server server(http_test::websocket([&](WebSocketPeer& peer, const std::string&) { talk(peer); }));
    Router router(Spark(server).config);
    const Result<ChatResponse> reply = router.chat(Spark::request());
    REQUIRE_FALSE(reply);
    const std::string& words = reply.error().message;
    for (const char* secret : {"spark-key", "spark-secret", "authorization="})
      CHECK(words.find(secret) == std::string::npos);
    return reply.error().kind;
  };
  const auto refusal = [](int code) {
    return fmt::format(R"({{"header":{{"code":{},"message":"no","sid":"sid-2","status":2}}}})", code);
  };
  CHECK(to_string(ended([&](WebSocketPeer& peer) { peer.text(refusal(11202)); })) == "rate_limited");
  CHECK(to_string(ended([&](WebSocketPeer& peer) { peer.text(refusal(10907)); })) == "context_length");
  CHECK(to_string(ended([](WebSocketPeer& peer) { peer.text(frame(0, "Go")); })) == "connection");
  CHECK(to_string(ended([](WebSocketPeer& peer) {
          peer.text(frame(0, "Go"));
          peer.close(1011);
        })) == "connection");
  CHECK(to_string(ended([](WebSocketPeer& peer) {
          peer.text(frame(0, "Go"));
          peer.close(1000);
        })) == "protocol");
}

TEST_CASE("a key that Spark's upgrade refuses is put aside", "[websocket][xinghuo]") {
  if (!detail::speaks_websocket()) SKIP(detail::no_websocket());
  Server server([](Connection& connection, int) {
    if (connection.read_request()) connection.answer(R"({"message":"HMAC signature does not match"})", "", 401);
    connection.drain();
  });
  Router router(Spark(server).config);
  const Result<ChatResponse> reply = router.chat(Spark::request());
  REQUIRE_FALSE(reply);
  CHECK(to_string(reply.error().kind) == "authentication");
  CHECK(reply.error().status == 401);
  CHECK(router.stats().credentials.at(0).state == CredentialState::disabled);
}
