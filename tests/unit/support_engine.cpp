#include <chrono>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include "support/json.hpp"
#include "support/provider_engine.hpp"
#include "support/script_json.hpp"

using namespace std::chrono_literals;
using keywheel::TimePoint;
using keywheel::testing::Fault;
using keywheel::testing::KeyScript;
using keywheel::testing::ProviderEngine;
using keywheel::testing::ReceivedRequest;
using keywheel::testing::Reply;

namespace {

ReceivedRequest request(std::string key, std::string body, TimePoint at = TimePoint{1h},
                        std::string path = "/v1/chat/completions") {
  return {.number = 1,
          .arrived = at,
          .method = "POST",
          .target = std::move(path),
          .headers = {{"Authorization", "Bearer " + key}},
          .body = std::move(body)};
}

ReceivedRequest chat(std::string key, TimePoint at = TimePoint{1h}) {
  return request(std::move(key), R"({"model":"m","messages":[{"role":"user","content":"hello big world"}]})", at);
}

std::string header(const Reply& reply, std::string_view name) {
  for (const auto& h : reply.headers) {
    if (keywheel::testing::same_ignoring_case(h.name, name)) return h.value;
  }
  return {};
}

std::string content(const Reply& reply) {
  const auto body = keywheel::testing::parse_json(reply.whole_body());
  return body["choices"][0]["message"]["content"].GetString();
}

std::string code(const Reply& reply) {
  const auto body = keywheel::testing::parse_json(reply.whole_body());
  const auto& value = body["error"]["code"];
  return value.IsString() ? value.GetString() : "";
}

}  // namespace

TEST_CASE("an answer follows from its prompt", "[support]") {
  ProviderEngine engine;
  const Reply reply = engine.handle(chat("k"));
  CHECK(reply.status == 200);
  CHECK(content(reply) == "You said: hello big world");
  const auto body = keywheel::testing::parse_json(reply.whole_body());
  CHECK(body["usage"]["prompt_tokens"].GetInt() == 3);
  CHECK(body["usage"]["completion_tokens"].GetInt() == 5);
  CHECK(engine.log("k").prompt_tokens == 3);
}

TEST_CASE("a stream brings the same answer word by word", "[support]") {
  ProviderEngine engine;
  engine.script("k", {.between = 7ms});
  const Reply reply = engine.handle(request("k", R"({"model":"m","stream":true,"stream_options":{"include_usage":true},
               "messages":[{"role":"user","content":[{"type":"text","text":"hello big world"}]}]})"));
  CHECK(header(reply, "content-type") == "text/event-stream");
  std::string text;
  int usages = 0;
  for (const auto& piece : reply.body) {
    REQUIRE(piece.bytes.starts_with("data: "));
    REQUIRE(piece.bytes.ends_with("\n\n"));
    const auto event = keywheel::testing::parse_json(std::string_view(piece.bytes).substr(6));
    if (!event.IsObject()) continue;
    usages += event.HasMember("usage") ? 1 : 0;
    if (event["choices"].Empty()) continue;
    text += keywheel::testing::string_member(event["choices"][0]["delta"], "content");
  }
  CHECK(text == "You said: hello big world");
  CHECK(usages == 1);
  CHECK(reply.body.size() == 9);
  CHECK(reply.body[0].delay == 0ms);
  CHECK(reply.body[1].delay == 7ms);
  CHECK(reply.body.back().bytes == "data: [DONE]\n\n");
}

TEST_CASE("every offered tool is called, and its result is quoted", "[support]") {
  ProviderEngine engine;
  const std::string tools =
      R"("tools":[{"type":"function","function":{"name":"a","parameters":{"properties":{"q":{"type":"string"},
        "n":{"type":"integer"}}}}},{"type":"function","function":{"name":"b"}}])";
  const Reply asked =
      engine.handle(request("k", R"({"model":"m","messages":[{"role":"user","content":"go"}],)" + tools + "}"));
  const auto body = keywheel::testing::parse_json(asked.whole_body());
  const auto& calls = body["choices"][0]["message"]["tool_calls"];
  REQUIRE(calls.Size() == 2);
  CHECK(std::string(calls[0]["function"]["arguments"].GetString()) == R"({"q":"go","n":1})");
  CHECK(std::string(calls[1]["id"].GetString()) == "call_2");
  CHECK(std::string(body["choices"][0]["finish_reason"].GetString()) == "tool_calls");

  const Reply quoted = engine.handle(
      request("k", R"({"model":"m","messages":[{"role":"user","content":"go"},{"role":"assistant","tool_calls":[
                         {"id":"call_1","type":"function","function":{"name":"a","arguments":"{}"}}]},
                       {"role":"tool","tool_call_id":"call_1","content":"42 C"}],)" +
                       tools + "}"));
  CHECK(content(quoted) == "The tool said: 42 C");

  const Reply forbidden = engine.handle(
      request("k", R"({"model":"m","tool_choice":"none","messages":[{"role":"user","content":"go"}],)" + tools + "}"));
  CHECK(content(forbidden) == "You said: go");
}

TEST_CASE("embeddings depend on their input alone and come in its order", "[support]") {
  ProviderEngine engine;
  const auto vectors = [&](std::string input) {
    const Reply reply = engine.handle(
        request("k", R"({"model":"e","dimensions":3,"input":)" + input + "}", TimePoint{1h}, "/v1/embeddings"));
    const auto body = keywheel::testing::parse_json(reply.whole_body());
    std::vector<double> all;
    for (const auto& entry : body["data"].GetArray()) {
      for (const auto& value : entry["embedding"].GetArray()) all.push_back(value.GetDouble());
    }
    return all;
  };
  const std::vector<double> both = vectors(R"(["x","y"])");
  const std::vector<double> y = vectors(R"("y")");
  REQUIRE(both.size() == 6);
  REQUIRE(y.size() == 3);
  CHECK(std::vector(both.begin() + 3, both.end()) == y);
  CHECK(both[0] != y[0]);
}

TEST_CASE("a limit holds in a true sliding window", "[support]") {
  ProviderEngine engine;
  engine.script("k", KeyScript::limited(2, 10s));
  const TimePoint start{1h};
  CHECK(engine.handle(chat("k", start)).status == 200);
  CHECK(engine.handle(chat("k", start + 6s)).status == 200);
  const Reply refused = engine.handle(chat("k", start + 7s));
  CHECK(refused.status == 429);
  CHECK(code(refused) == "rate_limit_exceeded");
  CHECK(header(refused, "retry-after") == "3");
  CHECK(header(refused, "x-ratelimit-limit-requests") == "2");
  CHECK(header(refused, "x-ratelimit-remaining-requests") == "0");
  CHECK(header(refused, "x-ratelimit-reset-requests") == "3s");
  CHECK(engine.handle(chat("k", start + 10s - 1ns)).status == 429);
  const Reply served = engine.handle(chat("k", start + 10s));
  CHECK(served.status == 200);
  CHECK(header(served, "x-ratelimit-remaining-requests") == "0");
  CHECK(engine.handle(chat("k", start + 10s)).status == 429);
  CHECK(engine.log("k").with_status(429) == 3);
  CHECK(engine.log("k").with_status(200) == 3);
}

TEST_CASE("a throttled key works again after the time it stated", "[support]") {
  ProviderEngine engine;
  engine.script("k", KeyScript::throttled_after(2, 5s));
  const TimePoint start{1h};
  CHECK(engine.handle(chat("k", start)).status == 200);
  CHECK(engine.handle(chat("k", start)).status == 200);
  CHECK(header(engine.handle(chat("k", start)), "retry-after") == "5");
  CHECK(header(engine.handle(chat("k", start + 2s)), "retry-after-ms") == "3000");
  CHECK(engine.handle(chat("k", start + 5s)).status == 200);

  engine.script("k", KeyScript::throttled_after(0, std::nullopt));
  const Reply forever = engine.handle(chat("k", start + 1000h));
  CHECK(forever.status == 429);
  CHECK(header(forever, "retry-after").empty());
}

TEST_CASE("each key fares by its own script", "[support]") {
  ProviderEngine engine;
  engine.script("revoked", KeyScript::revoked());
  engine.script("spent", KeyScript::exhausted());
  engine.script("shaky", KeyScript::failing(1, 502));
  engine.script("narrow", {.models = {"other"}});
  engine.script("own", {.reply = [](const auto&, const auto& ask) -> std::optional<Reply> {
                  if (ask.stream) return std::nullopt;
                  return Reply::of(418, "text/plain", "teapot");
                }});
  const Reply revoked = engine.handle(chat("revoked"));
  CHECK(revoked.status == 401);
  CHECK(code(revoked) == "invalid_api_key");
  const Reply spent = engine.handle(chat("spent"));
  CHECK(spent.status == 429);
  CHECK(code(spent) == "insufficient_quota");
  CHECK(header(spent, "retry-after").empty());
  CHECK(engine.handle(chat("shaky")).status == 502);
  CHECK(engine.handle(chat("shaky")).status == 200);
  CHECK(code(engine.handle(chat("narrow"))) == "model_not_found");
  CHECK(engine.handle(chat("own")).status == 418);
  CHECK(engine.handle(chat("")).status == 401);
  CHECK(engine.handle(chat("anyone")).status == 200);
  engine.script_others(KeyScript::revoked());
  CHECK(engine.handle(chat("anyone")).status == 401);
}

TEST_CASE("malformed bodies and unknown paths are refused, not answered", "[support]") {
  ProviderEngine engine;
  for (const char* body : {"", "{", "[]", "{}", R"({"messages":[]})", R"({"messages":[1]})", R"({"messages":"x"})"}) {
    CAPTURE(body);
    CHECK(engine.handle(request("k", body)).status == 400);
  }
  CHECK(engine.handle(request("k", "{}", TimePoint{1h}, "/v1/embeddings")).status == 400);
  CHECK(engine.handle(request("k", "{}", TimePoint{1h}, "/elsewhere")).status == 404);
  CHECK(engine.handle(request("k", "", TimePoint{1h}, "/v1/models")).status == 200);
}

TEST_CASE("a script of JSON does what it says", "[support]") {
  ProviderEngine engine;
  REQUIRE(keywheel::testing::apply_script(R"({"models":["x"],"others":{"status":401},"keys":{
      "a":{"rpm":1},"b":{"qps":0.5},"c":{"error":"quota_exhausted","message":"gone"},
      "d":{"throttle_after":1,"retry_after":2},"e":{"fail_next":1,"fail_status":503},"f":{"delay":0.25,"split":1},
      "g":{"cut":"stall","cut_after":3,"cut_next":1},"h":{"drop_next":1}}})",
                                          engine)
              .empty());
  const TimePoint start{1h};
  CHECK(engine.handle(chat("nobody")).status == 401);
  CHECK(engine.handle(chat("a", start)).status == 200);
  CHECK(engine.handle(chat("a", start + 59s)).status == 429);
  CHECK(engine.handle(chat("b", start)).status == 200);
  CHECK(engine.handle(chat("b", start + 1999ms)).status == 429);
  CHECK(engine.handle(chat("b", start + 2s)).status == 200);
  CHECK(engine.handle(chat("c")).whole_body().find("gone") != std::string::npos);
  CHECK(engine.handle(chat("d")).status == 200);
  CHECK(header(engine.handle(chat("d")), "retry-after") == "2");
  CHECK(engine.handle(chat("e")).status == 503);
  CHECK(engine.handle(chat("f")).delay == 250ms);
  CHECK(engine.handle(chat("f")).split == 1);
  CHECK(engine.handle(chat("g")).cut);
  CHECK_FALSE(engine.handle(chat("g")).cut);
  CHECK(engine.handle(chat("h")).no_answer);
  CHECK(engine.log("h").with_status(0) == 1);
}

TEST_CASE("a faulty script is named and changes nothing", "[support]") {
  ProviderEngine engine;
  const std::pair<const char*, const char*> bad = GENERATE(
      std::pair{"[]", "not a JSON object"}, std::pair{R"({"keys":[]})", "keys"},
      std::pair{R"({"keys":{"k":1}})", "not an object"}, std::pair{R"({"keys":{"k":{"rmp":1}}})", "no script has"},
      std::pair{R"({"keys":{"k":{"rpm":-1}}})", "rpm"}, std::pair{R"({"keys":{"k":{"rpm":1,"qps":1}}})", "one of"},
      std::pair{R"({"keys":{"k":{"qps":0}}})", "qps"}, std::pair{R"({"keys":{"k":{"error":"x"}}})", "error"},
      std::pair{R"({"keys":{"k":{"cut":"x"}}})", "cut"}, std::pair{R"({"others":{"delay":1e300}})", "delay"},
      std::pair{R"({"models":[1]})", "models"});
  CAPTURE(bad.first);
  const std::string fault = keywheel::testing::apply_script(bad.first, engine);
  CHECK(fault.find(bad.second) != std::string::npos);
  CHECK(engine.handle(chat("k")).status == 200);
}

TEST_CASE("the log is JSON that names each key's requests", "[support]") {
  ProviderEngine engine;
  engine.script("b", KeyScript::revoked());
  (void)engine.handle(chat("a", TimePoint{1h}));
  (void)engine.handle(chat("b", TimePoint{1h} + 1500ms));
  const auto log = keywheel::testing::parse_json(keywheel::testing::log_json(engine.logs()));
  CHECK(log["keys"]["a"]["statuses"]["200"].GetInt() == 1);
  CHECK(log["keys"]["b"]["entries"][0]["status"].GetInt() == 401);
  CHECK(log["keys"]["b"]["entries"][0]["at"].GetDouble() == 1.5);
}
