#include "support/loopback_server.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/loopback_provider.hpp"
#include "support/raw_client.hpp"

using namespace std::chrono_literals;
using namespace keywheel::testing;

namespace {

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

LoopbackServer::Handler always(Reply reply) {
  return [reply = std::move(reply)](const ReceivedRequest&) { return reply; };
}

Reply cut_reply(Cut cut) {
  Reply reply = Reply::of(200, "text/plain", "0123456789");
  reply.cut = cut;
  return reply;
}

}  // namespace

TEST_CASE("a kept connection carries one request after the other, and each is recorded", "[loopback]") {
  LoopbackServer server([](const ReceivedRequest& r) { return Reply::of(200, "text/plain", r.target + r.body); });
  RawClient a(server.port());
  RawClient b(server.port());
  a.send(kGet);
  CHECK(a.receive_answer().ends_with("\r\n\r\n/x"));
  a.send("POST /y HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(a.receive_answer().ends_with("\r\n\r\n/yhi"));
  b.send(kGet);
  CHECK(b.receive_answer().ends_with("/x"));
  REQUIRE(server.wait_for_requests(3));
  const std::vector<RequestRecord> records = server.records();
  CHECK(records[0].request.connection == records[1].request.connection);
  CHECK(records[1].request.on_connection == 2);
  CHECK(records[1].request.body == "hi");
  CHECK(records[2].request.connection != records[0].request.connection);
  CHECK(records[0].request.arrived <= records[1].request.arrived);
  CHECK(server.connection_count() == 2);
}

TEST_CASE("requests sent without waiting are answered in their order", "[loopback]") {
  LoopbackServer server([](const ReceivedRequest& r) {
    Reply reply = Reply::of(200, "text/plain", r.target);
    if (r.target == "/1") reply.delay = 20ms;
    return reply;
  });
  RawClient client(server.port());
  std::string all;
  for (int i = 1; i <= 300; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
  client.send(all);
  for (int i = 1; i <= 300; ++i) CHECK(client.receive_answer().ends_with("\r\n\r\n/" + std::to_string(i)));
}

TEST_CASE("an answer arrives whole however it is split", "[loopback]") {
  Reply reply = Reply::sse({"data: one\n\n", "data: two\n\n"});
  const std::string whole = [&] {
    ReplyWriter writer(reply, true, false);
    std::string bytes;
    while (auto step = writer.next()) bytes += step->bytes;
    return bytes;
  }();
  reply.split = 1;
  LoopbackServer server(always(reply));
  RawClient client(server.port());
  client.send(kGet);
  CHECK(client.receive(whole.size()) == whole);
  client.send(kGet);
  CHECK(client.receive(whole.size()) == whole);
}

TEST_CASE("an answer waits for the name it is held by", "[loopback]") {
  Reply reply;
  reply.body = {{.bytes = "first"}, {.bytes = "second", .hold = "go"}};
  reply.framing = Reply::Framing::until_close;
  LoopbackServer server(always(reply));
  RawClient client(server.port());
  client.send(kGet);
  CHECK(client.receive_until("first").ends_with("first"));
  CHECK(server.record(1).end == RequestEnd::open);
  server.release("go");
  CHECK(client.receive_all() == "second");
  REQUIRE(server.wait_for_end(1));
  CHECK(server.record(1).end == RequestEnd::complete);
}

TEST_CASE("delays pass between the pieces of an answer", "[loopback]") {
  Reply reply = Reply::sse({"a", "b", "c"}, 15ms);
  reply.delay = 10ms;
  LoopbackServer server(always(reply));
  RawClient client(server.port());
  client.send(kGet);
  (void)client.receive_until("0\r\n\r\n");
  REQUIRE(server.wait_for_end(1));
  const RequestRecord record = server.record(1);
  CHECK(record.ended - record.request.arrived >= 40ms);
}

TEST_CASE("an answer breaks off as its script says", "[loopback]") {
  SECTION("closed in good order") {
    LoopbackServer server(always(cut_reply({.how = Cut::How::close, .after = 4})));
    RawClient client(server.port());
    client.send(kGet);
    CHECK(client.receive_all().ends_with("\r\n\r\n0123"));
    CHECK_FALSE(client.was_reset());
  }
  SECTION("reset, after what was sent has arrived") {
    LoopbackServer server(always(cut_reply({.how = Cut::How::reset, .after = 4})));
    RawClient client(server.port());
    client.send(kGet);
    CHECK(client.receive_all().ends_with("\r\n\r\n0123"));
    CHECK(client.was_reset());
    REQUIRE(server.wait_for_end(1));
    CHECK(server.record(1).end == RequestEnd::cut);
  }
  SECTION("reset before the first byte") {
    LoopbackServer server(always(cut_reply({.how = Cut::How::reset, .after = 0, .from = Cut::From::start})));
    RawClient client(server.port());
    client.send(kGet);
    CHECK(client.receive_all().empty());
    CHECK(client.was_reset());
  }
  SECTION("stalled, until the client goes") {
    LoopbackServer server(always(cut_reply({.how = Cut::How::stall, .after = 4})));
    {
      RawClient client(server.port());
      client.send(kGet);
      CHECK(client.receive_until("0123").ends_with("0123"));
      CHECK(server.record(1).end == RequestEnd::open);
    }
    REQUIRE(server.wait_for_end(1));
    CHECK(server.record(1).end == RequestEnd::cut);
  }
  SECTION("no answer at all on a kept connection") {
    LoopbackServer server([](const ReceivedRequest& r) {
      Reply reply = Reply::of(200, "text/plain", "ok");
      reply.no_answer = r.on_connection == 2;
      return reply;
    });
    RawClient client(server.port());
    client.send(kGet);
    CHECK(client.receive_answer().ends_with("ok"));
    client.send(kGet);
    CHECK(client.receive_all().empty());
    CHECK_FALSE(client.was_reset());
    REQUIRE(server.wait_for_end(2));
    CHECK(server.record(2).status == 0);
  }
}

TEST_CASE("a client that leaves in the middle of an answer is noticed", "[loopback]") {
  Reply reply = Reply::sse({"a"});
  reply.more = [] { return Piece{.bytes = std::string(1000, 'x'), .delay = 1ms}; };
  LoopbackServer server(always(reply));
  {
    RawClient client(server.port());
    client.send(kGet);
    (void)client.receive(2000);
  }
  REQUIRE(server.wait_for_end(1));
  CHECK(server.record(1).end == RequestEnd::peer_closed);
  REQUIRE(server.wait_for_open_connections(0));
}

TEST_CASE("a slow reader gets a large answer whole", "[loopback]") {
  const std::string large(8U << 20U, 'x');
  LoopbackServer server(always(Reply::of(200, "text/plain", large)));
  RawClient client(server.port());
  client.send(kGet);
  const std::string answer = client.receive_answer();
  CHECK(answer.size() > large.size());
  CHECK(std::string_view(answer).substr(answer.size() - large.size()) == large);
}

TEST_CASE("idle kept connections can be closed from the server's side", "[loopback]") {
  LoopbackServer server(always(Reply::of(200, "text/plain", "ok")));
  RawClient client(server.port());
  client.send(kGet);
  (void)client.receive_answer();
  server.close_idle();
  CHECK(client.receive_all().empty());
  REQUIRE(server.wait_for_open_connections(0));
}

TEST_CASE("what is not HTTP is answered with its status and counted", "[loopback]") {
  LoopbackServer server(always(Reply::of(200, "text/plain", "ok")));
  RawClient client(server.port());
  client.send("rubbish\r\n\r\n");
  CHECK(client.receive_all().starts_with("HTTP/1.1 400 "));
  CHECK(server.malformed_count() == 1);
  CHECK(server.request_count() == 0);
}

TEST_CASE("a client that waits for leave to send its body gets it", "[loopback]") {
  LoopbackServer server([](const ReceivedRequest& r) { return Reply::of(200, "text/plain", r.body); });
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.receive_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  CHECK(client.receive_answer().ends_with("\r\n\r\nhi"));
}

TEST_CASE("a thousand streams are held at once", "[loopback]") {
  raise_file_limit();
  Reply reply = Reply::sse({"first", "last"});
  reply.body[1].hold = "all";
  LoopbackServer server(always(reply));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(kGet);
  }
  REQUIRE(server.wait_for_requests(1000));
  CHECK(server.open_connections() == 1000);
  server.release("all");
  int whole = 0;
  for (auto& client : clients) whole += client->receive_until("0\r\n\r\n").find("last") != std::string::npos ? 1 : 0;
  CHECK(whole == 1000);
}

TEST_CASE("the loopback provider answers, refuses and keeps its log", "[loopback]") {
  LoopbackProvider provider;
  provider.script("dead", KeyScript::revoked());
  RawClient client(provider.server().port());
  client.send(raw_chat_request("good", "hello there"));
  CHECK(client.receive_answer().find("You said: hello there") != std::string::npos);
  client.send(raw_chat_request("dead", "hello there"));
  CHECK(client.receive_answer().starts_with("HTTP/1.1 401 "));
  client.send("GET /__log HTTP/1.1\r\n\r\n");
  CHECK(client.receive_answer().find(R"("dead":{"requests":1,"statuses":{"401":1})") != std::string::npos);
  const std::string_view script = R"({"keys":{"good":{"error":"quota_exhausted"}}})";
  client.send("POST /__script HTTP/1.1\r\nContent-Length: " + std::to_string(script.size()) + "\r\n\r\n" +
              std::string(script));
  CHECK(client.receive_answer().starts_with("HTTP/1.1 204 "));
  client.send(raw_chat_request("good", "hello there"));
  CHECK(client.receive_answer().find("insufficient_quota") != std::string::npos);
  CHECK(provider.log("good").requests == 2);
}
