#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/sim_router.hpp"

/// A broken stream, gone on with.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

std::string delta(std::string_view json, std::string_view finish = "null") {
  return R"(data: {"id":"1","model":"m","choices":[{"index":0,"delta":)" + std::string(json) + R"(,"finish_reason":)" +
         std::string(finish) + "}]}\n\n";
}
std::string word(std::string_view text) { return delta(R"({"content":")" + std::string(text) + "\"}"); }

const std::string kEnd =
    delta("{}", "\"stop\"") +
    R"(data: {"id":"1","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":3,"total_tokens":23}})"
    "\n\ndata: [DONE]\n\n";

/// One service of two keys, of a provider that goes on with a broken answer. Each request is answered by the next of
/// `answers`; what was asked is in `bodies`.
struct ResumeSim : SimRouter {
  explicit ResumeSim(std::vector<std::vector<std::string>> the_answers)
      : SimRouter({"sk-key-one", "sk-key-two", "sk-key-three"}), answers(std::move(the_answers)) {
    config.services[0].provider = "llamacpp";
    config.resume = true;
    provider.script_others({.reply = [this](const ReceivedRequest& request, const Ask&) -> std::optional<Reply> {
      bodies.push_back(request.body);
      if (next == answers.size()) return Reply::json(500, "{}");
      return Reply::sse(answers[next++], 10ms);
    }});
  }

  Result<ChatResponse> ask() { return ask({.model = "test-model", .messages = {user("x")}}); }
  Result<ChatResponse> ask(const ChatRequest& request) {
    return router().chat(request, [this](const ChatEvent& event) {
      shown += event.text();
      events.push_back(event.copy());
    });
  }
  [[nodiscard]] std::vector<ChatEvent> of(ChatEvent::Type type) const {
    std::vector<ChatEvent> all;
    for (const ChatEvent& event : events) {
      if (event.type == type) all.push_back(event);
    }
    return all;
  }

  std::vector<std::vector<std::string>> answers;
  std::vector<std::string> bodies{};
  std::size_t next = 0;
  std::string shown{};
  std::vector<ChatEvent> events{};
};

}  // namespace

TEST_CASE("a broken stream is gone on with: the text is whole, the events say it, usage is summed",
          "[router][resume][complaints][58][64]") {
  ResumeSim sim({{word("Hello"), word(" wor")}, {word("ld"), word("!"), kEnd}});
  const auto reply = sim.ask();
  REQUIRE(reply);
  CHECK(reply->text() == "Hello world!");
  CHECK(sim.shown == "Hello world!");
  CHECK(reply->finish_reason() == FinishReason::stop);
  REQUIRE(reply->choices.size() == 1);

  REQUIRE(reply->attempts.size() == 2);
  CHECK(reply->attempts[0].failure == "server");
  CHECK_FALSE(reply->attempts[0].resumed);
  CHECK(reply->attempts[1].resumed);
  CHECK(reply->attempts[1].credential == "main#2");
  CHECK(reply->credential == "main#2");

  REQUIRE(sim.bodies.size() == 2);
  CHECK(sim.bodies[0].find("assistant") == std::string::npos);
  CHECK(sim.bodies[1].find(R"({"role":"assistant","content":"Hello wor"}])") != std::string::npos);

  std::vector<ChatEvent::Type> types;
  for (const ChatEvent& event : sim.events) types.push_back(event.type);
  using enum ChatEvent::Type;
  CHECK(types == std::vector<ChatEvent::Type>{start, text, text, resumed, text, text, finish, usage});
  CHECK(sim.of(resumed)[0].delta == reply->attempts[0].message);

  // The broken attempt's share is estimated: 11 of prompt ("x", its role), 3 of answer; the other one's was told.
  CHECK(reply->usage.estimated);
  CHECK(reply->usage.prompt_tokens == sim.status(0).prompt_tokens + 20);
  CHECK(reply->usage.completion_tokens == 3 + 3);
  CHECK(sim.of(usage)[0].usage.completion_tokens == 6);
  const RouterStats stats = sim.router().stats();
  CHECK(stats.resumes == 1);
  CHECK(stats.attempts == 2);
  CHECK(sim.status(0).state == CredentialState::active);
}

TEST_CASE("white space at the break is neither lost nor doubled", "[router][resume]") {
  ResumeSim sim({{word("Hello ")}, {word(" "), word("world"), kEnd}});
  CHECK(sim.ask()->text() == "Hello world");
  CHECK(sim.shown == "Hello world");
  CHECK(sim.bodies[1].find(R"("content":"Hello"})") != std::string::npos);
}

TEST_CASE("a stream that breaks again is gone on with again, and the ceiling is one for all", "[router][resume]") {
  ResumeSim sim({{word("one")}, {word(" two")}, {word(" three"), kEnd}});
  const auto reply = sim.ask({.model = "test-model", .messages = {user("x")}, .max_tokens = 100});
  REQUIRE(reply);
  CHECK(reply->text() == "one two three");
  CHECK(reply->attempts.size() == 3);
  CHECK(sim.of(ChatEvent::Type::resumed).size() == 2);
  CHECK(sim.router().stats().resumes == 2);
  CHECK(sim.bodies[2].find(R"("content":"one two"})") != std::string::npos);
  CHECK(sim.bodies[0].find("\"max_tokens\":100") != std::string::npos);
  CHECK(sim.bodies[2].find("\"max_tokens\":98") != std::string::npos);
}

TEST_CASE("where going on fails, too, the error says why the stream broke and holds what came", "[router][resume]") {
  ResumeSim sim({{word("Hello wor")}});
  SECTION("refused") {
    sim.provider.script("sk-key-two", {.refuse = Fault{.kind = Fault::Kind::bad_request}});
    const auto reply = sim.ask();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().kind == ErrorKind::protocol);
    CHECK(reply.error().partial_text == "Hello wor");
    CHECK(reply.error().message.find("going on with it failed") != std::string::npos);
    CHECK(reply.error().attempts.size() == 2);
    CHECK(sim.of(ChatEvent::Type::resumed).empty());
    CHECK(sim.router().stats().resumes == 0);
  }
  SECTION("the service is down") {
    const auto reply = sim.ask();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().partial_text == "Hello wor");
    CHECK(reply.error().attempts.size() == 2);
  }
  SECTION("it breaks once more, after more came, and nobody is left") {
    sim.answers.push_back({word("ld and")});
    const auto reply = sim.ask();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().partial_text == "Hello world and");
    CHECK(sim.shown == "Hello world and");
  }
}

TEST_CASE("another key with a limit of its own takes over where the next one is throttled", "[router][resume]") {
  ResumeSim sim({{word("Hello wor")}, {word("ld!"), kEnd}});
  sim.provider.script("sk-key-two", KeyScript::throttled_after(0, 60s));
  const auto reply = sim.ask();
  REQUIRE(reply);
  CHECK(reply->text() == "Hello world!");
  CHECK(reply->credential == "main#3");
  CHECK(reply->attempts.size() == 3);
}

TEST_CASE("what cannot be gone on with is not: the partial answer is in the error",
          "[router][resume][complaints][59][63]") {
  ResumeSim sim({{word("Hello wor")}, {word("ld!"), kEnd}});
  ChatRequest request{.model = "test-model", .messages = {user("x")}};
  std::string partial = "Hello wor";
  SECTION("not asked for") { sim.config.resume = RouterConfig().resume; }
  SECTION("declined by the call") { request.resume = false; }
  SECTION("a provider that would begin anew") { sim.config.services[0].provider = "openai"; }
  SECTION("after a piece of a tool call") {
    sim.answers[0].push_back(
        delta(R"({"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]})"));
  }
  SECTION("after a refusal") { sim.answers[0].push_back(delta(R"({"refusal":"I will not"})")); }
  SECTION("after thoughts") { sim.answers[0].insert(sim.answers[0].begin(), delta(R"({"reasoning_content":"hm"})")); }
  SECTION("after nothing but thoughts") {
    sim.answers[0] = {delta(R"({"reasoning_content":"hm"})")};
    partial.clear();
  }
  SECTION("after nothing but white space") {
    sim.answers[0] = {word("  ")};
    partial = "  ";
  }
  SECTION("under a schema") {
    request.response_format = {
        .type = ResponseFormat::Type::json_schema, .name = "n", .schema = R"({"type":"object"})"};
  }
  SECTION("several answers") { request.n = 2; }
  SECTION("an answer that the caller began") { request.messages.push_back(assistant("Well:")); }
  SECTION("a failure that no other attempt would mend") {
    sim.answers[0].emplace_back(
        "data: {\"error\":{\"message\":\"This model's maximum context length is 10 tokens.\","
        "\"type\":\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}\n\n");
  }
  const auto reply = sim.ask(request);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().attempts.size() == 1);
  CHECK(reply.error().partial_text == partial);
  CHECK(sim.bodies.size() == 1);
  CHECK(sim.router().stats().resumes == 0);
}

TEST_CASE("only services that can go on with an answer are asked to", "[router][resume][complaints][60]") {
  ResumeSim sim({{word("Hello wor")}, {word("ld!"), kEnd}});
  sim.config.services[0].credentials.resize(1);
  sim.add_service("other", {"sk-other-one"});
  sim.add_service("third", {"sk-third-one"});
  sim.config.services[1].priority = 1;
  sim.config.services[2].priority = 2;
  sim.config.services[2].provider = "vllm";
  sim.config.retry.max_attempts_per_service = 1;
  const auto reply = sim.ask();
  REQUIRE(reply);
  CHECK(reply->service == "third");
  CHECK(reply->text() == "Hello world!");
  CHECK(sim.bodies[1].find("\"continue_final_message\":true") != std::string::npos);
}

TEST_CASE("a reader who is slow over the break misses nothing", "[router][resume]") {
  std::vector<std::string> first;
  std::vector<std::string> second;
  for (int i = 0; i < 100; ++i) {
    first.push_back(word("0123456789"));
    second.push_back(word("0123456789"));
  }
  second.push_back(kEnd);
  ResumeSim sim({first, second});
  sim.config.bounds.max_buffered = 64;
  std::size_t bytes = 0;
  std::size_t breaks = 0;
  ChatStream stream = sim.router().stream({.model = "test-model", .messages = {user("x")}});
  for (const ChatEvent& event : stream) {
    bytes += event.text().size();
    breaks += event.type == ChatEvent::Type::resumed ? 1 : 0;
    sim.runtime->run_for(100ms);
  }
  REQUIRE(stream.result());
  CHECK(bytes == 2000);
  CHECK(breaks == 1);
}

TEST_CASE("a call may be stopped at the break", "[router][resume]") {
  ResumeSim sim({{word("Hello wor")}, {word("ld!"), kEnd}});
  const auto reply = sim.router().chat({.model = "test-model", .messages = {user("x")}}, [](const ChatEvent& event) {
    return event.type == ChatEvent::Type::resumed ? Flow::stop : Flow::proceed;
  });
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::cancelled);
  CHECK(reply.error().partial_text == "Hello wor");
  sim.runtime->run_until_idle();
  CHECK(sim.runtime->exchanges() == 0);
}
