#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "cli_fixture.hpp"

using namespace keywheel::testing;

namespace {

constexpr const char* kToolRequest =
    R"({"model":"large","stream":true,"messages":[{"role":"user","content":"weather in Rome"}],
        "tools":[{"type":"function","function":{"name":"weather",
                  "parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]})";

std::string text(const rapidjson::Value& object, const char* name) { return std::string(string_member(object, name)); }

}  // namespace

TEST_CASE("keywheel-chat prints the answer and nothing else", "[cli]") {
  const CliFixture f;
  const ProcessResult words = f.run_chat({"hello", "big", "world"});
  CHECK(words.out == "You said: hello big world\n");
  CHECK(words.err.find("keywheel-chat:") == std::string::npos);  // the config's advice may stand there
  CHECK(words.status == 0);

  const ProcessResult piped = f.run_chat({"--stream"}, {.input = "from a pipe"});
  CHECK(piped.out == "You said: from a pipe\n");
  CHECK(piped.status == 0);
}

TEST_CASE("keywheel-chat --json tells all about a call, and null for what it does not know", "[cli]") {
  const CliFixture f;
  const rapidjson::Document reply = json_line(f.run_chat({"--json", "--model", "large", "hello"}).out);
  CHECK(text(reply, "text") == "You said: hello");
  CHECK(text(reply, "reasoning").empty());
  CHECK(reply["tool_calls"].Empty());
  CHECK(text(reply, "finish_reason") == "stop");
  CHECK(text(reply, "model") == "large");
  CHECK(text(reply, "provider") == "openai");
  CHECK(text(reply, "service") == "openai-1");
  CHECK(text(reply, "credential") == "openai-1#1");
  CHECK(reply["usage"]["prompt_tokens"].GetInt() == 1);
  CHECK(reply["usage"]["completion_tokens"].GetInt() == 3);
  CHECK(reply["usage"]["total_tokens"].GetInt() == 4);
  CHECK(reply["usage"]["cached_tokens"].IsNull());
  CHECK(reply["usage"]["reasoning_tokens"].IsNull());
  CHECK(reply["warnings"].Empty());
  CHECK(reply["elapsed_ms"].GetDouble() > 0);
  CHECK_FALSE(reply.HasMember("events"));
  CHECK_FALSE(reply.HasMember("ttft_ms"));
  REQUIRE(reply["attempts"].Size() == 1);
  CHECK(reply["attempts"][0]["status"].GetInt() == 200);
  CHECK(text(reply["attempts"][0], "class") == "success");
}

TEST_CASE("keywheel-chat --json --stream counts events and times the first", "[cli]") {
  const CliFixture f;
  const rapidjson::Document reply = json_line(f.run_chat({"--json", "--stream", "hello"}).out);
  CHECK(text(reply, "text") == "You said: hello");
  CHECK(reply["events"].GetInt() >= 3);
  CHECK(reply["ttft_ms"].GetDouble() > 0);
  CHECK(reply["ttft_ms"].GetDouble() <= reply["elapsed_ms"].GetDouble() + 1);
}

TEST_CASE("keywheel-chat shows which key was refused and which answered", "[cli]") {
  CliFixture f;
  f.provider.script(f.keys[0], KeyScript::revoked());
  const ProcessResult result = f.run_chat({"--json", "--stats", "--repeat", "3", "hello"});
  CHECK(result.status == 0);
  const std::vector<rapidjson::Document> lines = json_lines(result.out);
  REQUIRE(lines.size() == 4);
  REQUIRE(lines[0]["attempts"].Size() == 2);
  CHECK(text(lines[0]["attempts"][0], "class") == "authentication");
  CHECK(text(lines[0]["attempts"][0], "credential") == "openai-1#1");
  CHECK(text(lines[0]["attempts"][1], "class") == "success");
  CHECK(lines[1]["attempts"].Size() == 1);
  const auto& credentials = lines[3]["stats"]["credentials"];
  REQUIRE(credentials.Size() == 2);
  CHECK(text(credentials[0], "state") == "disabled");
  CHECK(credentials[0]["requests"].GetInt() == 1);
  CHECK(credentials[0]["failures"]["authentication"].GetInt() == 1);
  CHECK(credentials[0]["successes"].GetInt() == 0);
  CHECK(text(credentials[1], "state") == "active");
  CHECK(credentials[1]["successes"].GetInt() == 3);
  CHECK(credentials[1]["prompt_tokens"].GetInt() == 3);
  CHECK(credentials[1]["completion_tokens"].GetInt() == 9);
  CHECK(credentials[1]["in_flight"].GetInt() == 0);
  CHECK(credentials[1]["available_in_ms"].GetInt() == 0);
  CHECK(f.provider.log(f.keys[0]).requests == 1);
}

TEST_CASE("keywheel-chat tells how a call failed and exits with 1", "[cli]") {
  CliFixture f;
  f.provider.script_others({.refuse = Fault{.kind = Fault::Kind::context_length}});
  const ProcessResult result = f.run_chat({"--json", "hello"});
  CHECK(result.status == 1);
  const rapidjson::Document reply = json_line(result.out);
  CHECK(text(reply["error"], "kind") == "context_length");
  CHECK(text(reply["error"], "message").find("maximum context length") != std::string::npos);
  CHECK(reply["error"]["status"].GetInt() == 400);
  CHECK(text(reply["error"], "code") == "context_length_exceeded");
  CHECK(reply["error"]["retry_after_ms"].IsNull());
  CHECK(text(reply["error"], "partial_text").empty());
  CHECK(reply["attempts"].Size() == 1);

  const ProcessResult plain = f.run_chat({"hello"});
  CHECK(plain.status == 1);
  CHECK(plain.out.empty());
  CHECK(plain.err.find("context_length") != std::string::npos);
}

TEST_CASE("keywheel-chat keeps what a broken stream had brought", "[cli]") {
  CliFixture f({"sk-only-0001"});
  f.provider.script_others({.cut = Cut{.how = Cut::How::reset, .after = 550}});
  const ProcessResult result = f.run_chat({"--json", "--stream", "one two three four five six seven eight"});
  CHECK(result.status == 1);
  const rapidjson::Document reply = json_line(result.out);
  const std::string partial = text(reply["error"], "partial_text");
  CHECK(partial.starts_with("You"));
  CHECK(std::string("You said: one two three four five six seven eight").starts_with(partial));
}

TEST_CASE("keywheel-chat sends a whole request from a file or standard input", "[cli]") {
  CliFixture f;
  const TemporaryFile request(kToolRequest);
  const rapidjson::Document reply = json_line(f.run_chat({"--json", "--request", request.path()}).out);
  REQUIRE(reply["tool_calls"].Size() == 1);
  CHECK(text(reply["tool_calls"][0], "id") == "call_1");
  CHECK(text(reply["tool_calls"][0], "name") == "weather");
  CHECK(text(reply["tool_calls"][0], "arguments") == R"({"city":"weather in Rome"})");
  CHECK(text(reply, "finish_reason") == "tool_calls");
  CHECK(text(reply, "model") == "large");
  CHECK_FALSE(reply.HasMember("events"));
  CHECK_FALSE(f.provider.log(f.keys[0]).entries.at(0).stream);

  const ProcessResult piped =
      f.run_chat({"--json", "--stream", "--request", "-", "--model", "small"}, {.input = kToolRequest});
  const rapidjson::Document other = json_line(piped.out);
  CHECK(text(other, "model") == "small");
  CHECK(text(other["tool_calls"][0], "arguments") == R"({"city":"weather in Rome"})");

  CHECK(f.run_chat({"--request", request.path()}).out == "weather {\"city\":\"weather in Rome\"}\n");
}

TEST_CASE("keywheel-chat exits with 2 on bad usage and prints nothing on standard output", "[cli]") {
  CliFixture f;
  const TemporaryFile request(kToolRequest);
  const TemporaryFile rubbish("{\"messages\":");
  const std::vector<std::vector<std::string>> bad = {{"--nonsense", "x"},
                                                     {"x", "--model"},
                                                     {"--repeat", "0", "x"},
                                                     {"--repeat", "many", "x"},
                                                     {"--deadline", "-1", "x"},
                                                     {"--deadline", "nan", "x"},
                                                     {"--request", "/nowhere/at/all"},
                                                     {"--request", rubbish.path()},
                                                     {"--request", request.path(), "and a prompt"},
                                                     {"--config", "/nowhere/at/all", "x"},
                                                     {}};
  for (const std::vector<std::string>& arguments : bad) {
    CAPTURE(arguments);
    const ProcessResult result = f.run_chat(arguments);
    CHECK(result.status == 2);
    CHECK(result.out.empty());
    CHECK(result.err.find("keywheel-chat: ") != std::string::npos);
  }
  CHECK(f.provider.server().request_count() == 0);
  CHECK(f.run_chat({"--", "--nonsense"}).out == "You said: --nonsense\n");
}

TEST_CASE("keywheel-chat names every fault of a config at once", "[cli]") {
  const CliFixture f;
  const TemporaryFile faulty(R"({"services":{"openai":[
      {"enabled":true,"models":["m"],"credential_list":[{"api_key":"sk-first-0001","limit":{"qps":"fast"}}]},
      {"enabled":true,"models":["m"],"server_url":"not a url","credentials":{"api_key":"sk-second-0002"}}]}})");
  const ProcessResult result = f.run({CliFixture::chat(), "--config", faulty.path(), "hello"});
  CHECK(result.status == 2);
  CHECK(result.out.empty());
  CHECK(result.err.find("services.openai[0].credential_list[0].limit.qps") != std::string::npos);
  CHECK(result.err.find("services.openai[1].server_url") != std::string::npos);
}

TEST_CASE("keywheel-chat without a config and without keys says what to set", "[cli]") {
  const CliFixture f;
  const ProcessResult result = f.run({CliFixture::chat(), "hello"});
  CHECK(result.status == 2);
  CHECK(result.err.find("OPENAI_API_KEY") != std::string::npos);
}

TEST_CASE("keywheel-chat --stats shows attempts and keys as tables, apart from the answers", "[cli]") {
  CliFixture f;
  f.provider.script(f.keys[0], KeyScript::revoked());
  const ProcessResult result = f.run_chat({"--stats", "--repeat", "2", "hello"});
  CHECK(result.out == "You said: hello\nYou said: hello\n");
  CHECK(result.err.find("openai-1#1") != std::string::npos);
  CHECK(result.err.find("authentication") != std::string::npos);
  CHECK(result.err.find("disabled") != std::string::npos);
  CHECK(result.err.find('\x1b') == std::string::npos);
}

TEST_CASE("keywheel-chat gives up at its deadline", "[cli]") {
  CliFixture f;
  f.provider.script_others({.reply = [](const ReceivedRequest&, const Ask&) {
    Reply reply = Reply::json(200, "{}");
    reply.hold = "never";
    return std::optional(std::move(reply));
  }});
  const ProcessResult result = f.run_chat({"--json", "--deadline", "0.2", "hello"});
  CHECK(result.status == 1);
  const rapidjson::Document reply = json_line(result.out);
  CHECK(text(reply["error"], "kind") == "timeout");
  CHECK(reply["error"]["status"].IsNull());
}

TEST_CASE("keywheel-chat at a terminal holds a conversation", "[cli]") {
  CliFixture f;
  const ProcessResult result = f.run_chat({}, {.input = "first\nsecond\n", .terminal = true});
  CHECK(result.out == "You said: first\nYou said: second\n");
  CHECK(result.status == 0);
  const std::vector<RequestRecord> requests = f.provider.server().records();
  REQUIRE(requests.size() == 2);
  const rapidjson::Document body = parse_json(requests[1].request.body);
  REQUIRE(body["messages"].Size() == 3);
  CHECK(text(body["messages"][1], "role") == "assistant");
  CHECK(text(body["messages"][1], "content") == "You said: first");
}

TEST_CASE("keywheel-chat's JSON is whole whatever characters an answer holds", "[cli]") {
  CliFixture f;
  const std::string prompt = "quote \" back \\ tab \t bell \a snow \xE2\x98\x83 clef \xF0\x9D\x84\x9E";
  const rapidjson::Document reply = json_line(f.run_chat({"--json", prompt}).out);
  CHECK(text(reply, "text") == "You said: " + prompt);
}

TEST_CASE("the seed's own config runs unchanged against the loopback provider", "[cli]") {
  CliFixture f({"secret-1", "secret-2", "secret-3"});
  std::vector<std::string> command = {
      CliFixture::chat(), "--config", KEYWHEEL_SEED_CONFIG, "--json",     "--repeat", "4",
      "--stats",          "--model",  "anything",           "hello there"};
  const ProcessResult result = f.run(std::move(command), {.environment = {{"KEYWHEEL_LOOPBACK", f.provider.url()}}});
  CAPTURE(result.err);
  CHECK(result.status == 0);
  const std::vector<rapidjson::Document> lines = json_lines(result.out);
  REQUIRE(lines.size() == 5);
  CHECK(text(lines[0], "text") == "You said: hello there");
  CHECK(text(lines[0], "service") == "xinghuo-1");
  const auto& credentials = lines[4]["stats"]["credentials"];
  REQUIRE(credentials.Size() == 3);
  for (const auto& credential : credentials.GetArray()) CHECK(credential["requests"].GetInt() >= 1);
}
